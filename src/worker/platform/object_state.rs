//! What a Durable Object has of its own, and the form of its messages.

use std::time::Duration;

use worker::{Error, Request, Response, ResponseBuilder, Result, SqlStorage, SqlStorageValue, State};

use crate::base::sql::Arg;
use crate::io::object::ObjectState;
use crate::log;
use crate::problem::Problem;
use crate::worker::platform::{alarm, sqlite};

/// Name, SQLite and alarm of an object.
pub struct Stored {
    state: State,
    sql: SqlStorage,
}

impl Stored {
    /// Those of `state`.
    pub fn new(state: State) -> Stored {
        Stored { sql: state.storage().sql(), state }
    }
}

fn failed(error: Error) -> Problem {
    log::internal("object", &error.to_string())
}

impl ObjectState for Stored {
    fn name(&self) -> Option<String> {
        self.state.id().name()
    }

    fn sql(&self, statement: &str, args: Vec<Arg>) -> std::result::Result<String, Problem> {
        let values = args.into_iter().map(|arg| match arg {
            Arg::Null => SqlStorageValue::Null,
            // Exact: integers stay below 2^53.
            Arg::Int(value) => SqlStorageValue::Float(value as f64),
            Arg::Real(value) => SqlStorageValue::Float(value),
            Arg::Text(value) => SqlStorageValue::String(value),
        });
        sqlite::text(&self.sql, statement, values.collect()).map_err(failed)
    }

    async fn set_alarm(&self, ms: u64) -> std::result::Result<(), Problem> {
        alarm::set(&self.state, Duration::from_millis(ms)).await.map_err(failed)
    }

    async fn delete_all(&self) -> std::result::Result<(), Problem> {
        self.state.storage().delete_all().await.map_err(failed)
    }
}

/// The message of a request.
///
/// # Errors
/// A body that is no text.
pub async fn message_of(request: &mut Request) -> Result<String> {
    request.text().await
}

/// The answer to a message: 200 with its text, 204 without, 500 for an error, which is logged.
///
/// # Errors
/// Of the runtime.
pub fn answer(handled: std::result::Result<Option<String>, Problem>) -> Result<Response> {
    Ok(match handled {
        Ok(Some(text)) => ResponseBuilder::new().fixed(text.into_bytes()),
        Ok(None) => ResponseBuilder::new().with_status(204).empty(),
        Err(_) => ResponseBuilder::new().with_status(500).empty(),
    })
}

/// The end of an alarm. The platform repeats one that fails.
///
/// # Errors
/// That of the alarm.
pub fn alarm_ended(ended: std::result::Result<(), Problem>) -> Result<Response> {
    ended.map_err(|problem| Error::RustError(problem.to_string()))?;
    Response::empty()
}
