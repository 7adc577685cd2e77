//! Parsing of JSON request bodies.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::base::json::without_value;
use crate::problem::Problem;

/// Maximum JSON body of most routes, bytes (docs/api.md, Limits).
pub const MAX_BODY: u64 = 256 * 1024;

/// Maximum body of `track-upload`, bytes: 10,000 chunk hashes are 670 KB.
pub const MAX_TRACK_BODY: u64 = 2 * 1024 * 1024;

/// Maximum body of `/api/cache/set` and `get`, bytes: messages and a response of 1 MB each.
pub const MAX_CACHE_BODY: u64 = 2 * 1024 * 1024;

/// Parses a JSON body: one object. Unknown fields are ignored.
///
/// # Errors
/// 400 if it is not JSON; 422 that names the field if a value has another type.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    JsonText::check(body)?.read()
}

/// Maximum members of the object: more than any body means, and few enough to look through.
const MAX_MEMBERS: usize = 1_000;

/// Maximum depth of nesting: several times that of any body that means something.
const MAX_DEPTH: usize = 64;

/// Whether a JSON text is nested deeper than [`MAX_DEPTH`]. Of a text that is not JSON either answer is right.
fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// A body that is one JSON object. Its syntax is checked once; the members' values are read when a type asks for them, so that unknown ones cost nothing more.
#[derive(Debug)]
pub struct JsonText<'a>(Vec<(String, &'a RawValue)>);

impl<'a> JsonText<'a> {
    /// Checks the syntax of the whole. It goes first: in a truncated body, a wrong type before the end must not turn the 400 into a 422.
    ///
    /// # Errors
    /// 400 if it is not JSON, or nested too deeply; 422 if it is no object, or one with more than 1,000 members.
    pub fn check(body: &'a [u8]) -> Result<JsonText<'a>, Problem> {
        let malformed = |error: &dyn fmt::Display| Problem::Malformed { detail: format!("The body is not JSON: {error}.") };
        let text = std::str::from_utf8(body).map_err(|error| malformed(&error))?;
        if is_too_deep(text) {
            return Err(Problem::Malformed { detail: format!("The body is nested too deeply: at most {MAX_DEPTH} levels.") });
        }
        if !text.trim_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed(&error))?;
            return Err(Problem::invalid("body", "must be an object"));
        }
        match serde_json::from_str::<Members<'a>>(text) {
            Ok(members) => Ok(JsonText(members.0)),
            Err(error) if error.is_data() => Err(Problem::invalid("body", "must have at most 1,000 members")),
            Err(error) => Err(malformed(&error)),
        }
    }

    /// A member as it was written, for values of any type; None if it is absent or null.
    ///
    /// # Errors
    /// 422 that names the member if the object has it twice.
    pub fn raw(&self, name: &'static str) -> Result<Option<&'a RawValue>, Problem> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| *value);
        let first = found.next();
        if found.next().is_some() {
            return Err(Problem::invalid(name, "must not be given twice"));
        }
        Ok(first.filter(|value| value.get() != "null"))
    }

    /// Reads it as a value of that type.
    ///
    /// # Errors
    /// 422 that names the field if a value has another type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let members = self.0.iter().map(|(name, value)| (name.as_str(), Member(value)));
        serde_path_to_error::deserialize(MapDeserializer::new(members)).map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
            let path = error.path().to_string();
            wrong_type(if path == "." { "" } else { &path }, &error.into_inner().to_string())
        })
    }
}

/// The members of an object, their values as they were written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(OnlyMembers)
    }
}

struct OnlyMembers;

impl<'de> Visitor<'de> for OnlyMembers {
    type Value = Members<'de>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The value of a member, read when it is asked for.
struct Member<'de>(&'de RawValue);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Member<'de> {
    type Deserializer = Member<'de>;
    fn into_deserializer(self) -> Member<'de> {
        self
    }
}

impl<'de> Deserializer<'de> for Member<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, serde_json::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, serde_json::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The problem for serde's error at `path`. Leaves out the value: it may be a secret.
fn wrong_type(path: &str, message: &str) -> Problem {
    let message = without_value(message);
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Problem::invalid(within(name), "is required");
    }
    let field = if path.is_empty() { "body" } else { path };
    Problem::invalid(field.to_owned(), message)
}

