//! The true state of every edge at every instant, independent of the policy.

use super::chance::Chance;
use super::character::{Affliction, Character};
use super::places::{City, EDGES};

use jettyspeed_edge::edges::edge::Edge;

/// Duration of a trace, ms.
pub const DAY_MS: u64 = 86_400_000;
/// One minute, ms.
pub const MINUTE_MS: f64 = 60_000.0;
/// Connections per upload.
pub const CONNECTIONS: f64 = 6.0;
/// Round-trip time per kilometre of fibre, ms.
const FIBRE_MS_PER_KM: f64 = 0.01;
/// Ratio of path length to great-circle distance (RIPE Atlas measurements: 1.2-2.2).
const WINDING: f64 = 1.4;
/// Interval between support points of an edge's random rate variation, ms.
const RESTLESS_MS: u64 = 240_000;

struct Episode {
    from: u64,
    to: u64,
    size: f64,
}

/// State of the path from a city to an edge at an instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path {
    /// Great-circle distance, km.
    pub km: f64,
    /// Round-trip time without the client's access line, ms.
    pub rtt_ms: f64,
    /// Rate limit per connection at the edge, Mbit/s.
    pub connection_mbps: f64,
    /// The edge does not answer.
    pub dead: bool,
    /// Share of attempts that the edge refuses, 0..=1.
    pub refuses: f64,
    /// Maximum data in flight per connection, Mbit.
    pub window_mbit: f64,
}

impl Path {
    /// Rate of all connections together over a round-trip time of `rtt_ms` for a client with `uplink_mbps`, Mbit/s.
    pub fn mbps(&self, rtt_ms: f64, uplink_mbps: f64) -> f64 {
        (CONNECTIONS * self.connection_mbps.min(self.window_mbit * 1_000.0 / rtt_ms)).min(uplink_mbps)
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
    /// Their size is the share of the connection rate that is left.
    brownouts: Vec<Episode>,
    restless: Vec<f64>,
}

/// State of all edges over one day.
pub struct Truth {
    natures: Vec<Nature>,
    /// By city and edge: distance, km, and round-trip time of the path, ms.
    ways: Vec<[(f64, f64); EDGES]>,
    evening: f64,
    window_mbit: f64,
}

impl Truth {
    /// The state for a kind of day.
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
        let ways = character.geography.cities.iter().map(|city| way(city, &mut chance)).collect();
        Truth { natures, ways, evening: character.evening, window_mbit: character.access.window_mbit }
    }

    /// Makes edge `index` dead between two instants, ms, in addition to its other outages.
    pub fn kill(&mut self, index: usize, from: u64, to: u64) {
        if let Some(nature) = self.natures.get_mut(index) {
            nature.outages.push(Episode { from, to, size: 1.0 });
        }
    }

    /// The paths from `city` (an index) to every edge at `at`, ms.
    pub fn paths(&self, city: usize, at: u64) -> [Path; EDGES] {
        let mut paths = [Path::default(); EDGES];
        let Some(ways) = self.ways.get(city) else { return paths };
        for ((path, nature), (km, way_ms)) in paths.iter_mut().zip(&self.natures).zip(ways) {
            let evening = self.evening * busy(nature.lon, at);
            let brownout = during(&nature.brownouts, at);
            *path = Path {
                km: *km,
                rtt_ms: way_ms + nature.peering_ms + during(&nature.detours, at).unwrap_or(0.0),
                connection_mbps: nature.connection_mbps
                    * (1.0 - evening)
                    * during(&nature.congestion, at).unwrap_or(1.0)
                    * brownout.unwrap_or(1.0)
                    * restlessness(nature, at),
                dead: during(&nature.outages, at).is_some(),
                // The less is left of its rate, the more it refuses: 20-50 %.
                refuses: during(&nature.failures, at).unwrap_or(0.0).max(brownout.map_or(0.0, |left| 0.6 - 5.0 * left)),
                window_mbit: self.window_mbit,
            };
        }
        paths
    }
}

/// Share of the evening peak at a longitude, 0..=1: 1 at 20:00 solar time.
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
        // Three of four edges are well connected.
        peering_ms: if fixed.unit() < 0.75 { fixed.between(0.0, 8.0) } else { fixed.between(15.0, 60.0) },
        connection_mbps: fixed.lognormal(110.0, 0.2),
        detours: episodes(character.detours, of("detours"), |chance| chance.between(40.0, 250.0)),
        congestion: episodes(character.congestion, of("congestion"), |chance| (0.5 / chance.heavy(1.5)).max(1.0 / 30.0)),
        outages: episodes(character.outages, of("outages"), |_| 1.0),
        failures: episodes(character.failures, of("failures"), |chance| chance.between(0.1, 0.3)),
        brownouts: episodes(character.brownouts, of("brownouts"), |chance| chance.between(0.02, 0.08)),
        restless: (0..points).map(|_| fixed.lognormal(1.0, 0.12)).collect(),
    }
}

/// The episodes of a day.
fn episodes(affliction: Affliction, mut chance: Chance, size: impl Fn(&mut Chance) -> f64) -> Vec<Episode> {
    spans(affliction, &mut chance).into_iter().map(|(from, to)| Episode { from, to, size: size(&mut chance) }).collect()
}

/// Start and end of all episodes of a day, ms.
pub fn spans(affliction: Affliction, chance: &mut Chance) -> Vec<(u64, u64)> {
    let mut spans = Vec::new();
    // Start before the day, so that an episode may already be running.
    let mut at = -chance.unit() * affliction.length_min * MINUTE_MS;
    loop {
        at += chance.waiting(affliction.gap_min) * MINUTE_MS;
        if at >= DAY_MS as f64 {
            return spans;
        }
        let to = at + chance.lognormal(affliction.length_min, 0.6) * MINUTE_MS;
        // Within the milliseconds of a day; negative values saturate at 0.
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
