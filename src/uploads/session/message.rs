//! What a session's Durable Object is asked, and what it answers: JSON between the Worker's requests and the object, one message per call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::s3::operations::list_parts::ListedPart;
use crate::uploads::session::state::{Meta, Part, Status};

/// What a session is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Open it. Repeating is harmless.
    Open {
        /// The session to open.
        meta: Box<Meta>,
    },
    /// The store has this part. `at` is set by the session.
    Record {
        /// The part.
        part: Part,
    },
    /// Everything, for progress and resume.
    Snapshot,
    /// What the store lists: adopt what the record lacks, drop what the store lacks.
    Reconcile {
        /// The store's parts, all pages.
        listed: Vec<ListedPart>,
        /// When the listing began: records younger than that are newer than it.
        listed_at: EpochMs,
    },
    /// Ask for the right to complete.
    BeginCompletion {
        /// Who asks.
        attempt: Id,
        /// The file hash named by `complete`.
        file_hash: Option<Sha256Hex>,
        /// The hash of every chunk as the caller knows the file, in order: a guard against two clients that write into one session.
        #[serde(default)]
        chunk_hashes: Option<Vec<Sha256Hex>>,
    },
    /// Is somebody completing it? In two words, for those who wait.
    #[serde(rename = "is_free")]
    CheckLease,
    /// URLs for parts are about to be given out: what then is at the store was not seen by anybody.
    #[serde(rename = "go_direct")]
    MarkDirect,
    /// The object is there and recorded; keep the answer.
    FinishCompletion {
        /// The answer.
        outcome: Value,
    },
    /// The completion did not happen; take parts again.
    CancelCompletion {
        /// The holder of the lease.
        attempt: Id,
    },
    /// The completion happened, or may have, but could not be recorded: let the next call take over at once.
    #[serde(rename = "yield_completion")]
    ReleaseLease {
        /// The holder of the lease.
        attempt: Id,
    },
    /// The store has neither upload nor object any more.
    AbandonCompletion {
        /// The holder of the lease.
        attempt: Id,
    },
    /// Give up.
    Fail,
    /// What it held is taken back: nothing is left to do.
    #[serde(rename = "taken_back")]
    CleanedUp,
    /// Its account was suspended or resumed.
    Suspend {
        /// Which.
        suspended: bool,
    },
}

/// What a session answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionReply {
    /// Done.
    Done,
    /// No such session.
    Unknown,
    /// The session, with every part.
    State {
        /// All but the parts.
        meta: Box<Meta>,
        /// Ascending.
        parts: Vec<Part>,
        /// When it expires if nothing happens.
        expires: EpochMs,
    },
    /// The account is suspended.
    Suspended,
    /// The part is not of the plan's length, or not in the plan.
    NotInPlan,
    /// Not all parts are there.
    Missing {
        /// Ascending.
        parts: Vec<u16>,
    },
    /// All parts are there as far as clients say; the store has to be asked first (see [`Message::Reconcile`]).
    Unlisted,
    /// `complete` names another hash than `start`.
    OtherHash,
    /// These recorded parts are not the caller's.
    OtherParts {
        /// Ascending.
        parts: Vec<u16>,
    },
    /// Somebody else is completing.
    Busy,
    /// Already complete, with the answer.
    Complete {
        /// The answer.
        outcome: Value,
    },
    /// It takes no more.
    Closed {
        /// Why.
        status: Status,
    },
}