/// `Content-Length` in bytes, checked against the route's limit. JSON bodies are buffered whole, so their length must be known first.
///
/// # Errors
/// 411, 400, 413.
pub fn check_length(content_length: Option<&str>, limit: u64) -> Result<u64, Problem> {
    let length: u64 = content_length
        .ok_or(Problem::LengthRequired)?
        .trim()
        .parse()
        .map_err(|_| Problem::Malformed { detail: "Content-Length is not a number.".to_owned() })?;
    if length > limit { Err(Problem::BodyTooLarge { limit, hint: "" }) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[allow(dead_code)]
        n: u64,
        #[allow(dead_code)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[allow(dead_code)]
        list: Vec<u8>,
    }

    #[test]
    fn raw_member_is_as_it_was_written_and_null_is_absent() {
        let body = JsonText::check(br#"{"a": [ 1.0 ] ,"b":null,"c":1,"c":2}"#).unwrap();
        let raw = |name| body.raw(name).map(|value| value.map(RawValue::get));
        assert_eq!((raw("a"), raw("b"), raw("d")), (Ok(Some("[ 1.0 ]")), Ok(None), Ok(None)));
        assert!(matches!(raw("c"), Err(Problem::Invalid { field, .. }) if field == "c"));
    }

    #[test]
    fn nesting_is_counted_outside_of_strings_and_65_levels_are_refused() {
        let object = |value: &str| JsonText::check(format!("{{\"a\":{value}}}").as_bytes()).map(|_| ());
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(object(&nested(MAX_DEPTH - 1)), Ok(()));
        assert!(matches!(object(&nested(MAX_DEPTH)), Err(Problem::Malformed { detail }) if detail.contains("at most 64 levels")));
        let quoted = "[".repeat(1_000);
        for text in [format!("\"{quoted}\""), format!("\"\\\"{quoted}\""), "\"\\\\\"".to_owned(), format!("[{}1]", "[],".repeat(1_000))] {
            assert_eq!(object(&text), Ok(()), "{text}");
        }
        assert!(object(&format!("\"\\\\\",\"b\":{}", nested(MAX_DEPTH))).is_err());
    }

    #[test]
    fn object_of_1001_members_is_422_and_syntax_behind_a_wrong_type_is_still_400() {
        let members = |count: usize| format!("{{\"n\":1{}}}", ",\"a\":0".repeat(count - 1));
        assert!(parse::<Body>(members(1_000).as_bytes()).is_ok());
        let refused = parse::<Body>(members(1_001).as_bytes());
        assert!(matches!(refused, Err(Problem::Invalid { ref field, .. }) if field == "body"), "{refused:?}");
        for broken in ["{\"n\":\"x\",\"m\":[1,}", "{\"n\":1,\"inner\":[[}", "{\"n\":\"x\"", "{\"n\":1}}", "{\"a\":\"\\x\",\"n\":1}"] {
            assert_eq!(parse::<Body>(broken.as_bytes()).err().map(|problem| problem.kind().status), Some(400), "{broken}");
        }
    }

    #[test]
    fn bad_syntax_is_400_wrong_type_is_422_with_the_field_and_missing_length_is_411() {
        let status = |text: &[u8]| parse::<Body>(text).err().map(|problem| problem.kind().status);
        assert_eq!(status(b"{\"n\":1,\"m\":2}"), None);
        for bad in [b"".as_slice(), b"{", b"{\"n\":1}x", b"\xff", b"{\"n\":1e", b"nul"] {
            assert_eq!(status(bad), Some(400), "{bad:?}");
        }
        for bad in [b"{}".as_slice(), b"[]", b"{\"n\":\"1\"}", b"{\"n\":-1}", b"{\"n\":1.5}", b"{\"n\":99999999999999999999}"] {
            assert_eq!(status(bad), Some(422), "{bad:?}");
        }
        let field = |text: &[u8]| match parse::<Body>(text) {
            Err(Problem::Invalid { field, detail }) => format!("{field} {detail}"),
            other => format!("{other:?}"),
        };
        assert_eq!(field(b"{}"), "n is required");
        assert_eq!(field(b"{\"n\":\"secret\"}"), "n must be u64");
        assert_eq!(field(b"{\"n\":1,\"inner\":{\"list\":[1,true]}}"), "inner.list[1] must be u8");
        assert_eq!(field(b"{\"n\":1,\"inner\":{}}"), "inner.list is required");
        assert_eq!(field(b"[]"), "body must be an object");
        assert_eq!(check_length(None, 1), Err(Problem::LengthRequired));
        assert_eq!(check_length(Some("2"), 1).map_err(|p| p.kind().status), Err(413));
        assert_eq!(check_length(Some("1"), 1), Ok(1));
    }
}
