use crate::base::time::EpochMs;
use crate::edges::estimate::Estimate;
use crate::edges::metrics::gauge::*;

const NOW: EpochMs = EpochMs(7_200_000);

const CAPACITY: f64 = 1_000.0;

fn probe(ms: f64) -> Sample {
    Sample { bytes: 0, ms, ok: true, km: Some(1_000.0) }
}

fn part(mbps: f64) -> Sample {
    Sample { bytes: 10_000_000, ms: 80_000.0 / mbps, ok: true, km: Some(1_000.0) }
}

const FAILED: Sample = Sample { bytes: 10_000_000, ms: 1.0, ok: false, km: None };

#[test]
fn averages_follow_samples_and_weight_grows_with_sample_count() {
    let mut gauge = Gauge::default();
    assert_eq!(gauge.reading(NOW).latency_ms, None);
    gauge.add_client_samples("a", &[probe(30.0)], CAPACITY, NOW);
    let (ms, weight) = gauge.reading(NOW).latency_ms.unwrap();
    assert!(ms == 30.0 && weight == PRIOR_WEIGHT * SINGLE_ACCOUNT_WEIGHT, "a single account's value has the capped weight");
    gauge.add_client_samples("b", &[probe(30.0)], CAPACITY, NOW);
    assert!((gauge.reading(NOW).latency_ms.unwrap().1 - 2.0 / 3.0).abs() < 1e-9);
    for account in ["a", "b"] {
        gauge.add_client_samples(account, &vec![probe(90.0); 30], CAPACITY, NOW);
    }
    let (ms, weight) = gauge.reading(NOW).latency_ms.unwrap();
    assert!((89.0..=90.0).contains(&ms) && weight == 2.0, "{ms} {weight}");
    assert!((gauge.reading(NOW).excess_ms.unwrap().0 - (ms - 25.0)).abs() < 1e-6);
    let later = gauge.reading(NOW.plus(1_200_000)).latency_ms.unwrap();
    assert!(later.0 == ms && later.1 < 0.1, "{later:?}");
}

#[test]
fn one_lying_account_does_not_shift_the_estimate() {
    let mut honest = Gauge::default();
    for account in ["a", "b", "c"] {
        honest.add_client_samples(account, &[probe(25.0), probe(25.0), probe(25.0), part(100.0), part(100.0), part(100.0)], CAPACITY, NOW);
    }
    let mut poisoned = honest.clone();
    for minute in 0..60 {
        let lies = [vec![FAILED; 20], vec![probe(10_000.0); 20], vec![part(0.01); 20]].concat();
        poisoned.add_client_samples("liar", &lies, CAPACITY, NOW.plus(minute * 1_000));
    }
    let then = NOW.plus(60_000);
    let estimate = |gauge: &Gauge| Estimate::of(Some(1_000.0), CAPACITY, Some(&gauge.reading(then)), 40.0, then);
    let (before, after) = (estimate(&honest), estimate(&poisoned));
    assert!((before.latency_ms.unwrap() - after.latency_ms.unwrap()).abs() < 1.0, "{before:?} {after:?}");
    assert!((before.bandwidth_mbps.unwrap() / after.bandwidth_mbps.unwrap() - 1.0).abs() < 0.05);
    assert!(after.error_rate.unwrap() < 0.05);
    // On an edge that only this account measured, its samples do not exclude the edge either.
    let mut alone = Gauge::default();
    alone.add_client_samples("liar", &vec![FAILED; 1_000], CAPACITY, NOW);
    let estimate = Estimate::of(Some(1_000.0), CAPACITY, Some(&alone.reading(NOW)), 40.0, NOW);
    assert!(estimate.error_rate.unwrap() < 0.45, "{estimate:?}");
}

/// On an idle edge the samples of others have decayed; their weight must not count for the account that is active now.
#[test]
fn one_lying_account_does_not_shift_the_estimate_of_an_idle_edge() {
    let mut gauge = Gauge::default();
    gauge.add_worker_samples("honest", &[part(100.0)], CAPACITY, NOW);
    gauge.add_client_samples("honest", &[part(100.0), probe(25.0)], CAPACITY, NOW);
    let later = NOW.plus(600_000);
    gauge.add_worker_samples("liar", &[part(100.0)], CAPACITY, later.plus(0));
    let then = later.plus(180_000);
    gauge.add_client_samples("liar", &vec![FAILED; 50], CAPACITY, then);
    assert!(gauge.reading(then).error_rate() < 0.5, "{:?}", gauge.reading(then));
    let mut rates = gauge.clone();
    rates.add_client_samples("liar", &[part(0.01); 5], CAPACITY, then.plus(60_000));
    let estimate = Estimate::of(Some(1_000.0), CAPACITY, Some(&rates.reading(then.plus(60_000))), 40.0, then.plus(60_000));
    assert!(estimate.bandwidth_mbps.unwrap() > 1.0, "{estimate:?}");
    // One error of the store does not exclude an edge, several do.
    let mut store = Gauge::default();
    store.add_worker_samples("a", &[FAILED], CAPACITY, NOW);
    assert!(store.reading(NOW).error_rate() <= 0.5);
    store.add_worker_samples("a", &[FAILED; 3], CAPACITY, NOW);
    assert!(store.reading(NOW).error_rate() > 0.5);
}

