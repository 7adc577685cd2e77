//! Messages of the fill-lock Durable Object (docs/delivery.md, Request collapsing).

use serde::{Deserialize, Serialize};

/// Request to the fill-lock object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Acquires the lock. The reply comes when the lock is granted or when its holder is done.
    #[serde(rename = "ask")]
    Acquire {
        /// Cache key of the slice.
        key: String,
    },
    /// The holder releases the lock.
    Done {
        /// Cache key of the slice.
        key: String,
        /// Serial number of the lock, from [`Reply::Acquired`].
        serial: u64,
        /// Whether the slice is in the cache now.
        stored: bool,
    },
}

/// Reply of the fill-lock object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The lock is granted: read the origin. Carries the lock's serial number.
    #[serde(rename = "yours")]
    Acquired(u64),
    /// Another request has filled the slice: read it from the cache.
    Stored,
    /// Another request tried to fill the slice and the origin failed.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form_is_pinned() {
        let text = |value: &Message| serde_json::to_string(value).unwrap();
        assert_eq!(text(&Message::Acquire { key: "k".into() }), r#"{"ask":{"key":"k"}}"#);
        assert_eq!(text(&Message::Done { key: "k".into(), serial: 7, stored: true }), r#"{"done":{"key":"k","serial":7,"stored":true}}"#);
        assert_eq!(serde_json::to_string(&[Reply::Acquired(7), Reply::Stored, Reply::Failed]).unwrap(), r#"[{"yours":7},"stored","failed"]"#);
    }
}
