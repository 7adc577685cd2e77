//! What an operator watches: totals of all namespaces, and what waits, as Prometheus reads them.

pub mod exposition;
pub mod families;
pub mod repository;
