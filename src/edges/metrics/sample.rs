//! One measurement of an edge, clamped to plausible values.

use crate::edges::estimate::{least_ms, prior_ms};

/// Samples of fewer bytes measure the round-trip time, larger ones the throughput.
const PROBE_BYTES: u64 = 65_536;

/// The longest plausible round-trip time, ms.
const MAX_MS: f64 = 10_000.0;

/// The highest plausible throughput of one connection, Mbit/s.
const MAX_MBPS: f64 = 10_000.0;

/// One measurement of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Bytes sent; 0 for a probe.
    pub bytes: u64,
    /// Duration, ms.
    pub ms: f64,
    /// Whether it succeeded.
    pub ok: bool,
    /// Distance between the edge and the client, if known, km.
    pub km: Option<f64>,
}

/// What a sample measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observation {
    /// Round-trip time, ms, and its excess over the prior for the distance, ms.
    Latency(f64, f64),
    /// Throughput, Mbit/s.
    Rate(f64),
    /// The request failed.
    Failure,
}

impl Sample {
    /// The measurement clamped to what is possible: no faster than light in fibre, nor than the edge's capacity.
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
    fn implausible_values_are_clamped() {
        let observed = |bytes, ms, ok, km| Sample { bytes, ms, ok, km }.observation(1_000.0);
        assert_eq!(observed(0, 0.0, true, Some(10_000.0)), Observation::Latency(100.0, 100.0 - 160.0));
        assert_eq!(observed(0, 1e9, true, None), Observation::Latency(10_000.0, 9_900.0));
        assert_eq!(observed(1 << 50, 0.0, true, None), Observation::Rate(1_000.0));
        assert_eq!(observed(65_536, 86_400_000.0, true, None), Observation::Rate(0.01));
        assert_eq!(observed(10_000_000, 800.0, true, None), Observation::Rate(100.0));
        assert_eq!(observed(10_000_000, 800.0, false, None), Observation::Failure);
    }
}
