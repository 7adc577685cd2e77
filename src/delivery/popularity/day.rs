//! When people of a country are at work, by the hours of the day in which they upload (`upload_patterns`), and what that says of the hits to come.

use crate::base::time::{EpochMs, HOUR_MS};
use crate::delivery::count::Country;

/// Hours of a day.
const HOURS: u64 = 24;

/// Uploads of a country below which its hours say nothing: ten for each hour.
const FEWEST: u64 = 240;

/// Bounds of what an outlook may say.
const BOUNDS: (f64, f64) = (0.5, 2.0);

/// Uploads of a country by hour of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day([u64; 24]);

impl Day {
    /// From hours of the day and their uploads, in any order; others had none.
    pub fn of(hours: impl Iterator<Item = (u64, u64)>) -> Day {
        let mut day = [0_u64; 24];
        for (hour, uploads) in hours {
            if let Some(sum) = usize::try_from(hour).ok().and_then(|hour| day.get_mut(hour)) {
                *sum = sum.saturating_add(uploads);
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

/// Maximum number of countries that an isolate knows.
const MAX_COUNTRIES: usize = 16;

/// What an isolate knows of countries.
#[derive(Debug, Default)]
pub struct Days(Vec<Known>);

#[derive(Debug)]
struct Known {
    country: Country,
    until: EpochMs,
    /// None while it is being read, or if it could not be.
    day: Option<Day>,
}

impl Days {
    /// The country's day, if it is known.
    pub fn get(&self, country: Country, now: EpochMs) -> Option<&Day> {
        self.0.iter().find(|known| known.country == country && now < known.until).and_then(|known| known.day.as_ref())
    }

    /// Whether the caller is to read the country's day: nobody else does until then, unless sixteen other countries come in between.
    pub fn claim(&mut self, country: Country, until: EpochMs, now: EpochMs) -> bool {
        let is_claimed = self.0.iter().any(|known| known.country == country && now < known.until);
        if !is_claimed {
            self.set(country, None, until);
        }
        !is_claimed
    }

    /// Sets the country's day until then. If there is no room, what was set first is forgotten.
    pub fn set(&mut self, country: Country, day: Option<Day>, until: EpochMs) {
        self.0.retain(|known| known.country != country);
        if self.0.len() >= MAX_COUNTRIES {
            self.0.remove(0);
        }
        self.0.push(Known { country, until, day });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_is_claimed_once_until_its_end_and_seventeen_do_not_fit() {
        let country = |code: u8| Country::parse(Some(&format!("A{}", char::from(b'A' + code))));
        let mut days = Days::default();
        assert!(days.claim(country(0), EpochMs(10), EpochMs(0)) && !days.claim(country(0), EpochMs(10), EpochMs(9)));
        assert!(days.get(country(0), EpochMs(0)).is_none() && days.claim(country(0), EpochMs(20), EpochMs(10)), "it was not read");
        days.set(country(0), Some(day(|_| 1)), EpochMs(50));
        assert_eq!(days.get(country(0), EpochMs(49)), Some(&day(|_| 1)));
        assert!(days.get(country(0), EpochMs(50)).is_none() && days.get(country(1), EpochMs(0)).is_none());
        (1..=16).for_each(|code| days.set(country(code), None, EpochMs(50)));
        assert_eq!((days.0.len(), days.0.iter().any(|known| known.country == country(0))), (MAX_COUNTRIES, false));
    }

    fn day(uploads: impl Fn(u64) -> u64) -> Day {
        Day::of((0..24).map(|hour| (hour, uploads(hour))))
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
        assert_eq!(Day::of([(24, u64::MAX)].into_iter()), Day([0; 24]));
        let most = Day::of([(3, u64::MAX), (3, 1)].into_iter());
        assert_eq!((most.outlook(EpochMs(2 * HOUR_MS), HOUR_MS), most.outlook(EpochMs(u64::MAX), 1)), (2.0, 1.0));
    }
}
