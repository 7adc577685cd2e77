//! Ten thousand histories of the service's own code under faults (`crates/simulation`, docs/simulation.md). `script/simulate` runs more, and tells one.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use jettyspeed_simulation::pool::Pools;
use jettyspeed_simulation::run::{Variant, run};

/// Histories in all.
const HISTORIES: u64 = 10_000;

/// What the thread that is first gets next.
fn explore(next: &AtomicU64, wrong: &Mutex<Vec<String>>) {
    let mut pools = Pools::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= HISTORIES || !wrong.lock().unwrap().is_empty() {
            return;
        }
        let outcome = run(&Variant { seed, ..Variant::default() }, pools, false);
        pools = outcome.pools;
        if let Some(why) = outcome.wrong {
            wrong.lock().unwrap().push(format!("seed {seed}: {why}; `script/simulate {seed} --shrink` tells how"));
        }
    }
}

#[test]
fn at_rest_the_world_holds_what_clients_were_told() {
    let (next, wrong) = (AtomicU64::new(0), Mutex::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| explore(&next, &wrong));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
