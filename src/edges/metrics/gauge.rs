//! What an edge's object keeps: for each who measures an average that forgets, and of all of them a value that a minority can not move.

use crate::base::time::EpochMs;
use crate::edges::estimate::{HALF_LIFE_MS, LOAD_MS, PRIOR_WEIGHT, aged_by};
use crate::edges::metrics::hours;
use crate::edges::metrics::hours::Hour;
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::{Row, whole};
use crate::edges::metrics::sample::{Observation, Sample};

#[cfg(test)]
#[path = "gauge_tests.rs"]
mod tests;

/// How much the newest sample counts.
const ALPHA: f64 = 0.4;

/// So many samples make a measurement; more of the same client's add nothing.
const ENOUGH: f64 = 3.0;

/// What an account weighs at most, and what the Worker's own measuring does.
const ACCOUNT_WEIGHT: f64 = 1.0;

const WORKER_WEIGHT: f64 = 3.0;

/// Samples of one account that count in a minute; the Worker's own are not limited.
pub const PER_MINUTE: u32 = 60;

const MINUTE_MS: u64 = 60_000;

/// Half of what is known of failures is forgotten in this time, ms: an edge that dies is not to be saved by what it did well before.
const ERRORS_HALF_LIFE_MS: f64 = 30_000.0;

/// Shares of the votes: of rates the value that 30 % reach, since the others are as slow as their own lines; of round trips beyond what distance explains the one
/// that 70 % stay below; the median of the rest. Less than 30 % of the votes move none of them.
const FASTEST: f64 = 0.7;

const SLOWEST: f64 = 0.7;

const HALF: f64 = 0.5;

/// What a single account has the majority for weighs so much of not knowing: three sevenths of the estimate.
const LONE: f64 = 0.75;

/// How many are remembered; the one who was silent longest is forgotten first.
const MAX_SOURCES: usize = 64;

/// Whose samples are the Worker's own, and before the name of whose parts it saw.
const WORKER: &str = "worker";

const SEEN: &str = "seen/";

/// Names of rows.
const LOAD: &str = "load";

const HOUR: &str = "hour";

const SOURCE: &str = "by/";

/// An average that forgets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Mean {
    value: f64,
    /// How many samples it is worth, at most [`ENOUGH`] and a little.
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        // The first ones count alike.
        let share = ALPHA.max(1.0 / (self.count + 1.0));
        self.value += share * (value - self.value);
        self.count = (self.count + 1.0).min(2.0 * ENOUGH);
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Source {
    who: String,
    at: EpochMs,
    minute: u64,
    in_minute: u32,
    excess: Mean,
    latency: Mean,
    /// Natural logarithm of Mbit/s.
    rate: Mean,
    errors: Mean,
}

impl Source {
    fn learn(&mut self, said: Observation) {
        match said {
            Observation::Latency(ms, excess) => {
                self.latency.add(ms);
                self.excess.add(excess);
            }
            Observation::Rate(mbps) => self.rate.add(libm::log(mbps)),
            Observation::Failure => {}
        }
    }
}

/// The state of one edge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauge {
    sources: Vec<Source>,
    offered_mbps: f64,
    offered_at: EpochMs,
    /// What the database has not got yet.
    pub hours: Vec<Hour>,
}

impl Gauge {
    /// Takes in what the account `who` measured of an edge of that capacity. Says how many samples counted.
    pub fn take(&mut self, who: &str, samples: &[Sample], capacity_mbps: f64, now: EpochMs) -> usize {
        let mut taken = 0;
        for sample in samples {
            let Some(source) = self.source(who, now) else { break };
            let minute = now.0 / MINUTE_MS;
            if source.minute != minute {
                (source.minute, source.in_minute) = (minute, 0);
            }
            if source.in_minute >= PER_MINUTE {
                break;
            }
            source.in_minute += 1;
            let said = sample.observation(capacity_mbps);
            source.errors.add(f64::from(u8::from(said == Observation::Failure)));
            source.learn(said);
            if let Some(hour) = hours::of(&mut self.hours, now) {
                hour.add(sample, said);
            }
            taken += 1;
        }
        taken
    }

