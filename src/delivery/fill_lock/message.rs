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
        /// What came of it.
        filled: Filled,
    },
}

/// What the holder of a lock did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// It read the slice and put it into the cache, which may have ignored it.
    Read,
    /// The origin failed.
    Failed,
    /// It did not read the origin, for want of memory.
    Untried,
}

/// Reply of the fill-lock object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The lock is granted: read the origin. Carries the lock's serial number.
    #[serde(rename = "yours")]
    Acquired(u64),
    /// Another request has read the slice: look for it in the cache.
    Stored,
    /// Another request had the lock and did not read the origin.
    Again,
    /// Another request tried to fill the slice and the origin failed.
    Failed,
}

impl From<Filled> for Reply {
    fn from(filled: Filled) -> Reply {
        match filled {
            Filled::Read => Reply::Stored,
            Filled::Failed => Reply::Failed,
            Filled::Untried => Reply::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form_is_pinned() {
        let text = |value: &Message| serde_json::to_string(value).unwrap();
        assert_eq!(text(&Message::Acquire { key: "k".into() }), r#"{"ask":{"key":"k"}}"#);
        assert_eq!(text(&Message::Done { key: "k".into(), serial: 7, filled: Filled::Read }), r#"{"done":{"key":"k","serial":7,"filled":"read"}}"#);
        assert_eq!(serde_json::to_string(&[Filled::Failed, Filled::Untried]).unwrap(), r#"["failed","untried"]"#);
        assert_eq!(
            serde_json::to_string(&[Reply::Acquired(7), Reply::Stored, Reply::Again, Reply::Failed]).unwrap(),
            r#"[{"yours":7},"stored","again","failed"]"#
        );
    }
}
