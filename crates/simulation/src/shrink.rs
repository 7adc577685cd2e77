//! Makes a failing history shorter: without operations, without faults, as long as it still fails.

use crate::history::draw;
use crate::pool::Pools;
use crate::run::{Variant, run};

/// Histories that are tried at the most.
const TRIES: u32 = 400;

/// The shortest variant that was found.
pub fn shrink(failing: Variant) -> Variant {
    let mut pools = Some(Pools::default());
    let mut tries = 0;
    let mut fails = |variant: &Variant| {
        tries += 1;
        if tries > TRIES {
            return None;
        }
        let outcome = run(variant, pools.take().unwrap_or_default(), false);
        pools = Some(outcome.pools);
        outcome.wrong.map(|_| outcome.injected)
    };
    let mut best = failing;
    let Some(mut injected) = fails(&best) else { return best };
    loop {
        let before = best.clone();
        for punctual in [Variant { punctual: true, ..best.clone() }, Variant { same_clocks: true, ..best.clone() }] {
            if let Some(left) = fails(&punctual) {
                (best, injected) = (punctual, left);
            }
        }
        let steps = draw(best.seed).len();
        for number in (0..steps).rev().filter(|number| !before.without.contains(number)) {
            let mut shorter = best.clone();
            shorter.without.insert(number);
            if let Some(left) = fails(&shorter) {
                (best, injected) = (shorter, left);
            }
        }
        for (place, _) in injected.clone().into_iter().rev() {
            let mut calmer = best.clone();
            calmer.masked.insert(place);
            if let Some(left) = fails(&calmer) {
                (best, injected) = (calmer, left);
            }
        }
        if best.without == before.without && best.masked == before.masked {
            return best;
        }
    }
}
