//! A namespace's own bounds of its figures, in place of the deployment's (docs/api.md, "Alerts").

use serde::{Deserialize, Serialize};

use crate::base::json::null_as_reset;
use crate::problem::Problem;

/// The longest latency that can be a bound, ms: what the Worker waits for at most is far below.
const MAX_MS: u32 = 600_000;

/// Bounds; `None`: the deployment's. Stored as JSON.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertLimits {
    /// Least share of answers from cache, percent.
    #[serde(default)]
    pub hit_rate: Option<f64>,
    /// Highest 95th percentile of the time until the first byte, ms.
    #[serde(default)]
    pub p95_ms: Option<f64>,
    /// Highest share of uploads that fail, percent.
    #[serde(default)]
    pub upload_failure_percent: Option<f64>,
}

/// Bounds of a body: absent ones keep their value, null is the deployment's.
#[derive(Debug, Default, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertPatch {
    #[serde(default, deserialize_with = "null_as_reset")]
    hit_rate: Option<Option<f64>>,
    #[serde(default, deserialize_with = "null_as_reset")]
    p95_ms: Option<Option<f64>>,
    #[serde(default, deserialize_with = "null_as_reset")]
    upload_failure_percent: Option<Option<f64>>,
}

impl AlertPatch {
    /// The bounds afterwards.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn apply(&self, mut limits: AlertLimits) -> Result<AlertLimits, Problem> {
        for (field, patch, slot, most) in [
            ("alerts.hit_rate", self.hit_rate, &mut limits.hit_rate, 100),
            ("alerts.p95_ms", self.p95_ms, &mut limits.p95_ms, MAX_MS),
            ("alerts.upload_failure_percent", self.upload_failure_percent, &mut limits.upload_failure_percent, 100),
        ] {
            let Some(value) = patch else { continue };
            if value.is_some_and(|value| !(0.0..=f64::from(most)).contains(&value)) {
                return Err(Problem::invalid(field, format!("must be from 0 to {most}")));
            }
            *slot = value;
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(body: &str, limits: AlertLimits) -> Result<AlertLimits, Problem> {
        serde_json::from_str::<AlertPatch>(body).unwrap().apply(limits)
    }

    #[test]
    fn absent_bound_stays_null_resets_and_one_out_of_range_is_named() {
        let before = AlertLimits { hit_rate: Some(70.0), p95_ms: Some(20.0), upload_failure_percent: None };
        let after = patched(r#"{"hit_rate":null,"upload_failure_percent":2.5}"#, before).unwrap();
        assert_eq!(after, AlertLimits { hit_rate: None, p95_ms: Some(20.0), upload_failure_percent: Some(2.5) });
        for (body, named) in [
            (r#"{"hit_rate":100.1}"#, "alerts.hit_rate"),
            (r#"{"hit_rate":-1}"#, "alerts.hit_rate"),
            (r#"{"p95_ms":600001}"#, "alerts.p95_ms"),
            (r#"{"upload_failure_percent":101}"#, "alerts.upload_failure_percent"),
        ] {
            assert!(matches!(patched(body, before), Err(Problem::Invalid { field, .. }) if field == named), "{body}");
        }
        assert_eq!(patched(r#"{"hit_rate":0,"p95_ms":600000,"upload_failure_percent":100}"#, before).unwrap().hit_rate, Some(0.0));
    }

    #[test]
    fn stored_bounds_have_pinned_json() {
        let limits = AlertLimits { hit_rate: Some(70.0), p95_ms: None, upload_failure_percent: Some(2.5) };
        let text = r#"{"hit_rate":70.0,"p95_ms":null,"upload_failure_percent":2.5}"#;
        assert_eq!((serde_json::to_string(&limits).unwrap().as_str(), serde_json::from_str(text).unwrap()), (text, limits));
        assert_eq!(serde_json::from_str::<AlertLimits>("{}").unwrap(), AlertLimits::default());
    }
}
