//! Runs a history: its operations at their times, then until nothing is left to do.

use std::collections::BTreeSet;

use jettyspeed_edge::services::daily::daily;

use crate::chance::child;
use crate::check;
use crate::coverage::Coverage;
use crate::fault::{Fault, Faults, Place};
use crate::history::{Step, draw};
use crate::operations;
use crate::pool::Pools;
use crate::scheduler::Begun;
use crate::settings::Settings;
use crate::story;
use crate::task::Role;
use crate::world::{Event, Sim};

/// An hour, ms.
const HOUR_MS: u64 = 3_600_000;

/// A day, ms.
const DAY_MS: u64 = 86_400_000;

/// Of so many histories, one ends with daily runs although everything is at rest without them.
const DAILY_ANYWAY: u64 = 8;

/// A history, with what is left out of it.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// Its seed.
    pub seed: u64,
    /// Numbers of the steps that are left out.
    pub without: BTreeSet<usize>,
    /// Where nothing goes wrong.
    pub masked: BTreeSet<Place>,
    /// Whether alarms are on time and jobs come once.
    pub punctual: bool,
    /// Whether all clocks are right.
    pub same_clocks: bool,
}

/// What came of a history.
pub struct Outcome {
    /// The promise that was broken.
    pub wrong: Option<String>,
    /// What went wrong, and where.
    pub injected: Vec<(Place, Fault)>,
    /// Figures.
    pub coverage: Coverage,
    /// Every call, if it was to be told.
    pub story: String,
    /// The connections, for the next history.
    pub pools: Pools,
    /// Tasks in all.
    pub tasks: usize,
}

/// The settings of a history.
pub fn settings(variant: &Variant) -> Settings {
    let mut settings = Settings::draw(variant.seed);
    if variant.punctual {
        (settings.late_alarms, settings.duplicates) = (0, 0);
    }
    if variant.same_clocks {
        settings.skew_ms = 0;
    }
    settings
}

/// The steps of a history that are not left out.
pub fn steps(variant: &Variant) -> Vec<Step> {
    let steps = draw(variant.seed);
    let mut kept: Vec<Step> = Vec::new();
    let mut delay = 0;
    for (number, step) in steps.into_iter().enumerate() {
        delay += step.after;
        if !variant.without.contains(&number) {
            kept.push(Step { after: std::mem::take(&mut delay), ..step });
        }
    }
    kept
}

/// Runs a history in a thread of its own, so that nothing is left of an earlier one in what the service remembers.
///
/// # Panics
/// If the simulation itself does.
pub fn run(variant: &Variant, pools: Pools, tell: bool) -> Outcome {
    let variant = variant.clone();
    let thread = std::thread::Builder::new().name(variant.seed.to_string()).stack_size(4 << 20).spawn(move || run_here(&variant, pools, tell));
    thread.expect("a thread").join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn run_here(variant: &Variant, pools: Pools, tell: bool) -> Outcome {
    let settings = settings(variant);
    let faults = Faults { rate: settings.rate, left: settings.most, masked: variant.masked.clone(), ..Faults::default() };
    let sim = Sim::new(variant.seed, settings, pools, faults, tell);
    let mut at = sim.time();
    for step in steps(variant) {
        at += step.after;
        sim.run_until(at);
        let title = if tell { format!("{:?}", step.op) } else { String::new() };
        let begun = Begun { title, ..Begun::alone(Role::Client, step.key, "client") };
        sim.begin_now(begun, operations::run(sim.clone(), step.op));
    }
    rest(&sim);
    if sim.wrong.borrow().is_none()
        && let Err(wrong) = check::at_rest(&sim)
    {
        sim.fail(|| wrong);
    }
    let outcome = Outcome {
        wrong: sim.wrong.borrow().clone(),
        injected: sim.faults.borrow().injected.clone(),
        coverage: sim.coverage.take(),
        story: if tell { story::tell(&sim) } else { String::new() },
        tasks: sim.tasks.borrow().len(),
        pools: Pools::default(),
    };
    Outcome { pools: sim.end(), ..outcome }
}

/// What is stalled goes on, then nothing goes wrong any more until everything has expired, and daily runs have come if anything needs them.
fn rest(sim: &Sim) {
    sim.run_until(sim.time() + 2 * 3_600_000);
    sim.faults.borrow_mut().quiet = true;
    let settings = &sim.settings;
    sim.run_until(sim.time() + HOUR_MS);
    agree(sim, check::accounts::uploads_agree);
    // Dead letters come half a day later.
    sim.run_until(sim.time() + DAY_MS - HOUR_MS);
    agree(sim, check::accounts::uploads_agree);
    agree(sim, check::spaces::strangers);
    if sim.databases.len() > 1 {
        crate::operations::moves::finish_all(sim);
        sim.run_until(sim.time() + HOUR_MS);
    }
    let expiry = settings.session_ttl_seconds + settings.tombstone_seconds + settings.grace_seconds;
    sim.run_until(sim.time() + expiry * 1000 + DAY_MS);
    // Half of a history's calls would be those of daily runs that find nothing. They come all the same in some, since they may do harm.
    let is_done = !child(sim.seed, 1 << 51).is_multiple_of(DAILY_ANYWAY) && sim.wrong.borrow().is_none() && check::at_rest(sim).is_ok();
    if is_done {
        return;
    }
    // What the first daily run finds has to be older than a day; what the last one finds is what the first one began.
    for _ in 0..3 {
        sim.begin_daily();
        sim.run_until(sim.time() + DAY_MS);
    }
}

fn agree(sim: &Sim, check: impl Fn(&Sim) -> Result<(), String>) {
    if sim.wrong.borrow().is_none()
        && let Err(wrong) = check(sim)
    {
        sim.fail(|| wrong);
    }
}

impl Sim {
    /// Begins the daily run.
    pub fn begin_daily(&self) {
        let sim = self.clone();
        // Of two at the same moment each has chance of its own: as everywhere, no two draw the same id.
        let nth = match self.latest_daily.get() {
            (at, nth) if at == self.time() => nth + 1,
            _ => 0,
        };
        self.latest_daily.set((self.time(), nth));
        let begun = Begun::alone(Role::Daily, child(self.seed, self.time() | 1 << 50 | nth << 52), "daily");
        self.begin_now(begun, async move {
            let config = std::rc::Rc::clone(&sim.config);
            daily(&sim, Some(&config)).await;
        });
    }

    /// Has the daily run begin after some ms.
    pub fn daily_in(&self, ms: u64) {
        self.at(self.time() + ms, Event::Daily);
    }
}
