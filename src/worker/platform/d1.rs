//! Runs [`Statement`]s on D1. Each call here is one round trip.

use std::vec::IntoIter;

use js_sys::{Array, Promise};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::base::json;
use crate::base::sql::{Arg, Statement};
use crate::problem::Problem;
use crate::worker::platform::{js, log};

#[wasm_bindgen]
extern "C" {
    /// A database, or a session of it: both have the same methods (D1 documentation, "D1 Database" and "D1DatabaseSession").
    #[derive(Clone)]
    pub type Db;

    #[wasm_bindgen(method, catch)]
    fn prepare(this: &Db, sql: &str) -> Result<Prepared, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn batch(this: &Db, statements: &Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = withSession, catch)]
    fn with_session(this: &Db, constraint: &str) -> Result<Db, JsValue>;

    type Prepared;

    #[wasm_bindgen(method, variadic, catch)]
    fn bind(this: &Prepared, values: &Array) -> Result<Prepared, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn all(this: &Prepared) -> Result<Promise, JsValue>;
}

impl Db {
    /// The same database for reads that may be a little old: whichever copy is nearest answers (D1 documentation, "Read replication"). All other calls go to
    /// the primary, so a request that writes reads what it wrote. The database itself where the platform has no sessions.
    pub fn nearest(&self) -> Db {
        self.with_session("first-unconstrained").unwrap_or_else(|_| self.clone())
    }

    /// The same if `may_be_old`, such as the pages of a listing that follow the first.
    pub fn nearest_if(self, may_be_old: bool) -> Db {
        if may_be_old { self.nearest() } else { self }
    }
}

/// Prepares `statement` and binds its arguments.
fn prepare(db: &Db, statement: &Statement) -> Result<Prepared, Problem> {
    let values: Array = statement
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
    db.prepare(statement.sql).and_then(|prepared| prepared.bind(&values)).map_err(thrown("d1", statement.sql))
}

/// Logs what a call with `sql` threw.
fn thrown(what: &'static str, sql: &'static str) -> impl Fn(JsValue) -> Problem {
    move |error| log::internal(what, &format!("{}: {}", prefix(sql), js::error_text(&error)))
}

/// The beginning of the statement, for the log.
fn prefix(sql: &'static str) -> &'static str {
    sql.get(..60).unwrap_or(sql)
}

/// The first row, if any.
pub async fn first<T: DeserializeOwned>(db: &Db, statement: &Statement) -> Result<Option<T>, Problem> {
    Ok(all(db, statement).await?.into_iter().next())
}

/// Every row.
pub async fn all<T: DeserializeOwned>(db: &Db, statement: &Statement) -> Result<Vec<T>, Problem> {
    read(&rows(db, statement).await?, statement)
}

/// Deserializes the result of [`rows`].
pub fn read<T: DeserializeOwned>(rows: &str, statement: &Statement) -> Result<Vec<T>, Problem> {
    read_rows(rows, statement.sql)
}

fn read_rows<T: DeserializeOwned>(rows: &str, sql: &'static str) -> Result<Vec<T>, Problem> {
    json::read(rows).map_err(|error| log::internal("d1 row", &format!("{}: {error}", prefix(sql))))
}

/// The rows of one result, as one JSON array: one call from JavaScript for the whole result instead of one for each field, and one deserializer in the bundle.
fn result_text(result: &JsValue) -> Result<String, JsValue> {
    js_sys::JSON::stringify(&js_sys::Reflect::get(result, &"results".into())?).map(String::from)
}

/// Every row, as one JSON array.
pub async fn rows(db: &Db, statement: &Statement) -> Result<String, Problem> {
    log::step("d1", prefix(statement.sql));
    let thrown = thrown("d1", statement.sql);
    let result = JsFuture::from(prepare(db, statement)?.all().map_err(&thrown)?).await.map_err(&thrown)?;
    note(statement, &result);
    result_text(&result).map_err(thrown)
}

/// Runs all statements in order, in one transaction.
pub async fn batch(db: &Db, statements: &[Statement]) -> Result<(), Problem> {
    run_batch(db, statements).await.map(|_| ())
}

async fn run_batch(db: &Db, statements: &[Statement]) -> Result<Array, Problem> {
    let sql = statements.first().map_or("", |statement| statement.sql);
    log::step("d1 batch", prefix(sql));
    let prepared = statements.iter().map(|statement| prepare(db, statement).map(JsValue::from)).collect::<Result<Array, _>>()?;
    let thrown = thrown("d1 batch", sql);
    let results: Array = JsFuture::from(db.batch(&prepared).map_err(&thrown)?).await.map_err(thrown)?.unchecked_into();
    statements.iter().zip(results.iter()).for_each(|(statement, result)| note(statement, &result));
    Ok(results)
}

/// The same, with the rows of each statement.
pub async fn results(db: &Db, statements: &[Statement]) -> Result<Results, Problem> {
    let results = run_batch(db, statements).await?;
    let texts = statements.iter().zip(results.iter()).map(|(statement, result)| {
        let text = result_text(&result).map_err(thrown("d1 batch", statement.sql))?;
        Ok((text, statement.sql))
    });
    Ok(Results(texts.collect::<Result<Vec<_>, Problem>>()?.into_iter()))
}

/// The rows of a batch, statement by statement, in the order of the statements.
pub struct Results(IntoIter<(String, &'static str)>);

impl Results {
    /// The rows of the next statement; none behind the last one.
    ///
    /// # Errors
    /// [`Problem::Internal`] if they are not of that type.
    pub fn all<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, Problem> {
        self.0.next().map_or(Ok(Vec::new()), |(text, sql)| read_rows(&text, sql))
    }

    /// The first row of the next statement, if any.
    ///
    /// # Errors
    /// As [`Results::all`].
    pub fn first<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Problem> {
        Ok(self.all()?.into_iter().next())
    }

    /// Leaves out the rows of `count` statements.
    pub fn skip(&mut self, count: usize) -> &mut Results {
        self.0.by_ref().take(count).for_each(drop);
        self
    }
}

/// Logs the rows of a statement whose result that is.
fn note(statement: &Statement, result: &JsValue) {
    let count = |meta: &JsValue, name: &str| js_sys::Reflect::get(meta, &name.into()).ok().and_then(|count| count.as_f64()).unwrap_or_default();
    log::rows("d1 rows", prefix(statement.sql), || {
        let meta = js_sys::Reflect::get(result, &"meta".into()).unwrap_or_default();
        // Counts are non-negative integers below 2^53.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rows = (count(&meta, "rows_read") as u64, count(&meta, "rows_written") as u64);
        rows
    });
}
