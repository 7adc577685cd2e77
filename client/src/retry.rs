//! Retries with exponential backoff and full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").

use std::time::Duration;

use crate::Error;

/// Retry policy.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Maximum number of attempts, ≥ 1.
    pub attempts: u32,
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl Default for Retry {
    /// Ten attempts over about 90 s: longer than a deployment or the reconnection of a network takes.
    fn default() -> Retry {
        Retry { attempts: 10, base: Duration::from_millis(250), cap: Duration::from_secs(20) }
    }
}

impl Retry {
    /// Wait after failed attempt number `attempt` (from 1), with `random` in 0..1; None if it should not be retried.
    /// A `Retry-After` of the server is the minimum.
    pub fn wait(&self, attempt: u32, error: &Error, random: f64) -> Option<Duration> {
        if attempt >= self.attempts || !error.is_transient() {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.cap);
        let retry_after = match error {
            Error::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        Some(retry_after.min(self.cap * 3) + ceiling.mul_f64(random.clamp(0.0, 1.0)))
    }
}

/// Runs `action` until it succeeds or should not be retried.
pub(crate) async fn retrying<T, F: Future<Output = Result<T, Error>>>(retry: &Retry, mut action: impl FnMut() -> F) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        match action().await {
            Ok(value) => return Ok(value),
            Err(error) => match retry.wait(attempt, &error, rand::random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_jittered_and_capped_and_attempts_are_limited() {
        let retry = Retry { attempts: 20, ..Retry::default() };
        let wait = |attempt, random| retry.wait(attempt, &Error::Stalled, random);
        assert_eq!(wait(1, 0.0), Some(Duration::ZERO));
        assert_eq!(wait(1, 1.0), Some(Duration::from_millis(250)));
        assert_eq!(wait(3, 0.5), Some(Duration::from_millis(500)));
        assert_eq!(wait(19, 1.0), Some(Duration::from_secs(20)));
        assert_eq!(wait(20, 1.0), None);
        assert_eq!(retry.wait(1, &Error::Usage(String::new()), 1.0), None);
    }

    #[test]
    fn retry_after_is_the_minimum_wait() {
        let error = Error::Refused { status: 503, problem: Box::default(), retry_after: Some(Duration::from_secs(2)) };
        assert_eq!(Retry::default().wait(1, &error, 0.0), Some(Duration::from_secs(2)));
    }
}
