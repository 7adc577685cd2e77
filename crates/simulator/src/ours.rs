//! The product's own choice: its gauges, fed and published as the Worker does it.

use super::places::CITIES;
use super::trace::Account;
use std::collections::BTreeMap;

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::draw::{Draw, WINDOW_MS};
use jettyspeed_edge::edges::edge::Edge;
use jettyspeed_edge::edges::metrics::gauge::Gauge;
use jettyspeed_edge::edges::metrics::reading::Reading;
use jettyspeed_edge::edges::metrics::sample::Sample;
use jettyspeed_edge::edges::request::Priority;
use jettyspeed_edge::edges::score::{Asker, rank};

/// How often a gauge that was told something is published, ms. What clients see is the publication before the last: 15-30 s old.
const PUBLISHED_MS: u64 = 15_000;

/// One measurement on its way to the gauge of an edge.
pub struct Telling {
    /// Index of the edge.
    pub edge: usize,
    /// Index of the account.
    pub who: usize,
    /// The Worker saw it, else the account told it.
    pub seen: bool,
    /// What was measured.
    pub sample: Sample,
}

/// Gauges, what is under way to them, and what they published.
pub struct Ours<'a> {
    edges: &'a [Edge],
    accounts: &'a [Account],
    gauges: Vec<Gauge>,
    /// By when it arrives, ms, and a number that makes it unique.
    under_way: BTreeMap<(u64, u64), Telling>,
    told: u64,
    published_at: u64,
    /// Whether a gauge was told something since.
    stirred: Vec<bool>,
    published: Vec<Option<Reading>>,
    seen: Vec<Option<Reading>>,
}

impl<'a> Ours<'a> {
    /// Nobody has measured anything.
    pub fn new(edges: &'a [Edge], accounts: &'a [Account]) -> Ours<'a> {
        Ours {
            edges,
            accounts,
            gauges: edges.iter().map(|_| Gauge::default()).collect(),
            under_way: BTreeMap::new(),
            told: 0,
            published_at: 0,
            stirred: vec![false; edges.len()],
            published: vec![None; edges.len()],
            seen: vec![None; edges.len()],
        }
    }

    /// That measurement arrives `at`, ms.
    pub fn tell(&mut self, at: u64, telling: Telling) {
        self.told += 1;
        self.under_way.insert((at, self.told), telling);
    }

    /// What arrived and what was published until `now`, ms.
    pub fn catch_up(&mut self, now: u64) {
        while self.published_at + PUBLISHED_MS <= now {
            self.published_at += PUBLISHED_MS;
            self.take(self.published_at);
            self.seen.clone_from(&self.published);
            for ((gauge, stirred), published) in self.gauges.iter().zip(&mut self.stirred).zip(&mut self.published) {
                if std::mem::take(stirred) {
                    *published = Some(gauge.reading(EpochMs(self.published_at)));
                }
            }
        }
        self.take(now);
    }

    fn take(&mut self, until: u64) {
        while let Some(next) = self.under_way.first_entry().filter(|next| next.key().0 <= until) {
            let ((at, _), Telling { edge, who, seen, sample }) = next.remove_entry();
            let Some(who) = self.accounts.get(who).map(|account| account.id.as_str()) else { continue };
            let capacity = self.edges.get(edge).map_or(0.0, |edge| edge.capacity_mbps as f64);
            if let Some((gauge, stirred)) = self.gauges.get_mut(edge).zip(self.stirred.get_mut(edge)) {
                if seen {
                    gauge.add_worker_samples(who, &[sample], capacity, EpochMs(at));
                } else {
                    gauge.add_client_samples(who, &[sample], capacity, EpochMs(at));
                }
                *stirred = true;
            }
        }
    }

    /// The edges for an account, best first.
    pub fn list(&self, account: &Account, now: u64) -> Vec<usize> {
        let reading = |edge: &Edge| {
            let index = self.edges.iter().position(|known| std::ptr::eq(known, edge))?;
            self.seen.get(index)?.as_ref()
        };
        let now = EpochMs(now);
        let asker = Asker {
            place: CITIES.get(account.city).map(super::places::City::place),
            priority: Priority::Speed,
            draw: Draw::of(&account.id, now, WINDOW_MS),
            now,
        };
        rank(self.edges, reading, asker, |_| None).into_iter().map(|ranked| ranked.index).collect()
    }
}
