//! Rows of named numbers: the one form in which gauges, samples and readings are stored and sent.

/// Some numbers.
pub type Numbers = Vec<f64>;

/// A name and its numbers.
pub type Row = (String, Numbers);

/// A number that was whole and not negative.
// Those that are written are below 2^53; anything else is cut to what fits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole(number: f64) -> u64 {
    number as u64
}
