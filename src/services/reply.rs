//! Answers of services: a status and JSON.

use serde::Serialize;

use crate::base::json;
use crate::log;
use crate::problem::Problem;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON; None: no body.
    pub body: Option<String>,
    /// Whether it is the stored answer to an earlier request with the same idempotency key.
    pub replayed: bool,
}

impl Reply {
    /// JSON.
    ///
    /// # Errors
    /// [`Problem::Internal`] if the value cannot be written.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Reply, Problem> {
        let text = json::write(value).map_err(|error| log::internal("json", &error.to_string()))?;
        Ok(Reply { status, body: Some(text), replayed: false })
    }

    /// No content.
    pub fn empty(status: u16) -> Reply {
        Reply { status, body: None, replayed: false }
    }
}
