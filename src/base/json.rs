//! Reads and writes JSON with serde_json.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

pub use serde_json::Error;

/// Reads a value.
///
/// # Errors
/// If the text is not JSON, or not of that type.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
}

/// Writes a value.
///
/// # Errors
/// For a map whose keys are not strings.
pub fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
}

/// Treats `null` as absent: the field gets its default. For optional fields that are not an `Option`; used with `#[serde(default)]`.
///
/// # Errors
/// For a value of another type.
pub fn null_as_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Distinguishes `null` (`Some(None)`: reset to the default) from absent (`None`: no change). Used with `#[serde(default)]`.
///
/// # Errors
/// For a value of another type.
pub fn null_as_reset<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "null_as_default")]
        list: Vec<u8>,
        #[serde(default, deserialize_with = "null_as_reset")]
        ttl: Option<Option<u64>>,
    }

    #[test]
    fn null_and_absent_give_defaults_unless_null_resets() {
        assert_eq!(read::<Body>("{}").unwrap(), Body { list: vec![], ttl: None });
        assert_eq!(read::<Body>(r#"{"list":null,"ttl":null}"#).unwrap(), Body { list: vec![], ttl: Some(None) });
        assert_eq!(read::<Body>(r#"{"list":[1],"ttl":2}"#).unwrap(), Body { list: vec![1], ttl: Some(Some(2)) });
        assert!(read::<Body>(r#"{"list":"x"}"#).is_err() && read::<Body>("{} {}").is_err());
    }
}
