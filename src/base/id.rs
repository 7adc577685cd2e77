//! Identifiers: names chosen by callers and ids generated here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Maximum length of a name, characters.
pub const MAX_NAME: usize = 128;

/// Prefix of the name of an account's default namespace; the user id follows.
pub const OWN_NAMESPACE: &str = "jt_user_";

/// A caller-chosen name (user id, namespace, video id): `[A-Za-z0-9][A-Za-z0-9._-]{0,127}` (docs/api.md, Naming and formats). The name of an account's
/// default namespace may be longer by [`OWN_NAMESPACE`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Parses a name; None if the alphabet or the length is wrong.
    pub fn parse(text: &str) -> Option<Name> {
        let first = text.bytes().next()?;
        let alphabet_ok = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let max_length = MAX_NAME + if text.starts_with(OWN_NAMESPACE) { OWN_NAMESPACE.len() } else { 0 };
        (first.is_ascii_alphanumeric() && text.len() <= max_length && alphabet_ok).then(|| Name(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Name::parse(&text).ok_or("must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

/// A UUIDv4 (RFC 9562) in its lowercase hyphenated form: sessions, assets, objects, requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(uuid::Uuid);

impl Id {
    /// From 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Id {
        Id(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Parses the canonical form only, so that each id has exactly one text form.
    pub fn parse(text: &str) -> Option<Id> {
        let id = uuid::Uuid::try_parse(text).ok()?;
        (id.hyphenated().to_string() == text).then_some(Id(id))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| serde::de::Error::custom("not a lowercase UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_outside_alphabet_or_length_is_refused() {
        for good in ["a", "jt_user_7", "A.b-c_9", &"x".repeat(128), &format!("jt_user_{}", "x".repeat(128))] {
            assert!(Name::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a b", "ä", "a\0", &"x".repeat(129), &format!("jt_user_{}", "x".repeat(129))] {
            assert!(Name::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn id_parses_from_its_canonical_form_only_and_object_keys_are_recognised() {
        let id = Id::from_random([7; 16]);
        assert_eq!(id.to_string(), "07070707-0707-4707-8707-070707070707");
        assert_eq!(Id::parse("07070707-0707-4707-8707-070707070707"), Some(id));
        assert_eq!(Id::parse("0707070707074707870707070707070"), None);
        assert_eq!(Id::parse("07070707070747078707070707070707"), None);
    }
}
