//! What a lease object is asked and what it answers.

use serde::{Deserialize, Serialize};

/// What it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// May I read this? Answered once it is known.
    Ask {
        /// The cache key.
        key: String,
    },
    /// The holder is done.
    Done {
        /// The cache key.
        key: String,
        /// The lease.
        serial: u64,
        /// Whether it is in the cache now.
        stored: bool,
    },
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Read it; the lease's number.
    #[serde(rename = "yours")]
    Acquired(u64),
    /// Somebody else has read it: it is in the cache.
    Stored,
    /// Somebody else has tried, and the store did not give it.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format() {
        let text = |value: &Message| serde_json::to_string(value).unwrap();
        assert_eq!(text(&Message::Ask { key: "k".into() }), r#"{"ask":{"key":"k"}}"#);
        assert_eq!(text(&Message::Done { key: "k".into(), serial: 7, stored: true }), r#"{"done":{"key":"k","serial":7,"stored":true}}"#);
        assert_eq!(serde_json::to_string(&[Reply::Acquired(7), Reply::Stored, Reply::Failed]).unwrap(), r#"[{"yours":7},"stored","failed"]"#);
    }
}
