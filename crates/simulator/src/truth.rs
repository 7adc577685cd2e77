//! What is true of every edge at every instant, whoever uploads.

use super::chance::Chance;
use super::character::{Affliction, Character};
use super::places::{CITIES, City, EDGES};

use jettyspeed_edge::edges::edge::Edge;

/// How long a trace is, ms.
pub const DAY_MS: u64 = 86_400_000;
/// A minute, ms.
pub const MINUTE_MS: f64 = 60_000.0;
/// Connections of one upload.
pub const CONNECTIONS: f64 = 6.0;
/// What a connection has under way at most, Mbit: 256 KiB, the window that is left of the socket's buffers on a way that loses a packet now and then.
const WINDOW_MBIT: f64 = 2.1;
/// Round trip of one kilometre over the ground in fibre that follows it, ms.
const FIBRE_MS_PER_KM: f64 = 0.01;
/// So long ways through fibre are, to the crow's (RIPE Atlas and the like find 1.2-2.2).
const WINDING: f64 = 1.4;
/// How much of an edge's connections its own evening costs.
const EVENING: f64 = 0.35;
/// Points of the restlessness of an edge, ms apart.
const RESTLESS_MS: u64 = 240_000;

struct Episode {
    from: u64,
    to: u64,
    size: f64,
}

/// How an edge is found from a city at an instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path {
    /// Over the ground, km.
    pub km: f64,
    /// Round trip without the last mile of the one who uploads, ms.
    pub rtt_ms: f64,
    /// What the edge lets one connection have, Mbit/s.
    pub connection_mbps: f64,
    /// Nothing answers.
    pub dead: bool,
    /// Share of attempts that it refuses, 0..=1.
    pub refuses: f64,
}

impl Path {
    /// Mbit/s of all connections together, over a round trip of `rtt_ms`, for somebody whose line has `uplink_mbps`.
    pub fn mbps(&self, rtt_ms: f64, uplink_mbps: f64) -> f64 {
        (CONNECTIONS * self.connection_mbps.min(WINDOW_MBIT * 1_000.0 / rtt_ms)).min(uplink_mbps)
    }
}

struct Nature {
    lon: f64,
    peering_ms: f64,
    connection_mbps: f64,
    detours: Vec<Episode>,
    congestion: Vec<Episode>,
    outages: Vec<Episode>,
    failures: Vec<Episode>,
    restless: Vec<f64>,
}

/// All of it.
pub struct Truth {
    natures: Vec<Nature>,
    /// By city, by edge: km, and the round trip of the way, ms.
    ways: Vec<[(f64, f64); EDGES]>,
}

impl Truth {
    /// Of that kind of day.
    pub fn of(character: &Character, edges: &[Edge]) -> Truth {
        let natures = edges.iter().map(|edge| nature(character, edge)).collect();
        let mut chance = Chance::of(character.name, "ways");
        let winding: Vec<f64> = edges.iter().map(|_| chance.lognormal(WINDING, 0.08)).collect();
        let way = |city: &City, chance: &mut Chance| {
            let mut ways = [(0.0, 0.0); EDGES];
            for ((way, edge), winding) in ways.iter_mut().zip(edges).zip(&winding) {
                let km = city.place().km_to(edge.place());
                *way = (km, km * FIBRE_MS_PER_KM * chance.lognormal(*winding, 0.1).max(1.05));
            }
            ways
        };
        Truth { natures, ways: CITIES.iter().map(|city| way(city, &mut chance)).collect() }
    }

    /// Edge `index` is dead between two instants, ms, whatever else befalls it.
    pub fn kill(&mut self, index: usize, from: u64, to: u64) {
        if let Some(nature) = self.natures.get_mut(index) {
            nature.outages.push(Episode { from, to, size: 1.0 });
        }
    }

    /// Every edge from `city` (an index) at `at`, ms.
    pub fn paths(&self, city: usize, at: u64) -> [Path; EDGES] {
        let mut paths = [Path::default(); EDGES];
        let Some(ways) = self.ways.get(city) else { return paths };
        for ((path, nature), (km, way_ms)) in paths.iter_mut().zip(&self.natures).zip(ways) {
            let evening = EVENING * busy(nature.lon, at);
            *path = Path {
                km: *km,
                rtt_ms: way_ms + nature.peering_ms + during(&nature.detours, at).unwrap_or(0.0),
                connection_mbps: nature.connection_mbps * (1.0 - evening) * during(&nature.congestion, at).unwrap_or(1.0) * restlessness(nature, at),
                dead: during(&nature.outages, at).is_some(),
                refuses: during(&nature.failures, at).unwrap_or(0.0),
            };
        }
        paths
    }
}

/// How much of its evening it is at a longitude, 0..=1: all of it at 20 hours by the sun.
pub fn busy(lon: f64, at: u64) -> f64 {
    let hour = at as f64 / (60.0 * MINUTE_MS) + lon / 15.0;
    0.5 + 0.5 * (std::f64::consts::TAU * (hour - 20.0) / 24.0).cos()
}

fn nature(character: &Character, edge: &Edge) -> Nature {
    let of = |what: &str| Chance::of(character.name, &format!("{}/{what}", edge.id.as_str()));
    let mut fixed = of("fixed");
    let points = DAY_MS / RESTLESS_MS + 2;
    Nature {
        lon: edge.lon,
        // Three of four are well connected.
        peering_ms: if fixed.unit() < 0.75 { fixed.between(0.0, 8.0) } else { fixed.between(15.0, 60.0) },
        connection_mbps: fixed.lognormal(110.0, 0.2),
        detours: episodes(character.detours, of("detours"), |chance| chance.between(40.0, 250.0)),
        congestion: episodes(character.congestion, of("congestion"), |chance| (0.5 / chance.heavy(1.5)).max(1.0 / 30.0)),
        outages: episodes(character.outages, of("outages"), |_| 1.0),
        failures: episodes(character.failures, of("failures"), |chance| chance.between(0.1, 0.3)),
        restless: (0..points).map(|_| fixed.lognormal(1.0, 0.12)).collect(),
    }
}

/// Those of a day.
fn episodes(affliction: Affliction, mut chance: Chance, size: impl Fn(&mut Chance) -> f64) -> Vec<Episode> {
    spans(affliction, &mut chance).into_iter().map(|(from, to)| Episode { from, to, size: size(&mut chance) }).collect()
}

/// From when until when, ms, all day long.
pub fn spans(affliction: Affliction, chance: &mut Chance) -> Vec<(u64, u64)> {
    let mut spans = Vec::new();
    // As if it had gone on before.
    let mut at = -chance.unit() * affliction.length_min * MINUTE_MS;
    loop {
        at += chance.waiting(affliction.gap_min) * MINUTE_MS;
        if at >= DAY_MS as f64 {
            return spans;
        }
        let to = at + chance.lognormal(affliction.length_min, 0.6) * MINUTE_MS;
        // Within a day of milliseconds; the negative is cut to 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        spans.push((at as u64, to as u64));
        at = to;
    }
}

fn during(episodes: &[Episode], at: u64) -> Option<f64> {
    episodes.iter().find(|episode| (episode.from..episode.to).contains(&at)).map(|episode| episode.size)
}

fn restlessness(nature: &Nature, at: u64) -> f64 {
    let index = usize::try_from(at / RESTLESS_MS).unwrap_or_default();
    let part = (at % RESTLESS_MS) as f64 / RESTLESS_MS as f64;
    match nature.restless.get(index..index + 2) {
        Some([one, next]) => one + part * (next - one),
        _ => 1.0,
    }
}
