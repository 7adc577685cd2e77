//! Simulated uploads over lanes of known speed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::api::RankedEdge;

const PART: u64 = 10_000_000;

fn lanes_of(scores: &[f64]) -> Lanes {
    let edge = |(index, score): (usize, &f64)| RankedEdge {
        id: format!("E{index}"),
        url: format!("https://e{index}.example"),
        score: *score,
        ..RankedEdge::default()
    };
    let edges: Vec<_> = scores.iter().enumerate().map(edge).collect();
    Lanes::new(spec::specs("https://e0.example", &edges))
}

fn pieces(count: u32) -> Vec<Piece> {
    (1..=count).map(|number| Piece { number, bytes: PART }).collect()
}

fn assigned(edge: &str, parts: impl Iterator<Item = u32>) -> Assignment {
    Assignment { edge: edge.into(), parts: parts.collect() }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Sends everything, at most `room` parts at once, over lanes that share `speeds` (bytes/s) among their parts and die when `dies` says so; returns the parts by lane.
fn simulate(lanes: &mut Lanes, speeds: &[f64], room: usize, dies: impl Fn(usize, f64) -> bool) -> BTreeMap<usize, usize> {
    let (mut now, mut flying) = (0.0_f64, Vec::<(usize, Piece, f64, f64)>::new());
    let mut carried = BTreeMap::new();
    for _ in 0..1_000_000 {
        while let Some((LaneId(lane), piece)) = lanes.next(seconds(now), room - flying.len()) {
            flying.push((lane, piece, now, piece.bytes as f64));
        }
        if lanes.is_done() {
            return carried;
        }
        let share = |lane: usize| speeds[lane] / flying.iter().filter(|flight| flight.0 == lane).count() as f64;
        let step = flying.iter().map(|flight| flight.3 / share(flight.0)).fold(0.5, f64::min).max(1e-6);
        let shares: Vec<f64> = flying.iter().map(|flight| share(flight.0)).collect();
        now += step;
        for (flight, share) in flying.iter_mut().zip(shares) {
            flight.3 -= share * step;
        }
        let (over, still): (Vec<_>, Vec<_>) = flying.into_iter().partition(|flight| flight.3 < 1.0 || dies(flight.0, now));
        flying = still;
        for (lane, piece, began, _) in over {
            let took = seconds(now - began);
            if dies(lane, now) {
                lanes.failed(LaneId(lane), piece.number, took, Failing::Lane, seconds(now + 1.0), seconds(now));
            } else {
                lanes.stored(LaneId(lane), piece.number, took, seconds(now));
                *carried.entry(lane).or_default() += 1;
            }
        }
    }
    panic!("it does not end");
}

#[test]
fn parts_are_distributed_in_proportion_to_measured_speed() {
    let mut lanes = lanes_of(&[0.5, 0.5]);
    // The server expected both lanes to be equally fast.
    lanes.offer(&pieces(120), &[assigned("E0", 1..=60), assigned("E1", 61..=120)]);
    let carried = simulate(&mut lanes, &[30e6, 10e6], 8, |_, _| false);
    assert_eq!(carried.values().sum::<usize>(), 120);
    assert!((80..=100).contains(&carried[&0]), "{carried:?}");
    let shares: Vec<_> = lanes.carried().map(|(edge, parts, bytes)| (edge.to_owned(), parts, bytes)).collect();
    assert_eq!(shares, [("E0".to_owned(), carried[&0], carried[&0] as u64 * PART), ("E1".to_owned(), carried[&1], carried[&1] as u64 * PART)]);
}

#[test]
fn before_measurements_the_assignment_of_the_server_is_used() {
    let mut lanes = lanes_of(&[0.9, 0.3]);
    lanes.offer(&pieces(4), &[assigned("E0", 1..=3), assigned("E1", 4..=4)]);
    let begun: Vec<_> = std::iter::from_fn(|| lanes.next(Duration::ZERO, 4)).map(|(LaneId(lane), piece)| (lane, piece.number)).collect();
    assert_eq!(begun, [(0, 1), (0, 2), (0, 3), (1, 4)]);
}

#[test]
fn every_lane_gets_a_part_when_many_are_left() {
    let mut lanes = lanes_of(&[1.0, 0.1, 0.1]);
    lanes.offer(&pieces(20), &[]);
    let begun: BTreeSet<_> = std::iter::from_fn(|| lanes.next(Duration::ZERO, 20)).take(4).map(|(LaneId(lane), _)| lane).collect();
    assert_eq!(begun, BTreeSet::from([0, 1, 2]));
}

#[test]
fn failed_lane_loses_its_queue_and_gets_parts_after_recovery() {
    for back in [f64::INFINITY, 10.0] {
        let mut lanes = lanes_of(&[0.5, 0.5]);
        lanes.offer(&pieces(100), &[assigned("E0", 1..=50), assigned("E1", 51..=100)]);
        let carried = simulate(&mut lanes, &[20e6, 20e6], 6, |lane, now| lane == 1 && (3.0..back).contains(&now));
        assert_eq!(carried.values().sum::<usize>(), 100);
        assert_eq!(carried[&1] > 15, back < 20.0, "{carried:?}");
        assert!(lanes.take_samples().iter().any(|sample| sample.edge == "E1" && !sample.ok));
    }
}

#[test]
fn failed_part_goes_to_another_lane_at_once_and_to_its_own_after_the_wait() {
    let mut lanes = lanes_of(&[1.0, 0.1]);
    lanes.offer(&pieces(2), &[]);
    let (first, piece) = lanes.next(seconds(0.0), 1).unwrap();
    assert!(lanes.failed(first, piece.number, seconds(1.0), Failing::Lane, seconds(5.0), seconds(1.0)));
    let (second, again) = lanes.next(seconds(1.0), 1).unwrap();
    assert_eq!((first, second, again), (LaneId(0), LaneId(1), piece));
    lanes.failed(second, piece.number, seconds(1.0), Failing::Other, seconds(9.0), seconds(2.0));
    // It keeps its slot: the other part does not start instead, unless there is more room.
    assert_eq!((lanes.next(seconds(2.0), 1), lanes.wakes_at(seconds(2.0))), (None, Some(seconds(9.0))));
    assert_eq!(lanes.next(seconds(2.0), 2).unwrap().1.number, 2);
    assert_eq!(lanes.next(seconds(9.0), 1).unwrap().1, piece);
}

#[test]
fn single_lane_is_never_closed_to_ready_parts_and_never_too_slow() {
    let mut lanes = lanes_of(&[1.0]);
    lanes.offer(&pieces(1), &[]);
    let mut now = 0.0;
    for _ in 0..9 {
        let (lane, piece) = lanes.next(seconds(now), 1).unwrap();
        lanes.failed(lane, piece.number, seconds(0.1), Failing::Lane, seconds(now + 0.5), seconds(now));
        assert_eq!(lanes.next(seconds(now), 1), None);
        now += 0.5;
    }
    let (lane, _) = lanes.next(seconds(now), 1).unwrap();
    assert!(!lanes.has_other(lane, seconds(now)) && lanes.patience(lane, PART, seconds(now)).is_none());
    assert!(lanes.probes(seconds(2.0)).is_empty());
    lanes.stored(lane, 1, seconds(1.0), seconds(now));
    assert!(lanes.is_done());
}

#[test]
fn half_open_lane_gets_one_part() {
    let mut lanes = lanes_of(&[1.0, 1.0]);
    assert_eq!(lanes.probes(seconds(2.0)).len(), 2);
    lanes.offer(&pieces(40), &[]);
    lanes.probed(LaneId(0), Some(seconds(0.03)), seconds(2.0), seconds(0.03));
    lanes.probed(LaneId(1), None, seconds(2.0), seconds(2.0));
    let begun =
        |lanes: &mut Lanes, now, count| std::iter::from_fn(|| lanes.next(seconds(now), 40)).take(count).filter(|(lane, _)| lane.0 == 1).count();
    assert_eq!(begun(&mut lanes, 2.5, 5), 0);
    assert_eq!(begun(&mut lanes, 3.0, 5), 1);
    let ms: Vec<_> = lanes.take_samples().into_iter().map(|sample| (sample.bytes, sample.ms, sample.ok)).collect();
    assert_eq!(ms, [(0, 30, true), (0, 2_000, false)]);
}

#[test]
fn refusing_lane_gets_no_more_parts_and_the_reserve_is_used() {
    let edges = [RankedEdge { id: "E".into(), url: "https://e.example".into(), score: 1.0, ..RankedEdge::default() }];
    let mut lanes = Lanes::new(spec::specs("https://main.example", &edges));
    lanes.offer(&pieces(3), &[assigned("E", 1..=3)]);
    let (lane, piece) = lanes.next(seconds(0.0), 1).unwrap();
    assert!(lane == LaneId(0) && lanes.has_other(lane, seconds(0.0)));
    lanes.failed(lane, piece.number, seconds(0.1), Failing::Refusal, seconds(0.1), seconds(0.1));
    for number in [1, 3, 2] {
        let (lane, piece) = lanes.next(seconds(0.2), 1).unwrap();
        assert_eq!((lane, piece.number, lanes.has_other(lane, seconds(0.2))), (LaneId(1), number, false));
        lanes.stored(lane, piece.number, seconds(0.1), seconds(0.3));
    }
    assert!(lanes.is_done());
    assert_eq!(lanes.take_samples().len(), 1, "nothing of a lane that the server did not name");
}

#[test]
fn patience_is_three_times_the_expected_time_elsewhere() {
    let mut lanes = lanes_of(&[1.0, 1.0]);
    lanes.offer(&pieces(3), &[assigned("E0", [1, 2].into_iter()), assigned("E1", [3].into_iter())]);
    let begun: Vec<_> = std::iter::from_fn(|| lanes.next(seconds(0.0), 3)).map(|(lane, _)| lane).collect();
    assert_eq!(begun, [LaneId(0), LaneId(1), LaneId(0)]);
    assert_eq!(lanes.patience(LaneId(1), PART, seconds(3.0)), None, "nothing is measured");
    lanes.stored(LaneId(0), 1, seconds(4.0), seconds(4.0));
    // One more part is in flight there: 20 MB at 3.75 MB/s (1.5 parts shared 2.5 MB/s each).
    let patience = lanes.patience(LaneId(1), PART, seconds(4.0)).unwrap().as_secs_f64();
    assert!((15.5..16.5).contains(&patience), "{patience}");
    let too_slow = |sent, elapsed| lanes.is_too_slow(LaneId(1), PART, sent, seconds(elapsed), seconds(elapsed));
    assert!(too_slow(0, 17.0) && too_slow(PART, 17.0) && too_slow(PART / 2, 17.0));
    assert!(!too_slow(0, 15.0) && !too_slow(PART / 10 * 9, 17.0), "too soon, nearly there");
    lanes.failed(LaneId(1), 3, seconds(22.0), Failing::Slow(PART / 2), seconds(27.0), seconds(22.0));
    assert_eq!(lanes.next(seconds(22.0), 2).unwrap().0, LaneId(0));
}

proptest! {
    /// For any sequence of events, every part is stored exactly once and never in flight twice.
    #[test]
    fn every_part_is_stored_exactly_once(
        scores in prop::collection::vec(0.0_f64..1.0, 1..4),
        count in 1_u32..40,
        room in 1_usize..9,
        split in 0_u32..40,
        steps in prop::collection::vec((0_usize..9, 0_u8..6), 1..200),
    ) {
        let mut lanes = lanes_of(&scores);
        lanes.offer(&pieces(count), &[assigned("E0", 1..=split.min(count)), assigned("E1", split..=count + 3), assigned("E9", 1..=2)]);
        let (mut now, mut flying, mut stored) = (Duration::ZERO, Vec::<(LaneId, Piece)>::new(), Vec::new());
        // Finally everything succeeds.
        for (choice, what) in steps.into_iter().chain(std::iter::repeat_n((0, 0), 5_000)) {
            while let Some((lane, piece)) = lanes.next(now, room - flying.len()) {
                prop_assert!(!flying.iter().any(|(_, other)| other.number == piece.number));
                flying.push((lane, piece));
            }
            if lanes.is_done() {
                break;
            }
            now += Duration::from_millis(200);
            if flying.is_empty() {
                continue;
            }
            let (lane, Piece { number, .. }) = flying.swap_remove(choice % flying.len());
            let took = Duration::from_millis(100);
            let failing = match what {
                1 => Failing::Lane,
                2 => Failing::Slow(7),
                3 if lanes.has_other(lane, now) => Failing::Refusal,
                4 => Failing::Other,
                5 => { lanes.found(lane, number, lane); stored.push(number); continue }
                _ => { lanes.stored(lane, number, took, now); stored.push(number); continue }
            };
            lanes.failed(lane, number, took, failing, now + took * 3, now);
        }
        stored.sort_unstable();
        prop_assert_eq!(stored, (1..=count).collect::<Vec<_>>());
        prop_assert_eq!(lanes.carried().map(|(_, parts, _)| parts).sum::<usize>(), count as usize);
    }
}
