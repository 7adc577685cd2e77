//! Runs [`Statement`]s on D1.

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::{D1Database, D1PreparedStatement};

use crate::base::json;
use crate::base::sql::{Arg, Statement};
use crate::problem::Problem;
use crate::worker::platform::{js, log};

/// Prepares `statement` and binds its arguments.
fn prepare(db: &D1Database, statement: &Statement) -> Result<D1PreparedStatement, Problem> {
    let values: Vec<JsValue> = statement
        .args
        .iter()
        .map(|arg| match arg {
            Arg::Null => JsValue::NULL,
            // Exact: integers stay below 2^53.
            Arg::Int(value) => JsValue::from_f64(*value as f64),
            Arg::Real(value) => JsValue::from_f64(*value),
            Arg::Text(value) => JsValue::from_str(value),
        })
        .collect();
    db.prepare(statement.sql).bind(&values).map_err(|error| bind_error(statement, &error))
}

/// Logs an error of binding arguments to `statement`.
fn bind_error(statement: &Statement, error: &worker::Error) -> Problem {
    log::internal("d1", &format!("{}: {error}", sql_prefix(statement)))
}

/// The beginning of the statement, for the log.
fn sql_prefix(statement: &Statement) -> &'static str {
    statement.sql.get(..60).unwrap_or(statement.sql)
}

/// The first row, if any.
pub async fn first<T: DeserializeOwned>(db: &D1Database, statement: &Statement) -> Result<Option<T>, Problem> {
    Ok(all(db, statement).await?.into_iter().next())
}

/// Every row.
pub async fn all<T: DeserializeOwned>(db: &D1Database, statement: &Statement) -> Result<Vec<T>, Problem> {
    read(&rows(db, statement).await?, statement)
}

/// Deserializes the result of [`rows`].
pub fn read<T: DeserializeOwned>(rows: &str, statement: &Statement) -> Result<Vec<T>, Problem> {
    json::read(rows).map_err(|error| log::internal("d1 row", &format!("{}: {error}", sql_prefix(statement))))
}

/// Every row, as one JSON array: one call from JavaScript for the whole result instead of one for each field, and one deserializer in the bundle.
pub async fn rows(db: &D1Database, statement: &Statement) -> Result<String, Problem> {
    log::step("d1", sql_prefix(statement));
    let prepared = prepare(db, statement)?;
    let thrown = |error: JsValue| log::internal("d1", &format!("{}: {}", sql_prefix(statement), js::error_text(&error)));
    let result = JsFuture::from(prepared.inner().all().map_err(thrown)?).await.map_err(thrown)?;
    note(statement, &result);
    let rows = js_sys::Reflect::get(&result, &"results".into()).map_err(thrown)?;
    js_sys::JSON::stringify(&rows).map_err(thrown).map(String::from)
}

/// Runs all statements in order, in one transaction.
pub async fn batch(db: &D1Database, statements: &[Statement]) -> Result<(), Problem> {
    log::step("d1 batch", statements.first().map_or("", sql_prefix));
    let prepared = statements.iter().map(|statement| prepare(db, statement)).collect::<Result<Vec<_>, _>>()?;
    let results = db.batch(prepared).await.map_err(|error| log::internal("d1 batch", &error.to_string()))?;
    for (statement, result) in statements.iter().zip(&results) {
        log::rows("d1 rows", sql_prefix(statement), || {
            let rows = result.meta().ok().flatten().map(|meta| (meta.rows_read.unwrap_or_default(), meta.rows_written.unwrap_or_default()));
            rows.map_or((0, 0), |(read, written)| (read as u64, written as u64))
        });
    }
    Ok(())
}

/// Logs the rows of a statement whose result that is.
fn note(statement: &Statement, result: &JsValue) {
    let count = |meta: &JsValue, name: &str| js_sys::Reflect::get(meta, &name.into()).ok().and_then(|count| count.as_f64()).unwrap_or_default();
    log::rows("d1 rows", sql_prefix(statement), || {
        let meta = js_sys::Reflect::get(result, &"meta".into()).unwrap_or_default();
        // Counts are non-negative integers below 2^53.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rows = (count(&meta, "rows_read") as u64, count(&meta, "rows_written") as u64);
        rows
    });
}
