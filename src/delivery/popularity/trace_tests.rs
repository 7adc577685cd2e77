//! The policy on a Zipf trace of two days, with one PoP's cache: answers from a fresh entry and requests to the store, with popularity and without.

use std::collections::HashMap;

use super::hits::Hits;
use super::lifetime::{lifetime_ms, refresh_due};
use crate::base::id::Id;
use crate::base::time::{EpochMs, HOUR_MS};
use crate::delivery::cache_entry::STALE_MS;

/// The class large: the shortest lifetime by default, s.
const TTL: u64 = 3_600;
const FILES: usize = 10_000;
const REQUESTS_AN_HOUR: u64 = 15_000;
const HOURS: u64 = 48;

/// A linear congruential generator, so that the trace is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// File and time of each request: Zipf with exponent 1, evenly over the time.
fn trace() -> Vec<(usize, EpochMs)> {
    let mut sums = Vec::with_capacity(FILES);
    let mut total = 0.0;
    for rank in 1..=FILES {
        total += 1.0 / rank as f64;
        sums.push(total);
    }
    let mut random = Random(42);
    let requests = HOURS * REQUESTS_AN_HOUR;
    (0..requests)
        .map(|number| {
            let point = random.next() * total;
            (sums.partition_point(|sum| *sum <= point), EpochMs(number * HOUR_MS / REQUESTS_AN_HOUR))
        })
        .collect()
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    fresh: u64,
    stale: u64,
    missed: u64,
    /// Refreshes before the end of a lifetime.
    early: u64,
    /// Answers of the hundred files that are asked for most, and those of them that were not fresh.
    top: u64,
    top_not_fresh: u64,
}

impl Outcome {
    fn requests_to_store(self) -> u64 {
        self.missed + self.stale + self.early
    }

    fn fresh_share(self) -> f64 {
        self.fresh as f64 / (self.fresh + self.stale + self.missed) as f64
    }
}

/// `isolates` share the cache, each counts what it sees; requests go to them at random. `window_ms`: 0 is without popularity.
fn run(trace: &[(usize, EpochMs)], isolates: usize, window_ms: u64) -> Outcome {
    let id = |file: usize| {
        let bytes = (file as u64).to_be_bytes();
        Id::from_random(std::array::from_fn(|at| at.checked_sub(8).map_or(0, |at| bytes[at])))
    };
    let mut counters: Vec<Hits> = (0..isolates).map(|_| Hits::default()).collect();
    let (mut entries, mut random, mut outcome) = (HashMap::<usize, EpochMs>::new(), Random(7), Outcome::default());
    for (file, now) in trace {
        let isolate = (random.next() * isolates as f64) as usize;
        let (counter, draw) = (&mut counters[isolate], random.next());
        let hits = if window_ms == 0 { 0.0 } else { counter.rate(id(*file), window_ms, *now) };
        let before = outcome.fresh;
        let renewed = now.plus(lifetime_ms(TTL, hits));
        match entries.get(file).copied() {
            Some(until) if *now < until => {
                outcome.fresh += 1;
                if refresh_due(until.since(*now), TTL, hits, window_ms, draw) {
                    outcome.early += 1;
                    entries.insert(*file, renewed);
                }
            }
            Some(until) if *now < until.plus(STALE_MS) => {
                outcome.stale += 1;
                entries.insert(*file, renewed);
            }
            _ => {
                outcome.missed += 1;
                entries.insert(*file, renewed);
            }
        }
        outcome.top += u64::from(*file < 100);
        outcome.top_not_fresh += u64::from(*file < 100 && outcome.fresh == before);
        counter.add(id(*file), window_ms, *now);
    }
    outcome
}

#[test]
fn zipf_trace_has_more_answers_from_a_fresh_entry_and_fewer_requests_to_the_store() {
    let trace = trace();
    let without = run(&trace, 1, 0);
    println!("without: {:.2} % fresh, {} requests to the store: {without:?}", without.fresh_share() * 100.0, without.requests_to_store());
    for isolates in [1, 4] {
        let with = run(&trace, isolates, HOUR_MS);
        println!("{isolates} isolates: {:.2} % fresh, {} requests to the store: {with:?}", with.fresh_share() * 100.0, with.requests_to_store());
        assert!(with.fresh_share() >= without.fresh_share() + 0.01, "{with:?} {without:?}");
        assert!(with.requests_to_store() < without.requests_to_store(), "{with:?} {without:?}");
        assert!(with.missed <= without.missed, "{with:?} {without:?}");
        assert!(with.early > 0);
        assert!(with.top_not_fresh * 4 < without.top_not_fresh, "{with:?} {without:?}");
    }
}
