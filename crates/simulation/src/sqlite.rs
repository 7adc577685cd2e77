//! SQLite: connections that are used by one history after the other, and rows as JSON text.

use std::fmt::Write;

use jettyspeed_edge::base::sql::Arg;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

/// Prepared statements that a connection keeps.
const KEPT: usize = 400;

/// An in-memory database with these tables, where a history's changes are rolled back behind it.
///
/// # Panics
/// If the tables cannot be created.
pub fn open(schema: &[&str]) -> Connection {
    let db = Connection::open_in_memory().expect("SQLite opens a database in memory");
    db.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000").expect("pragmas");
    for text in schema {
        db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
    db.set_prepared_statement_cache_capacity(KEPT);
    // Without it, SQLite would prepare a statement again for each set of bound values.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).expect("QPSG");
    db
}

/// Runs a statement whose integers are bound as D1 and Durable Objects bind them, and returns its rows as a JSON array, and whether it only reads.
///
/// # Errors
/// SQLite's.
pub fn rows(db: &Connection, sql: &str, args: &[Arg]) -> rusqlite::Result<(String, bool)> {
    let mut statement = db.prepare_cached(sql)?;
    let only_reads = statement.readonly();
    for (index, arg) in args.iter().enumerate() {
        bind(&mut statement, index + 1, arg)?;
    }
    let columns = statement.column_count();
    let mut text = String::from("[");
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        text.push_str(if text.len() > 1 { ",{" } else { "{" });
        for index in 0..columns {
            text.push_str(if index > 0 { ",\"" } else { "\"" });
            text.push_str(row.as_ref().column_name(index)?);
            text.push_str("\":");
            value(&mut text, row.get_ref(index)?);
        }
        text.push('}');
    }
    text.push(']');
    Ok((text, only_reads))
}

fn bind(statement: &mut Statement<'_>, index: usize, arg: &Arg) -> rusqlite::Result<()> {
    match arg {
        Arg::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
        // D1 hands every number over as a double.
        Arg::Int(value) => statement.raw_bind_parameter(index, *value as f64),
        Arg::Real(value) => statement.raw_bind_parameter(index, value),
        Arg::Text(value) => statement.raw_bind_parameter(index, value.as_str()),
    }
}

fn value(text: &mut String, cell: ValueRef<'_>) {
    match cell {
        ValueRef::Null => text.push_str("null"),
        ValueRef::Integer(number) => {
            let _ = write!(text, "{number}");
        }
        ValueRef::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            let _ = write!(text, "{}", number as i64);
        }
        ValueRef::Real(number) => {
            let _ = write!(text, "{number}");
        }
        ValueRef::Text(bytes) => quote(text, std::str::from_utf8(bytes).unwrap_or_default()),
        ValueRef::Blob(_) => text.push_str("null"),
    }
}

/// A JSON string.
fn quote(text: &mut String, value: &str) {
    if value.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        text.push_str(&serde_json::to_string(value).unwrap_or_default());
        return;
    }
    text.push('"');
    text.push_str(value);
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_json_as_a_worker_gets_them() {
        let db = open(&["CREATE TABLE t (a INTEGER, b TEXT, c REAL) STRICT"]);
        let args = [Arg::Int(7), Arg::Text("x\"y".into()), Arg::Real(0.5)];
        assert_eq!(rows(&db, "INSERT INTO t VALUES (?1, ?2, ?3) RETURNING a", &args).unwrap(), (r#"[{"a":7}]"#.to_owned(), false));
        rows(&db, "INSERT INTO t VALUES (?1, NULL, ?2)", &[Arg::Int(8), Arg::Int(2)]).unwrap();
        let all = r#"[{"a":7,"b":"x\"y","c":0.5},{"a":8,"b":null,"c":2}]"#;
        assert_eq!(rows(&db, "SELECT * FROM t ORDER BY a", &[]).unwrap(), (all.to_owned(), true));
        assert!(rows(&db, "SELECT nothing", &[]).is_err());
    }
}
