//! Waits between attempts at the store.

/// A wait of at most `ceiling_ms`: half of it fixed, so that the store gets a rest; half random, so that those who wait do not come back together.
pub fn jittered(ceiling_ms: u64, random: u8) -> u64 {
    ceiling_ms / 2 + ceiling_ms / 2 * u64::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_half_to_all_of_it() {
        assert_eq!((jittered(400, 0), jittered(400, 255)), (200, 400));
    }
}
