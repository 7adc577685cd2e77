//! How often each file was lately asked for, in memory of a fixed size, whatever is asked for.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::base::id::Id;
use crate::base::time::EpochMs;

/// Number of sets; a file has its place in one of them.
const SETS: usize = 1_024;

/// Files that a set holds.
const WAYS: usize = 4;

/// Maximum number of files that are counted at once: 160 KB.
pub const MAX_FILES: usize = SETS * WAYS;

/// What is counted of one file.
#[derive(Debug, Clone, Copy)]
struct Count {
    file: Id,
    /// Its hits, of which those a window ago count for 1/e.
    score: f64,
    /// When the score was that.
    at: EpochMs,
}

impl Count {
    fn score(&self, window_ms: u64, now: EpochMs) -> f64 {
        // Both are far below 2^53: exact in f64.
        self.score * (-(now.since(self.at) as f64) / window_ms.max(1) as f64).exp()
    }
}

/// Hits of files. Where a set is full, a new file takes the place of the one with the lowest score: many that are asked for once push each other out, not those
/// that are asked for often. A file that lost its place begins anew, so it is never taken to be more popular than it is.
#[derive(Debug, Default)]
pub struct Hits {
    sets: Vec<[Option<Count>; WAYS]>,
}

impl Hits {
    fn place(file: Id) -> usize {
        // Ids are random, and drawn here: nobody chooses their places.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(file);
        usize::try_from(hash % SETS as u64).unwrap_or_default()
    }

    /// Counts a hit. `window_ms`: see [`Hits::rate`].
    pub fn add(&mut self, file: Id, window_ms: u64, now: EpochMs) {
        if self.sets.is_empty() {
            self.sets.resize(SETS, [None; WAYS]);
        }
        let Some(set) = self.sets.get_mut(Hits::place(file)) else { return };
        if let Some(count) = set.iter_mut().flatten().find(|count| count.file == file) {
            *count = Count { score: count.score(window_ms, now) + 1.0, at: now, ..*count };
            return;
        }
        let score = |count: &Option<Count>| count.map_or(-1.0, |count| count.score(window_ms, now));
        if let Some(lowest) = set.iter_mut().min_by(|one, other| score(one).total_cmp(&score(other))) {
            *lowest = Some(Count { file, score: 1.0, at: now });
        }
    }

    /// Hits of the file in a window of that length: of one that is asked for evenly, as many as come in a window. Older ones count less and less.
    pub fn rate(&self, file: Id, window_ms: u64, now: EpochMs) -> f64 {
        let found = self.sets.get(Hits::place(file)).and_then(|set| set.iter().flatten().find(|count| count.file == file));
        found.map_or(0.0, |count| count.score(window_ms, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::HOUR_MS;

    fn id(number: u64) -> Id {
        let bytes = number.to_be_bytes();
        Id::from_random(std::array::from_fn(|at| at.checked_sub(8).and_then(|at| bytes.get(at)).copied().unwrap_or_default()))
    }

    #[test]
    fn hits_at_an_even_pace_give_their_number_in_a_window_and_fade_when_they_stop() {
        let mut hits = Hits::default();
        assert_eq!(hits.rate(id(1), HOUR_MS, EpochMs(0)), 0.0);
        for minute in 0..600 {
            hits.add(id(1), HOUR_MS, EpochMs(minute * 60_000));
        }
        let last = EpochMs(599 * 60_000);
        let rate = hits.rate(id(1), HOUR_MS, last);
        assert!((58.0..62.0).contains(&rate), "{rate}");
        assert!((20.0..24.0).contains(&hits.rate(id(1), HOUR_MS, last.plus(HOUR_MS))));
        assert!(hits.rate(id(1), HOUR_MS, last.plus(12 * HOUR_MS)) < 0.01);
        assert_eq!(hits.rate(id(2), HOUR_MS, last), 0.0, "another file");
    }

    #[test]
    fn window_of_zero_forgets_at_once_and_an_earlier_clock_is_no_more_than_now() {
        let mut hits = Hits::default();
        (0..3).for_each(|_| hits.add(id(1), 0, EpochMs(5)));
        assert_eq!((hits.rate(id(1), 0, EpochMs(1)), hits.rate(id(1), 0, EpochMs(5))), (3.0, 3.0));
        assert!(hits.rate(id(1), 0, EpochMs(1_000)) < 1e-9);
    }

    /// What a tenant can do: ask once for each of a million files, while another file is asked for now and then.
    #[test]
    fn million_files_take_no_more_memory_and_push_out_no_popular_one() {
        let mut hits = Hits::default();
        let popular = id(u64::MAX);
        (0..50).for_each(|_| hits.add(popular, HOUR_MS, EpochMs(0)));
        for number in 0..1_000_000 {
            hits.add(id(number), HOUR_MS, EpochMs(number / 1_000));
        }
        assert_eq!(hits.sets.len(), SETS);
        assert!(hits.sets.capacity() * size_of::<[Option<Count>; WAYS]>() <= 170_000, "{}", size_of::<[Option<Count>; WAYS]>());
        assert!(hits.sets.iter().flatten().flatten().count() <= MAX_FILES);
        let rate = hits.rate(popular, HOUR_MS, EpochMs(1_000));
        assert!((49.0..=50.0).contains(&rate), "{rate}");
        assert!((0..1_000_000).all(|number| hits.rate(id(number), HOUR_MS, EpochMs(1_000)) <= 1.0), "nobody inherits another's");
    }

    /// The least of several, because the machine does other things, too.
    #[test]
    fn counting_a_hit_takes_less_than_a_hundredth_of_a_millisecond() {
        const COUNT: u64 = 20_000;
        let mut hits = Hits::default();
        let took = (0..5).map(|_| {
            let began = crate::base::time::thread_cpu_ms();
            (0..COUNT).for_each(|number| hits.add(id(number % 9_000), HOUR_MS, EpochMs(number)));
            (crate::base::time::thread_cpu_ms() - began) as f64 / COUNT as f64
        });
        let least = took.fold(f64::MAX, f64::min);
        assert!(least < 0.01, "{least} ms");
    }
}
