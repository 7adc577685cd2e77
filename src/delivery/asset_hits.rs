//! Hits of files: counted in the isolate, added to `assets` with the delivery counters (docs/delivery.md, Statistics).

use std::collections::HashMap;

use crate::base::id::Id;
use crate::base::json;
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::files::repository;

/// Maximum number of files that are counted between two flushes: one statement of 280 KB. Those that come later are not counted.
const MAX_ASSETS: usize = 4_000;

/// What was counted of one file since the last flush.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Access {
    hits: u64,
    last: EpochMs,
}

/// Accesses by asset.
#[derive(Debug, Default)]
pub struct AssetHits(HashMap<Id, Access>);

impl AssetHits {
    /// Counts an answer with content. A hit is one for which the store was not asked.
    pub fn add(&mut self, asset: Id, hit: bool, now: EpochMs) {
        if self.0.len() >= MAX_ASSETS && !self.0.contains_key(&asset) {
            return;
        }
        let access = self.0.entry(asset).or_default();
        access.hits = access.hits.saturating_add(hit.into());
        access.last = access.last.max(now);
    }

    /// Takes all counts as one statement; `None` if there are none.
    pub fn take(&mut self) -> Option<Statement> {
        let taken = std::mem::take(&mut self.0);
        let rows: Vec<(Id, u64, u64)> = taken.into_iter().map(|(asset, access)| (asset, access.hits, access.last.0)).collect();
        (!rows.is_empty()).then(|| repository::count_hits(&json::write(&rows).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Id {
        Id::from_random([n; 16])
    }

    #[test]
    fn hits_and_last_access_are_added_up_by_asset() {
        let mut hits = AssetHits::default();
        assert_eq!(hits.take(), None);
        for (asset, hit, at) in [(1, false, 10), (1, true, 30), (1, true, 20), (2, false, 5)] {
            hits.add(id(asset), hit, EpochMs(at));
        }
        assert_eq!((hits.0[&id(1)], hits.0[&id(2)]), (Access { hits: 2, last: EpochMs(30) }, Access { hits: 0, last: EpochMs(5) }));
        hits.0.remove(&id(2));
        assert_eq!(hits.take(), Some(repository::count_hits(&format!("[[\"{}\",2,30]]", id(1)))));
        assert_eq!(hits.take(), None, "taken once");
    }

    #[test]
    fn file_beyond_four_thousand_is_not_counted_until_the_flush() {
        let mut hits = AssetHits::default();
        let draw = |n: u16| {
            let [high, low] = n.to_be_bytes();
            Id::from_random([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        };
        (0..4_001).for_each(|n| hits.add(draw(n), true, EpochMs(1)));
        hits.add(draw(0), true, EpochMs(2));
        assert_eq!((hits.0.len(), hits.0[&draw(0)].hits, hits.0.contains_key(&draw(4_000))), (4_000, 2, false));
        assert!(hits.take().is_some());
        hits.add(draw(4_000), true, EpochMs(3));
        assert_eq!(hits.0.len(), 1);
    }
}
