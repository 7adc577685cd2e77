//! When people of a country are at work, by the hours of the day in which they upload (`upload_patterns`), and what that says of the hits to come.

use serde::Deserialize;

use crate::base::time::{EpochMs, HOUR_MS};

/// Hours of a day.
const HOURS: u64 = 24;

/// Uploads of a country below which its hours say nothing: ten for each hour.
const FEWEST: u64 = 240;

/// Bounds of what an outlook may say.
const BOUNDS: (f64, f64) = (0.5, 2.0);

/// Uploads of a country in an hour of the day (UTC): a row of [`crate::edges::repository::hours_of_day`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Row {
    hour_of_day: u64,
    uploads: u64,
}

/// Uploads of a country by hour of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day([u64; 24]);

impl Day {
    /// From rows in any order; hours without one had no uploads.
    pub fn of(rows: &[Row]) -> Day {
        let mut day = [0_u64; 24];
        for row in rows {
            if let Some(hour) = usize::try_from(row.hour_of_day).ok().and_then(|hour| day.get_mut(hour)) {
                *hour = hour.saturating_add(row.uploads);
            }
        }
        Day(day)
    }

    /// How many hits an hour the next `ahead_ms` will bring for each one that this hour brings, if they come when uploads do: from 0.5 to 2. In the early
    /// morning more, in the evening fewer; 1 if too little is known, or for times beyond a day.
    pub fn outlook(&self, now: EpochMs, ahead_ms: u64) -> f64 {
        let total = self.0.iter().fold(0_u64, |sum, uploads| sum.saturating_add(*uploads));
        let hours = ahead_ms.div_ceil(HOUR_MS).max(1);
        if total < FEWEST || hours >= HOURS {
            return 1.0;
        }
        let mean = total as f64 / HOURS as f64;
        // A quarter of the mean beside what was counted, so that an hour without any uploads makes no other one seem endless.
        let activity = |hour: u64| {
            let uploads = usize::try_from(hour % HOURS).ok().and_then(|hour| self.0.get(hour)).copied().unwrap_or_default();
            uploads as f64 + mean / 4.0
        };
        let this = now.0 / HOUR_MS;
        let coming = (1..=hours).map(|hour| activity(this.saturating_add(hour))).sum::<f64>() / hours as f64;
        (coming / activity(this)).clamp(BOUNDS.0, BOUNDS.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(uploads: impl Fn(u64) -> u64) -> Day {
        Day::of(&(0..24).map(|hour_of_day| Row { hour_of_day, uploads: uploads(hour_of_day) }).collect::<Vec<_>>())
    }

    #[test]
    fn morning_brings_more_and_evening_fewer_within_a_half_and_double() {
        let office = day(|hour| if (8..18).contains(&hour) { 100 } else { 0 });
        let at = |hour, ahead| office.outlook(EpochMs(20_000 * 24 * HOUR_MS + hour * HOUR_MS + 7), ahead * HOUR_MS);
        assert_eq!((at(7, 4), at(17, 4), at(23, 1)), (2.0, 0.5, 1.0));
        assert_eq!(at(10, 4), 1.0, "an hour like those to come");
        let last = at(16, 2);
        assert!((0.54..0.56).contains(&last), "{last}");
        assert_eq!((at(7, 24), at(7, 1_000)), (1.0, 1.0), "whole days have all hours");
        assert_eq!(at(7, 0), at(7, 1));
    }

    #[test]
    fn few_uploads_and_hours_that_there_are_not_say_nothing() {
        assert_eq!(day(|hour| u64::from(hour == 3) * 239).outlook(EpochMs(2 * HOUR_MS), HOUR_MS), 1.0);
        assert_eq!(Day::of(&[Row { hour_of_day: 24, uploads: u64::MAX }]), Day([0; 24]));
        let most = Day::of(&[Row { hour_of_day: 3, uploads: u64::MAX }, Row { hour_of_day: 3, uploads: 1 }]);
        assert_eq!((most.outlook(EpochMs(2 * HOUR_MS), HOUR_MS), most.outlook(EpochMs(u64::MAX), 1)), (2.0, 1.0));
    }
}
