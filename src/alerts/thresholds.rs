//! The bounds that hold for a namespace.

use crate::namespaces::alert_limits::AlertLimits;

/// How far below the expected hit rate an hour may be, percentage points.
const BELOW_EXPECTED: f64 = 10.0;

/// Bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Least share of answers from cache, percent.
    pub hit_rate: f64,
    /// Highest 95th percentile of the time until the first byte, ms.
    pub p95_ms: f64,
    /// Highest share of uploads that fail, percent.
    pub upload_failure_percent: f64,
}

impl Thresholds {
    /// Those of a namespace: its own before what its operator expects of it, and that before the deployment's.
    pub fn of(self, own: &AlertLimits, expected_hit_rate: Option<f64>) -> Thresholds {
        let expected = expected_hit_rate.map(|rate| (rate - BELOW_EXPECTED).max(0.0));
        Thresholds {
            hit_rate: own.hit_rate.or(expected).unwrap_or(self.hit_rate),
            p95_ms: own.p95_ms.unwrap_or(self.p95_ms),
            upload_failure_percent: own.upload_failure_percent.unwrap_or(self.upload_failure_percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_bound_beats_the_expected_rate_and_that_the_deployments() {
        let vars = Thresholds { hit_rate: 50.0, p95_ms: 100.0, upload_failure_percent: 5.0 };
        assert_eq!(vars.of(&AlertLimits::default(), None), vars);
        assert_eq!(vars.of(&AlertLimits::default(), Some(85.0)).hit_rate, 75.0);
        assert_eq!(vars.of(&AlertLimits::default(), Some(4.0)).hit_rate, 0.0);
        let own = AlertLimits { hit_rate: Some(20.0), p95_ms: Some(7.0), upload_failure_percent: Some(0.0) };
        assert_eq!(vars.of(&own, Some(85.0)), Thresholds { hit_rate: 20.0, p95_ms: 7.0, upload_failure_percent: 0.0 });
    }
}
