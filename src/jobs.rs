//! What is to be done at the store, later: Durable Objects and requests enqueue, the consumer does, as often as it takes.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};

/// When the store is done with what it may still be doing after nobody waits for it any more, s: a write or a completion whose answer nobody heard.
pub const LATE_SECONDS: u64 = 3_600;

/// One job. All are safe to repeat: the queue delivers at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Tell an account's open uploads that it was suspended or resumed.
    #[serde(rename = "tell_uploads")]
    PropagateSuspension {
        /// The account.
        account: Id,
        /// The last session that was told.
        cursor: String,
    },
    /// Look at an object's bytes.
    Verify {
        /// The object.
        object: Id,
    },
    /// Abort uploads at the store that no session owns.
    Sweep {
        /// Where to go on in the store's listing: key and upload id.
        marker: Option<(String, String)>,
    },
    /// Find out whether the store checks payload hashes.
    Probe,
    /// Delete what nothing references any more.
    Collect,
    /// Look at an upload that has been open for long: one that has lost its record is opened again, so that it ends by time.
    Wake {
        /// The session.
        session: Id,
        /// Whose.
        account: Id,
    },
    /// Delete an object that was to be a file and became none, if it is there.
    Orphan {
        /// Whose it would be.
        account: Id,
        /// The object.
        object: Id,
    },
    /// See to it that the database says what the store has where a file of a video was to be written, of which it is not known how that ended.
    #[serde(rename = "amend_video")]
    ReconcileVideo {
        /// Who wrote it.
        account: Id,
        /// The version it would be.
        version: Id,
        /// Where: [`crate::video::place::Place`] as text.
        place: String,
    },
    /// Delete the bytes of a video that was deleted.
    RemoveVideo {
        /// Namespace.
        namespace: Name,
        /// Video.
        video: Name,
    },
    /// Take back what a session that ended without a file holds.
    EndUpload {
        /// The session.
        session: Id,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs outlive deployments: this text must stay readable.
    #[test]
    fn the_format_is_pinned() {
        let job = Job::EndUpload { session: Id::from_random([1; 16]) };
        let text = r#"{"end_upload":{"session":"01010101-0101-4101-8101-010101010101"}}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), text);
        assert_eq!(serde_json::from_str::<Job>(text).unwrap(), job);
    }
}
