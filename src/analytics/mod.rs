//! What was delivered and uploaded, in figures (docs/delivery.md, Statistics; docs/uploads.md, Statistics).

pub mod csv;
pub mod figures;
pub mod metrics;
pub mod period;
pub mod provisioning;
pub mod report;
pub mod repository;
pub mod rows;
pub mod upload_count;
