//! The periods of a report, and the hours or days that they consist of.

use crate::base::time::{DAY_MS, EpochMs, HOUR_MS};
use crate::problem::Problem;

/// Hourly rows are kept for so long, ms.
pub const HOURS_KEPT_MS: u64 = 35 * DAY_MS;

/// Daily rows are kept for so long, ms.
pub const DAYS_KEPT_MS: u64 = 400 * DAY_MS;

/// What a report covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// This hour and the 23 before it.
    Day,
    /// Today (UTC) and the 6 days before it.
    Week,
    /// Today (UTC) and the 29 days before it.
    Month,
}

impl Period {
    /// Reads the parameter `period`; a week without one.
    ///
    /// # Errors
    /// 422 naming it.
    pub fn parse(text: Option<&str>) -> Result<Period, Problem> {
        match text {
            Some("24h") => Ok(Period::Day),
            None | Some("7d") => Ok(Period::Week),
            Some("30d") => Ok(Period::Month),
            Some(_) => Err(Problem::invalid("period", "must be 24h, 7d or 30d")),
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Period::Day => "24h",
            Period::Week => "7d",
            Period::Month => "30d",
        }
    }

    /// Its frame at that instant.
    pub fn frame(self, now: EpochMs) -> Frame {
        let (step, buckets) = match self {
            Period::Day => (HOUR_MS, 24),
            Period::Week => (DAY_MS, 7),
            Period::Month => (DAY_MS, 30),
        };
        let current = start_of(now, step);
        let from = EpochMs(current.0.saturating_sub((buckets - 1) * step));
        Frame { previous: EpochMs(from.0.saturating_sub(buckets * step)), from, step, buckets }
    }
}

/// The beginning of the hour or day (UTC) of `step` ms that has the instant.
pub fn start_of(at: EpochMs, step: u64) -> EpochMs {
    EpochMs(at.0 - at.0 % step.max(1))
}

/// A period in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where the period before it begins, which is as long.
    pub previous: EpochMs,
    /// Where it begins.
    pub from: EpochMs,
    /// Length of an hour or of a day, ms.
    pub step: u64,
    /// How many there are.
    pub buckets: u64,
}

impl Frame {
    /// Whether the series is by day, not by hour.
    pub fn is_by_day(&self) -> bool {
        self.step == DAY_MS
    }

    /// The beginnings of the hours or days, ascending.
    pub fn starts(&self) -> impl Iterator<Item = EpochMs> + '_ {
        (0..self.buckets).map(|number| self.from.plus(number * self.step))
    }

    /// How a beginning is written: an instant for an hour, a date for a day.
    pub fn label(&self, at: EpochMs) -> String {
        if self.is_by_day() { at.date() } else { at.rfc3339() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> EpochMs {
        EpochMs::parse(text).unwrap()
    }

    #[test]
    fn period_defaults_to_a_week_and_anything_else_is_refused_by_name() {
        for (text, period) in [(None, Period::Week), (Some("24h"), Period::Day), (Some("7d"), Period::Week), (Some("30d"), Period::Month)] {
            assert_eq!(Period::parse(text).unwrap(), period);
            assert_eq!(Period::parse(Some(period.as_str())).unwrap(), period);
        }
        for bad in ["", "24H", "1d", "7d ", "-7d", "30 d", "9999999999d"] {
            assert!(matches!(Period::parse(Some(bad)), Err(Problem::Invalid { field, .. }) if field == "period"), "{bad}");
        }
    }

    #[test]
    fn frame_has_the_current_hour_or_day_and_those_before_it_and_as_many_before_these() {
        let now = at("2026-03-01T05:59:59.999Z");
        for (period, previous, from, last, buckets) in [
            (Period::Day, "2026-02-27T06:00:00Z", "2026-02-28T06:00:00Z", "2026-03-01T05:00:00.000Z", 24),
            (Period::Week, "2026-02-16T00:00:00Z", "2026-02-23T00:00:00Z", "2026-03-01", 7),
            (Period::Month, "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", "2026-03-01", 30),
        ] {
            let frame = period.frame(now);
            assert_eq!((frame.previous, frame.from), (at(previous), at(from)), "{period:?}");
            let starts: Vec<EpochMs> = frame.starts().collect();
            assert_eq!((starts.len(), frame.label(*starts.last().unwrap())), (buckets, last.to_owned()));
            assert!(starts.windows(2).all(|pair| pair[1].since(pair[0]) == frame.step));
        }
        assert_eq!(Period::Month.frame(EpochMs(7)).previous, EpochMs(0), "nothing is before 1970");
    }
}
