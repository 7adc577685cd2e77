//! Access to the platform: bindings, the clock, randomness, JavaScript calls and the network.

pub mod alarm;
pub mod append_body;
pub mod assets;
pub mod bindings;
pub mod client_body;
pub mod clock;
pub mod console;
pub mod cut_body;
pub mod d1;
pub mod gateway;
pub mod geo_hint;
pub mod io;
pub mod js;
pub mod json;
pub mod kept_body;
pub mod memory;
pub mod notice;
pub mod object_state;
pub mod objects;
pub mod origin;
pub mod pop_cache;
pub mod random;
pub mod read_body;
pub mod searched_buffer;
pub mod sqlite;
pub mod trace;
