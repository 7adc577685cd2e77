//! Parsing of JSON request bodies.

use serde::de::DeserializeOwned;

use crate::base::json::without_value;
use crate::problem::Problem;

/// Maximum JSON body of most routes, bytes (docs/api.md, Limits).
pub const MAX_BODY: u64 = 256 * 1024;

/// Maximum body of `track-upload`, bytes: 10,000 chunk hashes are 670 KB.
pub const MAX_TRACK_BODY: u64 = 2 * 1024 * 1024;

/// Parses a JSON body: one object. Unknown fields are ignored.
///
/// # Errors
/// 400 if it is not JSON; 422 that names the field if a value has another type.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    JsonText::check(body)?.read()
}

/// A body that is one JSON object, for bodies that are read as more than one type: their syntax is checked once.
#[derive(Debug, Clone, Copy)]
pub struct JsonText<'a>(&'a str);

impl<'a> JsonText<'a> {
    /// Checks the syntax. It goes first: in a truncated body, a wrong type before the end must not turn the 400 into a 422.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 if it is no object.
    pub fn check(body: &'a [u8]) -> Result<JsonText<'a>, Problem> {
        let malformed = |error: &dyn std::fmt::Display| Problem::Malformed { detail: format!("The body is not JSON: {error}.") };
        let text = std::str::from_utf8(body).map_err(|error| malformed(&error))?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| malformed(&error))?;
        if text.trim_start().starts_with('{') { Ok(JsonText(text)) } else { Err(Problem::invalid("body", "must be an object")) }
    }

    /// Reads it as a value of that type.
    ///
    /// # Errors
    /// 422 that names the field if a value has another type.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let mut deserializer = serde_json::Deserializer::from_str(self.0);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            wrong_type(if path == "." { "" } else { &path }, &error.into_inner().to_string())
        })
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
