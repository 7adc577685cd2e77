//! Stored responses: a repeated request receives the response of the first one (docs/api.md, "Idempotency").

pub mod answer;
pub mod key_limit;
pub mod repository;
