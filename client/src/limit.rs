//! Bounds the rate of all bodies of an [`Edge`](crate::Edge) together, in both directions.

mod bucket;
mod rate;
mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use bucket::Bucket;
pub use rate::Rate;
pub use schedule::Schedule;

/// A bound that may be changed while it holds. Clones share it.
#[derive(Clone)]
pub struct Limit {
    began: Instant,
    bucket: Arc<Mutex<Bucket>>,
}

impl Default for Limit {
    /// None.
    fn default() -> Limit {
        Limit { began: Instant::now(), bucket: Arc::default() }
    }
}

impl Limit {
    /// Changes the bound; what is being sent or received follows within some blocks, a twentieth of a second each.
    pub fn set(&self, rate: Rate) {
        let now = self.began.elapsed();
        let mut bucket = self.bucket();
        if bucket.rate() != rate {
            bucket.set(rate, now);
        }
    }

    /// The bound.
    pub fn rate(&self) -> Rate {
        self.bucket().rate()
    }

    /// How long to wait before `bytes` bytes may pass, which count as passed.
    pub(crate) fn take(&self, bytes: usize) -> Duration {
        let now = self.began.elapsed();
        self.bucket().take(bytes as u64, now)
    }

    /// Waits as long as `bytes` bytes, which have come, take: the next ones are not read before.
    pub(crate) async fn pass(&self, bytes: usize) {
        let now = self.began.elapsed();
        let wait = {
            let mut bucket = self.bucket();
            bucket.take(bytes as u64, now);
            bucket.owed(now)
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Largest block that should pass at once, bytes.
    pub(crate) fn block(&self) -> usize {
        self.bucket().block()
    }

    /// How many of `wanted` bodies may be sent at once so that each gets `least` bytes per second; one at least.
    pub(crate) fn bodies(&self, wanted: usize, least: u64) -> usize {
        let Some(rate) = self.rate().bytes_per_second() else { return wanted };
        wanted.min(usize::try_from(rate / least).unwrap_or(wanted).max(1))
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod body_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_at_once_are_as_many_as_the_rate_feeds() {
        let limit = Limit::default();
        assert_eq!(limit.bodies(8, 100_000), 8);
        limit.set(Rate::parse("350K").unwrap());
        assert_eq!(limit.bodies(8, 100_000), 3);
        limit.set(Rate::parse("10K").unwrap());
        assert_eq!(limit.bodies(8, 100_000), 1);
    }

    #[test]
    fn clones_share_the_bound_and_setting_it_again_forgives_nothing() {
        let limit = Limit::default();
        let other = limit.clone();
        limit.set(Rate::parse("10K").unwrap());
        assert_eq!(other.take(1_000_000), Duration::ZERO);
        limit.set(Rate::parse("10K").unwrap());
        assert!(other.take(1_000) > Duration::from_secs(90));
        limit.set(Rate::OFF);
        assert_eq!(other.take(1_000), Duration::ZERO);
    }
}
