//! Calls with numbers from 1 on, some of them at once.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;

use crate::load::{Connection, Target};
use crate::report::{Figure, median, percentile};
use jettyspeed_devstack::Result;

/// Calls in flight: the threads of the largest plan.
pub const IN_FLIGHT: u32 = 16;

/// A call: its target and body.
pub type Call = (Target, Bytes);

/// Makes the calls `1..=count`, each once, [`IN_FLIGHT`] at a time; anything but a 200 is an error. Returns their durations, ms, by number.
pub async fn each(address: &str, count: u32, call: impl Fn(u32) -> Call + Send + Sync + 'static) -> Result<Vec<f64>> {
    let (call, next) = (Arc::new(call), Arc::new(AtomicU32::new(1)));
    let mut lanes: JoinSet<Result<Vec<(u32, f64)>>> = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (call, next, address) = (Arc::clone(&call), Arc::clone(&next), address.to_owned());
        lanes.spawn(async move {
            let (mut connection, mut took) = (Connection::open(&address).await?, Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > count {
                    return Ok(took);
                }
                let (target, body) = call(number);
                took.push((number, connection.exchange(&target, number, body).await?.of_status(200)?.ms));
                if number.is_multiple_of(1_000) {
                    eprintln!("  big: {number} of {count}");
                }
            }
        });
    }
    let mut all = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        all.extend(lane??);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, ms)| ms).collect())
}

/// The durations of `what`: median and p99 of all, and the medians of the first and the last tenth, between which the session has grown.
pub fn figures(what: &str, took: &[f64]) -> [Figure; 4] {
    let tenth = took.len().div_ceil(10);
    let (first, last) = (took.get(..tenth).unwrap_or_default(), took.get(took.len() - tenth..).unwrap_or_default());
    [
        Figure::without_target(&format!("{what}: median"), "ms", &[median(took)]),
        Figure::without_target("- p99", "ms", &[percentile(took, 99)]),
        Figure::without_target("- median of the first tenth", "ms", &[median(first)]),
        Figure::without_target("- median of the last tenth", "ms", &[median(last)]),
    ]
}
