//! An upload session: its state, the machine that changes it, its alarm and the messages it takes.

pub mod alarm;
pub mod machine;
pub mod message;
pub mod schema;
pub mod state;
