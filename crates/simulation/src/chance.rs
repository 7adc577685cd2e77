//! Chance, all of it from one seed. Every decision has a key of its own, so that leaving out one operation or one fault changes no other decision.

use fastrand::Rng;

/// The key of a decision that belongs to `parent`, by its number there.
pub fn child(parent: u64, number: u64) -> u64 {
    // The finaliser of SplitMix64, a bijection.
    let mut z = parent.rotate_left(17) ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A sequence of random numbers that belongs to a key.
pub fn stream(key: u64) -> Rng {
    Rng::with_seed(key)
}

/// Whether something of a probability of `per_mille` happens.
pub fn happens(rng: &mut Rng, per_mille: u32) -> bool {
    rng.u32(0..1000) < per_mille
}

/// One of some.
pub fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())]
}

/// One of some, by their weights.
pub fn weighted<T: Copy>(rng: &mut Rng, of: &[(u32, T)]) -> T {
    let sum = of.iter().map(|(weight, _)| weight).sum();
    let mut left = rng.u32(0..sum);
    for (weight, value) in of {
        if left < *weight {
            return *value;
        }
        left -= weight;
    }
    of[0].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_children_differ_and_repeat() {
        let keys: std::collections::BTreeSet<u64> = (0..10_000).map(|number| child(7, number)).collect();
        assert_eq!(keys.len(), 10_000);
        assert_eq!(child(child(7, 1), 2), child(child(7, 1), 2));
        assert_ne!(child(child(7, 1), 2), child(child(7, 2), 1));
    }
}
