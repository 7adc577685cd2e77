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

/// Of histories that once failed, by the fault that they found.
#[test]
fn histories_that_found_a_fault_end_well() {
    let found = [
        (50_226_925, "good credentials were refused during a move"),
        (51_068_602, "a namespace that was created while it was deleted was lost"),
        (100_188_427, "a ledger evicted while its alarm ran was not woken again, and its usage never written"),
        (100_649_753, "a late word of a suspension closed uploads of an account that had been resumed"),
        (106_212_728, "an upload opened again by a call that died took parts of a suspended account"),
        (110_006_822, "a request that was held up for an hour stored its file a second time, under a key that another call had answered"),
        (116_050_459, "an upload opened again by a call that died, and completed by another, was never forgotten"),
        (111_146_512, "a deletion that was late, and came to the database that the account had left, was told as done"),
        (117_216_934, "a merge that was late, and came to the database that the namespace had left, was not repeated where it is now"),
        (111_250_004, "the event of a file that got a number in the last moment told the path that it was to have"),
        (111_485_771, "the same, of a file in one request"),
    ];
    let mut pools = Pools::default();
    for (seed, fault) in found {
        let outcome = run(&Variant { seed, ..Variant::default() }, pools, false);
        pools = outcome.pools;
        assert_eq!(outcome.wrong, None, "seed {seed}: {fault}");
    }
}
