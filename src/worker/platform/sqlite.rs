//! Statements on a Durable Object's SQLite.

use serde::de::DeserializeOwned;
use worker::{Result, SqlCursor, SqlStorage, SqlStorageValue};

use crate::log;
use crate::worker::platform::json;

/// Creates what is missing of a schema. Statement by statement, because a cursor counts the rows of one statement only.
///
/// # Errors
/// Of SQLite.
pub fn create(sql: &SqlStorage, schema: &str) -> Result<()> {
    schema.split(';').map(str::trim).filter(|statement| !statement.is_empty()).try_for_each(|statement| run(sql, statement, Vec::new()))
}

/// Runs a statement without a result.
///
/// # Errors
/// Of SQLite.
pub fn run(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> Result<()> {
    let cursor = sql.exec(statement, values)?;
    note(statement, &cursor);
    Ok(())
}

/// Every row. Read through JSON, as rows of D1 are ([`crate::io::database::Database::rows`]): one call from JavaScript, and no second deserializer in the bundle.
///
/// # Errors
/// Of SQLite, and for rows that do not deserialize.
pub fn rows<T: DeserializeOwned>(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
    json::read(&text(sql, statement, values)?)
}

/// Logs the rows of a statement that is done.
fn note(statement: &str, cursor: &SqlCursor) {
    log::rows("sql", statement.get(..60).unwrap_or(statement), || (cursor.rows_read() as u64, cursor.rows_written() as u64));
}

/// Every row, as a JSON array of objects.
///
/// # Errors
/// Of SQLite.
pub fn text(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> Result<String> {
    let list = js_sys::Array::new();
    let mut cursor = sql.exec(statement, values)?;
    for row in cursor.by_ref() {
        list.push(&row?);
    }
    note(statement, &cursor);
    Ok(js_sys::JSON::stringify(&list)?.into())
}
