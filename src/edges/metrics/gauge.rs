//! State of an edge's Durable Object: per source an exponentially decaying average, and over all sources quantiles that a minority cannot shift.

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

/// Weight of the newest sample in an average (EWMA).
const ALPHA: f64 = 0.4;

/// Number of samples at which a source reaches its full weight; further ones of the same source do not raise it.
const FULL_SAMPLES: f64 = 3.0;

/// Maximum weight of an account's measurements.
const ACCOUNT_WEIGHT: f64 = 1.0;

/// Maximum weight of the Worker's own measurements.
const WORKER_WEIGHT: f64 = 3.0;

/// Maximum number of samples per account and minute; the Worker's own are not limited.
pub const PER_MINUTE: u32 = 60;

const MINUTE_MS: u64 = 60_000;

/// Half-life of error samples, ms: short, so that earlier successes do not mask an outage.
const ERRORS_HALF_LIFE_MS: f64 = 30_000.0;

/// Quantiles of the votes. Throughput: the value that 30 % of the votes reach, because the slower clients are limited by their own access lines. Excess
/// round-trip time: the value that 70 % stay below. Others: the median. Less than 30 % of the votes cannot shift any of them.
const RATE_QUANTILE: f64 = 0.7;

const EXCESS_QUANTILE: f64 = 0.7;

const MEDIAN: f64 = 0.5;

/// Maximum weight, in units of the prior's, of values for which a single account holds the majority of votes: three sevenths of the estimate.
const SINGLE_ACCOUNT_WEIGHT: f64 = 0.75;

/// Maximum number of sources; the one without samples for the longest time is evicted first.
const MAX_SOURCES: usize = 64;

/// Name of the source of the Worker's own samples.
const WORKER: &str = "worker";

/// Prefix of the sources of parts that the Worker observed, before the account.
const SEEN: &str = "seen/";

/// Name of the row with the load.
const LOAD: &str = "load";

/// Name of the rows with hourly counts.
const HOUR: &str = "hour";

/// Prefix of the rows with a source's averages.
const SOURCE: &str = "by/";

/// An exponentially weighted moving average whose sample count decays with time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Mean {
    value: f64,
    /// Effective number of samples, at most twice [`FULL_SAMPLES`].
    count: f64,
    /// 1 at the last sample, halved with each half-life since: the weight of its vote.
    fresh: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        // The first samples weigh equally.
        let share = ALPHA.max(1.0 / (self.count + 1.0));
        self.value += share * (value - self.value);
        self.count = (self.count + 1.0).min(2.0 * FULL_SAMPLES);
        self.fresh = 1.0;
    }
}

impl Mean {
    fn age(&mut self, half_life_ms: f64, ms: u64) {
        self.count = aged_by(half_life_ms, self.count, ms);
        self.fresh = aged_by(half_life_ms, self.fresh, ms);
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Source {
    name: String,
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
    fn record(&mut self, observation: Observation) {
        match observation {
            Observation::Latency(ms, excess) => {
                self.latency.add(ms);
                self.excess.add(excess);
            }
            Observation::Rate(mbps) => self.rate.add(libm::log(mbps)),
            Observation::Failure => {}
        }
    }
}

/// The measured state of one edge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauge {
    sources: Vec<Source>,
    offered_mbps: f64,
    offered_at: EpochMs,
    /// Hourly counts that are not yet written to the database.
    pub hours: Vec<Hour>,
}

impl Gauge {
    /// Adds samples that the account measured of an edge of that capacity. Returns how many were counted.
    pub fn add_client_samples(&mut self, account: &str, samples: &[Sample], capacity_mbps: f64, now: EpochMs) -> usize {
        let mut counted = 0;
        for sample in samples {
            let Some(source) = self.source(account, now) else { break };
            let minute = now.0 / MINUTE_MS;
            if source.minute != minute {
                (source.minute, source.in_minute) = (minute, 0);
            }
            if source.in_minute >= PER_MINUTE {
                break;
            }
            source.in_minute += 1;
            let observation = sample.observation(capacity_mbps);
            source.errors.add(f64::from(u8::from(observation == Observation::Failure)));
            source.record(observation);
            if let Some(hour) = hours::hour_at(&mut self.hours, now) {
                hour.add(sample, observation);
            }
            counted += 1;
        }
        counted
    }

