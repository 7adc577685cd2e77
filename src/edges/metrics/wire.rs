//! How samples, gauges and readings are written down: rows of a name and numbers. One form for all of them, since each type of its own costs the Worker kilobytes.

use crate::base::time::EpochMs;
use crate::edges::metrics::gauge::Gauge;
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::{Numbers, Row, whole};
use crate::edges::metrics::sample::Sample;

/// Numbers of a sample.
const SAMPLE: usize = 4;

/// Before the account: what it told, or what the Worker saw of it.
const TOLD: &str = "t/";

const SEEN: &str = "s/";

/// Samples for an edge's object: the edge with its capacity and how often to publish, then a row for each who measured. No row at all asks what is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message(pub Vec<Row>);

impl Message {
    /// For an edge of `capacity_mbps` that publishes every `every_seconds`.
    pub fn head(edge: &str, capacity_mbps: u64, every_seconds: u64) -> Message {
        Message(vec![(edge.to_owned(), vec![capacity_mbps as f64, every_seconds as f64])])
    }

    /// What an account told, or what was seen of its parts.
    pub fn add(&mut self, account: &str, seen: bool, samples: &[Sample]) {
        let numbers =
            samples.iter().flat_map(|sample| [sample.bytes as f64, sample.ms, f64::from(u8::from(sample.ok)), sample.km.unwrap_or(-1.0)]).collect();
        self.0.push((format!("{}{account}", if seen { SEEN } else { TOLD }), numbers));
    }

    /// Lets a gauge take it in; says which edge it is and how often it publishes, s. None if it asks only.
    pub fn tell(&self, gauge: &mut Gauge, now: EpochMs) -> Option<(String, u64)> {
        let ((edge, head), rows) = self.0.split_first()?;
        let [capacity, every, ..] = head[..] else { return None };
        for (who, numbers) in rows {
            let samples: Vec<Sample> = numbers.chunks_exact(SAMPLE).filter_map(sample).collect();
            if let Some(account) = who.strip_prefix(SEEN) {
                gauge.seen(account, &samples, capacity, now);
            } else if let Some(account) = who.strip_prefix(TOLD) {
                gauge.take(account, &samples, capacity, now);
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
    /// As numbers: the instant, the load, then value and weight of each, weight 0 for what nobody measured.
    pub fn numbers(&self) -> Numbers {
        let pairs = [self.excess_ms, self.latency_ms, self.mbps, self.errors];
        [self.at.0 as f64, self.offered_mbps]
            .into_iter()
            .chain(pairs.into_iter().flat_map(|pair| <[f64; 2]>::from(pair.unwrap_or_default())))
            .collect()
    }

    /// Of numbers.
    pub fn of(numbers: &[f64]) -> Option<Reading> {
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
    fn a_message_arrives_as_it_was_sent() {
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
        let (mut gauge, mut wanted) = (Gauge::default(), Gauge::default());
        assert_eq!(Message(serde_json::from_str(&text).unwrap()).tell(&mut gauge, now), Some(("fra".to_owned(), 15)));
        wanted.take("a", &samples, 1_000.0, now);
        wanted.seen("a", &samples, 1_000.0, now);
        assert_eq!(gauge, wanted);
        assert_eq!(Message::default().tell(&mut gauge, now), None);
        assert_eq!(Gauge::of(&gauge.rows()), gauge, "and so is what is kept");
        assert_eq!(Reading::of(&gauge.reading(now).numbers()), Some(gauge.reading(now)));
        assert_eq!((Reading::of(&[]), Reading::of(&[1.0; 9])), (None, None));
    }
}
