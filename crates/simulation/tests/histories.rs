//! Some histories, and that a history is the same whenever it is run.

use jettyspeed_simulation::pool::Pools;
use jettyspeed_simulation::run::{Variant, run};

#[test]
fn a_history_is_the_same_whenever_it_is_run() {
    let mut pools = Pools::default();
    for seed in 0..60 {
        let variant = Variant { seed, ..Variant::default() };
        let first = run(&variant, pools, true);
        let second = run(&variant, first.pools, true);
        pools = second.pools;
        assert_eq!(first.story, second.story, "seed {seed}");
        assert_eq!(first.wrong, second.wrong, "seed {seed}");
    }
}
