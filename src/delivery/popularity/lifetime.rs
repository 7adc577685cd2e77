//! For how long an entry of the PoP's cache stays fresh, by how often its file is asked for, and when it is refreshed before that ends.

/// Longest lifetime that popularity gives, ms: 30 days. A namespace may set a longer one itself.
const LONGEST_MS: u64 = 30 * 86_400_000;

/// Hits in a window from which on a file has twice, three times and four times the lifetime.
const STEPS: [f64; 3] = [3.0, 6.0, 12.0];

/// The last part of a lifetime, in which an entry may be refreshed: a fifth of the class's.
const NEAR_END: u64 = 5;

/// How many refreshes the draws of one isolate would begin on average until the end of the lifetime, if none succeeded: the entry is refreshed in time with a
/// probability of 1 - e^-4 = 98 %.
const DRAWS: f64 = 4.0;

/// How many times its class's lifetime a file with `hits` hits in a window stays fresh: 1 to 4.
pub fn ttl_factor(hits: f64) -> u64 {
    STEPS.iter().fold(1, |factor, step| factor + u64::from(hits >= *step))
}

/// The lifetime of an entry, ms: that of the class, `ttl_seconds`, for a file that is not popular; never less.
pub fn lifetime_ms(ttl_seconds: u64, hits: f64) -> u64 {
    let base = ttl_seconds.saturating_mul(1000);
    base.saturating_mul(ttl_factor(hits)).min(LONGEST_MS).max(base)
}

/// The longest that [`lifetime_ms`] gives, ms.
pub fn longest_ms(ttl_seconds: u64) -> u64 {
    lifetime_ms(ttl_seconds, f64::INFINITY)
}

/// How long before its end an entry may be refreshed, ms.
pub fn refresh_window_ms(ttl_seconds: u64) -> u64 {
    ttl_seconds.saturating_mul(1000) / NEAR_END
}

/// Whether an answer from an entry that is fresh for another `left_ms` refreshes it. `hits`: of its file, in `window_ms`; `draw`: random, from 0 up to 1.
///
/// The probability grows towards the end of the lifetime and falls with the number of answers that draw, so that isolates do not refresh at once
/// ("Optimal Probabilistic Cache Stampede Prevention", VLDB 2015, has the idea; here the distribution follows from the rate of hits, not from the time that a
/// refresh takes). A file with few hits is refreshed by the first answer in the window.
pub fn refresh_due(left_ms: u64, ttl_seconds: u64, hits: f64, window_ms: u64, draw: f64) -> bool {
    let refresh_ms = refresh_window_ms(ttl_seconds);
    if ttl_factor(hits) == 1 || left_ms >= refresh_ms {
        return false;
    }
    // Times are far below 2^53: exact in f64.
    let coming = hits * refresh_ms as f64 / window_ms.max(1) as f64;
    if coming <= DRAWS {
        return true;
    }
    let passed = 1.0 - left_ms as f64 / refresh_ms as f64;
    draw < 2.0 * passed * DRAWS / coming
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::HOUR_MS;

    #[test]
    fn hits_give_one_to_four_lifetimes() {
        for (hits, factor) in [(0.0, 1), (2.9, 1), (3.0, 2), (5.9, 2), (6.0, 3), (11.9, 3), (12.0, 4), (1e9, 4), (f64::NAN, 1)] {
            assert_eq!(ttl_factor(hits), factor, "{hits}");
        }
        assert_eq!([0.0, 5.0, 10.0, 100.0].map(|hits| lifetime_ms(3_600, hits)), [1, 2, 3, 4].map(|hours| hours * HOUR_MS));
    }

    #[test]
    fn lifetime_is_never_less_than_the_namespaces_and_ends_after_30_days_unless_that_is_longer() {
        assert_eq!(lifetime_ms(0, 100.0), 0, "what is not cached");
        assert_eq!(lifetime_ms(20 * 86_400, 100.0), LONGEST_MS);
        assert_eq!([0.0, 100.0].map(|hits| lifetime_ms(365 * 86_400, hits)), [365 * 86_400_000; 2]);
        assert_eq!(lifetime_ms(u64::MAX, 100.0), u64::MAX);
        assert_eq!(longest_ms(60), 240_000);
    }

    #[test]
    fn refresh_begins_in_the_last_fifth_and_only_of_popular_files() {
        let due = |left_ms, hits, draw| refresh_due(left_ms, 1_000, hits, HOUR_MS, draw);
        // 200 s of an hour: 72 hits are four of them.
        assert!(due(199_999, 72.0, 0.999) && due(0, 3.0, 0.999), "few: the first one");
        assert!(!due(200_000, 72.0, 0.0) && !due(0, 2.9, 0.0), "too early, not popular");
        assert!(!due(199_999, 7_200.0, 0.001) && !due(100_000, 7_200.0, 0.011) && due(100_000, 7_200.0, 0.009), "400 are coming");
        assert!(due(0, 7_200.0, 0.019) && !due(0, 7_200.0, 0.021));
    }

    /// 200 isolates ask at random times; a refresh takes a second, until which the others do not know of it.
    #[test]
    fn isolates_together_begin_few_refreshes_at_once_and_almost_always_in_time() {
        let mut seed = 7_u64;
        let mut draw = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut begun, mut late) = (0, 0);
        for _ in 0..200 {
            // Each has 360 hits an hour: 20 a second, for the last 12 minutes of an hour's lifetime.
            let mut done = None;
            for tick in (0..720_000_u64).step_by(50) {
                let left = 720_000 - tick;
                if done.is_some_and(|at: u64| tick >= at) {
                    break;
                }
                if refresh_due(left, 3_600, 360.0, HOUR_MS, draw()) {
                    begun += 1;
                    done = done.or(Some(tick + 1_000));
                }
            }
            late += u32::from(done.is_none());
        }
        assert!(begun <= 400 && late == 0, "{begun} refreshes of 200 entries, {late} too late");
    }

    proptest! {
        #[test]
        fn more_hits_never_give_a_shorter_lifetime_and_a_later_time_is_as_due(ttl in 0u64..40_000_000, hits in 0.0f64..1e6, more in 0.0f64..1e6, left in 0u64..9_000_000, draw in 0.0f64..1.0) {
            prop_assert!(lifetime_ms(ttl, hits) <= lifetime_ms(ttl, hits + more));
            prop_assert!((1..=4).contains(&ttl_factor(hits)) && lifetime_ms(ttl, hits) <= 4 * ttl * 1000);
            prop_assert!(!refresh_due(left, ttl, hits, HOUR_MS, draw) || refresh_due(left / 2, ttl, hits, HOUR_MS, draw));
        }
    }
}