    /// Adds samples of the account's parts that the Worker handled. Their rate also describes the client's path; a failure at the store counts against the edge only.
    pub fn add_worker_samples(&mut self, account: &str, samples: &[Sample], capacity_mbps: f64, now: EpochMs) {
        let worker_source = format!("{SEEN}{account}");
        for sample in samples {
            let observation = sample.observation(capacity_mbps);
            if let Some(worker) = self.source(WORKER, now) {
                worker.errors.add(f64::from(u8::from(observation == Observation::Failure)));
            }
            if observation != Observation::Failure
                && let Some(source) = self.source(&worker_source, now)
            {
                source.record(observation);
                self.offer(sample.bytes, now);
            }
            if let Some(hour) = hours::hour_at(&mut self.hours, now) {
                hour.add(sample, observation);
            }
        }
    }

    /// The source of that name, its sample counts decayed to `now`.
    fn source(&mut self, name: &str, now: EpochMs) -> Option<&mut Source> {
        if !self.sources.iter().any(|source| source.name == name) {
            if self.sources.len() >= MAX_SOURCES {
                let oldest = self.sources.iter().filter(|source| source.name != WORKER).map(|source| source.at).min();
                let index = self.sources.iter().position(|source| source.name != WORKER && Some(source.at) == oldest)?;
                self.sources.swap_remove(index);
            }
            self.sources.push(Source { name: name.to_owned(), at: now, ..Source::default() });
        }
        let source = self.sources.iter_mut().find(|source| source.name == name)?;
        let age = now.since(source.at);
        for mean in [&mut source.excess, &mut source.latency, &mut source.rate] {
            mean.age(HALF_LIFE_MS, age);
        }
        source.errors.age(ERRORS_HALF_LIFE_MS, age);
        source.at = now;
        Some(source)
    }

    /// Adds bytes to the load, a rate that decays with time constant [`LOAD_MS`].
    fn offer(&mut self, bytes: u64, now: EpochMs) {
        self.offered_mbps = self.offered(now) + bytes as f64 * 8.0 / 1_000.0 / LOAD_MS;
        self.offered_at = now;
    }

    fn offered(&self, now: EpochMs) -> f64 {
        self.offered_mbps * libm::exp(-(now.since(self.offered_at) as f64) / LOAD_MS)
    }

