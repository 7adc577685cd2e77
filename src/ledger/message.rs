//! Messages to a ledger and its replies: JSON between request handlers and the Durable Object, one message per call.

use serde::{Deserialize, Serialize};

use crate::auth::rate_limit::RateLimitStatus;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::accrual::StoreReads;
use crate::ledger::period::Period;
use crate::ledger::state::{Limits, Usage};

/// A message to a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Counts a call of the JSON API and applies the account's rate limit.
    Admit {
        /// Limits from the caller's lookup of the account; None from callers without a lookup, whose ledger must exist.
        limits: Option<Limits>,
        /// Whether it is the PUT of a video file: those have a rate limit of their own and do not count as calls of the JSON API.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        video_file: bool,
    },
    /// Somebody listens to the account until then: replies to what begins and ends uploads say so.
    Listen {
        /// When that is over, unless it is said again.
        until: EpochMs,
    },
    /// Reserves storage, and its place among the account's objects, for an upload that is about to start.
    Reserve {
        /// The asset that the upload will create.
        asset: Id,
        /// Bytes to reserve.
        bytes: u64,
        /// When to query D1 for the outcome if it was not reported.
        look_at: EpochMs,
        /// As in [`Message::Admit`].
        limits: Limits,
        /// Where its bytes will be stored, if that does not follow from the asset: if the upload fails, a job checks this place for leftover bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
        /// Whether an upload session stores it, which counts as open until the outcome is reported.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        session: bool,
        /// Whether it takes the place of a file, which is removed when it is there: it is admitted also by an account that has as many as it may.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        replaces: bool,
    },
    /// The asset exists: its reservation becomes used storage. If it references another object than before, the two objects have the same bytes: every other
    /// holding of the account that references the old object is moved with it, so that no byte is counted twice in between.
    Settle {
        /// The asset.
        asset: Id,
        /// The object it references.
        object: Id,
        /// Bytes of the object.
        size: u64,
    },
    /// The asset will reference an existing object: no bytes are sent; its size counts unless the account references that object already.
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
    /// The asset does not exist (any more): releases its reservation or holding.
    Release {
        /// The asset.
        asset: Id,
    },
    /// The asset is about to be deleted, or to reference another object of the same bytes: unless the outcome is reported, query D1 at `look_at`.
    #[serde(rename = "doubt")]
    ScheduleCheck {
        /// The asset.
        asset: Id,
        /// When to query D1.
        look_at: EpochMs,
    },
    /// Counts content, at a PoP.
    Meter {
        /// Bytes that left.
        bytes: u64,
        /// What was read from the store.
        #[serde(default)]
        reads: StoreReads,
    },
    /// Charges a content URL to the store, which costs `bytes` when it is issued.
    Charge {
        /// Bytes.
        bytes: u64,
        /// As in [`Message::Admit`].
        limits: Limits,
    },
    /// Counts a response that is about to be kept in the cache of models' responses.
    Keep {
        /// Bytes of it.
        bytes: u64,
        /// When it expires.
        until: EpochMs,
        /// How many bytes an account may keep.
        limit: u64,
        /// As in [`Message::Admit`].
        limits: Limits,
    },
    /// Queries the usage.
    #[serde(rename = "figures")]
    Usage {
        /// As in [`Message::Admit`].
        limits: Option<Limits>,
    },
    /// Queries the figures that the month's costs accrue from, up to now.
    Statement,
    /// The account is gone: forgets everything.
    Close {
        /// Also if the outcome of a change is not known yet.
        force: bool,
    },
    /// Replaces the limits after an administrator changed the account.
    Change {
        /// The new limits.
        limits: Limits,
    },
}

impl Message {
    /// Whether the message is idempotent, so that it may be sent again if the reply was lost.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Message::Admit { .. } | Message::Meter { .. } | Message::Charge { .. } | Message::Keep { .. })
    }
}

/// A reply of a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The message was applied.
    Done,
    /// The same, and somebody listens to the account.
    Listened,
    /// To [`Message::Admit`].
    Paced {
        /// Whether the call is admitted, and the remaining quota.
        pace: RateLimitStatus,
        /// Whether the account is suspended.
        suspended: bool,
    },
    /// The account is suspended.
    Suspended,
    /// The storage quota would be exceeded, or what may be kept of responses.
    StorageFull {
        /// Quota, bytes.
        limit: u64,
        /// Used, bytes.
        used: u64,
        /// Reserved by uploads that have not ended, bytes.
        reserved: u64,
    },
    /// The account has as many objects as its tier allows.
    ObjectsFull {
        /// Maximum number of assets and video files.
        limit: u64,
        /// Stored and being stored.
        used: u64,
    },
    /// The account has as many open uploads as its tier allows.
    UploadsFull {
        /// Maximum number.
        limit: u64,
        /// Open.
        used: u64,
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
    /// To [`Message::Close`]: the outcome of a change is not known yet, nothing was forgotten.
    Pending,
    /// To [`Message::Statement`].
    Months {
        /// The current month.
        current: Usage,
        /// Past ones that may not be written to D1 yet.
        closed: Vec<Usage>,
    },
    /// To [`Message::Usage`] and [`Message::Meter`].
    State {
        /// The usage.
        figures: UsageSnapshot,
    },
}

/// Usage and limits of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageSnapshot {
    /// The month of the counts below.
    pub period: Period,
    /// Bytes of distinct objects.
    pub storage_used: u64,
    /// Bytes reserved by uploads that have not ended.
    pub storage_reserved: u64,
    /// Assets and video files.
    #[serde(default)]
    pub objects_used: u64,
    /// Assets and video files that are being stored.
    #[serde(default)]
    pub objects_reserved: u64,
    /// Open upload sessions.
    #[serde(default)]
    pub uploads_open: u64,
    /// Bytes of content sent this month.
    pub bandwidth_used: u64,
    /// Calls of the JSON API this month.
    pub requests: u64,
    /// When the account last called the JSON API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<EpochMs>,
    /// The limits in force.
    pub limits: Limits,
}

impl UsageSnapshot {
    /// The usage of an account that has used nothing.
    pub fn unused(limits: Limits, now: EpochMs) -> UsageSnapshot {
        UsageSnapshot {
            period: Period::of(now),
            storage_used: 0,
            storage_reserved: 0,
            objects_used: 0,
            objects_reserved: 0,
            uploads_open: 0,
            bandwidth_used: 0,
            requests: 0,
            seen_at: None,
            limits,
        }
    }

    /// Whether the month's bandwidth quota is used up.
    pub fn bandwidth_is_used_up(&self) -> bool {
        self.bandwidth_used >= self.limits.bandwidth
    }

    /// Whether more than a tenth was sent beyond the month's bandwidth quota, by answers that were under way when it was used up.
    pub fn bandwidth_is_overdrawn(&self) -> bool {
        self.bandwidth_used > self.limits.bandwidth.saturating_add(self.limits.bandwidth / 10)
    }
}
