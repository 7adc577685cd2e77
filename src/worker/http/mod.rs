//! Request handling shared by all handlers: reading, authentication, the reply.

pub mod account_cache;
pub mod address_limit;
pub mod authenticate;
pub mod browser_session;
pub mod call;
pub mod placed;
pub mod reply;
pub mod session_limit;
