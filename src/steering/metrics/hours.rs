//! Samples counted by the hour, until the database has them.

use serde::{Deserialize, Serialize};

use super::sample::{Said, Sample};
use crate::units::EpochMs;

/// An hour, ms.
pub const HOUR_MS: u64 = 3_600_000;

/// One row of `edge_metrics`, or what is to be added to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    /// Its beginning, epoch ms.
    pub hour: u64,
    /// Samples.
    pub samples: u64,
    /// Of these, failed.
    pub failures: u64,
    /// Bytes of those that tell a rate.
    pub bytes: u64,
    /// What these took, ms.
    pub busy_ms: f64,
    /// Those that tell a round trip.
    pub probes: u64,
    /// What these took, ms.
    pub probe_ms: f64,
}

impl Hour {
    /// Counts a sample.
    pub fn add(&mut self, sample: &Sample, said: Said) {
        self.samples += 1;
        match said {
            Said::Failure => self.failures += 1,
            Said::Latency(ms, _) => {
                self.probes += 1;
                self.probe_ms += ms;
            }
            Said::Rate(mbps) => {
                self.bytes += sample.bytes;
                self.busy_ms += sample.bytes as f64 * 8.0 / 1_000.0 / mbps.max(0.001);
            }
        }
    }
}

/// The hour that holds an instant, of `hours`.
pub fn of(hours: &mut Vec<Hour>, now: EpochMs) -> Option<&mut Hour> {
    let hour = now.0 - now.0 % HOUR_MS;
    if !hours.iter().any(|known| known.hour == hour) {
        hours.push(Hour { hour, ..Hour::default() });
    }
    hours.iter_mut().find(|known| known.hour == hour)
}
