//! Kinds of days: which problems the edges have, and how often; where clients are and how they are connected.

use super::places::{Geography, SOUTHERN, WORLD};

/// A recurring problem of an edge.
#[derive(Debug, Clone, Copy)]
pub struct Affliction {
    /// Mean time between the end of one episode and the start of the next, minutes; infinite if there are none.
    pub gap_min: f64,
    /// Median duration of an episode, minutes; lognormal.
    pub length_min: f64,
}

impl Affliction {
    const NEVER: Affliction = Affliction { gap_min: f64::INFINITY, length_min: 1.0 };

    const fn every(gap_min: f64, length_min: f64) -> Affliction {
        Affliction { gap_min, length_min }
    }
}

/// One kind of day. Every trace has a little of each problem, and much of one.
#[derive(Debug, Clone, Copy)]
pub struct Character {
    /// Its name, also its random seed.
    pub name: &'static str,
    /// Path detours: 40-250 ms added round-trip time.
    pub detours: Affliction,
    /// Congestion: connection rates are halved, with a heavy tail towards a thirtieth.
    pub congestion: Affliction,
    /// Outages: the edge does not answer.
    pub outages: Affliction,
    /// Failures: the edge refuses 10-30 % of all attempts.
    pub failures: Affliction,
    /// Crowds: one city uploads 15 times its normal rate.
    pub crowds: Affliction,
    /// Brown-outs: from one moment to the next connections get 2-8 % of their rate, and 20-50 % of all attempts are refused.
    pub brownouts: Affliction,
    /// Where cities and edges are.
    pub geography: &'static Geography,
    /// Share of its connection rate that an edge loses at its evening peak, 0..=1.
    pub evening: f64,
    /// Upload rate of a city at its quietest hour, as a share of its peak, 0..=1.
    pub night: f64,
    /// Access lines of the clients.
    pub access: Access,
}

/// Access lines: medians and standard deviations of the logarithm (lognormal).
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Uplink rate, Mbit/s.
    pub uplink_mbps: (f64, f64),
    /// Round-trip time to the provider's network, ms.
    pub last_mile_ms: (f64, f64),
    /// Maximum data in flight per connection, Mbit: the less, the more packets are lost.
    pub window_mbit: f64,
}

/// Fixed lines: 256 KiB in flight, the effective socket-buffer window on a path with occasional packet loss.
const FIXED: Access = Access { uplink_mbps: (300.0, 0.6), last_mile_ms: (6.0, 0.5), window_mbit: 2.1 };

/// A day without problems.
const CALM: Character = Character {
    name: "calm",
    detours: Affliction::NEVER,
    congestion: Affliction::NEVER,
    outages: Affliction::NEVER,
    failures: Affliction::NEVER,
    crowds: Affliction::NEVER,
    brownouts: Affliction::NEVER,
    geography: &WORLD,
    evening: 0.35,
    night: 0.25,
    access: FIXED,
};

/// Paths change.
pub const DETOURS: Character = Character {
    name: "detours",
    detours: Affliction::every(300.0, 60.0),
    congestion: Affliction::every(1_400.0, 40.0),
    failures: Affliction::every(2_800.0, 20.0),
    ..CALM
};

/// Edges are slow, and some cities upload all at once.
pub const CONGESTION: Character = Character {
    name: "congestion",
    detours: Affliction::every(1_400.0, 40.0),
    congestion: Affliction::every(300.0, 60.0),
    failures: Affliction::every(2_800.0, 20.0),
    crowds: Affliction::every(300.0, 20.0),
    ..CALM
};

/// Edges go down and recover, or fail some attempts.
pub const FAILURES: Character = Character {
    name: "failures",
    detours: Affliction::every(1_400.0, 60.0),
    congestion: Affliction::every(1_400.0, 60.0),
    outages: Affliction::every(1_400.0, 45.0),
    failures: Affliction::every(700.0, 40.0),
    ..CALM
};

/// Background problems only; edges go down at fixed times.
pub const RECOVERY: Character = Character { name: "recovery", ..CALM };

/// The traces that the ranking's constants were tuned on.
pub const TRACES: [Character; 3] = [DETOURS, CONGESTION, FAILURES];

/// Few edges of little capacity around the southern oceans, ways that bend and change, clients far from every edge.
pub const SOUTH: Character = Character {
    name: "south",
    detours: Affliction::every(400.0, 90.0),
    congestion: Affliction::every(1_400.0, 60.0),
    outages: Affliction::every(2_800.0, 30.0),
    geography: &SOUTHERN,
    ..CALM
};

/// Evenings take most of what edges carry, cities sleep at night, and edges brown out within a moment.
pub const BROWNOUTS: Character = Character {
    name: "brownouts",
    detours: Affliction::every(2_800.0, 60.0),
    brownouts: Affliction::every(700.0, 25.0),
    crowds: Affliction::every(700.0, 30.0),
    evening: 0.6,
    night: 0.05,
    ..CALM
};

/// Telephones: slow uplinks behind long last miles on which packets are lost, while ways change and edges get slow.
pub const MOBILE: Character = Character {
    name: "mobile",
    detours: Affliction::every(200.0, 60.0),
    congestion: Affliction::every(400.0, 45.0),
    failures: Affliction::every(1_400.0, 30.0),
    access: Access { uplink_mbps: (40.0, 0.7), last_mile_ms: (45.0, 0.6), window_mbit: 0.7 },
    ..CALM
};

/// Traces that the ranking's constants were never tuned on.
pub const UNTUNED: [Character; 3] = [SOUTH, BROWNOUTS, MOBILE];
