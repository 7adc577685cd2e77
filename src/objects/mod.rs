//! Durable Objects: load the state, apply a message, write the effects, then answer. The decisions are in `uploads/session`, `ledger` and `ledger/pop_meter`.

pub mod ledger;
pub mod meter;
pub mod session;
pub mod sql;
