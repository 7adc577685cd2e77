//! The health check's probe of the store under faults: it leaves nothing behind that the next check does not delete.

use std::cell::RefCell;
use std::rc::Rc;

use jettyspeed_edge::health::part::{Tried, failing};
use jettyspeed_edge::services::store_probe;
use jettyspeed_simulation::fault::Faults;
use jettyspeed_simulation::pool::Pools;
use jettyspeed_simulation::scheduler::Begun;
use jettyspeed_simulation::settings::Settings;
use jettyspeed_simulation::task::Role;
use jettyspeed_simulation::world::Sim;

/// How long the store may take for a step, ms.
const LIMIT_MS: u32 = 10_000;

/// Longer than a probe with what goes on after it, ms.
const LONG_MS: u64 = 180_000;

/// Begins as many checks at once: what they say, once enough time has passed.
fn check(sim: &Sim, key: u64, checks: u64) -> Vec<[Tried; 3]> {
    let said: Rc<RefCell<Vec<[Tried; 3]>>> = Rc::default();
    for number in 0..checks {
        let (io, config, into) = (sim.clone(), Rc::clone(&sim.config), Rc::clone(&said));
        sim.begin_now(Begun::alone(Role::Request, key + number, "health"), async move {
            if let Ok(parts) = store_probe::run(&io, &config, LIMIT_MS).await {
                into.borrow_mut().push(parts);
            }
        });
    }
    sim.run_until(sim.time() + LONG_MS);
    said.take()
}

#[test]
fn probe_of_any_fate_leaves_nothing_behind_the_next_one() {
    let (mut pools, mut failures, mut left) = (Pools::default(), 0, 0);
    for seed in 0..400 {
        let settings = Settings { outage: None, ..Settings::draw(seed) };
        let faults = Faults { rate: 30_000, left: 40, ..Faults::default() };
        let sim = Sim::new(seed, settings, pools, faults, false);
        let parts = check(&sim, seed * 10, 1);
        failures += usize::from(parts.iter().any(|parts| !failing(parts).is_empty()));
        left += sim.store.borrow().objects.len();
        sim.faults.borrow_mut().quiet = true;
        let parts = check(&sim, seed * 10 + 5, 1);
        assert_eq!(parts.iter().map(|parts| failing(parts)).collect::<Vec<_>>(), [Vec::<&str>::new()], "seed {seed}");
        assert_eq!(sim.store.borrow().objects.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "seed {seed}");
        pools = sim.end();
    }
    println!("{failures} of 400 checks told of a failure, {left} left an object to the next one");
    assert!(failures > 100, "{failures}");
}

#[test]
fn checks_that_run_at_once_find_the_store_well_and_leave_nothing() {
    let mut pools = Pools::default();
    for seed in 0..100 {
        let sim = Sim::new(seed, Settings { outage: None, ..Settings::draw(seed) }, pools, Faults::default(), false);
        let parts = check(&sim, seed * 10, 2);
        let wrong: Vec<_> = parts.iter().map(|parts| failing(parts)).filter(|failing| !failing.is_empty()).collect();
        assert!(parts.len() == 2 && wrong.is_empty(), "seed {seed}: {wrong:?}");
        assert!(sim.store.borrow().objects.is_empty(), "seed {seed}");
        pools = sim.end();
    }
}
