//! Limits the keys that one caller has (docs/data-model.md, What one account can hold): their rows live for a day, and D1 has room for a number of them only.
//!
//! The rows are counted when an isolate first sees the caller, and again after some time; in between it adds its own.

use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;

/// Maximum number of keys of a caller.
pub const MAX_KEYS: u64 = 50_000;

/// Lifetime of a count, ms. Until then other isolates may add keys beyond the limit, as many as the rate limit lets through.
const COUNT_MS: u64 = 600_000;

/// Maximum number of callers.
const MAX_CALLERS: usize = 2_000;

/// Maximum memory, bytes.
const MAX_BYTES: usize = 500_000;

/// Key counts by caller.
#[derive(Debug)]
pub struct KeyLimit {
    counts: TtlMap<String, u64>,
}

impl Default for KeyLimit {
    fn default() -> KeyLimit {
        KeyLimit { counts: TtlMap::new(MAX_CALLERS, MAX_BYTES, |scope, _| scope.len() + size_of::<(String, u64)>()) }
    }
}

/// Whether a caller may have another key.
#[derive(Debug, PartialEq, Eq)]
pub enum Room {
    /// It may.
    Free,
    /// Its rows must be counted first ([`KeyLimit::counted`]).
    Unknown,
    /// It has as many as it may; they are counted again after this time, s.
    Full(u32),
}

impl KeyLimit {
    /// Whether `scope` may have another key; if so, it has it from now on.
    pub fn add(&mut self, scope: &str, now: EpochMs) -> Room {
        let Some((count, until)) = self.counts.get_with_end(scope, now).map(|(count, until)| (*count, until)) else { return Room::Unknown };
        if count >= MAX_KEYS {
            return Room::Full(u32::try_from(until.since(now).div_ceil(1000)).unwrap_or(u32::MAX));
        }
        self.counts.insert(scope.to_owned(), count + 1, until, now);
        Room::Free
    }

    /// Notes that `scope` has `keys` keys.
    pub fn counted(&mut self, scope: &str, keys: u64, now: EpochMs) {
        self.counts.insert(scope.to_owned(), keys, now.plus(COUNT_MS), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_795_000_000_000);

    #[test]
    fn caller_with_two_keys_left_gets_two_and_is_counted_again_after_ten_minutes() {
        let mut limit = KeyLimit::default();
        assert_eq!(limit.add("a", NOW), Room::Unknown);
        limit.counted("a", MAX_KEYS - 2, NOW);
        assert_eq!([0, 1, 2].map(|_| limit.add("a", NOW)), [Room::Free, Room::Free, Room::Full(600)]);
        assert_eq!(limit.add("b", NOW), Room::Unknown);
        assert_eq!(limit.add("a", NOW.plus(COUNT_MS - 1)), Room::Full(1));
        assert_eq!(limit.add("a", NOW.plus(COUNT_MS)), Room::Unknown);
    }
}
