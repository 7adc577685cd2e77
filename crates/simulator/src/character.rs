//! What a trace is hard in.

/// Something that befalls an edge again and again.
#[derive(Debug, Clone, Copy)]
pub struct Affliction {
    /// Between the end of one and the beginning of the next, minutes on the mean; infinite if it never comes.
    pub gap_min: f64,
    /// How long one lasts, minutes, the median; lognormal.
    pub length_min: f64,
}

impl Affliction {
    const NEVER: Affliction = Affliction { gap_min: f64::INFINITY, length_min: 1.0 };

    const fn every(gap_min: f64, length_min: f64) -> Affliction {
        Affliction { gap_min, length_min }
    }
}

/// One kind of day. Every trace has a little of everything, and much of one thing.
#[derive(Debug, Clone, Copy)]
pub struct Character {
    /// Its name, which is also its seed.
    pub name: &'static str,
    /// The way to an edge is longer: 40-250 ms more.
    pub detours: Affliction,
    /// An edge's connections are slower: a half of their rate, with a heavy tail towards a thirtieth.
    pub congestion: Affliction,
    /// An edge is dead.
    pub outages: Affliction,
    /// An edge refuses 10-30 % of all attempts.
    pub failures: Affliction,
    /// One city uploads as much as 15 of its size.
    pub crowds: Affliction,
}

/// Ways change.
pub const DETOURS: Character = Character {
    name: "detours",
    detours: Affliction::every(300.0, 60.0),
    congestion: Affliction::every(1_400.0, 40.0),
    outages: Affliction::NEVER,
    failures: Affliction::every(2_800.0, 20.0),
    crowds: Affliction::NEVER,
};

/// Edges are slow, and some cities send all at once.
pub const CONGESTION: Character = Character {
    name: "congestion",
    detours: Affliction::every(1_400.0, 40.0),
    congestion: Affliction::every(300.0, 60.0),
    outages: Affliction::NEVER,
    failures: Affliction::every(2_800.0, 20.0),
    crowds: Affliction::every(300.0, 20.0),
};

/// Edges die and come back, or fail now and then.
pub const FAILURES: Character = Character {
    name: "failures",
    detours: Affliction::every(1_400.0, 60.0),
    congestion: Affliction::every(1_400.0, 60.0),
    outages: Affliction::every(1_400.0, 45.0),
    failures: Affliction::every(700.0, 40.0),
    crowds: Affliction::NEVER,
};

/// Nothing happens but what always does; edges die by appointment.
pub const RECOVERY: Character = Character {
    name: "recovery",
    detours: Affliction::NEVER,
    congestion: Affliction::NEVER,
    outages: Affliction::NEVER,
    failures: Affliction::NEVER,
    crowds: Affliction::NEVER,
};

/// Those that regret is told of.
pub const TRACES: [Character; 3] = [DETOURS, CONGESTION, FAILURES];
