//! Whether figures are in their bounds.

use crate::alerts::figures::{Delivered, Figures, Storage, Uploaded};
use crate::alerts::kind::Kind;
use crate::alerts::thresholds::Thresholds;
use crate::analytics::figures::percent;
use crate::ledger::quota_level::quota_level;

/// Answers of an hour, below which its hit rate and its latency tell nothing.
pub const MIN_REQUESTS: u64 = 50;

/// Uploads that end in an hour, below which the share of those that failed tells nothing.
pub const MIN_UPLOADS: u64 = 10;

/// By how much the failures of an hour must exceed those of the day before.
const TIMES_THE_DAY_BEFORE: f64 = 2.0;

/// A figure with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The figure; its unit is told by [`Kind`].
    pub value: f64,
    /// Its bound.
    pub threshold: f64,
    /// How many answers, uploads, bytes of quota, endpoints or tries it is a figure of.
    pub rests_on: u64,
}

/// What a figure says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It is in its bounds.
    In(Measured),
    /// It is out of them.
    Out(Measured),
    /// Too little happened to tell.
    Unknown,
}

fn verdict(out: bool, measured: Measured) -> Verdict {
    if out { Verdict::Out(measured) } else { Verdict::In(measured) }
}

/// The verdicts about a namespace's hour, and about what is so now.
pub fn all(figures: &Figures, thresholds: &Thresholds) -> Vec<(Kind, Verdict)> {
    let Figures { delivered, uploaded, storage, .. } = figures;
    let is_used = delivered.requests > 0 || uploaded.ended > 0;
    let mut all = vec![
        (Kind::HitRate, hit_rate(delivered, thresholds.hit_rate)),
        (Kind::P95Latency, latency(delivered, thresholds.p95_ms)),
        (Kind::UploadFailures, failures(uploaded, thresholds.upload_failure_percent)),
        (Kind::WebhookFailing, endpoints(figures.failing_endpoints)),
        (Kind::StoreUnreachable, store(figures.store_tries, is_used)),
    ];
    all.extend(storage.iter().flat_map(of_storage));
    all
}

/// The verdicts about an account's storage.
pub fn of_storage(storage: &Storage) -> [(Kind, Verdict); 2] {
    [(Kind::Quota80, 80_u8), (Kind::Quota100, 100)].map(|(kind, level)| {
        let measured = Measured { value: percent(storage.used, storage.quota), threshold: f64::from(level), rests_on: storage.quota };
        (kind, verdict(quota_level(storage.used, storage.quota) >= level, measured))
    })
}

fn hit_rate(delivered: &Delivered, least: f64) -> Verdict {
    if delivered.requests < MIN_REQUESTS {
        return Verdict::Unknown;
    }
    let rate = percent(delivered.hits, delivered.requests);
    verdict(rate < least, Measured { value: rate, threshold: least, rests_on: delivered.requests })
}

fn latency(delivered: &Delivered, most: f64) -> Verdict {
    let measured = delivered.first_byte.total();
    match delivered.first_byte.quantile(0.95) {
        Some(ms) if measured >= MIN_REQUESTS => verdict(ms > most, Measured { value: ms, threshold: most, rests_on: measured }),
        _ => Verdict::Unknown,
    }
}

fn failures(uploaded: &Uploaded, most: f64) -> Verdict {
    if uploaded.ended < MIN_UPLOADS {
        return Verdict::Unknown;
    }
    let rate = percent(uploaded.failed, uploaded.ended);
    let before = percent(uploaded.failed_before, uploaded.ended_before);
    let threshold = most.max(before * TIMES_THE_DAY_BEFORE);
    verdict(rate > threshold, Measured { value: rate, threshold, rests_on: uploaded.ended })
}

fn endpoints(failing: u64) -> Verdict {
    // Below 2^53: exact in f64.
    verdict(failing > 0, Measured { value: failing as f64, threshold: 0.0, rests_on: failing })
}

