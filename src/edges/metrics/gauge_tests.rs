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
fn averages_follow_what_is_measured_and_weigh_by_how_much_was() {
    let mut gauge = Gauge::default();
    assert_eq!(gauge.reading(NOW).latency_ms, None);
    gauge.take("a", &[probe(30.0)], CAPACITY, NOW);
    let (ms, weight) = gauge.reading(NOW).latency_ms.unwrap();
    assert!(ms == 30.0 && weight == PRIOR_WEIGHT * LONE, "what one says is not yet known");
    gauge.take("b", &[probe(30.0)], CAPACITY, NOW);
    assert!((gauge.reading(NOW).latency_ms.unwrap().1 - 2.0 / 3.0).abs() < 1e-9);
    for who in ["a", "b"] {
        gauge.take(who, &vec![probe(90.0); 30], CAPACITY, NOW);
    }
    let (ms, weight) = gauge.reading(NOW).latency_ms.unwrap();
    assert!((89.0..=90.0).contains(&ms) && weight == 2.0, "{ms} {weight}");
    assert!((gauge.reading(NOW).excess_ms.unwrap().0 - (ms - 25.0)).abs() < 1e-6);
    let later = gauge.reading(NOW.plus(1_200_000)).latency_ms.unwrap();
    assert!(later.0 == ms && later.1 < 0.1, "{later:?}");
}

#[test]
fn one_account_does_not_decide() {
    let mut honest = Gauge::default();
    for who in ["a", "b", "c"] {
        honest.take(who, &[probe(25.0), probe(25.0), probe(25.0), part(100.0), part(100.0), part(100.0)], CAPACITY, NOW);
    }
    let mut poisoned = honest.clone();
    for minute in 0..60 {
        let lies = [vec![FAILED; 20], vec![probe(10_000.0); 20], vec![part(0.01); 20]].concat();
        poisoned.take("liar", &lies, CAPACITY, NOW.plus(minute * 1_000));
    }
    let then = NOW.plus(60_000);
    let estimate = |gauge: &Gauge| Estimate::of(Some(1_000.0), CAPACITY, Some(&gauge.reading(then)), 40.0, then);
    let (before, after) = (estimate(&honest), estimate(&poisoned));
    assert!((before.latency_ms.unwrap() - after.latency_ms.unwrap()).abs() < 1.0, "{before:?} {after:?}");
    assert!((before.bandwidth_mbps.unwrap() / after.bandwidth_mbps.unwrap() - 1.0).abs() < 0.05);
    assert!(after.error_rate.unwrap() < 0.05);
    // Alone with an edge that nobody else has measured, it does not make it drop out either.
    let mut alone = Gauge::default();
    alone.take("liar", &vec![FAILED; 1_000], CAPACITY, NOW);
    let estimate = Estimate::of(Some(1_000.0), CAPACITY, Some(&alone.reading(NOW)), 40.0, NOW);
    assert!(estimate.error_rate.unwrap() < 0.45, "{estimate:?}");
}

/// A quiet edge: what others measured has faded, and must not lend its weight to whoever speaks now.
#[test]
fn nor_does_it_on_an_edge_that_others_left() {
    let mut gauge = Gauge::default();
    gauge.seen("honest", &[part(100.0)], CAPACITY, NOW);
    gauge.take("honest", &[part(100.0), probe(25.0)], CAPACITY, NOW);
    let later = NOW.plus(600_000);
    gauge.seen("liar", &[part(100.0)], CAPACITY, later.plus(0));
    let then = later.plus(180_000);
    gauge.take("liar", &vec![FAILED; 50], CAPACITY, then);
    assert!(gauge.reading(then).error_rate() < 0.5, "{:?}", gauge.reading(then));
    let mut rates = gauge.clone();
    rates.take("liar", &[part(0.01); 5], CAPACITY, then.plus(60_000));
    let estimate = Estimate::of(Some(1_000.0), CAPACITY, Some(&rates.reading(then.plus(60_000))), 40.0, then.plus(60_000));
    assert!(estimate.bandwidth_mbps.unwrap() > 1.0, "{estimate:?}");
    // One refusal of the store is no reason to leave an edge, several are.
    let mut store = Gauge::default();
    store.seen("a", &[FAILED], CAPACITY, NOW);
    assert!(store.reading(NOW).error_rate() <= 0.5);
    store.seen("a", &[FAILED; 3], CAPACITY, NOW);
    assert!(store.reading(NOW).error_rate() > 0.5);
}

