//! When a part in flight should be restarted on another lane.

use std::time::Duration;

use super::circuit::State;
use super::{LaneId, Lanes};

/// Factor by which a part may be slower than on another lane, and the time that it may take in any case.
const SLOWER: f64 = 3.0;
const LEAST_PATIENCE: Duration = Duration::from_secs(2);

impl Lanes {
    /// How long a part of `bytes` may take on a lane before it is moved to another; None if no other lane is open and measured.
    pub fn patience(&self, lane: LaneId, bytes: u64, now: Duration) -> Option<Duration> {
        let elsewhere = self.elsewhere(lane, bytes, now)?;
        Some(Duration::try_from_secs_f64(elsewhere * SLOWER).unwrap_or(Duration::MAX).max(LEAST_PATIENCE))
    }

    /// Whether a part of `bytes`, of which `sent` are sent after `elapsed`, should be moved: it has taken too long, and its rest will, too.
    pub fn is_too_slow(&self, lane: LaneId, bytes: u64, sent: u64, elapsed: Duration, now: Duration) -> bool {
        let (Some(patience), Some(elsewhere)) = (self.patience(lane, bytes, now), self.elsewhere(lane, bytes, now)) else { return false };
        // The time of the response after the last byte cannot be extrapolated.
        let moving = sent > 0 && sent < bytes;
        let rest = if moving { elapsed.as_secs_f64() * (bytes - sent) as f64 / sent as f64 } else { f64::INFINITY };
        elapsed > patience && rest > elsewhere
    }

    /// Seconds until a part that starts now would be stored over the best other lane that is open and measured.
    fn elsewhere(&self, LaneId(index): LaneId, bytes: u64, now: Duration) -> Option<f64> {
        let others = self.all().filter(|(other, lane)| *other != index && !lane.spec.reserve && lane.circuit.state(now) == State::Open);
        others.filter_map(|(_, lane)| Some(lane.expected(bytes, lane.rate.per_second()?))).min_by(f64::total_cmp)
    }
}
