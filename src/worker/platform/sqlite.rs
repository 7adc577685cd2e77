//! Queries on a Durable Object's SQLite.

use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::worker::platform::json;

/// Every row. Read through JSON, as rows of D1 are ([`crate::worker::platform::d1::rows`]): one call from JavaScript, and no second deserializer in the bundle.
///
/// # Errors
/// Of SQLite, and for rows that do not deserialize.
pub fn rows<T: DeserializeOwned>(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
    json::read(&text(sql, statement, values)?)
}

fn text(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> Result<String> {
    let list = js_sys::Array::new();
    for row in sql.exec(statement, values)? {
        list.push(&row?);
    }
    Ok(js_sys::JSON::stringify(&list)?.into())
}
