//! Whether a deployment is in order: what its parts said when they were tried (docs/api.md, `GET /api/health`).

pub mod clock_skew;
pub mod job_records;
pub mod migrations;
pub mod part;
pub mod repository;
pub mod store_probe;
