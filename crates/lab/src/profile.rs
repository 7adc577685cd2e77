//! What lies between client, edge and store: `profiles.toml`.

use std::collections::BTreeMap;

use jettyspeed_devstack::Result;
use serde::Deserialize;

/// A named network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// One line for readers.
    pub summary: String,
    /// The client's own line.
    pub access: Access,
    /// Client to edge.
    pub edge: Leg,
    /// Edge to store.
    pub store: Leg,
    /// Client to store.
    pub direct: Leg,
    /// Edges beside the first, as factors of it.
    #[serde(skip)]
    pub further_edges: Vec<Further>,
}

/// The client's line.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Mbit/s of everything that the client sends.
    pub up_mbit: f64,
    /// Mbit/s that it gets from each peer.
    pub down_mbit: f64,
    /// What the queue before the line holds, ms of its rate.
    pub queue_ms: f64,
}

/// The way between two hosts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Round trip, ms, without jitter and queues.
    pub rtt_ms: f64,
    /// Mbit/s of each direction; None: no bottleneck of its own.
    pub mbit: Option<f64>,
    /// What a queue before the bottleneck holds, ms of its rate.
    #[serde(default = "default_queue")]
    pub queue_ms: f64,
    /// Percent of the packets of each direction.
    #[serde(default)]
    pub loss_percent: f64,
    /// Up to so much is added to the delay of each direction, ms.
    #[serde(default)]
    pub jitter_ms: f64,
}

/// An edge beside the first.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Further {
    /// Its round trips as a multiple of the first edge's.
    pub rtt_factor: f64,
    /// Its rate as a fraction of the client's line.
    pub rate_factor: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    further_edges: Vec<Further>,
    profiles: BTreeMap<String, Profile>,
}

fn default_queue() -> f64 {
    50.0
}

/// All profiles by name.
pub fn all() -> Result<BTreeMap<String, Profile>> {
    let file: File = toml::from_str(include_str!("../profiles.toml")).map_err(|error| format!("profiles.toml: {error}"))?;
    let with = |profile| Profile { further_edges: file.further_edges.clone(), ..profile };
    Ok(file.profiles.into_iter().map(|(name, profile)| (name, with(profile))).collect())
}

/// The profile of that name.
pub fn named(name: &str) -> Result<Profile> {
    let mut all = all()?;
    let names = all.keys().cloned().collect::<Vec<_>>().join(", ");
    all.remove(name).ok_or_else(|| format!("no profile '{name}'; there are {names}").into())
}

impl Profile {
    /// The leg of the client to edge `index`, 0 being the first; None if there are fewer.
    pub fn edge_leg(&self, index: usize) -> Option<Leg> {
        let Some(further) = index.checked_sub(1) else { return Some(self.edge) };
        let Further { rtt_factor, rate_factor } = *self.further_edges.get(further)?;
        let mbit = if rate_factor < 1.0 { Some(self.access.up_mbit * rate_factor) } else { self.edge.mbit };
        Some(Leg { rtt_ms: self.edge.rtt_ms * rtt_factor, mbit, ..self.edge })
    }

    /// Mbit/s of IP packets that the client can send over `leg`.
    pub fn rate(&self, leg: &Leg) -> f64 {
        leg.mbit.unwrap_or(f64::INFINITY).min(self.access.up_mbit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_readable_and_the_direct_way_is_no_shorter_than_that_over_the_edge_minus_ten_percent() {
        let all = all().unwrap();
        assert_eq!(all.len(), 7);
        for (name, profile) in &all {
            assert!(profile.direct.rtt_ms >= 0.9 * (profile.edge.rtt_ms + profile.store.rtt_ms), "{name}");
        }
    }

    #[test]
    fn third_edge_is_slow() {
        let fibre = named("fibre").unwrap();
        let slow = fibre.edge_leg(2).unwrap();
        assert_eq!((slow.rtt_ms, fibre.rate(&slow), fibre.rate(&fibre.edge)), (80.0, 50.0, 500.0));
        assert!(fibre.edge_leg(3).is_none());
    }

    #[test]
    fn unknown_name_is_refused_with_those_that_exist() {
        assert!(named("dialup").unwrap_err().to_string().contains("fibre"));
    }
}
