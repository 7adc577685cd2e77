//! State, lookups and effects of the ledger's state machine.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::ledger::accrual::Accrual;
use crate::ledger::kept_responses::KeptResponses;
use crate::ledger::period::Period;

/// The limits of an account's tier, with their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Storage quota, bytes.
    pub storage: u64,
    /// Bandwidth quota, bytes per month.
    pub bandwidth: u64,
    /// Rate limit, requests per minute.
    pub per_minute: u64,
    /// Maximum number of assets and video files.
    #[serde(default = "unlimited")]
    pub objects: u64,
    /// Maximum number of open upload sessions.
    #[serde(default = "unlimited")]
    pub uploads: u64,
    /// Whether an administrator suspended the account.
    #[serde(default)]
    pub suspended: bool,
    /// When the account and when its tier's row was last changed: limits of a higher version replace those of a lower one, whatever their source.
    pub version: (EpochMs, EpochMs),
}

/// The count limits of a message or state that was written before there were any: the next message that carries limits replaces them.
fn unlimited() -> u64 {
    MAX_SAFE_INTEGER
}

/// Usage of one month, as written to D1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The month.
    pub period: Period,
    /// Bytes stored.
    pub storage: u64,
    /// Bytes sent.
    pub bandwidth: u64,
    /// Calls of the JSON API.
    pub requests: u64,
    /// What its costs accrue from.
    #[serde(default)]
    pub accrual: Accrual,
}

/// State of the ledger without pending checks and holdings. Persisted as JSON: new fields need defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerState {
    /// Account id.
    pub account: Id,
    /// The limits in force.
    pub limits: Limits,
    /// Bytes of the distinct objects that the holdings reference.
    pub used: u64,
    /// Number of holdings; None in a state that was written before they were counted, until they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
    /// The month of the two counts below.
    pub period: Period,
    /// Bytes sent.
    pub bandwidth: u64,
    /// Calls of the JSON API.
    pub requests: u64,
    /// What the month's costs accrue from.
    #[serde(default)]
    pub accrual: Accrual,
    /// State of the rate limiter: theoretical arrival time, µs (see [`crate::auth::rate_limit`]).
    #[serde(default)]
    pub tat_us: u64,
    /// The same for PUTs of video files.
    #[serde(default)]
    pub video_tat_us: u64,
    /// Past months whose final usage is not yet written to D1.
    #[serde(default)]
    pub closed: Vec<Usage>,
    /// When the account last called the JSON API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<EpochMs>,
    /// When the usage is to be written to D1; None if D1 is up to date.
    #[serde(default)]
    pub checkpoint: Option<EpochMs>,
    /// Until when somebody listens to the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listened_until: Option<EpochMs>,
    /// The level of the storage quota for which alerts were last decided: see [`crate::ledger::quota_level`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quota_level: u8,
    /// What is kept of models' responses.
    #[serde(default, skip_serializing_if = "KeptResponses::is_empty")]
    pub responses: KeptResponses,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(level: &u8) -> bool {
    *level == 0
}

impl LedgerState {
    /// Of an account that stores so many bytes in so many objects.
    pub fn begin(account: Id, limits: Limits, (used, objects): (u64, u64), now: EpochMs) -> LedgerState {
        LedgerState {
            account,
            limits,
            used,
            objects: Some(objects),
            period: Period::of(now),
            bandwidth: 0,
            requests: 0,
            accrual: Accrual::since(now),
            tat_us: 0,
            video_tat_us: 0,
            closed: Vec::new(),
            seen_at: None,
            checkpoint: None,
            listened_until: None,
            quota_level: 0,
            responses: KeptResponses::default(),
        }
    }
}

/// What an asset that is being stored takes of the account's counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// Nothing: the asset is counted already, or being deleted.
    #[default]
    Nothing,
    /// One object: a file that is stored in one request.
    Object,
    /// One object and one open upload: a file that is stored by an upload session.
    Upload,
}

impl Claim {
    fn is_nothing(&self) -> bool {
        *self == Claim::Nothing
    }
}

/// An operation on an asset whose outcome is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCheck {
    /// Bytes reserved; 0 for a deletion.
    pub bytes: u64,
    /// When to query D1.
    pub at: EpochMs,
    /// Whether D1 is queried even if an outcome is reported before: for a deletion in progress, or after a report that came late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubt: bool,
    /// Whether a deletion or a move to another object was announced, which may come after this check.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
    /// Whether none follows: by then every request and job that could still change the asset has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// What it reserves of the counts.
    #[serde(default, skip_serializing_if = "Claim::is_nothing")]
    pub claim: Claim,
}

impl PendingCheck {
    /// A check that reserves nothing and queries D1 at `at` whatever is reported before.
    pub fn forced(at: EpochMs) -> PendingCheck {
        PendingCheck { bytes: 0, at, doubt: true, announced: false, last: false, claim: Claim::Nothing }
    }

    /// A check at `at` of a request that has reserved nothing yet.
    pub fn of_request(at: EpochMs) -> PendingCheck {
        PendingCheck { doubt: false, ..PendingCheck::forced(at) }
    }

    /// What it reserves.
    pub fn reserved(&self) -> Reserved {
        // Checks that were written before objects were counted have bytes only.
        let objects = self.bytes > 0 || self.claim != Claim::Nothing;
        Reserved { bytes: self.bytes, objects: objects.into(), uploads: (self.claim == Claim::Upload).into() }
    }
}

/// What uploads that have not ended reserve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Bytes.
    pub bytes: u64,
    /// Assets and video files.
    pub objects: u64,
    /// Open upload sessions.
    pub uploads: u64,
}

impl Reserved {
    /// Nothing.
    pub const NONE: Reserved = Reserved { bytes: 0, objects: 0, uploads: 0 };

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Reserved) -> Reserved {
        Reserved {
            bytes: self.bytes.saturating_add(other.bytes),
            objects: self.objects.saturating_add(other.objects),
            uploads: self.uploads.saturating_add(other.uploads),
        }
    }

    /// Without `other`.
    #[must_use]
    pub fn minus(self, other: Reserved) -> Reserved {
        Reserved {
            bytes: self.bytes.saturating_sub(other.bytes),
            objects: self.objects.saturating_sub(other.objects),
            uploads: self.uploads.saturating_sub(other.uploads),
        }
    }
}

/// An asset of the account: its object and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The object it references.
    pub object: Id,
    /// Bytes of the object.
    pub size: u64,
}

/// Outcome of an operation on an asset according to D1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The asset exists.
    Stored {
        /// The object it references.
        object: Id,
        /// Bytes.
        size: u64,
    },
    /// It does not exist, but an open session will create it.
    Coming,
    /// It does not exist, and no open session will create it.
    Gone,
    /// The query failed.
    Unclear,
}

/// Rows that the Durable Object read for a message that names an asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The asset's holding.
    pub holding: Option<Holding>,
    /// Another asset of the account that references the object of the message, or else the object of the holding.
    pub shared: Option<Id>,
}

/// A write that must be durable before the reply is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the [`LedgerState`].
    PutState,
    /// Write this pending check.
    PutPendingCheck(Id, PendingCheck),
    /// Write where the bytes of a reserved asset will be stored; removed with its pending check.
    PutPlace(Id, String),
    /// Remove the pending check.
    DropPendingCheck(Id),
    /// Write this holding.
    PutHolding(Id, Holding),
    /// Remove the holding.
    DropHolding(Id),
    /// Change all holdings of the first object to the second.
    MoveHoldings(Id, Id),
}
