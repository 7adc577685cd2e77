//! What an edge's object is asked and what it answers.

use serde::{Deserialize, Serialize};

use super::Reading;
use super::sample::Sample;

/// What it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Take these in.
    Samples {
        /// The edge: an object does not know its own name.
        edge: String,
        /// Mbit/s.
        capacity_mbps: u64,
        /// How often what is known is published, s.
        every_seconds: u64,
        /// By who measured.
        by: Vec<(String, Vec<Sample>)>,
    },
    /// What is known?
    Read {},
}

/// What it answers to [`Message::Read`].
pub type Reply = Reading;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format() {
        let sample = Sample { bytes: 1, ms: 2.0, ok: true, km: None };
        let message = Message::Samples { edge: "fra".into(), capacity_mbps: 1, every_seconds: 15, by: vec![("worker".into(), vec![sample])] };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"samples":{"edge":"fra","capacity_mbps":1,"every_seconds":15,"by":[["worker",[{"bytes":1,"ms":2.0,"ok":true,"km":null}]]]}}"#
        );
        assert_eq!(serde_json::to_string(&Message::Read {}).unwrap(), r#"{"read":{}}"#);
    }
}
