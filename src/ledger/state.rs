//! State, lookups and effects of the ledger's state machine.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::accrual::Accrual;
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
    /// Whether an administrator suspended the account.
    #[serde(default)]
    pub suspended: bool,
    /// When the account and when its tier's row was last changed: limits of a higher version replace those of a lower one, whatever their source.
    pub version: (EpochMs, EpochMs),
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
    /// Past months whose final usage is not yet written to D1.
    #[serde(default)]
    pub closed: Vec<Usage>,
    /// When the usage is to be written to D1; None if D1 is up to date.
    #[serde(default)]
    pub checkpoint: Option<EpochMs>,
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
