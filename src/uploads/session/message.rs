//! Messages of a session's Durable Object and their replies: JSON, one message per call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::s3::operations::list_parts::ListedPart;
use crate::uploads::session::progress::Progress;
use crate::uploads::session::state::{Meta, Part, Status};

/// Request to a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Opens the session. Idempotent.
    Open {
        /// The initial state.
        meta: Box<Meta>,
        /// Whether somebody listens to the account.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_heard: bool,
    },
    /// Records a part that the store has. `at` is set by the session.
    Record {
        /// The part.
        part: Part,
        /// Whether a receipt of this service proves that the store had the part once: it may have been replaced since then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        receipt: bool,
    },
    /// The store refused a part, or its answer was lost.
    PartFailed {
        /// Its number.
        number: u16,
        /// The hash of what was sent, if it has one.
        sha256: Option<Sha256Hex>,
        /// Whether the store may have it nevertheless.
        may_be_stored: bool,
    },
    /// Reads the session with all parts.
    Snapshot,
    /// Reads the session with all parts for its client: postpones the expiry.
    Visit,
    /// Reconciles the record with ListParts: adopts parts that the record lacks, drops parts that the store lacks.
    Reconcile {
        /// The listed parts, all pages.
        listed: Vec<ListedPart>,
        /// Start of the listing: parts recorded later are not affected by it.
        listed_at: EpochMs,
    },
    /// Acquires the completion lease.
    BeginCompletion {
        /// Id of the completion attempt.
        attempt: Id,
        /// The file hash in `complete`.
        file_hash: Option<Sha256Hex>,
        /// SHA-256 of every chunk of the caller's file, in order: detects two clients that upload different files into one session.
        #[serde(default)]
        chunk_hashes: Option<Vec<Sha256Hex>>,
    },
    /// Whether the completion lease is held. The reply is small, for callers that poll.
    #[serde(rename = "is_free")]
    CheckLease,
    /// Presigned part URLs are about to be issued: from now on the store may have parts that this service has not seen.
    #[serde(rename = "go_direct")]
    MarkDirect,
    /// The object exists and is recorded: store the response.
    FinishCompletion {
        /// The response of `complete`.
        outcome: Value,
    },
    /// The completion did not take place: accept parts again.
    CancelCompletion {
        /// Holder of the completion lease.
        attempt: Id,
    },
    /// The completion took place, or may have, but could not be recorded: release the lease so that the next call can continue at once.
    #[serde(rename = "yield_completion")]
    ReleaseLease {
        /// Holder of the completion lease.
        attempt: Id,
    },
    /// The store has neither the upload nor the object.
    AbandonCompletion {
        /// Holder of the completion lease.
        attempt: Id,
    },
    /// Fails the upload.
    Fail,
    /// The session's resources (multipart upload, reservation) are released.
    #[serde(rename = "taken_back")]
    CleanedUp,
    /// Begins to append at an offset.
    BeginAppend {
        /// Id of the request.
        lease: Id,
        /// Bytes.
        offset: u64,
        /// Whether it ends an append that is running.
        takes_over: bool,
    },
    /// What an append has stored.
    Append {
        /// Id of the request.
        lease: Id,
        /// See [`Progress`].
        progress: Progress,
    },
    /// Sets the length of an upload that began without one.
    SetLength {
        /// Bytes.
        length: u64,
    },
    /// Notes the final upload that a partial one belongs to, unless it belongs to one.
    Join {
        /// The final upload.
        into: Id,
    },
    /// Reads the offset. `ends_append` ends an append that is running.
    Offset {
        /// Whether an append that is running is ended.
        ends_append: bool,
    },
    /// The account was suspended or resumed.
    Suspend {
        /// The account's state.
        suspended: bool,
        /// As of that change of the account.
        #[serde(default)]
        as_of: EpochMs,
    },
}

/// Reply of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionReply {
    /// Done, nothing to return.
    Done,
    /// No such session.
    Unknown,
    /// What is recorded of a part after its receipt was read.
    Recorded {
        /// The part.
        part: Part,
    },
    /// The session with all parts.
    State {
        /// Everything except the parts.
        meta: Box<Meta>,
        /// The parts, ascending.
        parts: Vec<Part>,
        /// Expiry if there is no further activity.
        expires: EpochMs,
    },
    /// The account is suspended.
    Suspended,
    /// Everything except the parts, and the offset.
    At {
        /// Everything except the parts.
        meta: Box<Meta>,
        /// Length of the contiguous beginning that is stored, bytes.
        offset: u64,
        /// Expiry if there is no further activity.
        expires: EpochMs,
    },
    /// The part is not in the plan or does not have its length.
    NotInPlan,
    /// Not all parts are recorded.
    Missing {
        /// Missing part numbers, ascending.
        parts: Vec<u16>,
    },
    /// All parts are recorded, some only as claims: reconcile with ListParts first (see [`Message::Reconcile`]).
    Unlisted,
    /// `complete` names another hash than `start`.
    OtherHash,
    /// Recorded parts with other hashes than the caller's file.
    OtherParts {
        /// Their numbers, ascending.
        parts: Vec<u16>,
    },
    /// Another call holds the completion lease.
    Busy,
    /// Complete, with the stored response.
    Complete {
        /// The response of `complete`.
        outcome: Value,
    },
    /// The session is no longer open.
    Closed {
        /// Its status.
        status: Status,
    },
}
