//! Delay between retries of origin requests.

/// A delay of at most `ceiling_ms`: half of it fixed, so that the origin can recover; half random (jitter), so that clients do not retry at the same time.
pub fn jittered(ceiling_ms: u64, random: u8) -> u64 {
    ceiling_ms / 2 + ceiling_ms / 2 * u64::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_and_largest_random_give_half_and_whole_ceiling() {
        assert_eq!((jittered(400, 0), jittered(400, 255)), (200, 400));
    }
}
