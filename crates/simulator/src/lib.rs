//! A simulator of steering: a day of uploads from world cities over edges whose ways, rates, load and failures change, chosen by the product's own code, by
//! distance and by chance, each in a copy of the world of its own. What each takes is held against the best edge of that instant in that world.

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

/// What stops a run: a place or a name that the product does not take.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Uploads of a day, as the issue has it.
pub const UPLOADS: usize = 50_000;
/// The most regret that we may have on a trace, percent.
pub const REGRET: f64 = 5.0;
/// The least regret that nearest-only must have on a trace for it to be hard enough, percent.
pub const NEAREST_REGRET: f64 = 15.0;

/// All uploads of one policy.
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

    /// An upload on the mean, s.
    pub fn mean_s(&self) -> f64 {
        self.seconds / self.uploads.max(1.0)
    }

    /// How much longer all uploads together took than by the best edges, percent.
    pub fn regret(&self) -> f64 {
        (self.seconds / self.best - 1.0) * 100.0
    }

    /// How much of that was waiting for edges that were dead or refused, percent.
    pub fn lost(&self) -> f64 {
        self.lost / self.best * 100.0
    }
}

/// One trace.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// The product.
    pub ours: Tally,
    /// By distance alone.
    pub nearest: Tally,
    /// By chance alone.
    pub random: Tally,
}

/// A day of that kind with so many uploads.
pub fn run(character: &Character, uploads: usize) -> Result<Outcome> {
    let edges = places::edges()?;
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
