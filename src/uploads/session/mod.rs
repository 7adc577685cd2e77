//! An upload session: state, state machine, alarm, messages and tables.

pub mod alarm;
pub mod append;
pub mod appending;
pub mod machine;
pub mod message;
pub mod progress;
pub mod schema;
pub mod state;
pub mod transfer;
