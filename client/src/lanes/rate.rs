//! Measured speed of a lane.

use std::time::Duration;

/// Weight of the newest part in the mean.
const WEIGHT: f64 = 0.3;
/// Age after which a measurement is stale, as the path may have changed.
const FRESH: Duration = Duration::from_secs(30);

/// Total rate of a lane's parts in flight, bytes/s: an exponentially weighted moving average (EWMA).
#[derive(Debug, Clone, Default)]
pub struct Rate {
    mean: Option<f64>,
    at: Duration,
}

impl Rate {
    /// Adds a part: `bytes` were sent in `took`, while on the mean `flying` parts (≥ 1, itself included) shared the lane.
    pub fn learn(&mut self, bytes: u64, took: Duration, flying: f64, now: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(1e-3) * flying.max(1.0);
        self.mean = Some(self.mean.map_or(rate, |mean| mean + WEIGHT * (rate - mean)).max(1.0));
        self.at = now;
    }

    /// Bytes per second (≥ 1); None before the first part.
    pub fn per_second(&self) -> Option<f64> {
        self.mean
    }

    /// Whether there is a measurement that is not stale.
    pub fn is_fresh(&self, now: Duration) -> bool {
        self.mean.is_some() && now.saturating_sub(self.at) < FRESH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_follows_measured_parts() {
        let mut rate = Rate::default();
        let second = Duration::from_secs(1);
        assert_eq!((rate.per_second(), rate.is_fresh(second)), (None, false));
        rate.learn(1_000, second, 2.0, second);
        assert_eq!(rate.per_second(), Some(2_000.0));
        for _ in 0..20 {
            rate.learn(500, second, 1.0, second);
        }
        assert!((500.0..510.0).contains(&rate.per_second().unwrap()));
        assert!(rate.is_fresh(second * 30) && !rate.is_fresh(second * 31));
    }
}