#[test]
fn account_samples_are_limited_per_minute_and_worker_samples_are_not() {
    let mut gauge = Gauge::default();
    assert_eq!(gauge.add_client_samples("a", &vec![probe(1.0); 1_000], CAPACITY, NOW), 60);
    assert_eq!(gauge.add_client_samples("a", &[probe(1.0)], CAPACITY, NOW), 0);
    assert_eq!(gauge.add_client_samples("b", &[probe(1.0)], CAPACITY, NOW), 1);
    assert_eq!(gauge.add_client_samples("a", &[probe(1.0)], CAPACITY, NOW.plus(60_000)), 1);
    gauge.add_worker_samples("a", &vec![part(10.0); 1_000], CAPACITY, NOW);
    assert_eq!(gauge.hours.iter().map(|hour| hour.samples).sum::<u64>(), 60 + 1 + 1 + 1_000);
}

#[test]
fn worker_samples_add_load_that_decays() {
    let mut gauge = Gauge::default();
    gauge.add_client_samples("a", &[part(100.0)], CAPACITY, NOW);
    assert_eq!(gauge.reading(NOW).offered_mbps, 0.0, "client samples do not count as load, which would count them twice");
    for second in 0..600 {
        // 125 MB/s
        gauge.add_worker_samples("a", &[Sample { bytes: 125_000_000, ms: 1_000.0, ok: true, km: None }], CAPACITY, NOW.plus(second * 1_000));
    }
    let then = NOW.plus(600_000);
    let offered = gauge.reading(then).offered_mbps;
    assert!((950.0..1_050.0).contains(&offered), "{offered}");
    assert!(gauge.reading(then.plus(300_000)).offered_mbps < 10.0);
}

#[test]
fn hours_count_exactly_the_added_samples() {
    let mut gauge = Gauge::default();
    gauge.add_client_samples("a", &[probe(30.0), probe(50.0), part(100.0), part(50.0), FAILED], CAPACITY, NOW);
    gauge.add_client_samples("a", &[probe(30.0)], CAPACITY, NOW.plus(3_600_000));
    let first = Hour { hour: 7_200_000, samples: 5, failures: 1, bytes: 20_000_000, busy_ms: 2_400.0, probes: 2, probe_ms: 80.0 };
    let second = Hour { hour: 10_800_000, samples: 1, probes: 1, probe_ms: 30.0, ..Hour::default() };
    assert_eq!(gauge.hours, [first, second]);
}

#[test]
fn least_recent_source_is_evicted_and_worker_is_kept() {
    let mut gauge = Gauge::default();
    gauge.add_worker_samples("first", &[part(10.0)], CAPACITY, NOW);
    for n in 0..200 {
        gauge.add_client_samples(&n.to_string(), &[probe(1.0)], CAPACITY, NOW.plus(n));
    }
    assert!(
        gauge.sources.len() == 64
            && gauge.sources.iter().any(|source| source.name == WORKER)
            && gauge.sources.iter().any(|source| source.name == "199")
    );
    assert_eq!(Gauge::from_rows(&gauge.rows()), gauge);
}

/// Rows outlive deployments: those of a version that did not store how fresh a value is are read, and it finds its own numbers first in those of this one.
#[test]
fn stored_source_is_pinned_and_read_without_freshness() {
    let mut gauge = Gauge::default();
    gauge.add_client_samples("a", &[probe(30.0), FAILED], CAPACITY, NOW);
    let row = gauge.rows().into_iter().find(|(name, _)| name == "by/a").unwrap();
    assert_eq!(row.1, [7_200_000.0, 120.0, 2.0, 5.0, 1.0, 30.0, 1.0, 0.0, 0.0, 0.5, 2.0, 1.0, 1.0, 0.0, 1.0]);
    let old = Gauge::from_rows(&[(row.0, row.1[..11].to_vec())]);
    assert_eq!(old.sources, gauge.sources);
}

#[test]
fn two_accounts_that_find_an_edge_slow_outvote_three_that_found_it_fast_ten_minutes_ago() {
    let mut gauge = Gauge::default();
    for account in ["a", "b", "c"] {
        gauge.add_client_samples(account, &[part(100.0); 6], CAPACITY, NOW);
    }
    let then = NOW.plus(600_000);
    for account in ["d", "e"] {
        gauge.add_client_samples(account, &[part(1.0)], CAPACITY, then);
    }
    assert!((gauge.reading(then).mbps.unwrap().0 - 1.0).abs() < 1e-9, "{:?}", gauge.reading(then).mbps);
    assert!(gauge.reading(NOW.plus(1)).mbps.is_some());
}

#[test]
fn quantile_of_weighted_values() {
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[(5.0, 0.2)], 0.5), Some(5.0));
    assert_eq!(quantile(&[(1.0, 1.0), (3.0, 1.0)], 0.5), Some(2.0));
    assert_eq!(quantile(&[(1.0, 1.0), (3.0, 1.0), (100.0, 1.0)], 0.5), Some(3.0));
    assert_eq!(quantile(&[(1.0, 3.0), (100.0, 1.0)], 0.5), Some(1.0));
}
