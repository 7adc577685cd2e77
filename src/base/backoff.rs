//! Which calls are repeated, and after which delay.

/// A delay of at most `ceiling_ms`: half of it fixed, so that the origin can recover; half random (jitter), so that clients do not retry at the same time.
pub fn jittered(ceiling_ms: u64, random: u8) -> u64 {
    ceiling_ms / 2 + ceiling_ms / 2 * u64::from(random) / 255
}

/// Whether a failed call of a Durable Object may succeed when it is sent again at once, by the two properties of the platform's error (Cloudflare Durable Objects
/// documentation, "Error handling"). An overloaded object gets no second call.
pub fn object_call_may_pass(retryable: bool, overloaded: bool) -> bool {
    retryable && !overloaded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_call_is_repeated_if_retryable_and_not_overloaded() {
        let all = [(false, false), (true, false), (false, true), (true, true)];
        assert_eq!(all.map(|(retryable, overloaded)| object_call_may_pass(retryable, overloaded)), [false, true, false, false]);
    }

    #[test]
    fn smallest_and_largest_random_give_half_and_whole_ceiling() {
        assert_eq!((jittered(400, 0), jittered(400, 255)), (200, 400));
    }
}
