//! One measurement, brought within what is possible.

use crate::edges::estimate::{least_ms, prior_ms};

/// Fewer bytes than these tell of the round trip, more of the rate.
const PROBE_BYTES: u64 = 65_536;

/// The longest round trip that is believed, ms.
const MAX_MS: f64 = 10_000.0;

/// The fastest connection that is believed, Mbit/s.
const MAX_MBPS: f64 = 10_000.0;

/// One measurement of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Bytes sent; 0 for a probe.
    pub bytes: u64,
    /// Milliseconds it took.
    pub ms: f64,
    /// Whether it succeeded.
    pub ok: bool,
    /// From the edge to whoever measured, if anybody knows, km.
    pub km: Option<f64>,
}

/// What a sample says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observation {
    /// Round trip, ms, and how much of it the distance does not explain.
    Latency(f64, f64),
    /// Mbit/s.
    Rate(f64),
    /// It failed.
    Failure,
}

impl Sample {
    /// Within what is possible: nothing is faster than light, or than the edge.
    pub fn observation(&self, capacity_mbps: f64) -> Observation {
        if !self.ok {
            Observation::Failure
        } else if self.bytes < PROBE_BYTES {
            // Not `clamp`, which panics where the least is above the most: over distances that no place on Earth has. What is no number becomes the least.
            let ms = self.ms.max(least_ms(self.km).max(0.1)).min(MAX_MS);
            Observation::Latency(ms, ms - prior_ms(self.km))
        } else {
            let mbps = self.bytes as f64 * 8.0 / 1_000.0 / self.ms.max(0.001);
            Observation::Rate(mbps.clamp(0.01, MAX_MBPS.min(capacity_mbps.max(1.0))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_are_cut_to_what_is_possible() {
        let said = |bytes, ms, ok, km| Sample { bytes, ms, ok, km }.observation(1_000.0);
        assert_eq!(said(0, 0.0, true, Some(10_000.0)), Observation::Latency(100.0, 100.0 - 160.0));
        assert_eq!(said(0, 1e9, true, None), Observation::Latency(10_000.0, 9_900.0));
        assert_eq!(said(1 << 50, 0.0, true, None), Observation::Rate(1_000.0));
        assert_eq!(said(65_536, 86_400_000.0, true, None), Observation::Rate(0.01));
        assert_eq!(said(10_000_000, 800.0, true, None), Observation::Rate(100.0));
        assert_eq!(said(10_000_000, 800.0, false, None), Observation::Failure);
    }
}
