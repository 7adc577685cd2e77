//! The one error type. Every failure that a caller can meet is a [`Problem`]; three total functions turn it into an HTTP answer:
//! [`Problem::kind`] (code, status, title), [`Problem::detail`] (safe to show) and [`Problem::extensions`] (what helps the caller go on).
//!
//! A 5xx never carries internals: what went wrong inside goes to the log through [`crate::worker::platform::log`], not to the caller.

pub mod catalogue;
pub mod error;
pub mod render;

pub use catalogue::{CATALOGUE, Kind, explain};
pub use error::{AuthFailure, OriginFailure, Problem};
pub use render::page;
