//! What each route takes and answers.

mod accounts;
mod delivery;
mod edges;
mod files;
mod namespaces;
mod service;
mod uploads;
mod video;
mod webhooks;

use jettyspeed_edge::access::routes::Endpoint;

use crate::operation::{Operation, Types};

/// A UUID, an instant and a hash, for examples.
pub const ID: &str = "5f0c6a52-6a3c-4b1e-9d0e-0d6c3c1f7a11";
pub const TIME: &str = "2026-11-20T04:06:23.120Z";
pub const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// The operation of an endpoint.
///
/// # Panics
/// If nothing is said of it.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Operation {
    let areas = [uploads::of, files::of, delivery::of, edges::of, video::of, accounts::of, namespaces::of, webhooks::of, service::of];
    areas.iter().find_map(|of| of(endpoint, types)).unwrap_or_else(|| panic!("{endpoint:?} is in no file of crates/openapi/src/operations"))
}
