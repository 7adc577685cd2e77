//! Answers that are problems (RFC 9457), as components: most routes share theirs.

use std::collections::BTreeMap;

use jettyspeed_edge::problem::CATALOGUE;
use serde_json::{Map, Value, json};

use crate::headers;

/// The answers that routes have asked for.
#[derive(Default)]
pub struct Problems(BTreeMap<(u16, Vec<&'static str>), String>);

/// The codes of a route by their status.
///
/// # Panics
/// If one is in no catalogue.
pub fn by_status(codes: Vec<&'static str>) -> BTreeMap<u16, Vec<&'static str>> {
    let mut found: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for code in codes {
        let kind = CATALOGUE.iter().find(|kind| kind.code == code).unwrap_or_else(|| panic!("{code} is no problem's code"));
        found.entry(kind.status).or_default().push(code);
    }
    found
}

impl Problems {
    /// The name of the answer with one of these codes: the status and the first code, with a number if several sets begin so.
    pub fn name(&mut self, status: u16, codes: Vec<&'static str>) -> String {
        let start = format!("{status}-{}", codes.first().copied().unwrap_or_default());
        let same = self.0.iter().filter(|((other, set), _)| *other == status && set.first() == codes.first()).count();
        let new = if same == 0 { start } else { format!("{start}-{}", same + 1) };
        self.0.entry((status, codes)).or_insert(new).clone()
    }

    /// The content of the answer of that name.
    pub fn content(&self, name: &str) -> Map<String, Value> {
        let found = self.0.iter().find(|(_, known)| *known == name).map(|((status, codes), _)| response(*status, codes));
        found.and_then(|response| response.get("content").and_then(Value::as_object).cloned()).unwrap_or_default()
    }

    /// All of them.
    pub fn responses(&self) -> Map<String, Value> {
        self.0.iter().map(|((status, codes), name)| (name.clone(), response(*status, codes))).collect()
    }
}

fn response(status: u16, codes: &[&'static str]) -> Value {
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let further: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        408 | 409 | 429 | 500..=599 => &["Retry-After"],
        416 => &["Content-Range"],
        _ => &[],
    };
    let kind = CATALOGUE.iter().find(|kind| Some(&kind.code) == codes.first());
    let example = kind.map(|kind| {
        json!({
            "type": format!("/problems/{}", kind.code), "title": kind.title, "status": kind.status, "detail": kind.about, "code": kind.code,
            "requestId": "5f0c6a52-6a3c-4b1e-9d0e-0d6c3c1f7a11",
        })
    });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, { "properties": { "code": { "enum": codes } } }] });
    json!({
        "description": listed.join(", "),
        "headers": headers::of(headers::ALWAYS.iter().chain(further).chain(&["RateLimit", "RateLimit-Policy"])),
        "content": { "application/problem+json": { "schema": schema, "example": example } },
    })
}

/// The schema of all of them.
pub fn schema() -> schemars::Schema {
    let codes: Vec<&str> = CATALOGUE.iter().map(|kind| kind.code).collect();
    schemars::json_schema!({
        "type": "object",
        "description": "RFC 9457. Further members help a program to go on: docs/api.md, Problem codes.",
        "required": ["type", "title", "status", "detail", "code", "requestId"],
        "properties": {
            "type": { "type": "string", "description": "`/problems/<code>`, which explains the code." },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "One sentence about this occurrence, for people." },
            "code": { "type": "string", "enum": codes },
            "requestId": { "type": "string", "description": "Equals X-Request-Id." },
            "field": { "type": "string", "description": "The field or header with the wrong value." },
            "retryAfter": { "type": "number", "description": "Seconds; equals Retry-After." },
        },
    })
}
