//! Requests per minute: the generic cell rate algorithm (ITU-T I.371, annex A), as a pure function of one number.
//!
//! Each admitted request advances the theoretical arrival time (TAT) by one emission interval; a request is refused if the TAT would be more than one window ahead.
//! An idle client may therefore spend the whole quota of a window at once; after that, requests pass at the steady rate.

/// The window of quotas per minute, µs.
const WINDOW_US: u64 = 60_000_000;

/// The same window in seconds, for the `RateLimit-Policy` header.
pub const WINDOW_SECONDS: u64 = 60;

/// Calls by upload token of one session, per minute: enough to record a part of the smallest chunk size sent directly to the store at 100 MB/s.
pub const SESSION_CALLS_PER_MINUTE: u64 = 600;

/// The result of one request against its rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RateLimitStatus {
    /// Requests per window.
    pub quota: u64,
    /// Requests that would be admitted immediately.
    pub remaining: u64,
    /// Seconds until `remaining` grows by one, rounded up, ≥ 1.
    pub reset: u64,
    /// Whether this request was admitted.
    pub admitted: bool,
}

/// Counts one request at `now_ms`. `tat_us` is the state: 0 initially, otherwise the value left by the previous call. A quota of 0 admits nothing.
pub fn admit(tat_us: &mut u64, quota: u64, window_ms: u64, now_ms: u64) -> RateLimitStatus {
    let (window, now) = (window_ms.saturating_mul(1000), now_ms.saturating_mul(1000));
    let interval = (window / quota.max(1)).max(1);
    // After the window was shortened or the clock set back the stored TAT may be too far ahead. The clamped one is stored for a refused request, too: otherwise
    // each would be refused as the first one was, until the clock reached the old TAT.
    *tat_us = (*tat_us).min(now.saturating_add(window));
    let start = (*tat_us).max(now);
    let admitted = quota > 0 && start.saturating_add(interval) <= now.saturating_add(window);
    if admitted {
        *tat_us = start.saturating_add(interval);
    }
    RateLimitStatus { admitted, ..status(*tat_us, quota, window_ms, now_ms) }
}

/// What a limiter in that state would admit at `now_ms`; nothing is counted. `admitted` tells whether a request would be.
pub fn status(tat_us: u64, quota: u64, window_ms: u64, now_ms: u64) -> RateLimitStatus {
    let (window, now) = (window_ms.saturating_mul(1000), now_ms.saturating_mul(1000));
    let interval = (window / quota.max(1)).max(1);
    let ahead = tat_us.clamp(now, now.saturating_add(window)) - now;
    let free = window - ahead;
    let remaining = if quota == 0 { 0 } else { (free / interval).min(quota) };
    let until_next = interval.saturating_mul(remaining.saturating_add(1)).saturating_sub(free);
    RateLimitStatus { quota, remaining, reset: until_next.div_ceil(1_000_000).max(1), admitted: remaining > 0 }
}

/// [`admit`] for quotas per minute.
pub fn admit_per_minute(tat_us: &mut u64, quota: u64, now_ms: u64) -> RateLimitStatus {
    admit(tat_us, quota, WINDOW_US / 1000, now_ms)
}

/// The rate-limit bucket of an address: the address itself, or for IPv6 its /64, because one subscriber has all addresses of a /64 (RFC 6177).
pub fn bucket(address: Option<&str>) -> String {
    match address.map(|text| (text, text.parse::<std::net::IpAddr>())) {
        Some((_, Ok(std::net::IpAddr::V6(v6)))) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some((text, _)) => text.to_owned(),
        None => "unknown".to_owned(),
    }
}

