//! Compares the rate at one number of parts in flight with that at another.

/// Growth from one round to the next above which connections are still opening their windows (BBR leaves its startup below 25 %).
const OPENING: f64 = 1.25;
/// Share of the proportional gain that more parts must bring: twice as many, 30 % more rate.
const WORTH: f64 = 0.3;
/// Relative rate down to which fewer parts count as equally fast.
const EQUAL: f64 = 0.97;

/// What follows from the rounds so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// The tried number is the better one.
    Helped,
    /// It is not: back to this one.
    Undone(usize),
    /// Nothing was tried.
    Cruised,
}

/// A number on trial, or none.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// The number before, and its rate, bytes/s.
    before: Option<(usize, f64)>,
    /// Rate of the previous round at this number; None in the first one, in which connections that are new are opened.
    last: Option<f64>,
}

impl Trial {
    /// Another number is tried from now on, instead of `number` with `rate`.
    pub fn begin(&mut self, number: usize, rate: f64) {
        *self = Trial { before: Some((number, rate)), last: None };
    }

    /// The trial is over.
    pub fn settle(&mut self) {
        *self = Trial::default();
    }

    /// Records a round with `number` parts at `rate`; None if more rounds are needed.
    pub fn round(&mut self, number: usize, rate: f64) -> Option<Outcome> {
        let last = self.last.replace(rate)?;
        if rate > last * OPENING {
            return None;
        }
        let Some((before, known)) = self.before else { return Some(Outcome::Cruised) };
        let needed = if number > before { 1.0 + WORTH * (number as f64 / before as f64 - 1.0) } else { EQUAL };
        // Two rounds, of which the better one counts: a single one may have been disturbed.
        Some(if rate.max(last) >= known * needed { Outcome::Helped } else { Outcome::Undone(before) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_in_which_the_rate_still_grows_decide_nothing() {
        let mut trial = Trial::default();
        assert_eq!([1.0, 2.0, 4.0, 4.5].map(|rate| trial.round(8, rate)), [None, None, None, Some(Outcome::Cruised)]);
    }

    #[test]
    fn more_parts_must_bring_their_share_and_fewer_must_be_as_fast() {
        let ended = |from, to, rate| {
            let mut trial = Trial::default();
            trial.begin(from, 100.0);
            (trial.round(to, rate), trial.round(to, rate)).1
        };
        assert_eq!((ended(8, 16, 131.0), ended(8, 16, 129.0)), (Some(Outcome::Helped), Some(Outcome::Undone(8))));
        assert_eq!((ended(8, 10, 108.0), ended(8, 10, 107.0)), (Some(Outcome::Helped), Some(Outcome::Undone(8))));
        assert_eq!((ended(8, 6, 98.0), ended(8, 6, 96.0)), (Some(Outcome::Helped), Some(Outcome::Undone(8))));
    }
}
