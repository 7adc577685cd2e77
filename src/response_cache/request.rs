//! Bodies of `POST /api/cache/set` and `POST /api/cache/get`.

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::base::id::Name;
use crate::http::json_body::JsonText;
use crate::http::validate::check_namespace;
use crate::problem::Problem;
use crate::response_cache::canonical;

/// Maximum length of `messages` and of `response` as JSON, bytes.
pub const MAX_VALUE_BYTES: usize = 1_000_000;

/// Maximum length of `provider` and of `model`, bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Lifetime of an entry whose request names none, s: a week.
const DEFAULT_TTL: u64 = 604_800;

/// Bounds of a lifetime, s. KV keeps nothing for less than a minute (Cloudflare KV documentation, "Expiring keys"); what is kept is paid for by the month.
const TTL: std::ops::RangeInclusive<u64> = 60..=2_592_000;

#[derive(Deserialize)]
struct Fields {
    provider: String,
    model: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    ttl: Option<u64>,
}

/// What a model was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// SHA-256 of the canonical JSON of provider, model and messages, as hex.
    pub hash: String,
    /// The namespace that was named; `None`: the account's own.
    pub namespace: Option<Name>,
}

/// A response to keep.
#[derive(Debug)]
pub struct Set<'a> {
    /// What it answers.
    pub question: Question,
    /// The response, as it was written: one JSON value of at most [`MAX_VALUE_BYTES`] bytes.
    pub response: &'a str,
    /// Lifetime, s.
    pub ttl: u64,
}

impl Question {
    /// Reads the body of `get`.
    ///
    /// # Errors
    /// 422 that names the field.
    pub fn read(body: &JsonText<'_>) -> Result<Question, Problem> {
        let fields: Fields = body.read()?;
        let messages = list_of_messages(body)?;
        Question::of(&fields, messages)
    }

    fn of(Fields { provider, model, namespace, .. }: &Fields, messages: &str) -> Result<Question, Problem> {
        let namespace = check_namespace("namespace", namespace.as_deref())?;
        let mut text = Vec::with_capacity(messages.len());
        text.extend_from_slice(b"{\"messages\":");
        canonical::write(messages, &mut text).map_err(|fault| Problem::invalid("messages", fault.to_string()))?;
        for (name, value) in [("model", model), ("provider", provider)] {
            if value.is_empty() || value.len() > MAX_TEXT_BYTES {
                return Err(Problem::invalid(name, format!("must be 1 to {MAX_TEXT_BYTES} bytes of UTF-8")));
            }
            text.extend_from_slice(format!(",\"{name}\":").as_bytes());
            canonical::write_string(value, &mut text);
        }
        text.push(b'}');
        Ok(Question { hash: hex::encode(Sha256::digest(&text)), namespace })
    }
}

