//! Header fields of answers.

use serde_json::{Map, Value, json};

/// Those of every answer.
pub const ALWAYS: &[&str] = &["X-Request-Id", "Server-Timing"];

/// Those of answers with content from the cache.
pub const CONTENT: &[&str] =
    &["Accept-Ranges", "Cache-Control", "Cache-Status", "Content-Disposition", "Content-Length", "Content-Range", "ETag", "Last-Modified", "Vary"];

const FIELDS: &[(&str, &str)] = &[
    ("Accept-Ranges", "`bytes`: ranges are served (RFC 9110 section 14.3)."),
    ("Allow", "The methods of this path."),
    ("Cache-Control", "How long the client may keep it; never shared caches (RFC 9111)."),
    ("Cache-Status", "Whether a cache had it (RFC 9211; docs/delivery.md)."),
    ("Content-Disposition", "`inline` with the file's name (RFC 6266)."),
    ("Content-Length", "Bytes of the answer."),
    ("Content-Range", "Which bytes these are, of how many."),
    ("ETag", "The version: strong, or weak for content that was compressed here."),
    ("Idempotent-Replayed", "`true`: this is the first answer to the same Idempotency-Key."),
    ("Last-Modified", "When the bytes were stored."),
    ("RateLimit", "Requests that are left, and in how many seconds there will be more (draft-ietf-httpapi-ratelimit-headers-11)."),
    ("RateLimit-Policy", "The limit that this call counts against, and its window."),
    ("Retry-After", "Seconds after which a repeat may help."),
    ("Server-Timing", "`total` and what was waited for, ms."),
    ("Vary", "Which request headers the answer depends on."),
    ("WWW-Authenticate", "The scheme to authenticate with."),
    ("X-Request-Id", "Names this request in logs."),
];

/// The components of the document.
pub fn components() -> Map<String, Value> {
    FIELDS.iter().map(|(name, about)| ((*name).to_owned(), json!({ "description": about, "schema": { "type": "string" } }))).collect()
}

/// References to these components.
pub fn of<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> Map<String, Value> {
    names.into_iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}
