//! Deterministic simulation of the service: its own code, under a world that answers the port ([`jettyspeed_edge::io`]) from one seed.
//!
//! A history is a few operations of clients ([`history`]), a world ([`world`]) with a store, databases, Durable Objects, a queue and a clock, and faults at the
//! calls between them ([`fault`]). Tasks stop at every call and go on in the order of simulated time ([`scheduler`]). Once nothing is left to do, what clients
//! were told is compared with what is there ([`check`]).

pub mod administration;
pub mod chance;
pub mod check;
pub mod conformance;
pub mod content;
pub mod coverage;
pub mod database;
pub mod fault;
pub mod history;
pub mod io;
pub mod model;
pub mod model_admin;
pub mod model_keys;
pub mod model_videos;
pub mod mutation;
pub mod objects;
pub mod operations;
pub mod parties;
pub mod pool;
pub mod queue;
pub mod run;
pub mod scheduler;
pub mod settings;
pub mod shrink;
pub mod sink;
pub mod sqlite;
pub mod store;
pub mod story;
pub mod task;
pub mod world;
