//! An alert as it is stored, listed and sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::alerts::figures::Storage;
use crate::alerts::kind::Kind;
use crate::base::id::{Id, Name};
use crate::base::time::{DAY_MS, EpochMs};
use crate::problem::Problem;

/// How long an alert that is over is listed, ms.
pub const KEEP_MS: u64 = 90 * DAY_MS;

/// A row of [`crate::alerts::repository`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Alert {
    /// Its id.
    pub id: Id,
    /// Its namespace.
    pub namespace: Name,
    /// What it is about.
    pub kind: Kind,
    /// The hour whose figure it is; of what is so now, the hour in which it was noticed.
    pub hour: EpochMs,
    /// The figure that fired it.
    pub value: f64,
    /// Its bound.
    pub threshold: f64,
    /// How many answers, uploads, bytes of quota, endpoints or tries that is a figure of.
    pub rests_on: u64,
    /// When it was fired.
    pub fired_at: EpochMs,
    /// When it was resolved.
    pub resolved_at: Option<EpochMs>,
    /// The figure that resolved it; none if there was too little of it for a day.
    pub resolved_value: Option<f64>,
}

/// In the API.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Alert"))]
pub struct AlertView<'a> {
    id: Id,
    namespace: &'a Name,
    kind: Kind,
    hour: String,
    value: f64,
    threshold: f64,
    rests_on: u64,
    fired_at: String,
    resolved_at: Option<String>,
    resolved_value: Option<f64>,
}

impl Alert {
    /// The API's representation.
    pub fn view(&self) -> AlertView<'_> {
        AlertView {
            id: self.id,
            namespace: &self.namespace,
            kind: self.kind,
            hour: self.hour.rfc3339(),
            value: self.value,
            threshold: self.threshold,
            rests_on: self.rests_on,
            fired_at: self.fired_at.rfc3339(),
            resolved_at: self.resolved_at.map(EpochMs::rfc3339),
            resolved_value: self.resolved_value,
        }
    }

    /// `data` of `alert.fired` and `alert.resolved`.
    pub fn event(&self) -> Value {
        json!({ "namespace": self.namespace, "alert": self.view() })
    }
}

/// `data` of `quota.warning`.
pub fn quota_warning(namespace: &Name, percent: u64, storage: &Storage) -> Value {
    json!({ "namespace": namespace, "percent": percent, "storage_used_bytes": storage.used, "storage_quota_bytes": storage.quota })
}

/// Which alerts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// All that are kept.
    All,
    /// Open ones.
    Open,
    /// Resolved ones.
    Resolved,
}

impl Listed {
    /// Reads the parameter `open`.
    ///
    /// # Errors
    /// 422 naming it.
    pub fn parse(open: Option<&str>) -> Result<Listed, Problem> {
        match open.filter(|text| !text.is_empty()) {
            None => Ok(Listed::All),
            Some("true" | "1") => Ok(Listed::Open),
            Some("false" | "0") => Ok(Listed::Resolved),
            Some(_) => Err(Problem::invalid("open", "must be true or false")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_open_is_true_false_or_refused_by_name() {
        for (text, listed) in [(None, Listed::All), (Some(""), Listed::All), (Some("true"), Listed::Open), (Some("false"), Listed::Resolved)] {
            assert_eq!(Listed::parse(text), Ok(listed));
        }
        assert!(matches!(Listed::parse(Some("yes")), Err(Problem::Invalid { field, .. }) if field == "open"));
    }
}
