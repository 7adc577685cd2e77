//! How fast an edge that dies is left, and how fast it is found again.

use super::character::RECOVERY;
use super::ours::Ours;
use super::places::{EDGES, edges};
use super::trace::{Account, trace};
use super::truth::Truth;
use super::world::{Policy, World};
use crate::Result;

/// When the busiest edge dies, ms.
const DEATHS: [u64; 3] = [4 * HOUR_MS, 11 * HOUR_MS, 18 * HOUR_MS];
const HOUR_MS: u64 = 3_600_000;
/// For how long, ms.
const DEAD_MS: u64 = HOUR_MS / 2;
/// Before a death, this long tells what the edge would have had, ms.
const BEFORE_MS: u64 = HOUR_MS / 4;
/// Looked no longer than this, ms.
const AFTER_MS: u64 = 2 * HOUR_MS;
/// How often it is looked, ms.
const STEP_MS: u64 = 5_000;
/// Of so many accounts, one is asked where it would go.
const PANEL: usize = 5;
/// Of what it would have had: this little is left; this much is back.
const LEFT: f64 = 0.02;
const BACK: f64 = 0.5;

/// The longest that [`Recovery::left_s`] may be, s.
pub const LEFT_WITHIN_S: f64 = 120.0;
/// The longest that [`Recovery::back_s`] may be, s.
pub const BACK_WITHIN_S: f64 = 1_200.0;

/// One death.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Who died.
    pub edge: String,
    /// Share of all accounts that it had, 0..=1.
    pub share: f64,
    /// From its death until it had less than 2 % of that, s: half an hour if never before it came back.
    pub left_s: f64,
    /// What it had of that on the mean from then until it returned, 0..: those who try it.
    pub tried: f64,
    /// From its return until it had half of that again, s: two hours if not within these.
    pub back_s: f64,
}

struct PendingCheck {
    died: u64,
    /// Who died; None before.
    index: Option<usize>,
    /// Until then, the shares of all.
    before: [f64; EDGES],
    looks: f64,
    /// From then on, its own of what it had: when, ms, and how much.
    after: Vec<(u64, f64)>,
}

/// All deaths, in a day of so many uploads.
pub fn recoveries(uploads: usize) -> Result<Vec<Recovery>> {
    let edges = edges()?;
    let (accounts, uploads) = trace(&RECOVERY, uploads);
    let mut truth = Truth::of(&RECOVERY, &edges);
    let mut watches = DEATHS.map(|died| PendingCheck { died, index: None, before: [0.0; EDGES], looks: 0.0, after: Vec::new() });
    let mut world = World::new(Policy::Ours(Box::new(Ours::new(&edges, &accounts))), &edges);
    let mut looked = 0;
    for upload in &uploads {
        while looked + STEP_MS <= upload.at {
            looked += STEP_MS;
            let Some(ours) = world.ours() else { continue };
            for watch in &mut watches {
                watch.look(ours, &accounts, looked);
                if looked == watch.died {
                    let index = watch.busiest();
                    watch.index = Some(index);
                    truth.kill(index, looked, looked + DEAD_MS);
                }
            }
        }
        let Some(account) = accounts.get(upload.account) else { continue };
        world.upload(upload, account, &truth.paths(account.city, upload.at));
    }
    let died = |watch: &PendingCheck| watch.index.and_then(|index| edges.get(index)).ok_or("the day was too short");
    watches.iter().map(|watch| Ok(watch.outcome(died(watch)?.id.as_str()))).collect()
}

impl PendingCheck {
    fn look(&mut self, ours: &mut Ours, accounts: &[Account], now: u64) {
        if self.settled() || now + BEFORE_MS < self.died || now > self.died + DEAD_MS + AFTER_MS {
            return;
        }
        ours.catch_up(now);
        let (mut shares, panel) = ([0.0; EDGES], accounts.len().div_ceil(PANEL) as f64);
        for account in accounts.iter().step_by(PANEL) {
            if let Some(share) = ours.list(account, now).first().and_then(|first| shares.get_mut(*first)) {
                *share += 1.0 / panel;
            }
        }
        match self.index {
            None => {
                self.looks += 1.0;
                self.before.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            }
            Some(index) => self.after.push((now, shares.get(index).copied().unwrap_or_default() / self.share().max(f64::MIN_POSITIVE))),
        }
    }

    fn busiest(&self) -> usize {
        (0..EDGES).max_by(|a, b| self.before.get(*a).partial_cmp(&self.before.get(*b)).unwrap_or(std::cmp::Ordering::Equal)).unwrap_or_default()
    }

    fn share(&self) -> f64 {
        self.index.and_then(|index| self.before.get(index)).copied().unwrap_or_default() / self.looks.max(1.0)
    }

    fn settled(&self) -> bool {
        self.after.last().is_some_and(|(at, share)| *at > self.died + DEAD_MS && *share >= BACK)
    }

    fn outcome(&self, edge: &str) -> Recovery {
        let returned = self.died + DEAD_MS;
        let left = self.after.iter().find(|(at, share)| *at <= returned && *share < LEFT).map_or(returned, |(at, _)| *at);
        let back = self.after.iter().find(|(at, share)| *at > returned && *share >= BACK).map_or(returned + AFTER_MS, |(at, _)| *at);
        let tried: Vec<f64> = self.after.iter().filter(|(at, _)| (left..=returned).contains(at)).map(|(_, share)| *share).collect();
        Recovery {
            edge: edge.to_owned(),
            share: self.share(),
            left_s: (left - self.died) as f64 / 1_000.0,
            tried: tried.iter().sum::<f64>() / (tried.len() as f64).max(1.0),
            back_s: (back - returned) as f64 / 1_000.0,
        }
    }
}
