use proptest::prelude::*;

use crate::edges::edge::tests::edge;
use crate::edges::score::*;

const NOW: EpochMs = EpochMs(1_000_000);

const FRANKFURT: Location = Location { lat: 50.1, lon: 8.7 };

fn asker(priority: Priority, account: &str) -> Asker {
    Asker { place: Some(FRANKFURT), priority, draw: Draw::of(account, NOW, crate::edges::draw::WINDOW_MS), now: NOW }
}

fn world() -> Vec<Edge> {
    [("fra", 50.0, 8.6), ("ams", 52.3, 4.8), ("iad", 38.9, -77.5), ("sin", 1.4, 104.0), ("syd", -33.9, 151.2)]
        .map(|(id, lat, lon)| edge(id, lat, lon))
        .into()
}

fn measured(latency: f64, mbps: f64, errors: f64, offered: f64) -> Reading {
    let all = |value| Some((value, 9.5));
    Reading { at: NOW, excess_ms: all(latency), latency_ms: all(latency), mbps: all(mbps), errors: all(errors), offered_mbps: offered }
}

fn ids(edges: &[Edge], ranked: &[Ranked]) -> Vec<String> {
    ranked.iter().map(|ranked| edges[ranked.index].id.to_string()).collect()
}

fn ranked(edges: &[Edge], readings: &[(&str, Reading)], asker: Asker) -> Vec<Ranked> {
    rank(edges, |edge| readings.iter().find(|(id, _)| *id == edge.id.as_str()).map(|(_, reading)| reading), asker, |_| None)
}

#[test]
fn without_measurements_edges_are_ranked_by_distance() {
    let edges = world();
    for priority in [Priority::Balanced, Priority::Speed, Priority::Cost] {
        let list = ranked(&edges, &[], asker(priority, "a"));
        assert_eq!(ids(&edges, &list), ["fra", "ams", "iad", "sin", "syd"]);
        assert!(list.iter().is_sorted_by(|a, b| a.score >= b.score));
    }
}

#[test]
fn weights_match_the_docs_and_score_is_the_weighted_mean_of_terms() {
    for (priority, wanted) in [(Priority::Speed, [10, 40, 15, 30, 5]), (Priority::Cost, [30, 10, 40, 10, 10]), (Priority::Balanced, [20; 5])] {
        let Weights { distance, latency, load, bandwidth, errors } = Weights::of(priority);
        assert_eq!([distance, latency, load, bandwidth, errors], wanted);
        for edge in ranked(&world(), &[("fra", measured(50.0, 20.0, 0.1, 500.0))], asker(priority, "a")) {
            assert!((edge.score - edge.terms.score()).abs() <= 0.002 + 1e-9);
        }
    }
    let at_half =
        Estimate { latency_ms: Some(HALF_MS), bandwidth_mbps: Some(HALF_MBPS), load: 0.25, error_rate: Some(0.1), confidence: 1.0, prior_mbps: 40.0 };
    let Terms { distance, latency, load, bandwidth, errors, .. } = Terms::of(Some(HALF_KM), &at_half, Weights::of(Priority::Speed));
    assert_eq!((distance, latency, load, bandwidth, errors), (Some(0.5), 0.5, 0.75, 0.5, 0.9));
}

#[test]
fn slow_or_loaded_nearest_edge_ranks_below_the_next() {
    let edges = world();
    let slow = [("fra", measured(300.0, 2.0, 0.0, 0.0))];
    assert_eq!(ids(&edges, &ranked(&edges, &slow, asker(Priority::Speed, "a")))[0], "ams");
    let busy = [("fra", measured(0.0, 100.0, 0.0, 990.0))];
    assert_eq!(ids(&edges, &ranked(&edges, &busy, asker(Priority::Cost, "a")))[0], "ams");
}

#[test]
fn unknown_client_location_leaves_out_the_distance_term() {
    let edges = world();
    let list = ranked(&edges, &[("sin", measured(20.0, 500.0, 0.0, 0.0))], Asker { place: None, ..asker(Priority::Balanced, "a") });
    assert_eq!((ids(&edges, &list)[0].as_str(), list[0].terms.distance, list[0].terms.weights.distance), ("sin", None, 0));
    assert_eq!(list.len(), 5);
}

#[test]
fn draining_and_disabled_edges_get_no_uploads() {
    let mut edges = world();
    edges[0].status = Status::Draining;
    edges[1].status = Status::Disabled;
    assert_eq!(ids(&edges, &ranked(&edges, &[], asker(Priority::Balanced, "a"))), ["iad", "sin", "syd"]);
}

