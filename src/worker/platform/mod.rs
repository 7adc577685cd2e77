//! Access to the platform: bindings, the clock, randomness, JavaScript calls and the network.

pub mod bindings;
pub mod client_body;
pub mod clock;
pub mod d1;
pub mod enqueue;
pub mod js;
pub mod json;
pub mod kept_body;
pub mod log;
pub mod memory;
pub mod objects;
pub mod origin;
pub mod pop_cache;
pub mod random;
pub mod read_body;
pub mod searched_buffer;
pub mod sqlite;
