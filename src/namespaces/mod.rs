//! Namespaces: what isolates one customer from another, and what each has switched on.

mod namespace;
pub mod request;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod routes;

pub use namespace::{CacheTtl, DEFAULT_TTL, Namespace, NamespaceView};
