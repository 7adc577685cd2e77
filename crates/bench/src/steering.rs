//! `script/bench steering`: regret of the edge selection against an oracle, the nearest edge and random selection; how fast clients leave dead edges and return;
//! and the cost of one ranking.

use super::report::Figure;
use std::hint::black_box;
use std::thread;
use std::time::Instant;

use jettyspeed_devstack::Result;
use jettyspeed_edge::base::id::Name;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::draw::{Draw, WINDOW_MS};
use jettyspeed_edge::edges::edge::Edge;
use jettyspeed_edge::edges::location::Location;
use jettyspeed_edge::edges::metrics::reading::Reading;
use jettyspeed_edge::edges::request::Priority;
use jettyspeed_edge::edges::score::{Asker, rank};
use jettyspeed_simulator::character::{TRACES, UNTUNED};
use jettyspeed_simulator::recovery::{BACK_WITHIN_S, LEFT_WITHIN_S, recoveries};
use jettyspeed_simulator::{NEAREST_REGRET, Outcome, REGRET, Tally, UPLOADS, places, run};

/// Number of edges in the timed ranking.
const MANY: usize = 500;
/// Number of timed rankings.
const RANKINGS: u64 = 500;

/// All figures. Only the last one depends on the machine.
pub fn figures() -> Result<Vec<Figure>> {
    let traces: Vec<_> = TRACES.into_iter().chain(UNTUNED).map(|character| thread::spawn(move || run(&character, UPLOADS))).collect();
    let deaths = recoveries(UPLOADS)?;
    let mut figures = Vec::new();
    for trace in traces {
        figures.extend(of_trace(&trace.join().map_err(|_| "a trace broke off")??));
    }
    for (number, death) in (1..).zip(deaths) {
        let of = |what: &str| format!("{number}: {} ({:.0} % of uploads) {what}", death.edge, death.share * 100.0);
        figures.push(Figure::at_most(&of("dies: until < 2 % of them are left"), "s", &[death.left_s], LEFT_WITHIN_S));
        figures.push(Figure::without_target(&of("is dead: those who try it"), "%", &[death.tried * 100.0]));
        figures.push(Figure::at_most(&of("returns: until half are back"), "s", &[death.back_s], BACK_WITHIN_S));
    }
    figures.push(Figure::without_target(&format!("{MANY} edges ranked, natively"), "us", &rankings()?));
    Ok(figures)
}

fn of_trace(outcome: &Outcome) -> Vec<Figure> {
    let regret = |who: &str| format!("{}: regret of {who}", outcome.name);
    let mean = |who: &str, tally: &Tally| Figure::without_target(&format!("{}: an upload, {who}, mean", outcome.name), "s", &[tally.mean_s()]);
    vec![
        Figure::at_most(&regret("ours"), "%", &[outcome.ours.regret()], REGRET),
        Figure::at_least(&regret("nearest only"), "%", &[outcome.nearest.regret()], NEAREST_REGRET),
        Figure::without_target(&regret("random"), "%", &[outcome.random.regret()]),
        mean("ours", &outcome.ours),
        mean("nearest only", &outcome.nearest),
        mean("random", &outcome.random),
    ]
}

/// Duration of each ranking of [`MANY`] measured edges, µs.
fn rankings() -> Result<Vec<f64>> {
    let known = places::edges()?;
    let edges: Vec<Edge> = known
        .iter()
        .cycle()
        .take(MANY)
        .enumerate()
        .map(|(index, edge)| Ok(Edge { id: Name::parse(&format!("{}-{index}", edge.id.as_str())).ok_or("no name")?, ..edge.clone() }))
        .collect::<Result<_>>()?;
    let readings: Vec<Reading> = (0_u32..)
        .zip(&edges)
        .map(|(index, _)| {
            let value = |scale: f64| Some((f64::from(index % 97) * scale, 5.0));
            Reading { at: EpochMs(0), excess_ms: value(1.0), latency_ms: value(2.0), mbps: value(1.5), errors: value(0.004), offered_mbps: 100.0 }
        })
        .collect();
    let by_id: std::collections::BTreeMap<&str, &Reading> = edges.iter().map(|edge| edge.id.as_str()).zip(&readings).collect();
    let ranking = |account: u64| {
        let now = EpochMs(1_000);
        let draw = Draw::of(&account.to_string(), now, WINDOW_MS);
        let asker = Asker { place: Some(Location { lat: 50.1, lon: 8.7 }), priority: Priority::Speed, draw, now };
        let began = Instant::now();
        black_box(rank(black_box(&edges), |edge| by_id.get(edge.id.as_str()).copied(), asker, |_| None));
        began.elapsed().as_secs_f64() * 1e6
    };
    Ok((0..RANKINGS).map(ranking).collect())
}
