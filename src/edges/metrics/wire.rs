//! Serialised form of samples, gauges and readings: rows of a name and numbers. One form for all, because each serialised type adds kilobytes to the module.

use crate::base::time::EpochMs;
use crate::edges::metrics::gauge::Gauge;
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::{Numbers, Row, whole};
use crate::edges::metrics::sample::Sample;

/// Number of values per sample.
const SAMPLE: usize = 4;

/// Prefix of rows of samples that the account itself measured.
const CLIENT: &str = "t/";

/// Prefix of rows of samples that the Worker took of the account's parts.
const WORKER: &str = "s/";

/// Samples for an edge's Durable Object: a row with the edge, its capacity and the publishing interval, then a row per source. Without rows it is a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message(pub Vec<Row>);

impl Message {
    /// A message without samples for an edge of `capacity_mbps` that publishes every `every_seconds`.
    pub fn head(edge: &str, capacity_mbps: u64, every_seconds: u64) -> Message {
        Message(vec![(edge.to_owned(), vec![capacity_mbps as f64, every_seconds as f64])])
    }

    /// Adds samples that an account measured, or (`seen`) that the Worker took of its parts.
    pub fn add(&mut self, account: &str, seen: bool, samples: &[Sample]) {
        let numbers =
            samples.iter().flat_map(|sample| [sample.bytes as f64, sample.ms, f64::from(u8::from(sample.ok)), sample.km.unwrap_or(-1.0)]).collect();
        self.0.push((format!("{}{account}", if seen { WORKER } else { CLIENT }), numbers));
    }

    /// Adds the samples to a gauge; returns the edge and its publishing interval, s. None for a query.
    pub fn apply_to(&self, gauge: &mut Gauge, now: EpochMs) -> Option<(String, u64)> {
        let ((edge, head), rows) = self.0.split_first()?;
        let [capacity, every, ..] = head[..] else { return None };
        for (source, numbers) in rows {
            let samples: Vec<Sample> = numbers.chunks_exact(SAMPLE).filter_map(sample).collect();
            if let Some(account) = source.strip_prefix(WORKER) {
                gauge.add_worker_samples(account, &samples, capacity, now);
            } else if let Some(account) = source.strip_prefix(CLIENT) {
                gauge.add_client_samples(account, &samples, capacity, now);
            }
        }
        Some((edge.clone(), whole(every).max(1)))
    }
}

fn sample(numbers: &[f64]) -> Option<Sample> {
    let [bytes, ms, ok, km] = *numbers else { return None };
    Some(Sample { bytes: whole(bytes), ms, ok: ok > 0.0, km: (km >= 0.0).then_some(km) })
}

impl Reading {
    /// The reading as numbers: instant, load, then value and weight of each measurement; weight 0 means not measured.
    pub fn numbers(&self) -> Numbers {
        let pairs = [self.excess_ms, self.latency_ms, self.mbps, self.errors];
        [self.at.0 as f64, self.offered_mbps]
            .into_iter()
            .chain(pairs.into_iter().flat_map(|pair| <[f64; 2]>::from(pair.unwrap_or_default())))
            .collect()
    }

    /// The reading that [`Reading::numbers`] wrote; None if there are too few numbers.
    pub fn from_numbers(numbers: &[f64]) -> Option<Reading> {
        let [at, offered_mbps, pairs @ ..] = numbers else { return None };
        let mut pairs = pairs.chunks_exact(2).map(|pair| match *pair {
            [value, weight] if weight > 0.0 => Some((value, weight)),
            _ => None,
        });
        let mut next = || pairs.next();
        let (excess_ms, latency_ms, mbps, errors) = (next()?, next()?, next()?, next()?);
        Some(Reading { at: EpochMs(whole(*at)), offered_mbps: *offered_mbps, excess_ms, latency_ms, mbps, errors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_pinned_format_and_restores_its_samples() {
        let now = EpochMs(7_200_000);
        let samples = [Sample { bytes: 10_000_000, ms: 800.0, ok: true, km: None }, Sample { bytes: 0, ms: 30.0, ok: true, km: Some(1_000.0) }];
        let mut message = Message::head("fra", 1_000, 15);
        message.add("a", false, &samples);
        message.add("a", true, &samples);
        let text = serde_json::to_string(&message.0).unwrap();
        assert_eq!(
            text,
            r#"[["fra",[1000.0,15.0]],["t/a",[10000000.0,800.0,1.0,-1.0,0.0,30.0,1.0,1000.0]],["s/a",[10000000.0,800.0,1.0,-1.0,0.0,30.0,1.0,1000.0]]]"#
        );
        let (mut gauge, mut expected) = (Gauge::default(), Gauge::default());
        assert_eq!(Message(serde_json::from_str(&text).unwrap()).apply_to(&mut gauge, now), Some(("fra".to_owned(), 15)));
        expected.add_client_samples("a", &samples, 1_000.0, now);
        expected.add_worker_samples("a", &samples, 1_000.0, now);
        assert_eq!(gauge, expected);
        assert_eq!(Message::default().apply_to(&mut gauge, now), None);
        assert_eq!(Gauge::from_rows(&gauge.rows()), gauge, "stored rows restore the same state");
        assert_eq!(Reading::from_numbers(&gauge.reading(now).numbers()), Some(gauge.reading(now)));
        assert_eq!((Reading::from_numbers(&[]), Reading::from_numbers(&[1.0; 9])), (None, None));
    }
}