    /// Takes in what the Worker saw of `who`'s parts: how fast they came through says something of that client, too, but whether the store took them does not.
    pub fn seen(&mut self, who: &str, samples: &[Sample], capacity_mbps: f64, now: EpochMs) {
        let seen_of = format!("{SEEN}{who}");
        for sample in samples {
            let said = sample.observation(capacity_mbps);
            if let Some(worker) = self.source(WORKER, now) {
                worker.errors.add(f64::from(u8::from(said == Observation::Failure)));
            }
            if said != Observation::Failure
                && let Some(source) = self.source(&seen_of, now)
            {
                source.learn(said);
                self.offer(sample.bytes, now);
            }
            if let Some(hour) = hours::of(&mut self.hours, now) {
                hour.add(sample, said);
            }
        }
    }

    /// The one who measures; what it knew has aged.
    fn source(&mut self, who: &str, now: EpochMs) -> Option<&mut Source> {
        if !self.sources.iter().any(|source| source.who == who) {
            if self.sources.len() >= MAX_SOURCES {
                let silent = self.sources.iter().filter(|source| source.who != WORKER).map(|source| source.at).min();
                let index = self.sources.iter().position(|source| source.who != WORKER && Some(source.at) == silent)?;
                self.sources.swap_remove(index);
            }
            self.sources.push(Source { who: who.to_owned(), at: now, ..Source::default() });
        }
        let source = self.sources.iter_mut().find(|source| source.who == who)?;
        let age = now.since(source.at);
        for mean in [&mut source.excess, &mut source.latency, &mut source.rate] {
            mean.count = aged_by(HALF_LIFE_MS, mean.count, age);
        }
        source.errors.count = aged_by(ERRORS_HALF_LIFE_MS, source.errors.count, age);
        source.at = now;
        Some(source)
    }

    /// Counts bytes as load: a rate that forgets within [`LOAD_MS`].
    fn offer(&mut self, bytes: u64, now: EpochMs) {
        self.offered_mbps = self.offered(now) + bytes as f64 * 8.0 / 1_000.0 / LOAD_MS;
        self.offered_at = now;
    }

    fn offered(&self, now: EpochMs) -> f64 {
        self.offered_mbps * libm::exp(-(now.since(self.offered_at) as f64) / LOAD_MS)
    }

