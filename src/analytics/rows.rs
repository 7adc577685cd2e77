//! Rows of the statistics tables as [`crate::analytics::repository`] reads them.

use serde::{Deserialize, Deserializer};

use crate::base::histogram::Histogram;
use crate::base::json;
use crate::base::sql::flag;
use crate::base::time::EpochMs;

/// Deserializes a JSON text.
fn text<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    json::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// What was delivered of a class in an hour or day, all namespaces that were asked for together.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delivered {
    /// Beginning of the hour or day.
    pub at: EpochMs,
    /// `small`, `text`, `large` or `video`.
    pub class: String,
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// Requests with CMCD data.
    pub cmcd_requests: u64,
    /// Bytes of answers that left.
    pub bytes_sent: u64,
    /// What reading `bytes_from_cache` from the store would have cost, US dollars.
    pub saved_usd: f64,
    /// Answers of all kinds by class of status: 2xx, 3xx, 4xx, 5xx.
    #[serde(deserialize_with = "text")]
    pub answers: [u64; 4],
    /// Sum of the times until the first byte, ms.
    pub first_ms: u64,
    /// Times until the first byte, ms.
    #[serde(deserialize_with = "text")]
    pub first_byte: Histogram,
}

/// What was uploaded in an hour or day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Uploaded {
    /// Beginning of the hour or day.
    pub at: EpochMs,
    /// Uploads that began.
    pub started: u64,
    /// Uploads that became a file.
    pub completed: u64,
    /// Uploads that failed.
    pub failed: u64,
    /// Uploads that expired.
    pub expired: u64,
    /// Bytes that were not stored, because the namespace has them.
    pub saved_bytes: u64,
    /// Bytes that were copied inside the store instead of sent.
    pub copied_bytes: u64,
}

/// A named count of the period, or of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Whether it is of the period.
    #[serde(deserialize_with = "flag")]
    pub current: bool,
    /// What is counted: [`crate::analytics::upload_count`], [`crate::delivery::count`].
    pub key: String,
    /// How many, or how many bytes.
    pub value: u64,
}
