//! The links hold what their profile says. Needs root, like the lab.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use jettyspeed_lab::floor::{Floor, of_profile};
use jettyspeed_lab::namespace::is_root;
use jettyspeed_lab::network::Congestion;
use jettyspeed_lab::profile::{Access, Leg, Profile};

fn leg(rtt_ms: f64, mbit: Option<f64>, loss_percent: f64) -> Leg {
    Leg { rtt_ms, mbit, queue_ms: 50.0, loss_percent, jitter_ms: 0.0 }
}

/// Rates that a slow machine carries, too.
fn profile() -> Profile {
    Profile {
        summary: String::new(),
        access: Access { up_mbit: 80.0, down_mbit: 80.0, queue_ms: 50.0 },
        edge: leg(20.0, None, 0.0),
        store: leg(60.0, Some(50.0), 0.0),
        direct: leg(80.0, None, 1.0),
        further_edges: vec![],
    }
}

#[tokio::test]
async fn round_trip_and_rate_are_within_five_percent_and_loss_within_its_chance() {
    if !is_root() {
        eprintln!("skipped: network namespaces need root");
        return;
    }
    let congestion = Congestion { client: "bbr".into(), edge: "bbr".into() };
    let floors = of_profile(&profile(), &congestion, &[40_000_000]).await.unwrap();
    let is_near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() <= 0.05;
    for Floor { name, leg, limit_mbit, probed, transfers, .. } in &floors {
        assert!(is_near(probed.rtt_ms, leg.rtt_ms), "{name}: {} ms", probed.rtt_ms);
        // Of the leg that loses packets TCP gets less.
        if leg.loss_percent == 0.0 {
            assert!(transfers.iter().all(|transfer| is_near(transfer.steady_mbit, *limit_mbit)), "{name}: {transfers:?}, limit {limit_mbit}");
        }
    }
    // 1 % each way; four standard deviations of 20,000 probes are 0.4 %.
    let lost = floors.iter().find(|floor| floor.name == "client-store").unwrap().lost;
    assert!((0.0155..=0.0245).contains(&lost), "{lost}");
    assert!(floors.iter().filter(|floor| floor.leg.loss_percent == 0.0).all(|floor| floor.lost == 0.0));
}
