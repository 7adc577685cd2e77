//! First answers, kept: a request that is repeated gets what it got at first (docs/api.md, "Idempotency").

pub mod answer;
pub mod repository;
