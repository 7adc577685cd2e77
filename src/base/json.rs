//! Reads and writes JSON with serde_json.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::structs::FromObjects;

/// Why a text is not the JSON that was asked for, without the value at fault: errors are logged, and values may be secrets or names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error(format!("{} at line {} column {}", without_value(&error.to_string()), error.line(), error.column()))
    }
}

/// An error message of serde_json without its place and without the value that it quotes (`invalid type: string "…", expected u64`).
pub fn without_value(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    message.rsplit_once("expected ").map_or_else(|| message.to_owned(), |(_, expected)| format!("must be {expected}"))
}

/// Reads a value.
///
/// # Errors
/// If the text is not JSON, or not of that type.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(FromObjects(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// Writes a value.
///
/// # Errors
/// For a map whose keys are not strings.
pub fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    Ok(serde_json::to_string(value)?)
}

/// A JSON object. serde_json also reads a list as a struct, by position, which no client means.
struct Object<T>(T);

struct OnlyObjects<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyObjects<T> {
    type Value = Object<T>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(OnlyObjects(PhantomData))
    }
}

/// An optional JSON object (`null` is absent); a list in its place is refused. Used with `#[serde(default)]`.
///
/// # Errors
/// For a value of another type.
pub fn optional_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// A list of at most `MOST` items: what follows is not read, because a body may hold a hundred times as many.
struct Bounded<T, const MOST: usize>(Vec<T>);

struct OnlyFew<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for OnlyFew<T, MOST> {
    type Value = Bounded<T, MOST>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MOST}")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bounded<T, MOST>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::invalid_length(MOST.saturating_add(1), &self));
            }
            list.push(item);
        }
        Ok(Bounded(list))
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bounded<T, MOST>, D::Error> {
        deserializer.deserialize_seq(OnlyFew(PhantomData))
    }
}

/// An optional list of at most `MOST` items; `null` is absent. Used with `#[serde(default)]`.
///
/// # Errors
/// For a value of another type, and for a longer list.
pub fn optional_list<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    Ok(Option::<Bounded<T, MOST>>::deserialize(deserializer)?.map(|list| list.0))
}

/// A list of at most `MOST` JSON objects, `null` being an empty one; lists in the place of the objects are refused.
///
/// # Errors
/// For a value of another type, and for a longer list.
pub fn objects<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(optional_list::<MOST, Object<T>, D>(deserializer)?.unwrap_or_default().into_iter().map(|object| object.0).collect())
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

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        #[serde(default, deserialize_with = "optional_object")]
        one: Option<Body>,
        #[serde(default, deserialize_with = "objects::<2, _, _>")]
        many: Vec<Body>,
        #[serde(default, deserialize_with = "optional_list::<3, _, _>")]
        few: Option<Vec<u8>>,
    }

    #[test]
    fn list_in_place_of_an_object_is_refused() {
        let body = || Body { list: vec![1], ttl: None };
        assert_eq!(
            read::<Outer>(r#"{"one":{"list":[1]},"many":[{"list":[1]}]}"#).unwrap(),
            Outer { one: Some(body()), many: vec![body()], few: None }
        );
        assert_eq!(read::<Outer>(r#"{"one":null,"many":null}"#).unwrap(), Outer { one: None, many: vec![], few: None });
        for bad in [r#"{"one":[[1]]}"#, r#"{"one":[]}"#, r#"{"many":[[[1]]]}"#, r#"{"one":1}"#] {
            assert!(read::<Outer>(bad).unwrap_err().to_string().contains("must be an object"), "{bad}");
        }
    }

    #[test]
    fn list_beyond_its_bound_is_refused_without_being_read() {
        assert_eq!(read::<Outer>(r#"{"few":[1,2,3],"many":[{},{}]}"#).unwrap().few, Some(vec![1, 2, 3]));
        for long in [r#"{"few":[1,2,3,4]}"#, r#"{"many":[{},{},{}]}"#] {
            assert!(read::<Outer>(long).unwrap_err().to_string().contains("must be a list of at most"), "{long}");
        }
        assert_eq!(read::<Outer>(r#"{"few":null}"#).unwrap().few, None);
    }

    #[test]
    fn error_names_the_place_and_never_the_value() {
        let error = read::<Body>(r#"{"ttl":"secret"}"#).unwrap_err().to_string();
        assert_eq!(error, "must be u64 at line 1 column 15");
        assert!(!read::<Body>(r#"{"list":"secret"}"#).unwrap_err().to_string().contains("secret"));
        assert!(read::<Body>("{").unwrap_err().to_string().contains("EOF"));
    }

    #[test]
    fn null_and_absent_give_defaults_unless_null_resets() {
        assert_eq!(read::<Body>("{}").unwrap(), Body { list: vec![], ttl: None });
        assert_eq!(read::<Body>(r#"{"list":null,"ttl":null}"#).unwrap(), Body { list: vec![], ttl: Some(None) });
        assert_eq!(read::<Body>(r#"{"list":[1],"ttl":2}"#).unwrap(), Body { list: vec![1], ttl: Some(Some(2)) });
        assert!(read::<Body>(r#"{"list":"x"}"#).is_err() && read::<Body>("{} {}").is_err());
    }
}