#[test]
fn samples_of_an_account_are_limited_and_those_of_the_worker_are_not() {
    let mut gauge = Gauge::default();
    assert_eq!(gauge.take("a", &vec![probe(1.0); 1_000], CAPACITY, NOW), 60);
    assert_eq!(gauge.take("a", &[probe(1.0)], CAPACITY, NOW), 0);
    assert_eq!(gauge.take("b", &[probe(1.0)], CAPACITY, NOW), 1);
    assert_eq!(gauge.take("a", &[probe(1.0)], CAPACITY, NOW.plus(60_000)), 1);
    gauge.seen("a", &vec![part(10.0); 1_000], CAPACITY, NOW);
    assert_eq!(gauge.hours.iter().map(|hour| hour.samples).sum::<u64>(), 60 + 1 + 1 + 1_000);
}

#[test]
fn the_worker_sees_the_load_and_it_fades() {
    let mut gauge = Gauge::default();
    gauge.take("a", &[part(100.0)], CAPACITY, NOW);
    assert_eq!(gauge.reading(NOW).offered_mbps, 0.0, "what clients say of it is not counted twice");
    for second in 0..600 {
        // 125 MB/s
        gauge.seen("a", &[Sample { bytes: 125_000_000, ms: 1_000.0, ok: true, km: None }], CAPACITY, NOW.plus(second * 1_000));
    }
    let then = NOW.plus(600_000);
    let offered = gauge.reading(then).offered_mbps;
    assert!((950.0..1_050.0).contains(&offered), "{offered}");
    assert!(gauge.reading(then.plus(300_000)).offered_mbps < 10.0);
}

#[test]
fn hours_count_exactly_what_was_taken() {
    let mut gauge = Gauge::default();
    gauge.take("a", &[probe(30.0), probe(50.0), part(100.0), part(50.0), FAILED], CAPACITY, NOW);
    gauge.take("a", &[probe(30.0)], CAPACITY, NOW.plus(3_600_000));
    let first = Hour { hour: 7_200_000, samples: 5, failures: 1, bytes: 20_000_000, busy_ms: 2_400.0, probes: 2, probe_ms: 80.0 };
    let second = Hour { hour: 10_800_000, samples: 1, probes: 1, probe_ms: 30.0, ..Hour::default() };
    assert_eq!(gauge.hours, [first, second]);
}

#[test]
fn who_is_silent_longest_is_forgotten() {
    let mut gauge = Gauge::default();
    gauge.seen("first", &[part(10.0)], CAPACITY, NOW);
    for n in 0..200 {
        gauge.take(&n.to_string(), &[probe(1.0)], CAPACITY, NOW.plus(n));
    }
    assert!(
        gauge.sources.len() == 64
            && gauge.sources.iter().any(|source| source.who == WORKER)
            && gauge.sources.iter().any(|source| source.who == "199")
    );
    assert_eq!(Gauge::of(&gauge.rows()), gauge);
}

#[test]
fn shares_of_votes() {
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[(5.0, 0.2)], 0.5), Some(5.0));
    assert_eq!(quantile(&[(1.0, 1.0), (3.0, 1.0)], 0.5), Some(2.0));
    assert_eq!(quantile(&[(1.0, 1.0), (3.0, 1.0), (100.0, 1.0)], 0.5), Some(3.0));
    assert_eq!(quantile(&[(1.0, 3.0), (100.0, 1.0)], 0.5), Some(1.0));
}
