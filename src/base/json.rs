//! JSON in and out.
//!
//! One parser reads every text into a tree, and each type reads itself from that: with serde's shorter way the parser would be compiled anew for every type,
//! and so would the reading of objects that are written as lists, which nobody means.

use serde::de::{DeserializeOwned, Error as _, Expected, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::json_tree;
use crate::base::json_tree::Tree;

/// Why a text is not the JSON that was asked for, or a value cannot be written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.0)]
pub struct Error(Box<Words>);

/// Boxed: it is in every result on the way of every type.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words(String);

impl Error {
    #[cold]
    #[inline(never)]
    fn of(words: String) -> Error {
        Error(Box::new(Words(words)))
    }
}

// Without the value that was not expected: it is the client's, and telling floating-point numbers takes 15 KB.
impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Error {
        Error::of(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::of(format!("invalid type: expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::of(format!("invalid value: expected {expected}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::of(error.to_string())
    }
}

/// Whether a text is JSON at all.
///
/// # Errors
/// What is wrong, and where.
pub fn check(text: &str) -> Result<(), Error> {
    Ok(serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ())?)
}

/// Reads a value. Unknown fields are ignored; objects are written as objects.
///
/// # Errors
/// [`Error`].
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    T::deserialize(serde_json::from_str::<json_tree::Tree>(text)?)
}

/// Reads `inner` from the members of the same object that `own` reads itself from. serde's `flatten` does the same with several times the code.
///
/// # Errors
/// Of either.
pub fn joined<'de, D: Deserializer<'de>, T, U: DeserializeOwned>(
    deserializer: D,
    own: impl FnOnce(Tree) -> Result<T, Error>,
    put: impl FnOnce(&mut T, U),
) -> Result<T, D::Error> {
    let tree = Tree::deserialize(deserializer)?;
    let mut whole = own(tree.clone()).map_err(D::Error::custom)?;
    put(&mut whole, U::deserialize(tree).map_err(D::Error::custom)?);
    Ok(whole)
}

/// Writes a value.
///
/// # Errors
/// [`Error`]: for maps whose keys are not texts.
pub fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    Ok(serde_json::to_string(value)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum External {
        Unit,
        Newtype(u64),
        Tuple(u8, String),
        Struct { numbers: Vec<Option<f64>>, name: String },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "camelCase")]
    enum Internal {
        One { signed: i64 },
        Other(BTreeMap<String, u64>),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(remote = "Self")]
    struct Flat {
        #[serde(default)]
        there: bool,
        #[serde(skip)]
        rest: Inner,
    }

    impl<'de> Deserialize<'de> for Flat {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flat, D::Error> {
            joined(deserializer, Flat::deserialize, |flat, rest| flat.rest = rest)
        }
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Inner {
        a: Option<u64>,
        pair: (u64, char),
    }

    fn round<T: std::fmt::Debug + PartialEq + Serialize + DeserializeOwned>(value: T) {
        let text = write(&value).unwrap();
        assert_eq!(read::<T>(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn what_is_written_is_read() {
        round([External::Unit, External::Newtype(u64::MAX), External::Tuple(7, "x".into())]);
        round(External::Struct { numbers: vec![Some(1.5), None, Some(1e300)], name: "ü\"\n".into() });
        round((Internal::One { signed: -3 }, Internal::Other([("a".to_owned(), 1)].into())));
        let flat = Flat { there: true, rest: Inner { a: None, pair: (1, 'é') } };
        assert_eq!(read::<Flat>(r#"{"there":true,"pair":[1,"é"]}"#).unwrap(), flat);
        round((serde_json::json!({ "any": [1, null, "x", { "y": -1.5 }] }), (), Some(Some(true))));
        assert_eq!(read::<Flat>(r#"{"pair":[1,"x"],"unknown":{}}"#).unwrap().rest.a, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |error: Error| error.to_string();
        assert_eq!(said(read::<u64>("1 2").unwrap_err()), "trailing characters at line 1 column 3");
        assert_eq!(said(read::<u64>("-1").unwrap_err()), "invalid value: expected u64");
        assert_eq!(said(read::<Inner>("[null, [1, \"x\"]]").unwrap_err()), "invalid type: a list, expected struct Inner");
        assert_eq!(said(read::<Inner>("{}").unwrap_err()), "missing field `pair`");
        assert_eq!(said(read::<Inner>(r#"{"pair":[1,"x",2]}"#).unwrap_err()), "invalid length 3, expected a tuple of size 2");
        for bad in ["\"unit2\"", "{}", "{\"newtype\":1,\"unit\":null}", "1", "\"newtype\"", "{\"tuple\":[1]}"] {
            assert!(read::<External>(bad).is_err(), "{bad}");
        }
        assert!(write(&[((), ())].into_iter().collect::<BTreeMap<(), ()>>()).is_err());
    }
}
