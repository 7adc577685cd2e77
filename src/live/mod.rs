//! What an account is told while it happens: uploads and alerts (docs/api.md, "Live").

pub mod bounds;
pub mod event;
pub mod pace;
