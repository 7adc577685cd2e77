//! Simulates one policy in its own copy of the world: its own uploads are the load on the edges.

use super::chance::Chance;
use super::ours::{Measurement, Ours};
use super::places::EDGES;
use super::trace::{Account, Upload};
use super::truth::{CONNECTIONS, Path};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jettyspeed_edge::edges::edge::Edge;
use jettyspeed_edge::edges::metrics::sample::Sample;

/// Timeout of an attempt at an edge that does not answer, s.
const DEAD_S: f64 = 10.0;
/// Time lost by a refused attempt, s.
const REFUSED_S: f64 = 2.0;
/// Timeout of a probe, ms.
const PROBE_MS: u64 = 2_000;
/// Number of edges that a client probes.
const PROBED: usize = 3;
/// Parts per upload; each is measured.
const PARTS: u32 = 8;
/// Round trips before the first byte: TCP, TLS, request.
const HANDSHAKES: f64 = 3.0;
/// Maximum attempts per upload.
const ATTEMPTS: usize = 60;

/// How edges are selected.
pub enum Policy<'a> {
    /// The product's selection.
    Ours(Box<Ours<'a>>),
    /// The nearest edge.
    Nearest,
    /// A random edge.
    Random(Chance),
}

/// An upload in progress.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    ends: u64,
    edge: usize,
    kbps: u64,
}

/// Outcome of an upload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Duration, s.
    pub seconds: f64,
    /// Time thereof lost to edges that were dead or refused, s.
    pub lost: f64,
    /// Duration at the best edge in the same world at the same instant, s.
    pub best: f64,
}

/// One policy and the load that it causes.
pub struct World<'a> {
    policy: Policy<'a>,
    capacities_mbps: [f64; EDGES],
    flights: BinaryHeap<Reverse<Flight>>,
    /// Demand of all uploads at each edge without a capacity limit, kbit/s: integers, so that no rounding error remains.
    wanted_kbps: [u64; EDGES],
}

impl<'a> World<'a> {
    /// A world without uploads in progress.
    pub fn new(policy: Policy<'a>, edges: &[Edge]) -> World<'a> {
        let mut capacities_mbps = [1.0; EDGES];
        capacities_mbps.iter_mut().zip(edges).for_each(|(capacity, edge)| *capacity = edge.capacity_mbps as f64);
        World { policy, capacities_mbps, flights: BinaryHeap::new(), wanted_kbps: [0; EDGES] }
    }

    /// The product's selection, if this world uses it.
    pub fn ours(&mut self) -> Option<&mut Ours<'a>> {
        match &mut self.policy {
            Policy::Ours(ours) => Some(ours),
            _ => None,
        }
    }

    /// Simulates one upload of `account` (index in `upload`); `paths` is the state of the edges.
    pub fn upload(&mut self, upload: &Upload, account: &Account, paths: &[Path; EDGES]) -> Taken {
        self.land(upload.at);
        let list = self.list(upload, account, paths);
        let offers: [Offer; EDGES] = std::array::from_fn(|edge| self.offer(edge, upload, account, paths));
        let best = offers.iter().zip(paths).filter(|(_, path)| !path.dead).map(|(offer, path)| offer.seconds + path.refuses * REFUSED_S);
        let best = best.fold(f64::INFINITY, f64::min);
        self.probe(upload, paths, account, &list);
        let mut lost = 0.0;
        for (attempt, edge) in list.iter().cycle().take(ATTEMPTS).copied().enumerate() {
            let Some((path, offer)) = paths.get(edge).zip(offers.get(edge)) else { continue };
            // Pseudorandom values that are the same in every world and evenly distributed (multiples of the golden ratio).
            let refused = (upload.fate + (edge + attempt * EDGES) as f64 * 0.618_034).fract() < path.refuses;
            if path.dead || refused {
                lost += if path.dead { DEAD_S } else { REFUSED_S };
                self.report_failure(upload, edge, path, lost);
            } else {
                self.fly(upload, edge, offer, lost);
                self.report_parts(upload, edge, path, offer, lost);
                return Taken { seconds: lost + offer.seconds, lost, best };
            }
        }
        Taken { seconds: lost, lost, best: best.min(lost) }
    }

