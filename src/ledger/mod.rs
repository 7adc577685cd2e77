//! The account ledger: storage, bandwidth and rate limit of one account as a state machine of plain values, run by a Durable Object.
//!
//! Architecture invariant: `used` is the sum of the sizes of the distinct objects of the holdings; used + reserved never grows over the quota; so it is with
//! the number of holdings and reservations, and with the number of open uploads; applying a repeatable message twice equals applying it once. Every operation
//! that a crash can interrupt has a pending check with an instant at which D1 is queried.

pub mod accrual;
pub mod checks;
pub mod cost;
pub mod kept_responses;
pub mod machine;
pub mod message;
pub mod opening;
pub mod period;
pub mod pop_meter;
pub mod quota_level;
pub mod refusal;
pub mod repository;
pub mod schema;
pub mod state;
pub mod timing;