#[test]
fn equal_edges_are_spread_over_accounts_and_stable_for_one_account() {
    let edges: Vec<Edge> = (0..4).map(|n| edge(&format!("e{n}"), 50.0, 8.6)).collect();
    let first = |account: &str| ids(&edges, &ranked(&edges, &[], asker(Priority::Balanced, account)))[0].clone();
    let mut counts = std::collections::BTreeMap::new();
    for n in 0..400 {
        let account = n.to_string();
        assert_eq!(first(&account), first(&account), "equal inputs, equal lists");
        *counts.entry(first(&account)).or_insert(0) += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|count| (60..140).contains(count)), "{counts:?}");
    // Power of two choices prefers the less loaded edge; e0 has the highest load by a small margin.
    let busy: Vec<_> = [("e0", 0.03), ("e1", 0.02), ("e2", 0.01)]
        .map(|(id, offered)| (id, Reading { errors: None, mbps: None, excess_ms: None, latency_ms: None, ..measured(0.0, 0.0, 0.0, offered) }))
        .into();
    let mut chosen = std::collections::BTreeMap::new();
    for n in 0..1_600 {
        *chosen.entry(ids(&edges, &ranked(&edges, &busy, asker(Priority::Balanced, &n.to_string())))[0].clone()).or_insert(0) += 1;
    }
    assert!(chosen["e3"] > chosen["e2"] && chosen["e2"] > chosen["e1"] && chosen["e1"] > chosen["e0"], "{chosen:?}");
}

#[test]
fn failing_edge_is_excluded_then_offered_to_a_tenth_of_clients() {
    let edges = world();
    let failing = [("fra", measured(0.0, 100.0, 1.0, 0.0))];
    assert_eq!(ids(&edges, &ranked(&edges, &failing, asker(Priority::Balanced, "a"))), ["ams", "iad", "sin", "syd"]);
    let later = NOW.plus(RETRY_AFTER_MS);
    let probers = (0..1_000)
        .filter(|n| {
            let draw = Draw::of(&n.to_string(), later, crate::edges::draw::WINDOW_MS);
            ranked(&edges, &failing, Asker { now: later, draw, ..asker(Priority::Balanced, "") }).iter().any(|edge| edge.probe && edge.index == 0)
        })
        .count();
    assert!((60..140).contains(&probers), "one in ten is offered it: {probers}");
    let all: Vec<_> = edges.iter().map(|edge| (edge.id.as_str(), measured(0.0, 100.0, 1.0, 0.0))).collect();
    assert_eq!(ranked(&edges, &all, asker(Priority::Balanced, "a")).len(), 5, "when all fail, all are offered");
}

#[test]
fn score_change_within_dead_band_keeps_previous_score() {
    let edges = world();
    let score_after =
        |before: Option<f64>| rank(&edges, |_| None, asker(Priority::Balanced, "a"), move |edge| before.filter(|_| edge.id.as_str() == "fra"));
    let (score, exact) = (score_after(None)[0].score, score_after(None)[0].terms.score());
    assert_eq!(score_after(Some(exact + 0.005))[0].score, exact + 0.005, "it moved by less than the dead band");
    assert_eq!(score_after(Some(exact + 0.01))[0].score, score);
}

proptest! {
    #[test]
    fn rankings_are_sorted_complete_and_deterministic(
        values in prop::collection::vec((-80.0f64..80.0, -179.0f64..179.0, 0.0f64..500.0, 0.1f64..900.0, 0.0f64..0.4, 0.0f64..2_000.0), 1..40),
        place in prop::option::of((-90.0f64..90.0, -180.0f64..180.0)), account in "[a-z]{4}",
    ) {
        let edges: Vec<Edge> = values.iter().enumerate().map(|(n, value)| edge(&format!("e{n:02}"), value.0, value.1)).collect();
        let readings: Vec<_> = values.iter().map(|value| measured(value.2, value.3, value.4, value.5)).collect();
        let ask = || Asker { place: place.map(|(lat, lon)| Location { lat, lon }), ..asker(Priority::Speed, &account) };
        let of = |edge: &Edge| edges.iter().position(|known| known.id == edge.id).map(|index| &readings[index]);
        let list = rank(&edges, of, ask(), |_| None);
        prop_assert!(list.is_sorted_by(|a, b| a.score >= b.score));
        prop_assert_eq!(&list, &rank(&edges, of, ask(), |_| None));
        let mut indices: Vec<_> = list.iter().map(|ranked| ranked.index).collect();
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..edges.len()).collect::<Vec<_>>());
        for ranked in &list {
            let Terms { distance, latency, load, bandwidth, errors, .. } = ranked.terms;
            for term in [distance.unwrap_or(1.0), latency, load, bandwidth, errors, ranked.score] {
                prop_assert!((0.0..=1.0).contains(&term));
            }
        }
    }
}
