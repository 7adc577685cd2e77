//! Instants in milliseconds since the Unix epoch, in the three formats that HTTP, JSON and SigV4 use.

use serde::{Deserialize, Serialize};

/// An hour, ms.
pub const HOUR_MS: u64 = 3_600_000;

/// A day, ms.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochMs(pub u64);

impl EpochMs {
    /// This instant plus `ms` milliseconds.
    pub fn plus(self, ms: u64) -> EpochMs {
        EpochMs(self.0.saturating_add(ms))
    }

    /// Whether it is the beginning of 1970, which stands for "never" in what is persisted.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Milliseconds since `earlier`; 0 if `earlier` is later than this instant.
    pub fn since(self, earlier: EpochMs) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses RFC 3339; None for anything else and for instants before 1970.
    pub fn parse(text: &str) -> Option<EpochMs> {
        let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(at.timestamp_millis()).ok().map(EpochMs)
    }

    /// Parses an HTTP date (RFC 9110 section 5.6.7); None for anything else and for instants before 1970.
    pub fn parse_http_date(text: &str) -> Option<EpochMs> {
        let at = httpdate::parse_http_date(text.trim()).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok().map(EpochMs)
    }

    /// RFC 3339 in UTC with milliseconds, `2026-11-20T04:06:23.120Z`.
    pub fn rfc3339(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(chrono::DateTime::from_timestamp_millis)
            .unwrap_or_default()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    /// The date in UTC, `2026-11-20` (RFC 3339, full-date).
    pub fn date(self) -> String {
        self.rfc3339().chars().take_while(|c| *c != 'T').collect()
    }

    /// The two dates of Signature Version 4: `20261120T040623Z` and `20261120`.
    pub fn amz(self) -> (String, String) {
        let text = self.rfc3339();
        let seconds: String = text.split('.').next().unwrap_or_default().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let day = seconds.chars().take(8).collect();
        (format!("{seconds}Z"), day)
    }

    /// IMF-fixdate of RFC 9110 section 5.6.7, for `Last-Modified`.
    pub fn http_date(self) -> String {
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.0))
    }
}

/// CPU time of the calling thread, ms: unlike the clock, it does not depend on what else the machine does. For tests of bounds in work.
#[cfg(test)]
pub fn thread_cpu_ms() -> u64 {
    // The first number is the time on a CPU, ns (Linux kernel documentation, "Scheduler Statistics").
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_parsed_with_its_offset_and_other_text_gives_none() {
        assert_eq!(EpochMs::parse("2015-08-30T14:36:00.120+02:00"), Some(EpochMs(1_440_938_160_120)));
        assert_eq!(EpochMs::parse("1970-01-01T00:00:00Z"), Some(EpochMs(0)));
        for bad in ["1969-12-31T23:59:59Z", "2015-08-30", "", "1440938160"] {
            assert_eq!(EpochMs::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_in_three_formats() {
        let t = EpochMs(1_440_938_160_120);
        assert_eq!(t.rfc3339(), "2015-08-30T12:36:00.120Z");
        assert_eq!(t.amz(), ("20150830T123600Z".into(), "20150830".into()));
        assert_eq!(t.http_date(), "Sun, 30 Aug 2015 12:36:00 GMT");
        assert_eq!(EpochMs::parse_http_date(" Sun, 30 Aug 2015 12:36:00 GMT"), Some(EpochMs(1_440_938_160_000)));
        assert_eq!([EpochMs::parse_http_date("2015-08-30T12:36:00Z"), EpochMs::parse_http_date("")], [None, None]);
    }
}
