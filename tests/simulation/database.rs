//! D1: the product's statements on SQLite with its migrations. All histories start from the same rows; their changes are rolled back.

use super::parties::{self, FOUND, Party, SHARED};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params_from_iter};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::rc::Rc;

use crate::sqlite::{database, values};
use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::accounts::repository::{NewCredentials, provision};
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::object_key::file_key;
use jettyspeed_edge::files::repository::{Via, insert};
use jettyspeed_edge::namespaces::repository::put_member;
use jettyspeed_edge::namespaces::role::Role;

thread_local! {
    static TEMPLATE: Rc<Connection> = Rc::new(template());
}

/// The database of one history.
pub struct Database(Rc<Connection>);

impl Drop for Database {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

impl Database {
    pub fn new() -> Database {
        let connection = TEMPLATE.with(Rc::clone);
        connection.execute_batch("BEGIN").unwrap();
        Database(connection)
    }

    /// Executes all statements in order, or none.
    pub fn batch(&self, statements: &[Statement]) -> rusqlite::Result<()> {
        self.0.prepare_cached("SAVEPOINT batch")?.execute([])?;
        let done = statements.iter().try_for_each(|statement| execute(&self.0, statement));
        let end = if done.is_ok() { "RELEASE batch" } else { "ROLLBACK TO batch" };
        self.0.prepare_cached(end)?.execute([])?;
        done
    }

    /// All rows, deserialised through JSON as in the Worker.
    pub fn all<T: DeserializeOwned>(&self, statement: &Statement) -> Vec<T> {
        let mut prepared = self.0.prepare_cached(statement.sql).unwrap();
        let rows = prepared.query_map(params_from_iter(values(statement)), |row| Ok(json(row))).unwrap();
        rows.map(|row| serde_json::from_value(row.unwrap()).unwrap()).collect()
    }
}

fn execute(db: &Connection, statement: &Statement) -> rusqlite::Result<()> {
    db.prepare_cached(statement.sql)?.execute(params_from_iter(values(statement))).map(|_| ())
}

fn json(row: &Row<'_>) -> Value {
    let names = row.as_ref().column_names();
    let cell = |(index, name): (usize, &str)| (name.to_owned(), value(row.get_ref(index).unwrap()));
    Value::Object(names.into_iter().enumerate().map(cell).collect::<Map<_, _>>())
}

fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap().into(),
        ValueRef::Blob(_) => unreachable!("no table has blobs"),
    }
}

fn template() -> Connection {
    let db = database();
    db.set_prepared_statement_cache_capacity(100);
    // Without it, SQLite would prepare a statement again for each set of bound values.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    for (number, party) in (1u8..).zip(parties::all()) {
        let params = ProvisionParams { user: party.user.clone(), email: "a@b".into(), tier: "pro".into() };
        let hash = Sha256Hex::of(&[number]);
        let new = NewCredentials { key_hash: hash.clone(), secret_hash: hash, sealed: String::new(), sealed_until: EpochMs(0) };
        provision(party.id, &params, "bucket", &new, EpochMs(0)).iter().for_each(|statement| execute(&db, statement).unwrap());
    }
    db.execute("INSERT INTO namespaces (name, created_at) VALUES (?1, 0)", [SHARED]).unwrap();
    let parties = parties::all();
    for party in &parties[..2] {
        execute(&db, &put_member(&party.user, SHARED, Role::Member, EpochMs(0))).unwrap();
    }
    insert(&found(&parties[0]), Via::Simple, None).iter().for_each(|statement| execute(&db, statement).unwrap());
    db
}

/// The asset that the first account had before ledgers existed.
pub fn found(party: &Party) -> Asset {
    let object = Id::from_random([101; 16]);
    Asset {
        id: Id::from_random([102; 16]),
        account_id: party.id,
        object_id: object,
        name: "found".into(),
        content_type: "a/b".into(),
        namespace: party.own.clone(),
        s3_key: file_key(&party.user, object),
        size: FOUND.len() as u64,
        etag: FOUND.into(),
        claimed_sha256: None,
        sha256: None,
        verification: "none".into(),
        created_at: EpochMs(0),
        owner_status: "active".into(),
        borrowed: false,
        verification_reason: None,
    }
}