// A namespace that nobody uses need not be told that the store is away, but that it is back.
fn store((tries, failed): (u64, u64), is_used: bool) -> Verdict {
    let is_away = tries > 0 && failed == tries;
    if tries == 0 || (is_away && !is_used) {
        return Verdict::Unknown;
    }
    verdict(is_away, Measured { value: failed as f64, threshold: 0.0, rests_on: tries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::histogram::Histogram;

    const BOUNDS: Thresholds = Thresholds { hit_rate: 50.0, p95_ms: 100.0, upload_failure_percent: 5.0 };

    fn of(kind: Kind, figures: &Figures) -> Option<Verdict> {
        all(figures, &BOUNDS).into_iter().find(|(known, _)| *known == kind).map(|(_, verdict)| verdict)
    }

    fn delivered(requests: u64, hits: u64, first_byte: Histogram) -> Figures {
        Figures { delivered: Delivered { of: String::new(), requests, hits, first_byte }, ..Figures::default() }
    }

    #[test]
    fn hit_rate_is_out_below_its_bound_and_tells_nothing_of_few_requests() {
        for (requests, hits, expected) in [
            (50, 24, Verdict::Out(Measured { value: 48.0, threshold: 50.0, rests_on: 50 })),
            (50, 25, Verdict::In(Measured { value: 50.0, threshold: 50.0, rests_on: 50 })),
            (49, 0, Verdict::Unknown),
            (0, 0, Verdict::Unknown),
        ] {
            assert_eq!(of(Kind::HitRate, &delivered(requests, hits, Histogram::default())), Some(expected), "{hits}/{requests}");
        }
    }

    #[test]
    fn latency_is_out_if_the_95th_percentile_is_above_its_bound() {
        let times = |fast: u64, slow: u64| {
            let mut times = Histogram::default();
            (0..fast).for_each(|_| times.add(3.0));
            (0..slow).for_each(|_| times.add(150.0));
            delivered(fast + slow, fast, times)
        };
        assert!(matches!(of(Kind::P95Latency, &times(90, 10)), Some(Verdict::Out(Measured { value, rests_on: 100, .. })) if value > 100.0));
        assert!(matches!(of(Kind::P95Latency, &times(96, 4)), Some(Verdict::In(Measured { value, .. })) if value <= 100.0));
        assert_eq!(of(Kind::P95Latency, &times(0, 49)), Some(Verdict::Unknown));
    }

    #[test]
    fn uploads_are_out_above_the_bound_and_above_twice_the_day_before() {
        for (figures, expected) in [
            ((100, 6, 0, 0), Some((true, 6.0, 5.0))),
            ((100, 5, 0, 0), Some((false, 5.0, 5.0))),
            ((100, 10, 100, 4), Some((true, 10.0, 8.0))),
            ((100, 10, 100, 5), Some((false, 10.0, 10.0))),
            ((10, 10, 5, 5), Some((false, 100.0, 200.0))),
            ((9, 9, 100, 0), None),
        ] {
            let (ended, failed, ended_before, failed_before) = figures;
            let uploaded = Uploaded { of: String::new(), ended, failed, ended_before, failed_before };
            let wanted = expected.map_or(Verdict::Unknown, |(out, value, threshold)| verdict(out, Measured { value, threshold, rests_on: ended }));
            assert_eq!(of(Kind::UploadFailures, &Figures { uploaded, ..Figures::default() }), Some(wanted), "{figures:?}");
        }
    }

    #[test]
    fn quota_is_out_from_80_and_from_100_percent_on_and_shared_namespaces_have_none() {
        let out = |used: u64| {
            let found = of_storage(&Storage { used, quota: 1_000_000_000 });
            found.map(|(_, verdict)| matches!(verdict, Verdict::Out(_)))
        };
        assert_eq!([out(799_999_999), out(800_000_000), out(999_999_999), out(1_000_000_000)], [[false; 2], [true, false], [true, false], [true; 2]]);
        assert_eq!(of(Kind::Quota80, &Figures::default()), None);
    }

    #[test]
    fn store_is_away_for_namespaces_in_use_if_no_try_succeeded_and_back_for_all() {
        let used = delivered(1, 0, Histogram::default());
        let verdict = |figures: &Figures, store_tries| of(Kind::StoreUnreachable, &Figures { store_tries, ..figures.clone() });
        assert_eq!(verdict(&used, (3, 3)), Some(Verdict::Out(Measured { value: 3.0, threshold: 0.0, rests_on: 3 })));
        assert_eq!(verdict(&Figures::default(), (3, 3)), Some(Verdict::Unknown));
        assert!(matches!(verdict(&Figures::default(), (2, 1)), Some(Verdict::In(_))));
        assert_eq!(verdict(&used, (0, 0)), Some(Verdict::Unknown), "nobody has tried");
        assert!(matches!(of(Kind::WebhookFailing, &Figures { failing_endpoints: 2, ..Figures::default() }), Some(Verdict::Out(_))));
    }
}
