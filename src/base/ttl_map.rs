//! A map whose entries expire. Bounded by entries and by bytes, so that the isolate's memory does not grow with the number of tenants and requests.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::base::time::EpochMs;

/// A map with an expiry for each entry. When a new entry does not fit, the entries that expire soonest are evicted: expired ones first, then live ones.
#[derive(Debug)]
pub struct TtlMap<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys by expiry. The serial number distinguishes entries with the same expiry.
    by_end: BTreeMap<(EpochMs, u64), K>,
    serial: u64,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
    cost: fn(&K, &V) -> usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: EpochMs,
    serial: u64,
    bytes: usize,
}

impl<K: Clone + Eq + Hash, V> TtlMap<K, V> {
    /// A map of at most `max_entries` entries and `max_bytes` bytes, as estimated by `cost`: the heap memory of key and value.
    pub fn new(max_entries: usize, max_bytes: usize, cost: fn(&K, &V) -> usize) -> TtlMap<K, V> {
        TtlMap { entries: HashMap::new(), by_end: BTreeMap::new(), serial: 0, bytes: 0, max_entries, max_bytes, cost }
    }

    /// The value of `key`, if it has not expired.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: EpochMs) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).filter(|entry| now < entry.until).map(|entry| &entry.value)
    }

    /// The value of `key` and its expiry, if it has not expired.
    pub fn get_with_end<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: EpochMs) -> Option<(&V, EpochMs)>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).filter(|entry| now < entry.until).map(|entry| (&entry.value, entry.until))
    }

    /// Sets the value of `key` with the expiry `until`. A value that alone exceeds the bound in bytes is not stored, and the previous value is removed.
    pub fn insert(&mut self, key: K, value: V, until: EpochMs, now: EpochMs) {
        self.remove(&key);
        let bytes = (self.cost)(&key, &value);
        if bytes > self.max_bytes || self.max_entries == 0 || until <= now {
            return;
        }
        while let Some(((end, _), _)) = self.by_end.first_key_value()
            && (*end <= now || self.entries.len() >= self.max_entries || self.bytes.saturating_add(bytes) > self.max_bytes)
        {
            if let Some((_, soonest)) = self.by_end.pop_first()
                && let Some(entry) = self.entries.remove(&soonest)
            {
                self.bytes = self.bytes.saturating_sub(entry.bytes);
            }
        }
        self.serial = self.serial.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        self.by_end.insert((until, self.serial), key.clone());
        self.entries.insert(key, Entry { value, until, serial: self.serial, bytes });
    }

    /// Inserts the entry if `key` has no live one, and returns whether it did. For work that only one of several callers should do.
    pub fn claim(&mut self, key: K, value: V, until: EpochMs, now: EpochMs) -> bool {
        let vacant = self.get(&key, now).is_none();
        if vacant {
            self.insert(key, value, until, now);
        }
        vacant
    }

    /// Removes `key`.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.remove(key)?;
        self.by_end.remove(&(entry.until, entry.serial));
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry.value)
    }

    /// Keeps only the entries for which `keep` returns true. Linear in the number of entries.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let removed: Vec<K> = self.entries.iter().filter(|(key, entry)| !keep(key, &entry.value)).map(|(key, _)| key.clone()).collect();
        for key in removed {
            self.remove(&key);
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_end.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(entries: usize, bytes: usize) -> TtlMap<String, Vec<u8>> {
        TtlMap::new(entries, bytes, |key, value| key.len() + value.len())
    }

    #[test]
    fn value_is_there_until_the_millisecond_of_its_expiry() {
        let mut map = TtlMap::new(10, 100, |_: &u8, _: &u8| 1);
        map.insert(1, 7, EpochMs(10), EpochMs(0));
        assert_eq!((map.get(&1, EpochMs(9)), map.get(&1, EpochMs(10))), (Some(&7), None));
        assert_eq!((map.get_with_end(&1, EpochMs(9)), map.get_with_end(&1, EpochMs(10))), (Some((&7, EpochMs(10))), None));
    }

    #[test]
    fn get_returns_an_entry_until_its_expiry_and_none_after() {
        let mut map = map(10, 100);
        map.insert("a".into(), vec![1], EpochMs(10), EpochMs(0));
        assert_eq!(map.get("a", EpochMs(9)), Some(&vec![1]));
        assert_eq!(map.get_with_end("a", EpochMs(9)), Some((&vec![1], EpochMs(10))));
        assert_eq!((map.get("a", EpochMs(10)), map.get("b", EpochMs(0))), (None, None));
        map.insert("late".into(), vec![], EpochMs(10), EpochMs(10));
        assert!(map.get("late", EpochMs(10)).is_none() && map.entries.len() == 1, "an entry that has already expired is not stored");
    }

    #[test]
    fn full_map_evicts_expired_then_soonest_ending_entries() {
        let mut map = map(2, 100);
        map.insert("long".into(), vec![], EpochMs(100), EpochMs(0));
        map.insert("short".into(), vec![], EpochMs(10), EpochMs(0));
        map.insert("new".into(), vec![], EpochMs(50), EpochMs(5));
        assert!(map.get("short", EpochMs(5)).is_none() && map.get("long", EpochMs(5)).is_some() && map.get("new", EpochMs(5)).is_some());
        map.insert("newer".into(), vec![], EpochMs(60), EpochMs(55));
        assert!(map.entries.len() == 2 && map.get("long", EpochMs(55)).is_some(), "an expired entry made room");
    }

    #[test]
    fn bytes_are_bounded_and_an_oversized_value_is_not_kept() {
        let mut map = map(10, 10);
        map.insert("a".into(), vec![0; 4], EpochMs(10), EpochMs(0));
        map.insert("b".into(), vec![0; 4], EpochMs(20), EpochMs(0));
        assert_eq!(map.bytes, 10);
        map.insert("c".into(), vec![0; 1], EpochMs(30), EpochMs(0));
        assert!(map.get("a", EpochMs(0)).is_none() && map.get("b", EpochMs(0)).is_some() && map.bytes == 7);
        map.insert("b".into(), vec![0; 10], EpochMs(30), EpochMs(0));
        assert!(map.get("b", EpochMs(0)).is_none(), "neither the new one nor the one that it replaces");
        assert_eq!(map.bytes, 2);
    }

    #[test]
    fn claim_succeeds_once_per_period() {
        let mut map = map(10, 100);
        assert!(map.claim("a".into(), vec![], EpochMs(10), EpochMs(0)));
        assert!(!map.claim("a".into(), vec![], EpochMs(20), EpochMs(9)));
        assert!(map.claim("a".into(), vec![], EpochMs(20), EpochMs(10)));
    }

    proptest! {
        #[test]
        fn bounds_and_indexes_hold_for_any_history(steps in prop::collection::vec((0u8..4, 0u8..8, 0usize..12, 0u64..20), 0..200)) {
            let mut map = map(5, 20);
            let mut now = EpochMs(0);
            for (step, key, size, time) in steps {
                let key = key.to_string();
                match step {
                    0 | 1 => map.insert(key, vec![0; size], now.plus(time), now),
                    2 => { map.remove(&key); }
                    _ => now = now.plus(time),
                }
                prop_assert!(map.entries.len() <= 5 && map.bytes <= 20);
                prop_assert_eq!(map.entries.len(), map.by_end.len());
                prop_assert_eq!(map.bytes, map.entries.values().map(|entry| entry.bytes).sum::<usize>());
                prop_assert!(map.by_end.iter().all(|((end, serial), key)| map.entries.get(key).is_some_and(|entry| entry.until == *end && entry.serial == *serial)));
            }
        }
    }
}
