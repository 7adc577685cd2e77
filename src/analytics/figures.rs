//! Sums of rows: additive, so that rows of hours, days, classes and databases may come in any order.

use std::collections::BTreeMap;

use crate::analytics::rows::{Delivered, Named, Uploaded};
use crate::base::histogram::Histogram;

/// All rows of a report, from one database or several.
#[derive(Debug, Default, Clone)]
pub struct Gathered {
    /// What was delivered.
    pub delivered: Vec<Delivered>,
    /// What was uploaded.
    pub uploaded: Vec<Uploaded>,
    /// Requests and bytes by country.
    pub countries: Vec<Named>,
    /// Counts of uploads by edge, speed and reason.
    pub counts: Vec<Named>,
}

/// What was delivered.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Delivery {
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// Requests with CMCD data.
    pub cmcd_requests: u64,
    /// Bytes of answers that left.
    pub bytes_sent: u64,
    /// What the cache saved, US dollars.
    pub saved_usd: f64,
    /// Answers of all kinds by class of status: 2xx, 3xx, 4xx, 5xx.
    pub answers: [u64; 4],
    /// Sum of the times until the first byte, ms.
    pub first_ms: u64,
    /// Times until the first byte, ms.
    pub first_byte: Histogram,
}

impl Delivery {
    /// The sum of these rows.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Delivered>) -> Delivery {
        rows.fold(Delivery::default(), |mut sum, row| {
            for (into, from) in [
                (&mut sum.requests, row.requests),
                (&mut sum.hits, row.hits),
                (&mut sum.bytes_from_cache, row.bytes_from_cache),
                (&mut sum.bytes_from_origin, row.bytes_from_origin),
                (&mut sum.cmcd_requests, row.cmcd_requests),
                (&mut sum.bytes_sent, row.bytes_sent),
                (&mut sum.first_ms, row.first_ms),
            ] {
                *into = into.saturating_add(from);
            }
            sum.saved_usd += row.saved_usd;
            sum.answers.iter_mut().zip(row.answers).for_each(|(sum, count)| *sum = sum.saturating_add(count));
            sum.first_byte.merge(&row.first_byte);
            sum
        })
    }

    /// Hits in percent of the requests, with two decimals; 0 without requests.
    pub fn hit_rate(&self) -> f64 {
        percent(self.hits, self.requests)
    }

    /// Mean time until the first byte, ms, with two decimals; `None` where none was measured.
    pub fn mean_ms(&self) -> Option<f64> {
        let measured = self.first_byte.total();
        // Below 2^53: exact in f64.
        (measured > 0).then(|| (self.first_ms as f64 * 100.0 / measured as f64).round() / 100.0)
    }
}

/// Percentage with two decimals; 0 if `whole` is 0.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 10_000.0 / whole as f64).round() / 100.0 }
}

/// Uploads over one edge.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OverEdge {
    /// Completed uploads with parts over it.
    pub uploads: u64,
    /// Bytes of these that went over it.
    pub bytes: u64,
    /// Uploads with parts over it that failed or expired.
    pub errors: u64,
    /// Speeds of these uploads over it, Mbit/s.
    pub speeds: Histogram,
}

/// What the counts of uploads say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UploadCounts {
    /// Speeds of completed uploads, Mbit/s.
    pub speeds: Histogram,
    /// By edge.
    pub edges: BTreeMap<String, OverEdge>,
    /// Bytes of completed uploads by the client's country and edge.
    pub origins: BTreeMap<(String, String), u64>,
    /// Failed and expired uploads by reason.
    pub reasons: BTreeMap<String, u64>,
}

