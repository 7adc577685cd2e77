//! Ranks edges for one client by a weighted mean of terms (docs/edges.md, "The score").

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

/// Distance at which its term is 0.5, km. (Tuned by `script/bench steering`, as are the constants of [`crate::edges::estimate`].)
const HALF_KM: f64 = 20_000.0;

/// Round-trip time at which its term is 0.5, ms.
const HALF_MS: f64 = 200.0;

/// Throughput at which its term is 0.5, Mbit/s.
const HALF_MBPS: f64 = 18.0;

/// Error rate above which an edge is excluded.
const MAX_ERRORS: f64 = 0.5;

/// Time after its last measurement at which an excluded edge is offered to some clients again, ms.
const RETRY_AFTER_MS: u64 = 30_000;

/// One of this many clients is offered an excluded edge.
const PROBERS: usize = 10;

/// Change of a score up to which the client keeps its previous score (hysteresis against flapping).
const DEAD_BAND: f64 = 0.006;

/// Scores are rounded to steps of 1/250; edges of equal rounded score share the load.
const STEPS: f64 = 250.0;

/// Weights of the terms, percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Weights {
    /// Of the distance.
    pub distance: u32,
    /// Of the round-trip time.
    pub latency: u32,
    /// Of the free capacity.
    pub load: u32,
    /// Of the throughput.
    pub bandwidth: u32,
    /// Of the success rate.
    pub errors: u32,
}

impl Weights {
    /// The weights of a priority (docs/edges.md, "The score").
    pub fn of(priority: Priority) -> Weights {
        match priority {
            Priority::Speed => Weights { distance: 10, latency: 40, load: 15, bandwidth: 30, errors: 5 },
            Priority::Cost => Weights { distance: 30, latency: 10, load: 40, bandwidth: 10, errors: 10 },
            Priority::Balanced => Weights { distance: 20, latency: 20, load: 20, bandwidth: 20, errors: 20 },
        }
    }
}

/// The terms of the score: each 0..=1, 1 is best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Terms {
    /// None if the client's location is unknown; the term is left out then.
    pub distance: Option<f64>,
    /// From the round-trip time.
    pub latency: f64,
    /// Free share of the capacity.
    pub load: f64,
    /// From the throughput of one connection.
    pub bandwidth: f64,
    /// 1 - error rate.
    pub errors: f64,
    /// The weight of each term.
    pub weights: Weights,
}

impl Terms {
    /// The terms of an estimate.
    pub fn of(km: Option<f64>, estimate: &Estimate, weights: Weights) -> Terms {
        let mbps = estimate.bandwidth_or_prior();
        Terms {
            distance: km.map(|km| HALF_KM / (HALF_KM + km)),
            latency: HALF_MS / (HALF_MS + estimate.latency_or_prior()),
            load: 1.0 - estimate.load,
            // Squared: throughput far above the half value adds little, throughput below it costs much.
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

/// One edge of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Index in the list that was ranked.
    pub index: usize,
    /// Distance from the client, km; None if unknown.
    pub km: Option<f64>,
    /// See [`Estimate`].
    pub estimate: Estimate,
    /// See [`Terms`].
    pub terms: Terms,
    /// In steps of 1/250; at most [`DEAD_BAND`] away from what the terms give.
    pub score: f64,
    /// The edge was excluded for its errors and is offered to this client to find out whether it has recovered.
    pub probe: bool,
}

/// The client for which edges are ranked.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Its location, if known.
    pub place: Option<Location>,
    /// The weights to use.
    pub priority: Priority,
    /// Random draws that spread edges of equal score.
    pub draw: Draw,
    /// Time of the request.
    pub now: EpochMs,
}

/// The active edges, best first, scores never increasing. `previous_score` is the score that the client last received for an edge.
///
/// Edges above [`MAX_ERRORS`] are excluded, unless all are, or this client is one of those that retry them.
pub fn rank<'a>(
    edges: &[Edge],
    reading: impl Fn(&Edge) -> Option<&'a Reading>,
    mut asker: Asker,
    previous_score: impl Fn(&Edge) -> Option<f64>,
) -> Vec<Ranked> {
    let weights = Weights::of(asker.priority);
    let (mut found, mut excluded) = (Vec::with_capacity(edges.len()), Vec::new());
    let typical = typical_mbps(edges.iter().filter_map(&reading), asker.now);
    for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.status == Status::Active) {
        let km = asker.place.map(|place| place.km_to(edge.place()));
        let reading = reading(edge);
        let (capacity, rested) = (edge.capacity_mbps as f64, reading.is_some_and(|reading| asker.now.since(reading.at) >= RETRY_AFTER_MS));
        let failing = reading.is_some_and(|reading| reading.error_rate() > MAX_ERRORS);
        // The error rate does not decay, so an excluded edge returns only by new measurements: some clients rank it as if it were unmeasured.
        let retried = asker.draw.one_in(PROBERS) && failing && rested;
        let estimate = Estimate::of(km, capacity, if retried { None } else { reading }, typical, asker.now);
        let terms = Terms::of(km, &estimate, weights);
        let score = with_dead_band(terms.score(), previous_score(edge));
        let entry = Ranked { index, km, estimate, terms, score, probe: retried };
        if failing && !retried { excluded.push(entry) } else { found.push(entry) }
    }
    if found.iter().all(|edge| edge.probe) {
        // All edges fail, or the cause is elsewhere: rank all of them.
        found.append(&mut excluded);
    }
    let id = |ranked: &Ranked| edges.get(ranked.index).map(|edge| edge.id.as_str());
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| id(a).cmp(&id(b))));
    spread(&mut found, &mut asker.draw);
    found
}

/// The rounded score, or the previous one while it changed by at most [`DEAD_BAND`].
fn with_dead_band(score: f64, before: Option<f64>) -> f64 {
    before.filter(|before| (score - before).abs() <= DEAD_BAND).unwrap_or((score * STEPS).round() / STEPS)
}

/// Orders edges of equal score: each position takes the less loaded of two random edges (power of two choices; Mitzenmacher 2001).
fn spread(ranked: &mut [Ranked], draw: &mut Draw) {
    let mut rest = ranked;
    while let [head, ..] = rest {
        let score = head.score;
        let equal = rest.iter().take_while(|edge| edge.score >= score).count();
        if equal > 1 {
            let (first, second) = (draw.below(equal), draw.below(equal));
            let load = |index: usize| rest.get(index).map_or(f64::MAX, |edge| edge.estimate.load);
            rest.swap(0, if load(second) < load(first) { second } else { first });
        }
        rest = match rest.split_first_mut() {
            Some((_, tail)) => tail,
            None => return,
        };
    }
}
