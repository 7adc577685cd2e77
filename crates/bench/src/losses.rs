//! Lost attempts at a store: about one in N, the same ones in every run.

use std::sync::atomic::{AtomicU64, Ordering};

/// Which attempts end without an answer, and counts of them.
#[derive(Debug, Default)]
pub struct Losses {
    /// One of this many attempts is lost; 0 loses none.
    one_in: u64,
    /// Whether all lost ones are answered 520 by a gateway.
    by_gateway: bool,
    attempts: AtomicU64,
    before_body: AtomicU64,
    after_body: AtomicU64,
}

/// When an attempt is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Before the store has read the body.
    BeforeBody,
    /// After the store has read the body.
    AfterBody,
    /// The same, and a gateway answers 520.
    Gateway,
}

impl Losses {
    /// About one of `one_in` attempts, spread pseudorandomly but the same in every run.
    pub fn one_in(one_in: u64) -> Losses {
        Losses { one_in, ..Losses::default() }
    }

    /// The same, each answered 520 after its body.
    pub fn by_gateway(one_in: u64) -> Losses {
        Losses { one_in, by_gateway: true, ..Losses::default() }
    }

    /// Counts so far: attempts, attempts lost before their body was read, attempts lost after.
    pub fn counted(&self) -> [u64; 3] {
        [&self.attempts, &self.before_body, &self.after_body].map(|count| count.load(Ordering::Relaxed))
    }

    /// The fate of the next attempt; None if it is answered.
    pub fn next(&self) -> Option<Loss> {
        let drawn = mixed(self.attempts.fetch_add(1, Ordering::Relaxed));
        let kind = match (self.by_gateway, drawn >> 63) {
            (true, _) => Loss::Gateway,
            (false, 0) => Loss::BeforeBody,
            (false, _) => Loss::AfterBody,
        };
        let loss = (self.one_in > 0 && drawn.is_multiple_of(self.one_in)).then_some(kind);
        match loss {
            Some(Loss::BeforeBody) => self.before_body.fetch_add(1, Ordering::Relaxed),
            Some(Loss::AfterBody | Loss::Gateway) => self.after_body.fetch_add(1, Ordering::Relaxed),
            None => 0,
        };
        loss
    }
}

/// SplitMix64's output function (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014).
pub fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_in_n_attempts_is_lost_and_the_same_ones_in_every_run() {
        let run = || {
            let losses = Losses::one_in(1_000);
            let lost: Vec<u64> = (0..100_000).filter(|_| losses.next().is_some()).collect();
            (lost, losses.counted())
        };
        let (lost, [attempts, before, after]) = run();
        assert_eq!((attempts, before + after), (100_000, lost.len() as u64));
        assert!((70..130).contains(&lost.len()) && before > 20 && after > 20, "{before} {after}");
        assert!(lost.iter().any(|at| *at < 10_000), "a short run has some, too");
        assert_eq!(run(), (lost, [attempts, before, after]));
        assert_eq!(Losses::default().next(), None);
        let gateway = Losses::by_gateway(200);
        assert!((0..10_000).filter_map(|_| gateway.next()).all(|loss| loss == Loss::Gateway) && gateway.counted()[2] > 20);
    }
}
