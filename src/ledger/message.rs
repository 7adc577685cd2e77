//! What a ledger is asked and what it answers: JSON between the Worker's requests and the Durable Object, one message per call.

use serde::{Deserialize, Serialize};

use crate::auth::rate_limit::Pace;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::period::Period;
use crate::ledger::state::Limits;

/// What a ledger is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A call of the JSON API: count it, and say whether it may go on.
    Admit {
        /// What the caller's lookup said; None from callers without one, whose account must be known.
        limits: Option<Limits>,
    },
    /// An upload wants to begin.
    Reserve {
        /// The asset it will become.
        asset: Id,
        /// Bytes.
        bytes: u64,
        /// When to ask D1 how it ended, if nobody told.
        look_at: EpochMs,
        /// As in [`Message::Admit`].
        limits: Limits,
        /// Where its bytes will lie, if that cannot be told from the asset: should it come to nothing, they are looked for there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// The asset exists: its reservation becomes use. If it references another object than it did, the two turned out to have the same bytes: whatever else
    /// of the account references the old one is moved with it, so that no byte is counted twice meanwhile.
    Settle {
        /// The asset.
        asset: Id,
        /// The object it references.
        object: Id,
        /// Bytes of the object.
        size: u64,
    },
    /// The asset is to reference an object that is there: nothing is sent, but it counts unless the account references that object already.
    Adopt {
        /// The asset.
        asset: Id,
        /// The object.
        object: Id,
        /// Bytes of the object.
        size: u64,
        /// As in [`Message::Admit`].
        limits: Limits,
    },
    /// The asset does not or no longer exist: neither reserved nor used.
    Release {
        /// The asset.
        asset: Id,
    },
    /// The asset is about to be deleted, or to reference another object of the same bytes: should nobody say how that ended, ask D1 at `look_at`.
    #[serde(rename = "doubt")]
    ScheduleCheck {
        /// The asset.
        asset: Id,
        /// When.
        look_at: EpochMs,
    },
    /// Content was sent.
    Meter {
        /// Bytes.
        bytes: u64,
    },
    /// A content URL is wanted, which costs `bytes` at once.
    Charge {
        /// Bytes.
        bytes: u64,
        /// As in [`Message::Admit`].
        limits: Limits,
    },
    /// What is the state?
    #[serde(rename = "figures")]
    Usage {
        /// As in [`Message::Admit`].
        limits: Option<Limits>,
    },
    /// An administrator changed the account.
    Change {
        /// The new limits.
        limits: Limits,
    },
}

impl Message {
    /// Whether saying it twice books it once, so that it may be said again when no answer came.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Message::Admit { .. } | Message::Meter { .. } | Message::Charge { .. })
    }
}

/// What a ledger answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// To [`Message::Admit`].
    Paced {
        /// Whether it may go on, and what is left.
        pace: Pace,
        /// Whether the account is suspended.
        suspended: bool,
    },
    /// The account is suspended.
    Suspended,
    /// It does not fit.
    StorageFull {
        /// Quota, bytes.
        limit: u64,
        /// In use, bytes.
        used: u64,
        /// Reserved by uploads that have not ended, bytes.
        reserved: u64,
    },
    /// The month's bandwidth is used up.
    BandwidthFull {
        /// Quota, bytes.
        limit: u64,
        /// Used, bytes.
        used: u64,
        /// When the next month begins.
        resets: EpochMs,
    },
    /// To [`Message::Usage`] and [`Message::Meter`].
    State {
        /// Everything.
        figures: UsageSnapshot,
    },
}

/// The state of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageSnapshot {
    /// The month.
    pub period: Period,
    /// Bytes of distinct objects.
    pub storage_used: u64,
    /// Bytes of uploads that have not ended.
    pub storage_reserved: u64,
    /// Bytes of content sent this month.
    pub bandwidth_used: u64,
    /// Calls of the JSON API this month.
    pub requests: u64,
    /// The limits that hold.
    pub limits: Limits,
}

impl UsageSnapshot {
    /// Whether no more content may be sent this month.
    pub fn bandwidth_is_used_up(&self) -> bool {
        self.bandwidth_used >= self.limits.bandwidth
    }
}
