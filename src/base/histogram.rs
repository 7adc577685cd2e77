//! A histogram with fixed buckets, so that those of isolates, hours and databases add up to one.

use serde::{Deserialize, Serialize};

/// The buckets' upper bounds, which belong to them: milliseconds, or megabits per second. What is above the last one has a bucket of its own.
pub const BOUNDS: [u32; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/// The number of buckets.
pub const BUCKETS: usize = BOUNDS.len() + 1;

/// Values by bucket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram([u64; BUCKETS]);

/// The bucket of a value, from 0: the first one whose bound is not below it.
pub fn bucket_of(value: f64) -> usize {
    BOUNDS.iter().position(|bound| value <= f64::from(*bound)).unwrap_or(BOUNDS.len())
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: f64) {
        self.add_to(bucket_of(value), 1);
    }

    /// Adds `count` values to a bucket; nothing if there is no such bucket.
    pub fn add_to(&mut self, bucket: usize, count: u64) {
        if let Some(sum) = self.0.get_mut(bucket) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Histogram) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum = sum.saturating_add(count));
    }

    /// Values by bucket.
    pub fn counts(&self) -> &[u64; BUCKETS] {
        &self.0
    }

    /// The number of values.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, count| sum.saturating_add(*count))
    }

    /// The value below which the share `q` (above 0, up to 1) of all values lies; `None` without values.
    ///
    /// Within the bucket that has it the values are taken to lie evenly between the bounds (as Prometheus' `histogram_quantile` does), so the error is less than
    /// the bucket is wide. Of what is above the last bound nothing more is known: it counts as that bound.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        // Counts are below 2^53: exact in f64.
        let rank = (q.clamp(0.0, 1.0) * total as f64).max(f64::MIN_POSITIVE);
        let (mut lower, mut before) = (0.0, 0.0);
        for (bound, count) in BOUNDS.iter().map(|bound| f64::from(*bound)).zip(self.0) {
            let count = count as f64;
            if count > 0.0 && before + count >= rank {
                let value = lower + (rank - before) / count * (bound - lower);
                return Some((value * 100.0).round() / 100.0);
            }
            (lower, before) = (bound, before + count);
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value));
        histogram
    }

    #[test]
    fn bound_belongs_to_its_bucket_and_what_is_above_the_last_to_one_of_its_own() {
        for (value, bucket) in [(0.0, 0), (1.0, 0), (1.01, 1), (2.0, 1), (5.0, 2), (5.1, 3), (99.0, 6), (5_000.0, 11), (5_000.5, 12), (1e12, 12)] {
            assert_eq!(bucket_of(value), bucket, "{value}");
        }
        let mut histogram = of(&[3.0]);
        histogram.add_to(BUCKETS, 9);
        assert_eq!(histogram.total(), 1, "no such bucket");
    }

    #[test]
    fn quantile_lies_evenly_within_its_bucket() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        // Ten values from 10 to 20: the fifth is half-way.
        let ten = of(&[15.0; 10]);
        assert_eq!([0.1, 0.5, 0.95, 1.0].map(|q| ten.quantile(q)), [Some(11.0), Some(15.0), Some(19.5), Some(20.0)]);
        // 90 below 1 ms and 10 from 200 to 500 ms.
        let two = of(&[vec![0.5; 90], vec![300.0; 10]].concat());
        assert_eq!([0.5, 0.9, 0.95].map(|q| two.quantile(q)), [Some(0.56), Some(1.0), Some(350.0)]);
        assert_eq!(of(&[9_000.0]).quantile(0.5), Some(5_000.0), "nothing is known above the last bound");
        assert_eq!(of(&[0.0]).quantile(0.0), Some(0.0));
    }

    #[test]
    fn stored_form_is_the_list_of_counts() {
        let text = serde_json::to_string(&of(&[1.0, 5_001.0])).unwrap();
        assert_eq!(text, "[1,0,0,0,0,0,0,0,0,0,0,0,1]");
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), of(&[0.0, 6_000.0]));
    }

    proptest! {
        #[test]
        fn merged_histogram_is_that_of_all_values_and_its_quantiles_lie_in_their_buckets(
            one in prop::collection::vec(0.0f64..6_000.0, 0..60),
            other in prop::collection::vec(0.0f64..6_000.0, 1..60),
            q in 0.01f64..1.0,
        ) {
            let mut merged = of(&one);
            merged.merge(&of(&other));
            let mut all = [one, other].concat();
            prop_assert_eq!(merged, of(&all));
            all.sort_by(f64::total_cmp);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let exact = all[((q * all.len() as f64).ceil() as usize).clamp(1, all.len()) - 1];
            let found = merged.quantile(q).unwrap();
            let bucket = bucket_of(exact).min(BOUNDS.len() - 1);
            let lower = if bucket == 0 { 0.0 } else { f64::from(BOUNDS[bucket - 1]) };
            let is_above = exact > 5_000.0;
            prop_assert!(found >= lower - 0.01 && (found <= f64::from(BOUNDS[bucket]) + 0.01) && (!is_above || found == 5_000.0), "{} for {}", found, exact);
        }
    }
}
