//! Authorization: the route table, who may call a route, and the statements that find only what a caller owns.

pub mod authorize;
pub mod caller;
pub mod membership;
pub mod request_log;
pub mod routes;
