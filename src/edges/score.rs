//! Ranking edges for one client: a weighted sum of explained terms (SPEC section 6).

use serde::Serialize;

use crate::base::time::EpochMs;
use crate::edges::draw::Draw;
use crate::edges::edge::{Edge, Status};
use crate::edges::estimate::{Estimate, typical_mbps};
use crate::edges::location::Location;
use crate::edges::metrics::reading::Reading;
use crate::edges::request::Priority;

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;

/// Where a term is at a half. (Tuned by `script/bench steering`, as are the constants of [`crate::edges::estimate`].)
const HALF_KM: f64 = 20_000.0;

const HALF_MS: f64 = 200.0;

const HALF_MBPS: f64 = 18.0;

/// Edges that fail more often than this drop out.
const MAX_ERRORS: f64 = 0.5;

/// How long after its last measurement an edge that dropped out is left alone, ms; then some clients try whether it is back.
const REST_MS: u64 = 30_000;

/// Of so many draws, one tries it.
const PROBERS: usize = 10;

/// How far a score may move before a client is told another one: what it is told does not flap.
const DEAD_BAND: f64 = 0.006;

/// Scores are told in steps of 1/250: what is equal then is near enough to be spread.
const STEPS: f64 = 250.0;

/// Percent of the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Weights {
    /// Of nearness.
    pub distance: u32,
    /// Of short round trips.
    pub latency: u32,
    /// Of idleness.
    pub load: u32,
    /// Of fast connections.
    pub bandwidth: u32,
    /// Of not failing.
    pub errors: u32,
}

impl Weights {
    /// SPEC section 6.
    pub fn of(priority: Priority) -> Weights {
        match priority {
            Priority::Speed => Weights { distance: 10, latency: 40, load: 15, bandwidth: 30, errors: 5 },
            Priority::Cost => Weights { distance: 30, latency: 10, load: 40, bandwidth: 10, errors: 10 },
            Priority::Balanced => Weights { distance: 20, latency: 20, load: 20, bandwidth: 20, errors: 20 },
        }
    }
}

/// What the score is made of: each 0..=1, 1 is best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Terms {
    /// None if nobody knows where the client is: then it does not count.
    pub distance: Option<f64>,
    /// From the round trip.
    pub latency: f64,
    /// From the share of the capacity that is in use.
    pub load: f64,
    /// From the rate of one connection.
    pub bandwidth: f64,
    /// From the share of failures.
    pub errors: f64,
    /// What each of them counts.
    pub weights: Weights,
}

impl Terms {
    /// Of an estimate.
    pub fn of(km: Option<f64>, estimate: &Estimate, weights: Weights) -> Terms {
        let mbps = estimate.bandwidth_or_prior();
        Terms {
            distance: km.map(|km| HALF_KM / (HALF_KM + km)),
            latency: HALF_MS / (HALF_MS + estimate.latency_or_prior()),
            load: 1.0 - estimate.load,
            // Squared: above the rate that matters more of it is worth little, below it every bit less costs.
            bandwidth: mbps.powi(2) / (mbps.powi(2) + HALF_MBPS.powi(2)),
            errors: 1.0 - estimate.error_rate.unwrap_or_default(),
            weights: if km.is_some() { weights } else { Weights { distance: 0, ..weights } },
        }
    }

    /// Their weighted mean.
    pub fn score(&self) -> f64 {
        let Weights { distance, latency, load, bandwidth, errors } = self.weights;
        let pairs = [
            (self.distance.unwrap_or_default(), distance),
            (self.latency, latency),
            (self.load, load),
            (self.bandwidth, bandwidth),
            (self.errors, errors),
        ];
        let sum: f64 = pairs.iter().map(|(term, weight)| term * f64::from(*weight)).sum();
        sum / f64::from(pairs.iter().map(|(_, weight)| weight).sum::<u32>().max(1))
    }
}

/// An edge in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// In the list that was ranked.
    pub index: usize,
    /// From the client, if anybody knows where that is.
    pub km: Option<f64>,
    /// See [`Estimate`].
    pub estimate: Estimate,
    /// See [`Terms`].
    pub terms: Terms,
    /// In steps of 1/250; at most [`DEAD_BAND`] away from what the terms give.
    pub score: f64,
    /// It dropped out for its failures, and this client tries whether it is back.
    pub probe: bool,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Where from.
    pub place: Option<Location>,
    /// What counts.
    pub priority: Priority,
    /// Spreads what is near enough to equal.
    pub draw: Draw,
    /// When.
    pub now: EpochMs,
}

/// The edges that take uploads, best first; scores never rise along the list. `told` is the score that the asker was told of an edge last.
///
/// An edge that fails too often is left out, unless all do, or the asker is one of those who try it.
pub fn rank<'a>(
    edges: &[Edge],
    reading: impl Fn(&Edge) -> Option<&'a Reading>,
    mut asker: Asker,
    told: impl Fn(&Edge) -> Option<f64>,
) -> Vec<Ranked> {
    let weights = Weights::of(asker.priority);
    let (mut found, mut out) = (Vec::with_capacity(edges.len()), Vec::new());
    let typical = typical_mbps(edges.iter().filter_map(&reading), asker.now);
    for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.status == Status::Active) {
        let km = asker.place.map(|place| place.km_to(edge.place()));
        let reading = reading(edge);
        let (capacity, rested) = (edge.capacity_mbps as f64, reading.is_some_and(|reading| asker.now.since(reading.at) >= REST_MS));
        let failing = reading.is_some_and(|reading| reading.error_rate() > MAX_ERRORS);
        // Time alone does not bring it back: somebody has to find out, and would not as long as what is known of it is bad.
        let tries = asker.draw.one_in(PROBERS) && failing && rested;
        let estimate = Estimate::of(km, capacity, if tries { None } else { reading }, typical, asker.now);
        let terms = Terms::of(km, &estimate, weights);
        let score = steady(terms.score(), told(edge));
        let here = Ranked { index, km, estimate, terms, score, probe: tries };
        if failing && !tries { out.push(here) } else { found.push(here) }
    }
    if found.iter().all(|edge| edge.probe) {
        // All of them fail, or it is not they who fail.
        found.append(&mut out);
    }
    let id = |ranked: &Ranked| edges.get(ranked.index).map(|edge| edge.id.as_str());
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| id(a).cmp(&id(b))));
    spread(&mut found, &mut asker.draw);
    found
}

/// What is told of a score: the same as before while it has moved little.
fn steady(score: f64, before: Option<f64>) -> f64 {
    before.filter(|before| (score - before).abs() <= DEAD_BAND).unwrap_or((score * STEPS).round() / STEPS)
}

/// Of those that are equal, in each place the less loaded one of two that are drawn (power of two choices; Mitzenmacher 2001).
fn spread(ranked: &mut [Ranked], draw: &mut Draw) {
    let mut rest = ranked;
    while let [first, ..] = rest {
        let score = first.score;
        let equal = rest.iter().take_while(|edge| edge.score >= score).count();
        if equal > 1 {
            let (one, other) = (draw.below(equal), draw.below(equal));
            let load = |index: usize| rest.get(index).map_or(f64::MAX, |edge| edge.estimate.load);
            rest.swap(0, if load(other) < load(one) { other } else { one });
        }
        rest = match rest.split_first_mut() {
            Some((_, tail)) => tail,
            None => return,
        };
    }
}
