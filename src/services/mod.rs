//! Services: fetch what a decision needs, and carry out what it says, over the port ([`crate::io`]). The Worker runs them on its bindings, the simulation
//! (`crates/simulation`) in a world of its own.

pub mod accounts;
pub mod alerts;
pub mod analytics;
pub mod daily;
pub mod dedup;
pub mod delete_file;
pub mod failures;
pub mod find_owned;
pub mod idempotency;
pub mod job_records;
pub mod list_files;
pub mod metrics;
pub mod namespaces;
pub mod paths;
pub mod prune;
pub mod receipt;
pub mod repeat;
pub mod reply;
pub mod request;
pub mod run_job;
pub mod send_body;
pub mod store_probe;
pub mod stored_object;
pub mod uploads;
pub mod video;
pub mod webhooks;
