//! What is known of a namespace when its alerts are decided: rows of [`crate::alerts::repository`].

use serde::{Deserialize, Deserializer};

use crate::base::histogram::Histogram;
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::units::GB;

/// A namespace with its bounds, and the storage of the account that it came with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Watched {
    /// Its name.
    pub namespace: Name,
    /// JSON of [`crate::namespaces::alert_limits::AlertLimits`].
    pub alerts: String,
    /// Percent.
    pub expected_hit_rate: Option<f64>,
    /// The account that it came with; none of a shared namespace.
    pub account: Option<Id>,
    /// The account's quota, GB; none of a shared namespace.
    pub quota_gb: Option<u64>,
    /// What the account has stored, bytes, as last recorded; none before its first file.
    pub stored: Option<u64>,
}

impl Watched {
    /// The account's storage; none of a shared namespace, and where there is no room for anything.
    pub fn storage(&self) -> Option<Storage> {
        let quota = self.quota_gb?.saturating_mul(GB);
        (quota > 0).then(|| Storage { used: self.stored.unwrap_or_default(), quota })
    }
}

/// An account's storage, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Used.
    pub used: u64,
    /// Its quota, above 0.
    pub quota: u64,
}

/// What was delivered in the hour.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Delivered {
    /// The namespace.
    #[serde(rename = "namespace")]
    pub of: String,
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Times until the first byte, ms.
    #[serde(deserialize_with = "text")]
    pub first_byte: Histogram,
}

/// What became of uploads in the hour, and in the 24 hours before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Uploaded {
    /// The namespace.
    #[serde(rename = "namespace")]
    pub of: String,
    /// Uploads that ended in the hour.
    pub ended: u64,
    /// Of these, without a file.
    pub failed: u64,
    /// Uploads that ended in the 24 hours before.
    pub ended_before: u64,
    /// Of these, without a file.
    pub failed_before: u64,
}

/// A namespace with endpoints that fail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failing {
    /// The namespace.
    #[serde(rename = "namespace")]
    pub of: String,
    /// How many.
    pub endpoints: u64,
}

/// All of that, and what is so now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Delivery of the hour.
    pub delivered: Delivered,
    /// Uploads of the hour and the day before.
    pub uploaded: Uploaded,
    /// The account's storage.
    pub storage: Option<Storage>,
    /// Endpoints that fail.
    pub failing_endpoints: u64,
    /// Tries to reach the store, and how many of them failed.
    pub store_tries: (u64, u64),
}

fn text<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    json::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
