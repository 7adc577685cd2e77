//! Queue jobs (docs/data-model.md, "Queue jobs"): work at the store that Durable Objects and requests enqueue; the consumer retries each until it succeeds.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;

/// Time after which the store has finished a request whose client is gone, s: a write or completion whose response was lost.
pub const LATE_SECONDS: u64 = 3_600;

/// One job. All are idempotent: Queues deliver at least once (Cloudflare Queues, "Delivery guarantees").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Propagate to an account's open uploads that it was suspended or resumed.
    #[serde(rename = "tell_uploads")]
    PropagateSuspension {
        /// The account.
        account: Id,
        /// The last session that was notified.
        cursor: String,
    },
    /// End the uploads of an account that was taken out of a namespace.
    EndMembership {
        /// The account.
        account: Id,
        /// The namespace.
        namespace: Name,
        /// When it was taken out: later uploads are those of a member that came back.
        until: EpochMs,
        /// The last session that was ended.
        cursor: String,
    },
    /// Verify the hash of an object's bytes.
    Verify {
        /// The object.
        object: Id,
    },
    /// Abort multipart uploads at the store that no session owns.
    Sweep {
        /// Where to continue in the store's listing: key and upload id.
        marker: Option<(String, String)>,
    },
    /// Find out whether the store verifies payload hashes.
    Probe,
    /// Delete unreferenced objects.
    Collect,
    /// Check an upload that has been open for long: if its record is lost it is restored, so that it expires.
    Wake {
        /// The session.
        session: Id,
        /// Its account.
        account: Id,
    },
    /// Delete the object of a file that was never recorded, if it exists.
    Orphan {
        /// The account that uploaded it.
        account: Id,
        /// The object.
        object: Id,
    },
    /// Reconcile the database with the store after a video file was written with an unknown outcome.
    #[serde(rename = "amend_video")]
    ReconcileVideo {
        /// The account that wrote it.
        account: Id,
        /// The version that was written.
        version: Id,
        /// Where it was written: [`crate::video::place::Place`] as text.
        place: String,
    },
    /// Delete the bytes of a deleted video.
    RemoveVideo {
        /// Namespace.
        namespace: Name,
        /// Video.
        video: Name,
    },
    /// Release what a session that ended without a file holds at the store.
    EndUpload {
        /// The session.
        session: Id,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs outlive deployments, so this text must stay readable.
    #[test]
    fn jobs_have_pinned_json() {
        let job = Job::EndUpload { session: Id::from_random([1; 16]) };
        let text = r#"{"end_upload":{"session":"01010101-0101-4101-8101-010101010101"}}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), text);
        assert_eq!(serde_json::from_str::<Job>(text).unwrap(), job);
        let (account, namespace) = (Id::from_random([1; 16]), Name::parse("jt_customer_x").unwrap());
        let job = Job::EndMembership { account, namespace, until: EpochMs(7), cursor: String::new() };
        let text = r#"{"end_membership":{"account":"01010101-0101-4101-8101-010101010101","namespace":"jt_customer_x","until":7,"cursor":""}}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), text);
        assert_eq!(serde_json::from_str::<Job>(text).unwrap(), job);
    }
}
