//! Times of files: milliseconds since 1970, as the server keeps them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Milliseconds since 1970; 0 before that, which the server has no times of.
pub fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time so many milliseconds after 1970; None beyond what the system counts.
pub fn of_milliseconds(ms: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(ms))
}

/// RFC 3339 with milliseconds, in UTC; None beyond the year 262,000.
pub fn rfc3339(ms: u64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Milliseconds since 1970 of RFC 3339; None for what is none, or before 1970.
pub fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_before_1970_count_as_its_beginning_and_parts_of_milliseconds_are_cut() {
        assert_eq!(milliseconds(UNIX_EPOCH - Duration::from_secs(5)), 0);
        assert_eq!(milliseconds(UNIX_EPOCH + Duration::from_nanos(1_999_999)), 1);
        assert_eq!(rfc3339(1_577_934_245_006).as_deref(), Some("2020-01-02T03:04:05.006Z"));
        assert_eq!([parse_time("1969-12-31T23:59:59Z"), parse_time("soon"), rfc3339(u64::MAX).map(|_| 0)], [None; 3]);
        assert_eq!(parse_time("2020-01-02T04:04:05.006+01:00"), Some(1_577_934_245_006));
    }

    proptest! {
        #[test]
        fn any_time_is_the_same_behind_the_server(ms in 0u64..8_000_000_000_000) {
            prop_assert_eq!(rfc3339(ms).and_then(|text| parse_time(&text)), Some(ms));
            prop_assert_eq!(of_milliseconds(ms).map(milliseconds), Some(ms));
        }
    }
}
