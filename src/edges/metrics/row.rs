//! Rows of named numbers: the form in which gauges, samples and readings are stored and sent.

/// The values of a row.
pub type Numbers = Vec<f64>;

/// A name and its values.
pub type Row = (String, Numbers);

/// Converts a number that was written from a non-negative integer.
// Written numbers are below 2^53; anything else saturates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole(number: f64) -> u64 {
    number as u64
}