    /// The state as rows to be stored: the load, the hours and the sources.
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
                format!("{SOURCE}{}", source.name),
                head.into_iter().chain(means.iter().flat_map(|mean| [mean.value, mean.count])).chain(means.iter().map(|mean| mean.fresh)).collect(),
            ));
        }
        rows
    }

    /// Restores the state from stored rows; rows of another format are dropped.
    pub fn from_rows(rows: &[Row]) -> Gauge {
        let mut gauge = Gauge::default();
        for (name, numbers) in rows {
            match (name.as_str(), &numbers[..]) {
                (LOAD, [offered, at]) => (gauge.offered_mbps, gauge.offered_at) = (*offered, EpochMs(whole(*at))),
                (HOUR, [hour, samples, failures, bytes, busy_ms, probes, probe_ms]) => {
                    let [hour, samples, failures, bytes, probes] = [hour, samples, failures, bytes, probes].map(|number| whole(*number));
                    gauge.hours.push(Hour { hour, samples, failures, bytes, busy_ms: *busy_ms, probes, probe_ms: *probe_ms });
                }
                (name, [at, minute, in_minute, numbers @ ..]) => {
                    let Some(name) = name.strip_prefix(SOURCE) else { continue };
                    // Four values with their counts, then how fresh each is; rows of a version without the latter end before.
                    let (pairs, fresh) = numbers.split_at(numbers.len().min(8));
                    let mean = |index: usize| match pairs.get(2 * index..2 * index + 2) {
                        Some([value, count]) => Mean { value: *value, count: *count, fresh: fresh.get(index).copied().unwrap_or(count.min(1.0)) },
                        _ => Mean::default(),
                    };
                    gauge.sources.push(Source {
                        name: name.to_owned(),
                        at: EpochMs(whole(*at)),
                        minute: whole(*minute),
                        in_minute: u32::try_from(whole(*in_minute)).unwrap_or(PER_MINUTE),
                        excess: mean(0),
                        latency: mean(1),
                        rate: mean(2),
                        errors: mean(3),
                    });
                }
                _ => {}
            }
        }
        gauge
    }

    /// Subtracts hourly counts that were written to the database.
    pub fn subtract_written(&mut self, hours: &[Hour]) {
        for hour in &mut self.hours {
            if let Some(written) = hours.iter().find(|written| written.hour == hour.hour) {
                hour.subtract(written);
            }
        }
        self.hours.retain(|hour| hour.samples > 0);
    }

    /// The aggregate over all sources at `now`.
    pub fn reading(&self, now: EpochMs) -> Reading {
        let aggregate = |half_life_ms: f64, share: f64, mean: fn(&Source) -> Mean| {
            let (mut sorted, mut total): (Vec<(f64, f64)>, f64) = (Vec::new(), 0.0);
            // Votes by account: its own samples and those that the Worker took of its parts.
            let mut accounts: Vec<(&str, f64)> = Vec::new();
            for source in &self.sources {
                let mut mean = mean(source);
                mean.age(half_life_ms, now.since(source.at));
                let Mean { value, count, fresh } = mean;
                let max_weight = if source.name == WORKER { WORKER_WEIGHT } else { ACCOUNT_WEIGHT };
                // One sample gives a full vote, so that frequent sources do not outvote others. The weight of the result depends on the sample count.
                let vote = max_weight * fresh;
                if vote > 0.001 {
                    total += max_weight * (count / FULL_SAMPLES).min(1.0);
                    let account = source.name.strip_prefix(SEEN).unwrap_or(&source.name);
                    match accounts.iter_mut().find(|(known, _)| *known == account) {
                        Some((_, votes)) => *votes += vote,
                        None => accounts.push((account, vote)),
                    }
                    sorted.push((value, vote));
                }
            }
            sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let all: f64 = accounts.iter().map(|(_, votes)| votes).sum();
            let dominated = accounts.iter().any(|(account, votes)| *account != WORKER && 2.0 * votes > all);
            let weight = if dominated { total.min(PRIOR_WEIGHT * SINGLE_ACCOUNT_WEIGHT) } else { total };
            quantile(&sorted, share).map(|value| (value, weight))
        };
        Reading {
            at: now,
            excess_ms: aggregate(HALF_LIFE_MS, EXCESS_QUANTILE, |source| source.excess),
            latency_ms: aggregate(HALF_LIFE_MS, MEDIAN, |source| source.latency),
            mbps: aggregate(HALF_LIFE_MS, RATE_QUANTILE, |source| source.rate).map(|(log, weight)| (libm::exp(log), weight)),
            errors: aggregate(ERRORS_HALF_LIFE_MS, MEDIAN, |source| source.errors),
            offered_mbps: self.offered(now),
        }
    }
}

/// The weighted quantile `share` (0..=1); exactly between two values, their mean.
fn quantile(sorted: &[(f64, f64)], share: f64) -> Option<f64> {
    let target = share * sorted.iter().map(|(_, vote)| vote).sum::<f64>();
    let mut below = 0.0;
    let mut values = sorted.iter().peekable();
    while let Some((value, vote)) = values.next() {
        below += vote;
        if (below - target).abs() < target * 1e-9 {
            let next = values.peek().map_or(*value, |(next, _)| *next);
            return Some(f64::midpoint(*value, next));
        }
        if below > target {
            return Some(*value);
        }
    }
    None
}
