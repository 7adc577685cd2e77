//! CPU time of ranking many edges in wasm. Measured in a release build, as deployed.

use wasm_bindgen_test::{console_log, wasm_bindgen_test};

use jettyspeed_edge::base::id::Name;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::draw::{Draw, WINDOW_MS};
use jettyspeed_edge::edges::edge::{Edge, Status};
use jettyspeed_edge::edges::location::Location;
use jettyspeed_edge::edges::metrics::reading::Reading;
use jettyspeed_edge::edges::request::Priority;
use jettyspeed_edge::edges::score::{Asker, rank};

/// Maximum time to rank 500 edges.
const BUDGET_MICROSECONDS: f64 = 1_000.0;
const EDGES: u32 = 500;

#[wasm_bindgen_test]
fn ranking_500_edges_takes_at_most_1_ms() {
    console_error_panic_hook::set_once();
    let now = EpochMs(1_795_000_000_000);
    let edges: Vec<_> = (0..EDGES)
        .map(|n| Edge {
            id: Name::parse(&format!("e{n:03}")).unwrap(),
            name: String::new(),
            city: String::new(),
            country: "DE".to_owned(),
            continent: "EU".to_owned(),
            lat: f64::from(n * 37 % 160) - 80.0,
            lon: f64::from(n * 91 % 360) - 180.0,
            colo: "AAA".to_owned(),
            url: None,
            capacity_mbps: 1_000,
            status: Status::Active,
            region: None,
            updated_at: now,
        })
        .collect();
    let measured = |value: u32| Some((f64::from(value), 3.0));
    let readings: Vec<_> = (0..EDGES)
        .map(|n| Reading {
            at: now,
            excess_ms: measured(n % 90),
            latency_ms: measured(n % 200),
            mbps: measured(10 + n % 300),
            errors: measured(0),
            offered_mbps: f64::from(n),
        })
        .collect();
    let rounds = 300;
    let mut sum = 0;
    let started = js_sys::Date::now();
    for round in 0..rounds {
        let reading = |edge: &Edge| edges.binary_search_by(|other| other.id.as_str().cmp(edge.id.as_str())).ok().map(|index| &readings[index]);
        let place = Some(Location { lat: f64::from(round % 80), lon: 8.0 });
        let asker = Asker { place, priority: Priority::Speed, draw: Draw::of("account", now, WINDOW_MS), now };
        sum += rank(&edges, reading, asker, |_| None).len();
    }
    let microseconds = (js_sys::Date::now() - started) * 1000.0 / f64::from(rounds);
    assert_eq!(sum, 300 * 500);
    console_log!("RANKING_MICROSECONDS={microseconds:.1}");
    assert!(microseconds <= BUDGET_MICROSECONDS, "{microseconds} us");
}
