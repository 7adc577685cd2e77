//! The price list, docs/costs/prices.toml.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::counts::{Counts, Item};

/// The price list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// When the pages were read.
    pub date: String,
    /// The plan's monthly fee, dollars.
    pub plan_usd_per_month: f64,
    /// What the pages leave to the user's behaviour.
    pub assumed: Assumed,
    /// By item.
    pub price: BTreeMap<Item, Price>,
}

/// What no log of a local runtime tells.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// How long a request keeps its Durable Object running, ms.
    pub object_ms_per_request: f64,
    /// The memory that duration is billed for, GB.
    pub object_gb: f64,
    /// The size of an uploaded file, bytes.
    pub file_bytes: u64,
}

/// The price of one item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What it is called.
    pub name: String,
    /// Dollars for `per` of it.
    pub usd: f64,
    /// See `usd`.
    pub per: f64,
    /// How many a month the plan's fee includes.
    #[serde(default)]
    pub included: f64,
    /// The page that says so.
    pub source: String,
}

impl Prices {
    /// Reads the list.
    ///
    /// # Errors
    /// It is not of the form above.
    pub fn read(text: &str) -> crate::Result<Prices> {
        Ok(toml::from_str(text)?)
    }

    /// Dollars for `number` of an item beyond what the plan includes. What has no price costs nothing.
    pub fn of(&self, item: Item, number: f64) -> f64 {
        self.price.get(&item).map_or(0.0, |price| price.usd / price.per * number)
    }

    /// What counts cost, dollars by item, dearest first. `cpu_ms`: the CPU time that they took.
    pub fn split(&self, counts: &Counts, cpu_ms: f64) -> Vec<(Item, f64)> {
        let duration = counts.of(Item::ObjectRequests) as f64 * self.assumed.object_ms_per_request / 1_000.0 * self.assumed.object_gb;
        let mut split: Vec<_> = counts.0.iter().map(|(item, number)| (*item, self.of(*item, *number as f64))).collect();
        split.extend([(Item::CpuMs, self.of(Item::CpuMs, cpu_ms)), (Item::ObjectGbS, self.of(Item::ObjectGbS, duration))]);
        split.retain(|(_, usd)| *usd > 0.0);
        split.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        split
    }

    /// The sum of [`Prices::split`].
    pub fn sum(&self, counts: &Counts, cpu_ms: f64) -> f64 {
        self.split(counts, cpu_ms).iter().map(|(_, usd)| usd).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_counts_times_prices_and_duration_is_added() {
        let list = r#"
            date = "2026-11-29"
            plan_usd_per_month = 5.0
            [assumed]
            object_ms_per_request = 100.0
            object_gb = 0.125
            file_bytes = 1
            [price.object_requests]
            name = "requests"
            usd = 0.15
            per = 1e6
            source = "page"
            [price.object_gb_s]
            name = "duration"
            usd = 12.5
            per = 1e6
            source = "page"
            [price.object_rows_written]
            name = "rows"
            usd = 1.0
            per = 1e6
            source = "page""#;
        let prices = Prices::read(list).unwrap();
        let counts = Counts([(Item::ObjectRequests, 1_000_000), (Item::ObjectRowsWritten, 2_000_000), (Item::D1Calls, 9)].into());
        let rounded: Vec<_> = prices.split(&counts, 0.0).into_iter().map(|(item, usd)| (item, format!("{usd:.5}"))).collect();
        let expected = [(Item::ObjectRowsWritten, "2.00000"), (Item::ObjectGbS, "0.15625"), (Item::ObjectRequests, "0.15000")];
        assert_eq!(rounded, expected.map(|(item, usd)| (item, usd.to_owned())));
    }
}
