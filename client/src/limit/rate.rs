//! A bound of a rate, as users write it.

use std::fmt;

/// Lowest and highest bound, bytes per second: below the first a request does not end before a server gives it up.
const LEAST: u64 = 10_000;
const MOST: u64 = 100_000_000_000;

/// A bound in bytes per second, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate(Option<u64>);

impl Rate {
    /// No bound.
    pub const OFF: Rate = Rate(None);

    /// `off`, or bytes per second with K, M or G for 10^3, 10^6, 10^9: `20M`, `1.5m`, `800000`.
    ///
    /// # Errors
    /// Why the text is none: it is no number, below 10K or above 100G.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("off") {
            return Ok(Rate::OFF);
        }
        let wrong = || format!("'{text}' is no rate: 'off', or bytes per second such as 800K, 20M or 1.5G");
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (text.get(..at), 1e3),
            Some((at, 'm' | 'M')) => (text.get(..at), 1e6),
            Some((at, 'g' | 'G')) => (text.get(..at), 1e9),
            _ => (Some(text), 1.0),
        };
        // The parser of numbers takes more than users mean, such as 'inf' and '1e5'.
        let digits = digits.filter(|digits| digits.chars().all(|digit| digit.is_ascii_digit() || digit == '.')).ok_or_else(wrong)?;
        let bytes = digits.parse::<f64>().map_err(|_| wrong())? * unit;
        if !(LEAST as f64..=MOST as f64).contains(&bytes) {
            return Err(format!("'{text}' is not a rate from 10K to 100G bytes per second"));
        }
        Ok(Rate(Some(bytes as u64)))
    }

    /// Bytes per second; None without a bound.
    pub fn bytes_per_second(self) -> Option<u64> {
        self.0
    }
}

impl fmt::Display for Rate {
    /// As [`Rate::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("off"),
            Some(bytes) => match [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "K")].into_iter().find(|(unit, _)| bytes % unit == 0) {
                Some((unit, letter)) => write!(f, "{}{letter}", bytes / unit),
                None => write!(f, "{bytes}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_decimal_and_what_is_none_is_refused_with_its_text() {
        for (text, bytes) in [
            ("off", None),
            ("OFF", None),
            ("20M", Some(20_000_000)),
            ("1.5m", Some(1_500_000)),
            (" 10k ", Some(10_000)),
            ("100G", Some(MOST)),
            ("800000", Some(800_000)),
        ] {
            assert_eq!(Rate::parse(text).map(Rate::bytes_per_second), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1M", "20MB", "1e9", "inf", "nan", "9999", "0", "101G", "20 M", "1.2.3M", "é", "5é"] {
            assert!(Rate::parse(text).unwrap_err().contains(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_rate_is_read_as_it_is_shown(bytes in LEAST..=MOST) {
            let rate = Rate(Some(bytes));
            prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            let _ = Rate::parse(&text);
        }
    }
}
