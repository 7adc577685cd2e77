//! How slowly a body may come while memory is reserved for it (docs/api.md, Limits).

/// Time for the first bytes, ms: a slow start (a new connection, a phone that wakes up) costs nothing.
pub const GRACE_MS: u64 = 10_000;

/// The slowest pace after that, bytes per second.
pub const SLOWEST: u64 = 64_000;

/// How many bytes are awaited at once, and so the window over which the pace is measured: 4 s of the slowest one.
pub const STEP: u64 = 256_000;

/// How long to wait for the next `bytes` bytes (at most [`STEP`]), `elapsed_ms` after the first were awaited, ms.
pub fn patience_ms(bytes: u64, elapsed_ms: u64) -> u32 {
    let window = bytes.saturating_mul(1_000).div_ceil(SLOWEST);
    u32::try_from(window.max(GRACE_MS.saturating_sub(elapsed_ms))).unwrap_or(u32::MAX)
}

/// The longest time in which `size` bytes can come at the slowest pace, ms.
pub fn longest_ms(size: u64) -> u64 {
    GRACE_MS.saturating_add(size.saturating_mul(1_000).div_ceil(SLOWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a body of `size` bytes whose byte `n` comes at `at(n)` ms is given up, if it is.
    fn given_up(size: u64, at: impl Fn(u64) -> u64) -> Option<u64> {
        let (mut received, mut elapsed) = (0, 0);
        while received < size {
            let step = STEP.min(size - received);
            let due = elapsed + u64::from(patience_ms(step, elapsed));
            if at(received + step) > due {
                return Some(due);
            }
            received += step;
            elapsed = elapsed.max(at(received));
        }
        assert!(elapsed <= longest_ms(size), "{elapsed} ms");
        None
    }

    #[test]
    fn body_at_64_kb_per_second_is_read_and_at_60_is_given_up_soon_after_ten_seconds() {
        let pace = |per_second: u64| move |byte: u64| byte * 1_000 / per_second;
        for size in [1, 2_000, STEP, 10_000_000, 12_000_000] {
            assert_eq!(given_up(size, pace(64_000)), None, "{size}");
        }
        let at = given_up(10_000_000, pace(60_000)).unwrap();
        assert!((10_000..16_000).contains(&at), "{at} ms");
    }

    #[test]
    fn one_byte_and_then_nothing_is_given_up_after_ten_seconds() {
        for size in [2, 300, STEP, 10_000_000] {
            assert_eq!(given_up(size, |byte| if byte <= 1 { 0 } else { 900_000 }), Some(GRACE_MS), "{size}");
        }
    }

    #[test]
    fn nine_tenths_at_once_and_then_nothing_is_given_up_after_ten_seconds() {
        assert_eq!(given_up(10_000_000, |byte| if byte <= 9_000_000 { 100 } else { 900_000 }), Some(GRACE_MS));
    }

    #[test]
    fn pause_of_nine_seconds_at_the_start_is_forgiven() {
        assert_eq!(given_up(10_000_000, |byte| 9_000 + byte / 1_000), None);
    }
}
