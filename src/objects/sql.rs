//! Statements on a Durable Object's SQLite.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::json;
use crate::base::sql::Arg;
use crate::io::object::ObjectState;
use crate::log;
use crate::problem::Problem;

/// Creates what is missing of a schema. Statement by statement, because a cursor counts the rows of one statement only.
///
/// # Errors
/// Of SQLite.
pub fn create(state: &impl ObjectState, schema: &str) -> Result<(), Problem> {
    schema.split(';').map(str::trim).filter(|statement| !statement.is_empty()).try_for_each(|statement| run(state, statement, Vec::new()))
}

/// Runs a statement without a result.
///
/// # Errors
/// Of SQLite.
pub fn run(state: &impl ObjectState, statement: &str, args: Vec<Arg>) -> Result<(), Problem> {
    state.sql(statement, args).map(|_| ())
}

/// Every row.
///
/// # Errors
/// Of SQLite, and for rows that do not deserialize.
pub fn rows<T: DeserializeOwned>(state: &impl ObjectState, statement: &str, args: Vec<Arg>) -> Result<Vec<T>, Problem> {
    read(&state.sql(statement, args)?)
}

/// Reads JSON that the object has written, or a message to it.
///
/// # Errors
/// [`Problem::Internal`], logged.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    json::read(text).map_err(|error| log::internal("object json", &error.to_string()))
}

/// Writes JSON.
///
/// # Errors
/// [`Problem::Internal`], logged.
pub fn write<T: Serialize>(value: &T) -> Result<String, Problem> {
    json::write(value).map_err(|error| log::internal("object json", &error.to_string()))
}
