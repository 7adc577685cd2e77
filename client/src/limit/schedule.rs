//! Which rate holds at which time of the day.

use std::fmt;

use super::rate::Rate;

/// Rates by the time of the day from which they hold; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Minute of the day and rate, ascending.
    entries: Vec<(u16, Rate)>,
    is_constant: bool,
}

impl Schedule {
    /// One rate (`20M`, `off`), or entries `HH:MM,RATE` with spaces between them.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        if !text.contains(',') {
            return Ok(Schedule { entries: vec![(0, Rate::parse(text)?)], is_constant: true });
        }
        let mut entries = Vec::new();
        for entry in text.split_whitespace() {
            let (time, rate) = entry.split_once(',').ok_or_else(|| format!("'{entry}' is not HH:MM,RATE"))?;
            let minute = minute_of_day(time).ok_or_else(|| format!("'{time}' is no time from 00:00 to 23:59"))?;
            if entries.iter().any(|(other, _)| *other == minute) {
                return Err(format!("{time} is there twice"));
            }
            entries.push((minute, Rate::parse(rate)?));
        }
        entries.sort_by_key(|(minute, _)| *minute);
        Ok(Schedule { entries, is_constant: false })
    }

    /// The rate at this minute of the day (0..1440), local time. Before the first entry the last one of the day before still holds.
    pub fn rate_at(&self, minute: u16) -> Rate {
        let begun = self.entries.iter().rev().find(|(from, _)| *from <= minute);
        begun.or(self.entries.last()).map_or(Rate::OFF, |(_, rate)| *rate)
    }
}

impl fmt::Display for Schedule {
    /// As [`Schedule::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (minute, rate)) in self.entries.iter().enumerate() {
            if self.is_constant {
                return write!(f, "{rate}");
            }
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{:02}:{:02},{rate}", minute / 60, minute % 60)?;
        }
        Ok(())
    }
}

/// `HH:MM` as a minute of the day.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u16| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| digits && *number < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str, minute: u16) -> String {
        Schedule::parse(text).unwrap().rate_at(minute).to_string()
    }

    #[test]
    fn entry_holds_until_the_next_and_the_last_one_past_midnight() {
        let day = "18:00,off 08:00,5M";
        for (minute, rate) in [(0, "off"), (479, "off"), (480, "5M"), (1_079, "5M"), (1_080, "off"), (1_439, "off")] {
            assert_eq!(at(day, minute), rate, "{minute}");
        }
        assert_eq!(Schedule::parse(day).unwrap().to_string(), "08:00,5M 18:00,off");
        for minute in [0, 700, 1_439] {
            assert_eq!((at("2M", minute), at("12:00,1M", minute)), ("2M".to_owned(), "1M".to_owned()), "{minute}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_what_is_wrong() {
        for (text, what) in [
            ("24:00,1M", "24:00"),
            ("8:00,1M", "8:00"),
            ("08:60,1M", "08:60"),
            ("08:00,fast", "fast"),
            ("08:00,1M 9M", "9M"),
            ("08:00,1M 08:00,2M", "08:00"),
            (",", "''"),
            ("+8:00,1M", "+8:00"),
        ] {
            let refused = Schedule::parse(text).unwrap_err();
            assert!(refused.contains(what), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn every_minute_has_the_rate_of_the_last_entry_before_it_around_the_clock(times in prop::collection::btree_set(0u16..1_440, 1..6), minute in 0u16..1_440) {
            let times: Vec<u16> = times.into_iter().collect();
            let text: Vec<_> = times.iter().enumerate().map(|(n, at)| format!("{:02}:{:02},{}M", at / 60, at % 60, n + 1)).collect();
            let schedule = Schedule::parse(&text.join(" ")).unwrap();
            let expected = times.iter().rposition(|at| *at <= minute).unwrap_or(times.len() - 1) + 1;
            prop_assert_eq!(schedule.rate_at(minute).to_string(), format!("{expected}M"));
            prop_assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule));
        }
    }
}
