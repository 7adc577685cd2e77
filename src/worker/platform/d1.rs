//! Runs [`Statement`]s on D1. Each call here is one round trip.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::base::sql::{Arg, Statement};
use crate::clients::database::prefix;
use crate::io::database::Database;
use crate::log;
use crate::problem::Problem;
use crate::worker::platform::js;

#[wasm_bindgen]
extern "C" {
    /// A database, or a session of it: both have the same methods (D1 documentation, "D1 Database" and "D1DatabaseSession").
    #[derive(Clone)]
    pub type Db;

    #[wasm_bindgen(method, catch)]
    fn prepare(this: &Db, sql: &str) -> Result<Prepared, JsValue>;

    #[wasm_bindgen(method, js_name = batch, catch)]
    fn send_batch(this: &Db, statements: &Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = withSession, catch)]
    fn with_session(this: &Db, constraint: &str) -> Result<Db, JsValue>;

    type Prepared;

    #[wasm_bindgen(method, variadic, catch)]
    fn bind(this: &Prepared, values: &Array) -> Result<Prepared, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn all(this: &Prepared) -> Result<Promise, JsValue>;
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

/// The rows of one result, as one JSON array: one call from JavaScript for the whole result instead of one for each field, and one deserializer in the bundle.
fn result_text(result: &JsValue) -> Result<String, JsValue> {
    js_sys::JSON::stringify(&js_sys::Reflect::get(result, &"results".into())?).map(String::from)
}

impl Database for Db {
    async fn rows(&self, statement: &Statement) -> Result<String, Problem> {
        log::step("d1", prefix(statement.sql));
        let thrown = thrown("d1", statement.sql);
        let result = JsFuture::from(prepare(self, statement)?.all().map_err(&thrown)?).await.map_err(&thrown)?;
        note(statement, &result);
        result_text(&result).map_err(thrown)
    }

    async fn batch(&self, statements: &[Statement]) -> Result<Vec<String>, Problem> {
        let sql = statements.first().map_or("", |statement| statement.sql);
        log::step("d1 batch", prefix(sql));
        let prepared = statements.iter().map(|statement| prepare(self, statement).map(JsValue::from)).collect::<Result<Array, _>>()?;
        let thrown = thrown("d1 batch", sql);
        let results: Array = JsFuture::from(self.send_batch(&prepared).map_err(&thrown)?).await.map_err(&thrown)?.unchecked_into();
        let texts = statements.iter().zip(results.iter()).map(|(statement, result)| {
            note(statement, &result);
            result_text(&result).map_err(&thrown)
        });
        texts.collect()
    }

    fn nearest(&self) -> Db {
        // The database itself where the platform has no sessions.
        self.with_session("first-unconstrained").unwrap_or_else(|_| self.clone())
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
