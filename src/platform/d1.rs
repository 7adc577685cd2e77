//! Runs [`Statement`]s on D1.

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

use super::log;
use crate::problem::Problem;
use crate::sql::{Arg, Statement};

fn bound(db: &D1Database, statement: &Statement) -> Result<D1PreparedStatement, Problem> {
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
    db.prepare(statement.sql).bind(&values).map_err(|error| failed(statement, &error))
}

fn failed(statement: &Statement, error: &worker::Error) -> Problem {
    let head: String = statement.sql.chars().take(60).collect();
    log::internal("d1", &format!("{head}: {error}"))
}

/// The first row, if any.
pub async fn first<T: DeserializeOwned>(db: &D1Database, statement: &Statement) -> Result<Option<T>, Problem> {
    Ok(all(db, statement).await?.into_iter().next())
}

/// Every row.
pub async fn all<T: DeserializeOwned>(db: &D1Database, statement: &Statement) -> Result<Vec<T>, Problem> {
    let result = bound(db, statement)?.all().await.map_err(|error| failed(statement, &error))?;
    result.results().map_err(|error| failed(statement, &error))
}

/// All of them or none, in order.
pub async fn batch(db: &D1Database, statements: &[Statement]) -> Result<(), Problem> {
    let bound = statements.iter().map(|statement| bound(db, statement)).collect::<Result<Vec<_>, _>>()?;
    db.batch(bound).await.map_err(|error| log::internal("d1 batch", &error.to_string()))?;
    Ok(())
}
