//! How fast clients leave an edge that goes down, and how fast they return after it recovers.

use super::character::RECOVERY;
use super::ours::Ours;
use super::places::{EDGES, edges};
use super::trace::{Account, trace};
use super::truth::Truth;
use super::world::{Policy, World};
use crate::Result;

/// When the busiest edge goes down, ms.
const DEATHS: [u64; 3] = [4 * HOUR_MS, 11 * HOUR_MS, 18 * HOUR_MS];
const HOUR_MS: u64 = 3_600_000;
/// Duration of the outage, ms.
const DEAD_MS: u64 = HOUR_MS / 2;
/// Period before an outage over which the edge's normal share is averaged, ms.
const BEFORE_MS: u64 = HOUR_MS / 4;
/// Maximum observation time after the recovery, ms.
const AFTER_MS: u64 = 2 * HOUR_MS;
/// Observation interval, ms.
const STEP_MS: u64 = 5_000;
/// One of this many accounts is observed.
const PANEL: usize = 5;
/// Shares of the normal share: below the first the edge counts as left, from the second as recovered.
const LEFT: f64 = 0.02;
const BACK: f64 = 0.5;

/// Maximum of [`Recovery::left_s`], s.
pub const LEFT_WITHIN_S: f64 = 120.0;
/// Maximum of [`Recovery::back_s`], s.
pub const BACK_WITHIN_S: f64 = 1_200.0;

/// Outcome of one outage.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// The edge.
    pub edge: String,
    /// Its normal share of all accounts, 0..=1.
    pub share: f64,
    /// Time from the outage until its share fell below 2 % of the normal one, s: half an hour if never before the recovery.
    pub left_s: f64,
    /// Mean share of the normal one between then and the recovery: clients that retry it.
    pub tried: f64,
    /// Time from the recovery until it had half of its normal share, s: two hours if not reached.
    pub back_s: f64,
}

struct Observer {
    died: u64,
    /// Index of the edge; None before the outage.
    index: Option<usize>,
    /// Sums of the shares of all edges before the outage.
    before: [f64; EDGES],
    observations: f64,
    /// After the outage: time, ms, and share of the normal one.
    after: Vec<(u64, f64)>,
}

/// All outages in a day of `uploads` uploads.
pub fn recoveries(uploads: usize) -> Result<Vec<Recovery>> {
    let edges = edges()?;
    let (accounts, uploads) = trace(&RECOVERY, uploads);
    let mut truth = Truth::of(&RECOVERY, &edges);
    let mut observers = DEATHS.map(|died| Observer { died, index: None, before: [0.0; EDGES], observations: 0.0, after: Vec::new() });
    let mut world = World::new(Policy::Ours(Box::new(Ours::new(&edges, &accounts))), &edges);
    let mut observed_until = 0;
    for upload in &uploads {
        while observed_until + STEP_MS <= upload.at {
            observed_until += STEP_MS;
            let Some(ours) = world.ours() else { continue };
            for observer in &mut observers {
                observer.observe(ours, &accounts, observed_until);
                if observed_until == observer.died {
                    let index = observer.busiest();
                    observer.index = Some(index);
                    truth.kill(index, observed_until, observed_until + DEAD_MS);
                }
            }
        }
        let Some(account) = accounts.get(upload.account) else { continue };
        world.upload(upload, account, &truth.paths(account.city, upload.at));
    }
    let died = |observer: &Observer| observer.index.and_then(|index| edges.get(index)).ok_or("the day was too short");
    observers.iter().map(|observer| Ok(observer.outcome(died(observer)?.id.as_str()))).collect()
}

impl Observer {
    fn observe(&mut self, ours: &mut Ours, accounts: &[Account], now: u64) {
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
                self.observations += 1.0;
                self.before.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            }
            Some(index) => self.after.push((now, shares.get(index).copied().unwrap_or_default() / self.share().max(f64::MIN_POSITIVE))),
        }
    }

    fn busiest(&self) -> usize {
        (0..EDGES).max_by(|a, b| self.before.get(*a).partial_cmp(&self.before.get(*b)).unwrap_or(std::cmp::Ordering::Equal)).unwrap_or_default()
    }

    fn share(&self) -> f64 {
        self.index.and_then(|index| self.before.get(index)).copied().unwrap_or_default() / self.observations.max(1.0)
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