impl UploadCounts {
    /// Reads them. Names that this version does not know are left out.
    pub fn of<'a>(counts: impl Iterator<Item = &'a Named>) -> UploadCounts {
        let mut all = UploadCounts::default();
        for Named { key, value, .. } in counts {
            match key.split_once(':') {
                Some(("w", reason)) => add(all.reasons.entry(reason.to_owned()).or_default(), *value),
                Some(("u", edge)) => add(&mut all.edges.entry(edge.to_owned()).or_default().uploads, *value),
                Some(("b", edge)) => add(&mut all.edges.entry(edge.to_owned()).or_default().bytes, *value),
                Some(("o", rest)) => {
                    let Some((country, edge)) = rest.split_once(':') else { continue };
                    add(all.origins.entry((country.to_owned(), edge.to_owned())).or_default(), *value);
                }
                Some(("x", edge)) => add(&mut all.edges.entry(edge.to_owned()).or_default().errors, *value),
                Some(("s", rest)) => {
                    let (edge, bucket) = rest.rsplit_once(':').map_or((None, rest), |(edge, bucket)| (Some(edge), bucket));
                    let Ok(bucket) = bucket.parse() else { continue };
                    match edge {
                        Some(edge) => all.edges.entry(edge.to_owned()).or_default().speeds.add_to(bucket, *value),
                        None => all.speeds.add_to(bucket, *value),
                    }
                }
                _ => {}
            }
        }
        all
    }
}

fn add(sum: &mut u64, value: u64) {
    *sum = sum.saturating_add(value);
}

/// Requests and bytes by country, the most bytes first.
pub fn by_country<'a>(counts: impl Iterator<Item = &'a Named>) -> Vec<(String, u64, u64)> {
    let mut all: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for Named { key, value, .. } in counts {
        match key.split_once(':') {
            Some(("r", country)) => add(&mut all.entry(country).or_default().0, *value),
            Some(("b", country)) => add(&mut all.entry(country).or_default().1, *value),
            _ => {}
        }
    }
    let mut sorted: Vec<(String, u64, u64)> = all.into_iter().map(|(country, (requests, bytes))| (country.to_owned(), requests, bytes)).collect();
    sorted.sort_by(|one, other| other.2.cmp(&one.2).then_with(|| one.0.cmp(&other.0)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(key: &str, value: u64) -> Named {
        Named { current: true, key: key.to_owned(), value }
    }

    #[test]
    fn percent_of_nothing_is_0_and_others_have_two_decimals() {
        assert_eq!([percent(0, 0), percent(1, 3), percent(2, 2), percent(0, 5)], [0.0, 33.33, 100.0, 0.0]);
    }

    #[test]
    fn countries_are_sorted_by_bytes_and_equal_ones_by_name() {
        let rows = [named("r:DE", 1), named("b:DE", 5), named("b:FR", 9), named("r:AT", 2), named("b:AT", 5), named("r:DE", 3), named("what", 7)];
        let found = by_country(rows.iter());
        assert_eq!(found, [("FR".to_owned(), 0, 9), ("AT".to_owned(), 2, 5), ("DE".to_owned(), 4, 5)]);
    }

    #[test]
    fn counts_of_uploads_are_read_by_edge_speed_and_reason_and_unknown_ones_left_out() {
        let rows = [
            ("u:fra", 2),
            ("b:fra", 70),
            ("s:fra:4", 2),
            ("x:ams", 1),
            ("s:4", 3),
            ("s:12", 1),
            ("w:client", 4),
            ("s:99", 5),
            ("s:x", 5),
            ("", 1),
            ("q:z", 1),
            ("u:fra", 1),
            ("o:DE:fra", 60),
            ("o:DE:fra", 1),
            ("o:fra", 9),
        ];
        let counts = UploadCounts::of(rows.map(|(key, value)| named(key, value)).iter());
        assert_eq!((counts.speeds.total(), counts.reasons), (4, BTreeMap::from([("client".to_owned(), 4)])));
        let fra = &counts.edges["fra"];
        assert_eq!((fra.uploads, fra.bytes, fra.errors, fra.speeds.quantile(0.5)), (3, 70, 0, Some(15.0)));
        assert_eq!((counts.edges["ams"].errors, counts.edges.len()), (1, 2));
        assert_eq!(counts.origins, BTreeMap::from([(("DE".to_owned(), "fra".to_owned()), 61)]));
    }
}
