//! Benchmarks: ours and its peers interleaved in one run, so that a noisy machine is noisy for all of them. On bare workerd, or on
//! Miniflare where D1 is needed; never on `wrangler dev`.

pub mod api;
pub mod chunk;
pub mod delivery;
mod head;
pub mod load;
pub mod losses;
pub mod miniflare;
pub mod peers;
pub mod report;
pub mod sink;
pub mod steering;
pub mod uploads;
