//! Content from the PoP's cache.

mod cache;
mod collapsing;
mod integrity;
mod platform;
mod popular;
mod warming;
mod whole_object;
