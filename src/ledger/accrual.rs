//! What a month's costs accrue from: bytes stored, over the time for which they were, and bytes read from the store.

use serde::{Deserialize, Serialize};

use crate::base::time::EpochMs;
use crate::base::units::GB;
use crate::ledger::period::Period;

/// Longest time between two writes of an account's accrued storage to D1, ms: one day.
pub const ACCRUAL_CHECKPOINT_MS: u64 = 86_400_000;

/// Accrued in one month. Persisted as JSON: new fields need defaults.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Accrual {
    /// Bytes stored x ms, up to `until`.
    #[serde(default)]
    pub byte_ms: f64,
    /// Up to when storage has accrued.
    #[serde(default)]
    pub until: EpochMs,
    /// Bytes of content read from the store.
    #[serde(default)]
    pub store_bytes: u64,
    /// Their cost, US dollars, each byte at the price of its namespace when it was read.
    #[serde(default)]
    pub store_usd: f64,
}

/// Bytes of content read from the store, and their cost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoreReads {
    /// Bytes.
    pub bytes: u64,
    /// US dollars.
    pub usd: f64,
}

impl StoreReads {
    /// Reads of `bytes` at a price per GB, US dollars.
    pub fn at(bytes: u64, usd_per_gb: f64) -> StoreReads {
        StoreReads { bytes, usd: bytes as f64 / GB as f64 * usd_per_gb }
    }

    /// Adds other reads.
    pub fn add(&mut self, other: StoreReads) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.usd += other.usd;
    }
}

impl Accrual {
    /// Nothing yet, from `now` on.
    pub fn since(now: EpochMs) -> Accrual {
        Accrual { until: now, ..Accrual::default() }
    }

    /// Accrues `stored` bytes up to `now` in month `period`. A state of a version that did not accrue begins with the month; a clock that steps back adds nothing.
    pub fn store(&mut self, stored: u64, now: EpochMs, period: Period) {
        let from = self.until.max(period.start());
        // Byte counts are below 2^53, so they are exact in f64.
        self.byte_ms += stored as f64 * now.since(from) as f64;
        self.until = from.max(now);
    }

    /// Adds reads of the store.
    pub fn read(&mut self, reads: StoreReads) {
        self.store_bytes = self.store_bytes.saturating_add(reads.bytes);
        self.store_usd += reads.usd;
    }

    /// Storage in GB-months: 1 GB stored for the whole of `period` is 1.
    pub fn gb_months(&self, period: Period) -> f64 {
        self.byte_ms / GB as f64 / period.ms() as f64
    }

    /// The accrual of which [`Accrual::gb_months`] is `gb_months`, for a ledger that lost its storage.
    pub fn restored(gb_months: f64, reads: StoreReads, until: EpochMs, period: Period) -> Accrual {
        Accrual { byte_ms: gb_months * GB as f64 * period.ms() as f64, until, store_bytes: reads.bytes, store_usd: reads.usd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-01, a month of 30 days.
    const NOVEMBER: EpochMs = EpochMs(1_793_491_200_000);
    const DAY: u64 = 86_400_000;

    #[test]
    fn gigabyte_stored_for_15_of_30_days_is_half_a_gb_month() {
        let period = Period::of(NOVEMBER);
        let mut accrual = Accrual::since(NOVEMBER.plus(5 * DAY));
        accrual.store(GB, NOVEMBER.plus(15 * DAY), period);
        accrual.store(0, NOVEMBER.plus(20 * DAY), period);
        accrual.store(2 * GB, NOVEMBER.plus(22 * DAY).plus(DAY / 2), period);
        assert_eq!(accrual.gb_months(period), 0.5);
        accrual.store(GB, NOVEMBER.plus(DAY), period);
        assert_eq!((accrual.gb_months(period), accrual.until), (0.5, NOVEMBER.plus(22 * DAY).plus(DAY / 2)), "the clock stepped back");
        let whole = Accrual::restored(0.5, StoreReads { bytes: 7, usd: 0.25 }, NOVEMBER, period);
        assert_eq!((whole.gb_months(period), whole.store_bytes, whole.store_usd), (0.5, 7, 0.25));
    }

    #[test]
    fn state_that_never_accrued_begins_with_its_month() {
        let mut accrual = Accrual::default();
        accrual.store(GB, NOVEMBER.plus(3 * DAY), Period::of(NOVEMBER));
        assert_eq!(accrual.gb_months(Period::of(NOVEMBER)), 0.1);
    }

    #[test]
    fn reads_cost_the_price_of_their_namespace() {
        let mut accrual = Accrual::default();
        for reads in [StoreReads::at(2 * GB, 0.25), StoreReads::at(GB / 2, 1.0), StoreReads::at(GB, 0.0)] {
            accrual.read(reads);
        }
        assert_eq!((accrual.store_bytes, accrual.store_usd), (3 * GB + GB / 2, 1.0));
    }
}
