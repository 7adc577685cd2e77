//! Benchmarks: ours and its peers interleaved in one run, so that a noisy machine is noisy for all of them. Everything on bare workerd, never `wrangler dev`.

pub mod chunk;
pub mod load;
pub mod peers;
pub mod report;
pub mod sink;
