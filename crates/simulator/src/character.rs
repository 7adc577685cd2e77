//! Kinds of days: which problems the edges have, and how often.

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
}

/// Paths change.
pub const DETOURS: Character = Character {
    name: "detours",
    detours: Affliction::every(300.0, 60.0),
    congestion: Affliction::every(1_400.0, 40.0),
    outages: Affliction::NEVER,
    failures: Affliction::every(2_800.0, 20.0),
    crowds: Affliction::NEVER,
};

/// Edges are slow, and some cities upload all at once.
pub const CONGESTION: Character = Character {
    name: "congestion",
    detours: Affliction::every(1_400.0, 40.0),
    congestion: Affliction::every(300.0, 60.0),
    outages: Affliction::NEVER,
    failures: Affliction::every(2_800.0, 20.0),
    crowds: Affliction::every(300.0, 20.0),
};

/// Edges go down and recover, or fail some attempts.
pub const FAILURES: Character = Character {
    name: "failures",
    detours: Affliction::every(1_400.0, 60.0),
    congestion: Affliction::every(1_400.0, 60.0),
    outages: Affliction::every(1_400.0, 45.0),
    failures: Affliction::every(700.0, 40.0),
    crowds: Affliction::NEVER,
};

/// Background problems only; edges go down at fixed times.
pub const RECOVERY: Character = Character {
    name: "recovery",
    detours: Affliction::NEVER,
    congestion: Affliction::NEVER,
    outages: Affliction::NEVER,
    failures: Affliction::NEVER,
    crowds: Affliction::NEVER,
};

/// The traces for which regret is reported.
pub const TRACES: [Character; 3] = [DETOURS, CONGESTION, FAILURES];
