//! Measurements of edges: samples of clients and of the Worker itself, gathered by a Durable Object for each edge, stored by the hour, published through KV.

pub mod gauge;
pub mod hours;
pub mod reading;
pub mod row;
pub mod sample;
pub mod wire;
