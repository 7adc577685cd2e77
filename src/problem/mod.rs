//! The error type. Every failure that a caller can receive is a [`Problem`]; three total functions turn it into an HTTP response:
//! [`Problem::kind`] (code, status, title), [`Problem::detail`] (safe to show) and [`Problem::extensions`] (members that programs read).
//!
//! A 5xx never carries internals: the cause goes to the log through [`crate::worker::platform::log`], not to the caller.

pub mod catalogue;
pub mod error;
pub mod render;

pub use catalogue::{CATALOGUE, Kind, explain};
pub use error::{AuthFailure, OriginFailure, Problem};
pub use render::page;
