//! JSON of Durable Objects and the queue, with the `worker` crate's error type.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Error, Result};

use crate::base::json;

/// Reads a value.
///
/// # Errors
/// If the text is not JSON of that type.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    json::read(text).map_err(|error| Error::RustError(error.to_string()))
}

/// Writes a value.
///
/// # Errors
/// If the value has no JSON form.
pub fn write<T: Serialize>(value: &T) -> Result<String> {
    json::write(value).map_err(|error| Error::RustError(error.to_string()))
}
