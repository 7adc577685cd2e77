//! Request handling shared by all handlers: reading, authentication, lookups of the caller's resources, the reply.

pub mod account_cache;
pub mod address_limit;
pub mod authenticate;
pub mod call;
pub mod find_owned;
pub mod geo_hint;
pub mod idempotency;
pub mod reply;
pub mod session_limit;
