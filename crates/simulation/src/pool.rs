//! Connections that histories use one after the other: what each changes is rolled back behind it, so that prepared statements stay prepared.

use std::rc::Rc;

use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::{ledger, uploads};
use rusqlite::Connection;

use crate::parties::install;
use crate::sqlite::open;

/// The migrations, in their order.
const MIGRATIONS: &[&str] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Unused connections.
#[derive(Default)]
pub struct Pools {
    databases: Vec<Connection>,
    sessions: Vec<Connection>,
    ledgers: Vec<Connection>,
    meters: Vec<Connection>,
}

impl Pools {
    /// So many databases with all migrations applied.
    pub fn databases(&mut self, count: usize) -> Vec<Connection> {
        (0..count).map(|_| begun(self.databases.pop().unwrap_or_else(installed))).collect()
    }

    /// The storage of a new Durable Object.
    pub fn object(&mut self, kind: Kind) -> Connection {
        let (pool, schema) = self.of(kind);
        let unused = pool.pop();
        begun(unused.unwrap_or_else(|| open(&[schema])))
    }

    /// Takes a database back.
    pub fn take_back(&mut self, connections: Vec<Connection>) {
        self.databases.extend(connections.into_iter().map(rolled_back));
    }

    /// Takes the storage of a Durable Object back, unless something still refers to it.
    pub fn take_back_object(&mut self, kind: Kind, connection: Rc<Connection>) {
        if let Some(connection) = Rc::into_inner(connection) {
            self.of(kind).0.push(rolled_back(connection));
        }
    }

    fn of(&mut self, kind: Kind) -> (&mut Vec<Connection>, &'static str) {
        match kind {
            Kind::Session => (&mut self.sessions, uploads::session::schema::SCHEMA),
            Kind::Ledger => (&mut self.ledgers, ledger::schema::SCHEMA),
            Kind::Meter | Kind::Live => (&mut self.meters, ledger::pop_meter::schema::SCHEMA),
        }
    }
}

fn installed() -> Connection {
    let db = open(MIGRATIONS);
    install(&db);
    db
}

fn begun(connection: Connection) -> Connection {
    run(&connection, "BEGIN");
    connection
}

fn rolled_back(connection: Connection) -> Connection {
    run(&connection, "ROLLBACK");
    connection
}

/// Runs a statement that cannot fail, such as `BEGIN`.
///
/// # Panics
/// If it does.
pub fn run(connection: &Connection, statement: &str) {
    let done = connection.prepare_cached(statement).and_then(|mut statement| statement.raw_execute());
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}
