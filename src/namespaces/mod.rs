//! Namespaces: what isolates one customer from another, and what each has switched on.

pub mod alert_limits;
pub mod namespace;
pub mod patch;
pub mod repository;
pub mod role;
