//! Samples counted by the hour until they are written to the database.

use serde::{Deserialize, Serialize};

use crate::base::time::EpochMs;
use crate::edges::metrics::sample::{Observation, Sample};

/// One hour, ms.
pub const HOUR_MS: u64 = 3_600_000;

/// One row of `edge_metrics`, or an increment of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Hour {
    /// Start of the hour, epoch ms.
    pub hour: u64,
    /// Number of samples.
    pub samples: u64,
    /// Number of failed samples.
    pub failures: u64,
    /// Bytes of the throughput samples.
    pub bytes: u64,
    /// Duration of the throughput samples, ms.
    pub busy_ms: f64,
    /// Number of round-trip samples.
    pub probes: u64,
    /// Sum of the round-trip times, ms.
    pub probe_ms: f64,
}

/// One hour, or the sum of several, in a response.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EdgeHour"))]
#[serde(rename_all = "camelCase")]
pub struct HourView {
    hour: String,
    samples: u64,
    failures: u64,
    error_rate: Option<f64>,
    bytes: u64,
    mbps: Option<f64>,
    latency_ms: Option<f64>,
}

impl Hour {
    /// Counts a sample.
    pub fn add(&mut self, sample: &Sample, observation: Observation) {
        self.samples += 1;
        match observation {
            Observation::Failure => self.failures += 1,
            Observation::Latency(ms, _) => {
                self.probes += 1;
                self.probe_ms += ms;
            }
            Observation::Rate(mbps) => {
                self.bytes += sample.bytes;
                self.busy_ms += sample.bytes as f64 * 8.0 / 1_000.0 / mbps.max(0.001);
            }
        }
    }
}

impl Hour {
    /// Adds the counts of another hour.
    pub fn merge(&mut self, other: &Hour) {
        self.samples += other.samples;
        self.failures += other.failures;
        self.bytes += other.bytes;
        self.busy_ms += other.busy_ms;
        self.probes += other.probes;
        self.probe_ms += other.probe_ms;
    }

    /// The API representation; values without samples are null.
    pub fn view(&self) -> HourView {
        let of = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        HourView {
            hour: EpochMs(self.hour).rfc3339(),
            samples: self.samples,
            failures: self.failures,
            error_rate: of(self.failures as f64, self.samples as f64),
            bytes: self.bytes,
            mbps: of(self.bytes as f64 * 8.0 / 1_000.0, self.busy_ms),
            latency_ms: of(self.probe_ms, self.probes as f64),
        }
    }

    /// Subtracts counts that were written before.
    pub fn subtract(&mut self, before: &Hour) {
        self.samples = self.samples.saturating_sub(before.samples);
        self.failures = self.failures.saturating_sub(before.failures);
        self.bytes = self.bytes.saturating_sub(before.bytes);
        self.busy_ms = (self.busy_ms - before.busy_ms).max(0.0);
        self.probes = self.probes.saturating_sub(before.probes);
        self.probe_ms = (self.probe_ms - before.probe_ms).max(0.0);
    }
}

/// The entry of `hours` that contains `now`, created if absent.
pub fn hour_at(hours: &mut Vec<Hour>, now: EpochMs) -> Option<&mut Hour> {
    let hour = now.0 - now.0 % HOUR_MS;
    if !hours.iter().any(|known| known.hour == hour) {
        hours.push(Hour { hour, ..Hour::default() });
    }
    hours.iter_mut().find(|known| known.hour == hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_one_hour_share_its_entry() {
        let mut hours = Vec::new();
        let mut start = |at| hour_at(&mut hours, EpochMs(at)).map(|hour| hour.hour);
        assert_eq!([start(HOUR_MS + 5), start(2 * HOUR_MS - 1), start(2 * HOUR_MS)], [HOUR_MS, HOUR_MS, 2 * HOUR_MS].map(Some));
        assert_eq!(hours.len(), 2);
    }

    #[test]
    fn hours_are_added_up_told_and_subtracted() {
        let hour = Hour { hour: HOUR_MS, samples: 8, failures: 2, bytes: 1_000_000, busy_ms: 400.0, probes: 4, probe_ms: 100.0 };
        let mut sum = Hour { samples: 2, failures: 3, bytes: 4, busy_ms: 5.0, probes: 6, probe_ms: 7.0, ..hour };
        sum.merge(&hour);
        assert_eq!(sum, Hour { samples: 10, failures: 5, bytes: 1_000_004, busy_ms: 405.0, probes: 10, probe_ms: 107.0, ..hour });
        sum.subtract(&hour);
        assert_eq!(sum, Hour { samples: 2, failures: 3, bytes: 4, busy_ms: 5.0, probes: 6, probe_ms: 7.0, ..hour });
        let view = serde_json::to_value(hour.view()).unwrap();
        assert_eq!((&view["hour"], &view["errorRate"]), (&"1970-01-01T01:00:00.000Z".into(), &0.25.into()));
        assert_eq!((&view["mbps"], &view["latencyMs"]), (&20.0.into(), &25.0.into()));
        let none = serde_json::to_value(Hour::default().view()).unwrap();
        assert!(none["mbps"].is_null() && none["latencyMs"].is_null() && none["errorRate"].is_null());
    }
}
