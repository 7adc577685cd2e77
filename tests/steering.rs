//! The ranking of edges in a simulation, compared with an oracle, with always the nearest edge, and with a random one: see `jettyspeed_simulator`.

use std::thread;

use jettyspeed_simulator::character::{CONGESTION, Character, DETOURS, FAILURES};
use jettyspeed_simulator::recovery::{BACK_WITHIN_S, LEFT_WITHIN_S, recoveries};
use jettyspeed_simulator::{NEAREST_REGRET, Outcome, REGRET, Tally, UPLOADS, run};

fn told(outcome: &Outcome) -> String {
    let line = |who: &str, tally: &Tally| {
        format!("{:<12} {who:<8} mean {:>7.2} s  regret {:>7.2} %  lost {:>6.2} %\n", outcome.name, tally.mean_s(), tally.regret(), tally.lost())
    };
    line("ours", &outcome.ours) + &line("nearest", &outcome.nearest) + &line("random", &outcome.random)
}

fn assert_regret_is_small(character: Character) {
    let outcome = run(&character, UPLOADS).unwrap();
    let told = told(&outcome);
    println!("{told}");
    let [ours, nearest, random] = [outcome.ours, outcome.nearest, outcome.random].map(|tally| tally.regret());
    assert!(nearest >= NEAREST_REGRET, "the trace is not hard enough\n{told}");
    assert!(ours <= REGRET && ours < nearest && ours < random, "{told}");
}

#[test]
fn detours_keep_regret_within_the_limit() {
    assert_regret_is_small(DETOURS);
}

#[test]
fn congestion_keeps_regret_within_the_limit() {
    assert_regret_is_small(CONGESTION);
}

#[test]
fn failures_keep_regret_within_the_limit() {
    assert_regret_is_small(FAILURES);
}

#[test]
fn dead_edge_is_left_and_used_again_within_the_limits() {
    for death in recoveries(UPLOADS).unwrap() {
        println!("{death:?}");
        assert!(death.left_s <= LEFT_WITHIN_S && death.back_s <= BACK_WITHIN_S, "{death:?}");
    }
}

#[test]
fn same_trace_gives_the_same_outcome() {
    let [one, other] = [(); 2].map(|()| thread::spawn(|| told(&run(&FAILURES, 2_000).unwrap()))).map(|run| run.join().unwrap());
    assert_eq!(one, other);
}
