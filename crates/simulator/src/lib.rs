//! Simulator of edge selection: one day of uploads from cities of the world to edges whose paths, rates, load and failures change. Edges are selected by the
//! product's code, by distance and at random, each in its own copy of the world, and compared with the best edge at that instant in that world.

mod chance;
pub mod character;
mod ours;
pub mod places;
pub mod recovery;
mod trace;
mod truth;
mod world;

use chance::Chance;
use character::Character;
use ours::Ours;
use truth::Truth;
use world::{Policy, Taken, World};

/// Error of a run: a location or name that the product's code refuses.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Uploads per day.
pub const UPLOADS: usize = 50_000;
/// Maximum regret of the product on a trace, percent.
pub const REGRET: f64 = 5.0;
/// Minimum regret of nearest-edge selection for a trace to count as hard, percent.
pub const NEAREST_REGRET: f64 = 15.0;

/// Sums over all uploads of one policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    uploads: f64,
    seconds: f64,
    lost: f64,
    best: f64,
}

impl Tally {
    fn add(&mut self, taken: Taken) {
        self.uploads += 1.0;
        self.seconds += taken.seconds;
        self.lost += taken.lost;
        self.best += taken.best;
    }

    /// Mean duration of an upload, s.
    pub fn mean_s(&self) -> f64 {
        self.seconds / self.uploads.max(1.0)
    }

    /// Regret: by how much all uploads took longer than at the best edges, percent.
    pub fn regret(&self) -> f64 {
        (self.seconds / self.best - 1.0) * 100.0
    }

    /// Share of the regret lost to edges that were dead or refused, percent.
    pub fn lost(&self) -> f64 {
        self.lost / self.best * 100.0
    }
}

/// Results of one trace.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// The product's selection.
    pub ours: Tally,
    /// The nearest edge.
    pub nearest: Tally,
    /// A random edge.
    pub random: Tally,
}

/// Simulates a day of that kind with `uploads` uploads.
pub fn run(character: &Character, uploads: usize) -> Result<Outcome> {
    let edges = character.geography.edges()?;
    let (accounts, uploads) = trace::trace(character, uploads);
    let truth = Truth::of(character, &edges);
    let mut ours = World::new(Policy::Ours(Box::new(Ours::new(&edges, &accounts))), &edges);
    let mut nearest = World::new(Policy::Nearest, &edges);
    let mut random = World::new(Policy::Random(Chance::of(character.name, "random")), &edges);
    let mut outcome = Outcome { name: character.name, ours: Tally::default(), nearest: Tally::default(), random: Tally::default() };
    for upload in &uploads {
        let Some(account) = accounts.get(upload.account) else { continue };
        let paths = truth.paths(account.city, upload.at);
        outcome.ours.add(ours.upload(upload, account, &paths));
        outcome.nearest.add(nearest.upload(upload, account, &paths));
        outcome.random.add(random.upload(upload, account, &paths));
    }
    Ok(outcome)
}
