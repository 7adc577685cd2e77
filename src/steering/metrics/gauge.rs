//! What an edge's object keeps: for each who measures an average that forgets, and of all of them the weighted median, so that nobody alone decides.

use serde::{Deserialize, Serialize};

use super::super::estimate::{LOAD_MS, aged};
use super::hours::{self, Hour};
use super::sample::{Said, Sample};
use super::Reading;
use crate::units::{EpochMs, insert_sorted};

/// How much the newest sample counts.
const ALPHA: f64 = 0.3;
/// So many samples make a measurement; more of the same client's add nothing.
const ENOUGH: f64 = 3.0;
/// What an account weighs at most, and what the Worker's own measuring does.
const ACCOUNT_WEIGHT: f64 = 1.0;
const WORKER_WEIGHT: f64 = 3.0;
/// Samples of one account that count in a minute; the Worker's own are not limited.
pub const PER_MINUTE: u32 = 60;
const MINUTE_MS: u64 = 60_000;
/// How many are remembered; the one who was silent longest is forgotten first.
const MOST_SOURCES: usize = 64;
/// Whose samples are the Worker's own.
pub const WORKER: &str = "worker";

/// An average that forgets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Mean {
    value: f64,
    /// How many samples it is worth, at most [`ENOUGH`] and a little.
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        // The first ones count alike.
        let share = ALPHA.max(1.0 / (self.count + 1.0));
        self.value += share * (value - self.value);
        self.count = (self.count + 1.0).min(2.0 * ENOUGH);
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Source {
    who: String,
    at: EpochMs,
    minute: u64,
    in_minute: u32,
    excess: Mean,
    latency: Mean,
    /// Natural logarithm of Mbit/s.
    rate: Mean,
    errors: Mean,
}

/// The state of one edge.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauge {
    sources: Vec<Source>,
    offered_mbps: f64,
    offered_at: EpochMs,
    /// What the database has not got yet.
    pub hours: Vec<Hour>,
}

impl Gauge {
    /// Takes in what `who` (an account's id, or [`WORKER`]) measured of an edge of that capacity. Says how many samples counted.
    pub fn take(&mut self, who: &str, samples: &[Sample], capacity_mbps: f64, now: EpochMs) -> usize {
        let mut taken = 0;
        for sample in samples {
            let Some(source) = self.source(who, now) else { break };
            if who != WORKER {
                let minute = now.0 / MINUTE_MS;
                if source.minute != minute {
                    (source.minute, source.in_minute) = (minute, 0);
                }
                if source.in_minute >= PER_MINUTE {
                    break;
                }
                source.in_minute += 1;
            }
            let said = sample.said(capacity_mbps);
            source.errors.add(f64::from(u8::from(said == Said::Failure)));
            match said {
                Said::Latency(ms, excess) => {
                    source.latency.add(ms);
                    source.excess.add(excess);
                }
                Said::Rate(mbps) => source.rate.add(mbps.ln()),
                Said::Failure => {}
            }
            if who == WORKER && sample.ok {
                self.offer(sample.bytes, now);
            }
            if let Some(hour) = hours::of(&mut self.hours, now) {
                hour.add(sample, said);
            }
            taken += 1;
        }
        taken
    }

    /// The one who measures; what it knew has aged.
    fn source(&mut self, who: &str, now: EpochMs) -> Option<&mut Source> {
        if !self.sources.iter().any(|source| source.who == who) {
            if self.sources.len() >= MOST_SOURCES {
                let silent = self.sources.iter().filter(|source| source.who != WORKER).map(|source| source.at).min();
                let index = self.sources.iter().position(|source| source.who != WORKER && Some(source.at) == silent)?;
                self.sources.swap_remove(index);
            }
            self.sources.push(Source { who: who.to_owned(), at: now, ..Source::default() });
        }
        let source = self.sources.iter_mut().find(|source| source.who == who)?;
        let age = now.since(source.at);
        for mean in [&mut source.excess, &mut source.latency, &mut source.rate, &mut source.errors] {
            mean.count = aged(mean.count, age);
        }
        source.at = now;
        Some(source)
    }

    /// Counts bytes as load: a rate that forgets within [`LOAD_MS`].
    fn offer(&mut self, bytes: u64, now: EpochMs) {
        self.offered_mbps = self.offered(now) + bytes as f64 * 8.0 / 1_000.0 / LOAD_MS;
        self.offered_at = now;
    }

    fn offered(&self, now: EpochMs) -> f64 {
        self.offered_mbps * (-(now.since(self.offered_at) as f64) / LOAD_MS).exp()
    }

    /// What all of them together say.
    pub fn reading(&self, now: EpochMs) -> Reading {
        let median = |mean: fn(&Source) -> Mean| {
            let mut sorted: Vec<(f64, f64)> = Vec::new();
            for source in &self.sources {
                let Mean { value, count } = mean(source);
                let most = if source.who == WORKER { WORKER_WEIGHT } else { ACCOUNT_WEIGHT };
                let weight = most * (aged(count, now.since(source.at)) / ENOUGH).min(1.0);
                if weight > 0.001 {
                    insert_sorted(&mut sorted, (value, weight), |a, b| a.0 < b.0);
                }
            }
            weighted_median(&sorted)
        };
        Reading {
            at: now,
            excess_ms: median(|source| source.excess),
            latency_ms: median(|source| source.latency),
            mbps: median(|source| source.rate).map(|(log, weight)| (log.exp(), weight)),
            errors: median(|source| source.errors),
            offered_mbps: self.offered(now),
        }
    }
}

/// The value at half of all weight, and that weight. Between two, the mean of both.
fn weighted_median(sorted: &[(f64, f64)]) -> Option<(f64, f64)> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let mut values = sorted.iter().peekable();
    while let Some((value, weight)) = values.next() {
        below += weight;
        if (below - total / 2.0).abs() < total * 1e-9 {
            let next = values.peek().map_or(*value, |(next, _)| *next);
            return Some((f64::midpoint(*value, next), total));
        }
        if below > total / 2.0 {
            return Some((*value, total));
        }
    }
    None
}

#[cfg(test)]
#[path = "gauge_tests.rs"]
mod tests;