    /// What is to be kept of it, as rows: the load, the hours, and those who measure.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![(LOAD.to_owned(), vec![self.offered_mbps, self.offered_at.0 as f64])];
        for hour in &self.hours {
            let Hour { hour, samples, failures, bytes, busy_ms, probes, probe_ms } = *hour;
            rows.push((HOUR.to_owned(), vec![hour as f64, samples as f64, failures as f64, bytes as f64, busy_ms, probes as f64, probe_ms]));
        }
        for source in &self.sources {
            let means = [source.excess, source.latency, source.rate, source.errors];
            let head = [source.at.0 as f64, source.minute as f64, f64::from(source.in_minute)];
            rows.push((
                format!("{SOURCE}{}", source.who),
                head.into_iter().chain(means.into_iter().flat_map(|mean| [mean.value, mean.count])).collect(),
            ));
        }
        rows
    }

    /// Of such rows; what is of another form is forgotten.
    pub fn of(rows: &[Row]) -> Gauge {
        let mut gauge = Gauge::default();
        for (name, numbers) in rows {
            match (name.as_str(), &numbers[..]) {
                (LOAD, [offered, at]) => (gauge.offered_mbps, gauge.offered_at) = (*offered, EpochMs(whole(*at))),
                (HOUR, [hour, samples, failures, bytes, busy_ms, probes, probe_ms]) => {
                    let [hour, samples, failures, bytes, probes] = [hour, samples, failures, bytes, probes].map(|number| whole(*number));
                    gauge.hours.push(Hour { hour, samples, failures, bytes, busy_ms: *busy_ms, probes, probe_ms: *probe_ms });
                }
                (who, [at, minute, in_minute, means @ ..]) => {
                    let Some(who) = who.strip_prefix(SOURCE) else { continue };
                    let mut means = means.chunks_exact(2).map(|pair| match *pair {
                        [value, count] => Mean { value, count },
                        _ => Mean::default(),
                    });
                    let mut next = || means.next().unwrap_or_default();
                    gauge.sources.push(Source {
                        who: who.to_owned(),
                        at: EpochMs(whole(*at)),
                        minute: whole(*minute),
                        in_minute: u32::try_from(whole(*in_minute)).unwrap_or(PER_MINUTE),
                        excess: next(),
                        latency: next(),
                        rate: next(),
                        errors: next(),
                    });
                }
                _ => {}
            }
        }
        gauge
    }

    /// The database has these.
    pub fn written(&mut self, hours: &[Hour]) {
        for hour in &mut self.hours {
            if let Some(written) = hours.iter().find(|written| written.hour == hour.hour) {
                hour.subtract(written);
            }
        }
        self.hours.retain(|hour| hour.samples > 0);
    }

    /// What all of them together say.
    pub fn reading(&self, now: EpochMs) -> Reading {
        let together = |half_life_ms: f64, share: f64, mean: fn(&Source) -> Mean| {
            let (mut sorted, mut total): (Vec<(f64, f64)>, f64) = (Vec::new(), 0.0);
            // By account: what it told, and what was seen of its parts.
            let mut accounts: Vec<(&str, f64)> = Vec::new();
            for source in &self.sources {
                let Mean { value, count } = mean(source);
                let most = if source.who == WORKER { WORKER_WEIGHT } else { ACCOUNT_WEIGHT };
                let count = aged_by(half_life_ms, count, now.since(source.at));
                // Whoever measured at all has a full vote: who measures more often does not outvote others. How much there is to go by is another matter.
                let vote = most * count.min(1.0);
                if vote > 0.001 {
                    total += most * (count / ENOUGH).min(1.0);
                    let account = source.who.strip_prefix(SEEN).unwrap_or(&source.who);
                    match accounts.iter_mut().find(|(known, _)| *known == account) {
                        Some((_, votes)) => *votes += vote,
                        None => accounts.push((account, vote)),
                    }
                    sorted.push((value, vote));
                }
            }
            sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let all: f64 = accounts.iter().map(|(_, votes)| votes).sum();
            let decides = accounts.iter().any(|(account, votes)| *account != WORKER && 2.0 * votes > all);
            let weight = if decides { total.min(PRIOR_WEIGHT * LONE) } else { total };
            quantile(&sorted, share).map(|value| (value, weight))
        };
        Reading {
            at: now,
            excess_ms: together(HALF_LIFE_MS, SLOWEST, |source| source.excess),
            latency_ms: together(HALF_LIFE_MS, HALF, |source| source.latency),
            mbps: together(HALF_LIFE_MS, FASTEST, |source| source.rate).map(|(log, weight)| (libm::exp(log), weight)),
            errors: together(ERRORS_HALF_LIFE_MS, HALF, |source| source.errors),
            offered_mbps: self.offered(now),
        }
    }
}

/// The value at that share of all votes. Between two, the mean of both.
fn quantile(sorted: &[(f64, f64)], share: f64) -> Option<f64> {
    let wanted = share * sorted.iter().map(|(_, vote)| vote).sum::<f64>();
    let mut below = 0.0;
    let mut values = sorted.iter().peekable();
    while let Some((value, vote)) = values.next() {
        below += vote;
        if (below - wanted).abs() < wanted * 1e-9 {
            let next = values.peek().map_or(*value, |(next, _)| *next);
            return Some(f64::midpoint(*value, next));
        }
        if below > wanted {
            return Some(*value);
        }
    }
    None
}
