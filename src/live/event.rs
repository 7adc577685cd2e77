//! The messages: JSON `{type, at, …}`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::time::EpochMs;
use crate::files::asset::Asset;
use crate::live::bounds::{MAX_MESSAGE, RETRY_MS};
use crate::uploads::session::state::{Meta, Part};
use crate::uploads::session::transfer::Transfer;

/// An upload, without names.
#[derive(Debug, Serialize)]
struct Upload<'a> {
    session: Option<Id>,
    asset: Id,
    namespace: &'a Name,
    /// Bytes that are stored.
    bytes: u64,
    size: u64,
    parts: usize,
    /// Megabits per second so far.
    mbps: Option<f64>,
}

fn of<'a>(meta: &Meta, parts: impl Iterator<Item = &'a Part> + Clone, bytes: Option<u64>) -> Upload<'_> {
    Upload {
        session: Some(meta.session),
        asset: meta.asset,
        namespace: &meta.namespace,
        bytes: bytes.unwrap_or_else(|| parts.clone().map(|part| part.size).fold(0, u64::saturating_add)),
        size: meta.file_size,
        parts: parts.clone().count(),
        mbps: Transfer::of(parts).known_mbps(),
    }
}

fn message(kind: &str, at: EpochMs, upload: &Upload<'_>) -> String {
    json!({ "type": kind, "at": at.rfc3339(), "upload": upload }).to_string()
}

/// Parts were stored.
pub fn progress<'a>(meta: &Meta, parts: impl Iterator<Item = &'a Part> + Clone, at: EpochMs) -> String {
    message("upload.progress", at, &of(meta, parts, None))
}

/// An upload became a file.
pub fn completed(meta: &Meta, parts: &[Part], at: EpochMs) -> String {
    message("upload.completed", at, &of(meta, parts.iter(), Some(meta.file_size)))
}

/// A file that was stored by one request, or did not have to be sent.
pub fn stored(asset: &Asset, at: EpochMs) -> String {
    let upload = Upload { session: None, asset: asset.id, namespace: &asset.namespace, bytes: asset.size, size: asset.size, parts: 0, mbps: None };
    message("upload.completed", at, &upload)
}

/// An upload ended without a file.
pub fn failed(meta: &Meta, parts: &[Part], at: EpochMs) -> String {
    message("upload.failed", at, &of(meta, parts.iter(), None))
}

/// An alert was fired or resolved: `kind` and `data` are those of its webhook.
pub fn alert(kind: &str, data: &Value, at: EpochMs) -> String {
    let alert = data.get("alert").cloned().unwrap_or_default();
    json!({ "type": kind, "at": at.rfc3339(), "alert": alert }).to_string()
}

/// A message as an event of a `text/event-stream` (HTML standard, "Server-sent events"); none if it is too long, or no message.
pub fn frame(number: u64, message: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    // JSON has no line breaks outside of its texts, and escapes those within.
    let typed: Typed = (message.len() <= MAX_MESSAGE && !message.contains(['\n', '\r'])).then(|| json::read(message).ok()).flatten()?;
    Some(format!("id: {number}\nevent: {}\ndata: {message}\n\n", typed.kind))
}

/// How a stream begins.
pub fn opening() -> String {
    format!("retry: {RETRY_MS}\n: connected\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_one_event_with_its_type_and_others_are_none() {
        let alert = alert("alert.fired", &json!({ "namespace": "n", "alert": { "kind": "hit_rate" } }), EpochMs(0));
        assert_eq!(alert, r#"{"alert":{"kind":"hit_rate"},"at":"1970-01-01T00:00:00.000Z","type":"alert.fired"}"#);
        assert_eq!(frame(7, &alert), Some(format!("id: 7\nevent: alert.fired\ndata: {alert}\n\n")));
        let long = json!({ "type": "x", "y": "z".repeat(MAX_MESSAGE) }).to_string();
        for bad in ["", "{}", "{\n\"type\":\"x\"}", &long] {
            assert_eq!(frame(1, bad), None);
        }
        assert!(opening().ends_with("\n\n") && opening().starts_with("retry: 5000\n"));
    }
}