    fn list(&mut self, upload: &Upload, account: &Account, paths: &[Path; EDGES]) -> Vec<usize> {
        match &mut self.policy {
            Policy::Ours(ours) => {
                ours.catch_up(upload.at);
                ours.list(account, upload.at)
            }
            Policy::Nearest => {
                let mut list: Vec<usize> = (0..EDGES).collect();
                let km = |edge: &usize| paths.get(*edge).map_or(f64::INFINITY, |path| path.km);
                list.sort_by(|a, b| km(a).total_cmp(&km(b)));
                list
            }
            Policy::Random(chance) => {
                let mut list: Vec<usize> = (0..EDGES).collect();
                (1..EDGES).rev().for_each(|last| list.swap(last, chance.below(last + 1)));
                list
            }
        }
    }

    fn offer(&self, edge: usize, upload: &Upload, account: &Account, paths: &[Path; EDGES]) -> Offer {
        let Some(((path, wanted_kbps), capacity)) = paths.get(edge).zip(self.wanted_kbps.get(edge)).zip(self.capacities_mbps.get(edge)) else {
            return Offer::default();
        };
        let rtt_ms = path.rtt_ms + account.last_mile_ms;
        let wanted = path.mbps(rtt_ms, account.uplink_mbps);
        let mbps = wanted * (capacity / (*wanted_kbps as f64 / 1_000.0 + wanted)).min(1.0);
        Offer { seconds: HANDSHAKES * rtt_ms / 1_000.0 + upload.megabytes * 8.0 / mbps, mbps, wanted }
    }

    fn fly(&mut self, upload: &Upload, edge: usize, offer: &Offer, lost: f64) {
        let kbps = whole(offer.wanted * 1_000.0);
        self.flights.push(Reverse(Flight { ends: upload.at + ms(lost + offer.seconds), edge, kbps }));
        if let Some(wanted) = self.wanted_kbps.get_mut(edge) {
            *wanted += kbps;
        }
    }

    fn land(&mut self, now: u64) {
        while let Some(Reverse(flight)) = self.flights.peek().filter(|flight| flight.0.ends <= now) {
            if let Some(wanted) = self.wanted_kbps.get_mut(flight.edge) {
                *wanted = wanted.saturating_sub(flight.kbps);
            }
            self.flights.pop();
        }
    }

    fn probe(&mut self, upload: &Upload, paths: &[Path; EDGES], account: &Account, list: &[usize]) {
        let Some(ours) = self.ours() else { return };
        for edge in list.iter().take(PROBED).copied() {
            let Some(path) = paths.get(edge) else { continue };
            let sample = Sample { bytes: 0, ms: path.rtt_ms + account.last_mile_ms, ok: !path.dead, km: Some(path.km) };
            ours.deliver(upload.at + PROBE_MS, Measurement { edge, who: upload.account, seen: false, sample });
        }
    }

    /// Reports the failure of all connections. The Worker at a dead edge reports nothing.
    fn report_failure(&mut self, upload: &Upload, edge: usize, path: &Path, lost: f64) {
        let Some(ours) = self.ours() else { return };
        let sample = Sample { bytes: 0, ms: lost * 1_000.0, ok: false, km: Some(path.km) };
        let at = upload.at + ms(lost);
        for _ in 0..whole(CONNECTIONS) {
            ours.deliver(at, Measurement { edge, who: upload.account, seen: false, sample });
        }
        if !path.dead {
            ours.deliver(at, Measurement { edge, who: upload.account, seen: true, sample });
        }
    }

    fn report_parts(&mut self, upload: &Upload, edge: usize, path: &Path, offer: &Offer, lost: f64) {
        let Some(ours) = self.ours() else { return };
        let megabytes = upload.megabytes / f64::from(PARTS);
        let took_ms = megabytes * 8.0 / (offer.mbps / CONNECTIONS) * 1_000.0;
        let sample = Sample { bytes: whole(megabytes * 1e6), ms: took_ms, ok: true, km: Some(path.km) };
        for part in 1..=PARTS {
            let at = upload.at + ms(lost + offer.seconds * f64::from(part) / f64::from(PARTS));
            for seen in [false, true] {
                ours.deliver(at, Measurement { edge, who: upload.account, seen, sample });
            }
        }
    }
}

/// What an edge offers to an upload.
#[derive(Debug, Clone, Copy, Default)]
struct Offer {
    seconds: f64,
    mbps: f64,
    /// Rate without the edge's capacity limit, Mbit/s.
    wanted: f64,
}

fn ms(seconds: f64) -> u64 {
    whole(seconds * 1_000.0)
}

/// Limited to the milliseconds of a day or the bytes of a file.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}
