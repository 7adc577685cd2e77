//! The place of the port between services and the platform: object store, database, Durable Object calls, queue, clock and randomness behind one trait,
//! so that the services under `worker/services/` become native code that the simulator runs (ARCHITECTURE.md, "The port").
