//! How much an account keeps in the cache of models' responses: at most what it has stored and not let expire. What was replaced or purged counts until it would
//! have expired, since nobody tells which entries there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::time::{DAY_MS, EpochMs, HOUR_MS};

/// What an entry takes beside its response, bytes: its key and metadata.
pub const ENTRY_BYTES: u64 = 1_000;

/// Bytes by when they expire: rounded up to the hour within a day, later to the day. With lifetimes of at most 30 days these are at most 57 numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptResponses(BTreeMap<u64, u64>);

impl KeptResponses {
    /// Whether nothing was kept since it was last looked at.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a response of `bytes` that expires at `until`.
    ///
    /// # Errors
    /// The bytes in use, if it would be more than `limit`.
    pub fn keep(&mut self, bytes: u64, until: EpochMs, limit: u64, now: EpochMs) -> Result<(), u64> {
        self.0.retain(|end, _| *end > now.0);
        let used = self.0.values().fold(0u64, |sum, bytes| sum.saturating_add(*bytes));
        let taken = bytes.saturating_add(ENTRY_BYTES);
        if used.saturating_add(taken) > limit {
            return Err(used);
        }
        let step = if until.since(now) < DAY_MS { HOUR_MS } else { DAY_MS };
        let of_end = self.0.entry(until.0.div_ceil(step).saturating_mul(step)).or_default();
        *of_end = of_end.saturating_add(taken);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: EpochMs = EpochMs(1_700_000_000_000);

    #[test]
    fn response_counts_until_the_hour_or_day_of_its_end_is_over() {
        let mut kept = KeptResponses::default();
        let limit = 3 * (ENTRY_BYTES + 500);
        for ttl in [60_000, HOUR_MS, 2 * DAY_MS] {
            assert_eq!(kept.keep(500, NOW.plus(ttl), limit, NOW), Ok(()));
        }
        assert_eq!(kept.keep(0, NOW.plus(60_000), limit, NOW), Err(limit));
        assert_eq!(kept.keep(500, NOW.plus(3 * HOUR_MS), limit, NOW.plus(HOUR_MS)), Ok(()), "the first is gone");
        assert_eq!(kept.keep(0, NOW.plus(4 * DAY_MS), limit, NOW.plus(4 * HOUR_MS)).map(|()| kept.0.len()), Ok(2), "two more are gone");
    }

    #[test]
    fn persisted_form_is_pinned() {
        let mut kept = KeptResponses::default();
        kept.keep(5, EpochMs(HOUR_MS), 2_000, EpochMs(1)).unwrap();
        assert_eq!(serde_json::to_string(&kept).unwrap(), r#"{"3600000":1005}"#);
        assert_eq!(serde_json::from_str::<KeptResponses>(r#"{"3600000":1005}"#).unwrap(), kept);
    }

    proptest! {
        /// The worst a tenant can do: any sizes, any lifetimes that are allowed, at any pace.
        #[test]
        fn what_is_alive_never_exceeds_the_limit_and_its_account_is_short(
            writes in prop::collection::vec((0u64..=1_000_000, 60u64..=2_592_000, 0u64..7_200_000), 1..600),
        ) {
            let limit = 20_000_000;
            let (mut kept, mut alive, mut now) = (KeptResponses::default(), Vec::<(u64, EpochMs)>::new(), NOW);
            for (bytes, ttl, pause) in writes {
                now = now.plus(pause);
                let until = now.plus(ttl * 1_000);
                if kept.keep(bytes, until, limit, now).is_ok() {
                    alive.push((bytes + ENTRY_BYTES, until));
                }
                alive.retain(|(_, until)| *until > now);
                prop_assert!(alive.iter().map(|(bytes, _)| bytes).sum::<u64>() <= limit);
                prop_assert!(kept.0.len() <= 57, "{}", kept.0.len());
            }
        }
    }
}
