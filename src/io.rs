//! Reserved for the trait between services and platform (object store, database, Durable Object calls, queue, clock, randomness), with which the services under
//! `worker/services/` become native code that the simulator runs (ARCHITECTURE.md, "The port").
