//! The calendar month over which bandwidth is counted.

use chrono::{Datelike, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use crate::base::time::{EpochMs, HOUR_MS};

/// A calendar month in UTC, `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    year: i32,
    month: u32,
}

impl Period {
    /// The month that contains `now`.
    pub fn of(now: EpochMs) -> Period {
        let date = i64::try_from(now.0).ok().and_then(chrono::DateTime::from_timestamp_millis).unwrap_or_default();
        Period { year: date.year(), month: date.month() }
    }

    /// Reads `2026-11`, from 1970 to 9999.
    pub fn parse(text: &str) -> Option<Period> {
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let period = Period { year: year.parse().ok()?, month: month.parse().ok()? };
        (digits(year, 4) && digits(month, 2) && period.year >= 1970 && (1..=12).contains(&period.month)).then_some(period)
    }

    /// Its first millisecond.
    pub fn start(self) -> EpochMs {
        let date = Utc.with_ymd_and_hms(self.year, self.month, 1, 0, 0, 0).single().unwrap_or_default();
        EpochMs(u64::try_from(date.timestamp_millis()).unwrap_or_default())
    }

    /// The first millisecond of the next month.
    pub fn end(self) -> EpochMs {
        let next = if self.month >= 12 { Period { year: self.year + 1, month: 1 } } else { Period { year: self.year, month: self.month + 1 } };
        next.start()
    }

    /// The next month.
    pub fn next(self) -> Period {
        Period::of(self.end())
    }

    /// Its length, ms.
    pub fn ms(self) -> u64 {
        self.end().since(self.start())
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Time after a month's end before it is closed, ms: PoPs report what left in its last seconds a little later.
const SETTLE_MS: u64 = HOUR_MS;

/// Months that ended by then may be closed at `now`.
pub fn settled_until(now: EpochMs) -> EpochMs {
    EpochMs(now.0.saturating_sub(SETTLE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn month_is_read_as_it_is_written_and_nothing_else_is() {
        let november = Period::of(EpochMs(1_795_000_000_000));
        assert_eq!(Period::parse("2026-11"), Some(november));
        assert_eq!(Period::parse("1970-01").map(|period| period.start()), Some(EpochMs(0)));
        for bad in ["", "2026", "2026-0", "2026-00", "2026-13", "2026-1", "26-11", "1969-12", "+026-11", "2026-11-01", " 2026-11", "2026_11"] {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn periods_start_and_end_at_utc_month_boundaries() {
        let november = Period::of(EpochMs(1_795_000_000_000));
        assert_eq!((november.to_string().as_str(), november.start().rfc3339().as_str()), ("2026-11", "2026-11-01T00:00:00.000Z"));
        assert_eq!(Period::of(november.end()).to_string(), "2026-12");
        assert_eq!(Period::of(Period::of(november.end()).end()).to_string(), "2027-01");
        assert_eq!(Period::of(EpochMs(november.end().0 - 1)), november);
    }
}