impl RateLimitStatus {
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11): `r` requests are left; more become available in `t` seconds.
    pub fn headers(&self, policy: &str, window_seconds: u64) -> [(&'static str, String); 2] {
        [
            ("ratelimit-policy", format!("\"{policy}\";q={};w={window_seconds}", self.quota)),
            ("ratelimit", format!("\"{policy}\";r={};t={}", self.remaining, self.reset)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn burst_of_quota_passes_then_one_request_per_interval() {
        let (mut tat, now) = (0, 1_795_000_000_000);
        for left in (0..10).rev() {
            let pace = admit_per_minute(&mut tat, 10, now);
            assert_eq!((pace.admitted, pace.remaining), (true, left));
        }
        let refused = admit_per_minute(&mut tat, 10, now);
        assert_eq!(refused, RateLimitStatus { quota: 10, remaining: 0, reset: 6, admitted: false });
        assert!(!admit_per_minute(&mut tat, 10, now + 5_999).admitted);
        assert!(admit_per_minute(&mut tat, 10, now + 6_000).admitted);
        assert_eq!(refused.headers("account", 60).map(|(_, value)| value), ["\"account\";q=10;w=60", "\"account\";r=0;t=6"].map(str::to_owned));
    }

    #[test]
    fn ipv6_addresses_of_one_64_share_a_bucket() {
        assert_eq!(bucket(Some("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(bucket(Some("2001:db8:1:2::9")), bucket(Some("2001:db8:1:2::8")));
        assert_eq!(
            (bucket(Some("192.0.2.1")), bucket(Some("::ffff:192.0.2.1")), bucket(None)),
            ("192.0.2.1".into(), "::ffff:192.0.2.1".into(), "unknown".into())
        );
    }

    #[test]
    fn zero_quota_admits_nothing_and_tat_too_far_ahead_recovers_within_one_window() {
        let (mut tat, now) = (0, 1_795_000_000_000);
        assert!(!admit_per_minute(&mut tat, 0, now).admitted);
        let mut tat = u64::MAX;
        let refused = admit_per_minute(&mut tat, 60, now);
        assert_eq!(refused, RateLimitStatus { quota: 60, remaining: 0, reset: 1, admitted: false });
        let at = |ms| {
            let mut state = tat;
            admit_per_minute(&mut state, 60, now + ms)
        };
        assert!(!at(999).admitted && at(1_000).admitted, "one interval after the refusal that found it");
        assert_eq!((at(60_000).admitted, at(60_000).remaining), (true, 59), "a window later nothing is left of it");
    }

    #[test]
    fn refused_request_delays_no_later_one() {
        let (mut tat, now) = (0, 1_795_000_000_000);
        while admit_per_minute(&mut tat, 10, now).admitted {}
        let before = tat;
        for ms in [0, 1_000, 5_999] {
            assert!(!admit_per_minute(&mut tat, 10, now + ms).admitted);
        }
        assert_eq!(tat, before);
    }

    #[test]
    fn shorter_window_refuses_for_at_most_one_of_its_intervals() {
        let (mut tat, now) = (0, 1_795_000_000_000);
        while admit(&mut tat, 60, 60_000, now).admitted {}
        assert!(!admit(&mut tat, 10, 1_000, now).admitted);
        assert!(admit(&mut tat, 10, 1_000, now + 100).admitted);
    }

    proptest! {
        #[test]
        fn admitted_requests_never_exceed_quota_plus_refill(quota in 1u64..2_000, steps in prop::collection::vec(0u64..5_000, 1..400)) {
            let (mut tat, start) = (0, 1_795_000_000_000);
            let (mut now, mut admitted) = (start, 0);
            for step in steps {
                now += step;
                admitted += u64::from(admit_per_minute(&mut tat, quota, now).admitted);
            }
            let refill = (now - start) * 1000 / (WINDOW_US / quota);
            prop_assert!(admitted <= quota + refill + 1);
        }

        #[test]
        fn client_that_waits_for_reset_is_never_refused(quota in 1u64..2_000, pauses in prop::collection::vec(0u64..3_000, 1..600)) {
            let (mut tat, mut now) = (0, 1_795_000_000_000);
            for pause in pauses {
                let pace = admit_per_minute(&mut tat, quota, now);
                prop_assert!(pace.admitted);
                now += if pace.remaining == 0 { pace.reset * 1000 } else { pause.min(1) };
            }
        }
    }
}
