//! One request on its way through the Worker: reading, authentication, look-ups of what the caller owns, the reply.

pub mod account_cache;
pub mod address_limit;
pub mod authenticate;
pub mod call;
pub mod find_owned;
pub mod geo_hint;
pub mod idempotency;
pub mod reply;
