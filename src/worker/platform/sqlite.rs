//! Rows of a Durable Object's own SQLite.

use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::worker::platform::json;

/// Every row. Through JSON, as rows of D1 are read ([`crate::worker::platform::d1::rows`]): one crossing into WebAssembly, and no second way to read types in the bundle.
///
/// # Errors
/// Of SQLite; of rows that are not what they should be.
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
