//! The product's edge selection: its gauges, fed and published as the Worker does it.

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

/// Interval at which a gauge with new samples is published, ms. Clients see the publication before the last, so readings are 15-30 s old.
const PUBLISHED_MS: u64 = 15_000;

/// One measurement on its way to the gauge of an edge.
pub struct Measurement {
    /// Index of the edge.
    pub edge: usize,
    /// Index of the account.
    pub who: usize,
    /// Measured by the Worker (true) or by the account's client.
    pub seen: bool,
    /// The measurement.
    pub sample: Sample,
}

/// Gauges, measurements in transit, and published readings.
pub struct Ours<'a> {
    edges: &'a [Edge],
    accounts: &'a [Account],
    gauges: Vec<Gauge>,
    /// Measurements by arrival time, ms, and a unique number.
    under_way: BTreeMap<(u64, u64), Measurement>,
    sequence: u64,
    published_at: u64,
    /// Whether a gauge got samples since it was last published.
    has_new_samples: Vec<bool>,
    published: Vec<Option<Reading>>,
    seen: Vec<Option<Reading>>,
}

impl<'a> Ours<'a> {
    /// Gauges without measurements.
    pub fn new(edges: &'a [Edge], accounts: &'a [Account]) -> Ours<'a> {
        Ours {
            edges,
            accounts,
            gauges: edges.iter().map(|_| Gauge::default()).collect(),
            under_way: BTreeMap::new(),
            sequence: 0,
            published_at: 0,
            has_new_samples: vec![false; edges.len()],
            published: vec![None; edges.len()],
            seen: vec![None; edges.len()],
        }
    }

    /// Adds a measurement that arrives at `at`, ms.
    pub fn deliver(&mut self, at: u64, measurement: Measurement) {
        self.sequence += 1;
        self.under_way.insert((at, self.sequence), measurement);
    }

    /// Processes arrivals and publications until `now`, ms.
    pub fn catch_up(&mut self, now: u64) {
        while self.published_at + PUBLISHED_MS <= now {
            self.published_at += PUBLISHED_MS;
            self.process_arrivals(self.published_at);
            self.seen.clone_from(&self.published);
            for ((gauge, has_new_samples), published) in self.gauges.iter().zip(&mut self.has_new_samples).zip(&mut self.published) {
                if std::mem::take(has_new_samples) {
                    *published = Some(gauge.reading(EpochMs(self.published_at)));
                }
            }
        }
        self.process_arrivals(now);
    }

    fn process_arrivals(&mut self, until: u64) {
        while let Some(next) = self.under_way.first_entry().filter(|next| next.key().0 <= until) {
            let ((at, _), Measurement { edge, who, seen, sample }) = next.remove_entry();
            let Some(who) = self.accounts.get(who).map(|account| account.id.as_str()) else { continue };
            let capacity = self.edges.get(edge).map_or(0.0, |edge| edge.capacity_mbps as f64);
            if let Some((gauge, has_new_samples)) = self.gauges.get_mut(edge).zip(self.has_new_samples.get_mut(edge)) {
                if seen {
                    gauge.add_worker_samples(who, &[sample], capacity, EpochMs(at));
                } else {
                    gauge.add_client_samples(who, &[sample], capacity, EpochMs(at));
                }
                *has_new_samples = true;
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
        let asker = Asker { place: Some(account.place), priority: Priority::Speed, draw: Draw::of(&account.id, now, WINDOW_MS), now };
        rank(self.edges, reading, asker, |_| None).into_iter().map(|ranked| ranked.index).collect()
    }
}
