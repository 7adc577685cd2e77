//! The account ledger: storage, bandwidth and pace of one account as a state machine of plain values, run by a Durable Object.
//!
//! Architecture invariant: `used` is the sum of the distinct objects of the holdings; used + reserved never grows over the quota; booking the same thing twice
//! is booking it once. What a crash leaves in doubt is a pending check with an instant at which D1 is asked how it ended.

pub mod cost;
pub mod machine;
pub mod message;
pub mod period;
pub mod refusal;
pub mod repository;
pub mod schema;
pub mod state;
pub mod timing;