impl<'a> Set<'a> {
    /// Reads the body of `set`.
    ///
    /// # Errors
    /// 422 that names the field.
    pub fn read(body: &JsonText<'a>) -> Result<Set<'a>, Problem> {
        let fields: Fields = body.read()?;
        let messages = list_of_messages(body)?;
        let response = value(body, "response")?;
        let ttl = fields.ttl.unwrap_or(DEFAULT_TTL);
        if !TTL.contains(&ttl) {
            return Err(Problem::invalid("ttl", format!("must be {} to {} seconds", TTL.start(), TTL.end())));
        }
        Ok(Set { question: Question::of(&fields, messages)?, response, ttl })
    }
}

fn value<'a>(body: &JsonText<'a>, name: &'static str) -> Result<&'a str, Problem> {
    let text = body.raw(name)?.map(RawValue::get).ok_or_else(|| Problem::invalid(name, "is required"))?;
    if text.len() > MAX_VALUE_BYTES {
        return Err(Problem::invalid(name, format!("must be at most {MAX_VALUE_BYTES} bytes of JSON")));
    }
    Ok(text)
}

fn list_of_messages<'a>(body: &JsonText<'a>) -> Result<&'a str, Problem> {
    let text = value(body, "messages")?;
    if text.starts_with('[') { Ok(text) } else { Err(Problem::invalid("messages", "must be a list")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn get(body: &str) -> Result<Question, Problem> {
        Question::read(&JsonText::check(body.as_bytes())?)
    }

    fn set(body: &Value) -> Result<u64, Problem> {
        let text = body.to_string();
        let body = JsonText::check(text.as_bytes())?;
        Set::read(&body).map(|set| set.ttl)
    }

    fn good() -> Value {
        json!({ "provider": "openai", "model": "gpt-4", "messages": [{ "role": "user", "content": "Hi" }], "namespace": "ns", "response": "Hello", "ttl": 60 })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = good();
        body[name] = value;
        body
    }

    fn field(outcome: Result<u64, Problem>) -> String {
        match outcome {
            Err(Problem::Invalid { field, .. }) => field.into_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn hash_is_that_of_the_canonical_json_and_pinned() {
        let text = r#"{"messages":[{"content":"Hi","role":"user"}],"model":"gpt-4","provider":"openai"}"#;
        let expected = hex::encode(Sha256::digest(text));
        assert_eq!(expected, "1b7397a6d61e9ad3b47290830c456d9f488cbfb3216ac42331fb761ce7d3914e");
        for body in
            [good().to_string(), r#"{"model":"gpt-4","messages":[ {"role":"user","content":"\u0048i"} ],"provider":"openai","more":1}"#.to_owned()]
        {
            assert_eq!(get(&body).unwrap().hash, expected, "{body}");
        }
    }

    #[test]
    fn each_of_provider_model_and_messages_makes_another_hash_and_nothing_else_does() {
        let hash = |body: &Value| get(&body.to_string()).unwrap().hash;
        let all = [
            good(),
            with("provider", json!("openai2")),
            with("model", json!("gpt-4o")),
            with("model", json!("gpt-4\",\"provider\":\"openai")),
            with("messages", json!([])),
            with("messages", json!([{ "role": "user", "content": "Hi", "name": null }])),
            with("messages", json!([{ "role": "user", "content": "hi" }])),
        ];
        let hashes: std::collections::BTreeSet<String> = all.iter().map(hash).collect();
        assert_eq!(hashes.len(), all.len());
        for same in [with("namespace", json!("other")), with("namespace", Value::Null), with("response", json!(1)), with("ttl", json!(61))] {
            assert_eq!(hash(&same), hash(&good()));
        }
    }

    #[test]
    fn ttl_is_60_s_to_30_days_and_a_week_by_default() {
        for (ttl, expected) in [(json!(60), 60), (json!(2_592_000), 2_592_000), (Value::Null, 604_800)] {
            assert_eq!(set(&with("ttl", ttl)), Ok(expected));
        }
        for ttl in [json!(0), json!(59), json!(2_592_001), json!(u64::MAX), json!(-1), json!(60.5), json!("60")] {
            assert_eq!(field(set(&with("ttl", ttl.clone()))), "ttl", "{ttl}");
        }
    }

    #[test]
    fn bad_value_is_refused_with_its_field() {
        let long = |bytes: usize| json!("x".repeat(bytes));
        for (name, value) in [
            ("provider", Value::Null),
            ("provider", json!("")),
            ("provider", json!(7)),
            ("provider", long(257)),
            ("model", Value::Null),
            ("model", long(257)),
            ("messages", Value::Null),
            ("messages", json!("Hi")),
            ("messages", json!({ "role": "user" })),
            ("messages", json!([long(MAX_VALUE_BYTES - 3)])),
            ("namespace", json!("a b")),
            ("namespace", json!(["a"])),
            ("response", Value::Null),
            ("response", long(MAX_VALUE_BYTES - 1)),
        ] {
            assert_eq!(field(set(&with(name, value.clone()))), name, "{}", &value.to_string()[..value.to_string().len().min(40)]);
        }
        for (name, value) in [
            ("messages", json!([long(MAX_VALUE_BYTES - 4)])),
            ("response", long(MAX_VALUE_BYTES - 2)),
            ("model", long(256)),
            ("response", json!(false)),
        ] {
            assert_eq!(set(&with(name, value)), Ok(60), "{name}");
        }
        let twice = |name: &str| {
            let body = good().to_string();
            let body = format!("{{\"{name}\":[1],{}", &body[1..]);
            let text = JsonText::check(body.as_bytes()).unwrap();
            field(Set::read(&text).map(|set| set.ttl))
        };
        assert_eq!(["messages", "response"].map(twice), ["messages", "response"]);
        let named_twice = r#"{"provider":"p","model":"m","messages":[{"a":1,"a":2}]}"#;
        assert!(matches!(get(named_twice), Err(Problem::Invalid { field, .. }) if field == "messages"));
    }

    #[test]
    fn response_is_kept_as_it_was_written() {
        let body = r#"{"provider":"p","model":"m","messages":[],"response":  { "b" : 1.0, "a":"\u00e9" } }"#;
        let text = JsonText::check(body.as_bytes()).unwrap();
        assert_eq!(Set::read(&text).unwrap().response, r#"{ "b" : 1.0, "a":"\u00e9" }"#);
    }
}
