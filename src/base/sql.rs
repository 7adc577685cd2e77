//! SQL statements as values: a `repository.rs` file builds [`Statement`]s, [`crate::worker::platform`] runs them on D1, and native tests run the same ones on
//! SQLite.

/// A bound value. D1 accepts no BigInt, so integers are below 2^53 and are passed as f64.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// NULL.
    Null,
    /// 0..=2^53-1.
    Int(u64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
}

impl From<u64> for Arg {
    fn from(value: u64) -> Arg {
        Arg::Int(value)
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Arg {
        Arg::Int(value.into())
    }
}

impl From<f64> for Arg {
    fn from(value: f64) -> Arg {
        Arg::Real(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Arg {
        Arg::Text(value.to_owned())
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Arg {
        Arg::Text(value)
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Arg {
        value.map_or(Arg::Null, Into::into)
    }
}

/// One statement and its arguments, `?1` first.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// SQL with `?1`, `?2`, …
    pub sql: &'static str,
    /// The values.
    pub args: Vec<Arg>,
}

/// Deserializes SQLite's 0 or 1 as a bool.
pub fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    use serde::Deserialize;
    Ok(u8::deserialize(deserializer)? != 0)
}
