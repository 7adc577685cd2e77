//! The platform: the only code that touches bindings, streams, the clock and the network.

pub mod bindings;
pub mod clock;
pub mod d1;
pub mod enqueue;
pub mod js;
pub mod json;
pub mod log;
pub mod objects;
pub mod origin;
pub mod random;
pub mod sqlite;
