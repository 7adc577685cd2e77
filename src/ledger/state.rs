//! What the books are made of.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::period::Period;

/// What an account's tier allows, with its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub storage: u64,
    /// Bytes per month.
    pub bandwidth: u64,
    /// Requests per minute.
    pub per_minute: u64,
    /// Whether an administrator suspended the account.
    #[serde(default)]
    pub suspended: bool,
    /// When the account, and when its tier's row, was last changed: the younger limits win, whoever tells them.
    pub version: (EpochMs, EpochMs),
}

/// The figures of a month, for D1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The month.
    pub period: Period,
    /// Bytes stored.
    pub storage: u64,
    /// Bytes sent.
    pub bandwidth: u64,
    /// Calls of the JSON API.
    pub requests: u64,
}

/// Everything but the entries. Persisted as JSON: new fields default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerState {
    /// Whose.
    pub account: Id,
    /// The limits that hold.
    pub limits: Limits,
    /// Bytes of the distinct objects of the holdings.
    pub used: u64,
    /// The month of the two counts below.
    pub period: Period,
    /// Bytes sent.
    pub bandwidth: u64,
    /// Calls of the JSON API.
    pub requests: u64,
    /// State of the pace, µs.
    #[serde(default)]
    pub tat_us: u64,
    /// Months that ended before their last figures were written to D1.
    #[serde(default)]
    pub closed: Vec<Usage>,
    /// When the figures are due in D1.
    #[serde(default)]
    pub checkpoint: Option<EpochMs>,
}

/// Something whose end is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCheck {
    /// Bytes reserved; 0 for a deletion.
    pub bytes: u64,
    /// When to ask D1.
    pub at: EpochMs,
    /// Whether it is to be looked into whatever is told meanwhile: a deletion that is under way, or something that came late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubt: bool,
}

/// An asset of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The object it references.
    pub object: Id,
    /// Bytes of the object.
    pub size: u64,
}

/// How an asset in doubt ended, as D1 knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is there.
    Stored {
        /// The object it references.
        object: Id,
        /// Bytes.
        size: u64,
    },
    /// An open upload will become it.
    Coming,
    /// Neither.
    Gone,
    /// D1 gave no answer.
    Unclear,
}

/// What the shell looked up for a message that names an asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The asset's holding.
    pub holding: Option<Holding>,
    /// Another asset of the account that references the object that the message names, or else that of the holding, if there is one.
    pub shared: Option<Id>,
}

/// What has to be written before the answer may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the books.
    PutState,
    /// Write this watch.
    PutPendingCheck(Id, PendingCheck),
    /// Write where the bytes of what is watched will lie. It goes with its watch.
    PutPlace(Id, String),
    /// Remove it.
    DropPendingCheck(Id),
    /// Write this holding.
    PutHolding(Id, Holding),
    /// Remove it.
    DropHolding(Id),
    /// Let whatever references the first object reference the second.
    MoveHoldings(Id, Id),
}
