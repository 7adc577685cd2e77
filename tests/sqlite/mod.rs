//! The product's database on a real SQLite: its migrations, and its statements' values as D1 binds them.

use rusqlite::Connection;
use rusqlite::types::Value;
use std::path::PathBuf;

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::{Arg, Statement};
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::uploads::session::state::{Meta, Status};

/// The migrations in their order.
pub fn migrations() -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Where Wrangler notes the migrations that it has applied (its source, `d1/migrations/helpers.ts`).
const APPLIED: &str = "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, \
     applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

/// A database with all of them applied.
#[allow(dead_code)]
pub fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    db.execute_batch(APPLIED).unwrap();
    for path in migrations() {
        db.execute_batch(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        db.execute("INSERT INTO d1_migrations (name) VALUES (?1)", [path.file_name().unwrap().to_string_lossy()]).unwrap();
    }
    db
}

/// D1 hands every number over as a double; STRICT tables must take it.
#[allow(dead_code)]
pub fn values(statement: &Statement) -> Vec<Value> {
    let convert = |arg: &Arg| match arg {
        Arg::Null => Value::Null,
        Arg::Int(value) => Value::Real(*value as f64),
        Arg::Real(value) => Value::Real(*value),
        Arg::Text(value) => Value::Text(value.clone()),
    };
    statement.args.iter().map(convert).collect()
}

/// An upload right after its start.
#[allow(dead_code)]
pub fn upload_of(account: Id, namespace: &Name, session: Id) -> Meta {
    Meta {
        session,
        account,
        namespace: namespace.clone(),
        asset: Id::from_random([2; 16]),
        object: Id::from_random([3; 16]),
        key: "users/u1/o/x".into(),
        upload_id: "u".into(),
        file_name: "a".into(),
        file_size: 100,
        chunk_size: 10,
        content_type: "a/b".into(),
        file_hash: None,
        allow_unsigned: false,
        created: EpochMs(0),
        ttl_ms: 1,
        status: Status::Uploading,
        lease: None,
        outcome: None,
        suspended: false,
        suspended_as_of: EpochMs(0),
        unchecked: false,
        cleaned_up: false,
        direct: false,
        ambiguous: std::collections::BTreeSet::new(),
        forget_at: None,
        active_at: None,
        urls_at: None,
        appending: None,
        placement: None,
    }
}
