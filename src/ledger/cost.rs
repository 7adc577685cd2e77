//! Cost of a month's usage, for `storage_usage`. Prices are vars of the deployment (docs/deploying.md, "Vars").

use crate::base::units::GB;
use crate::ledger::state::Usage;

/// Prices, US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Per GB stored for a month.
    pub storage_gb_month: f64,
    /// Per GB read from the origin.
    pub origin_gb: f64,
}

/// Cost of a month's storage and of its bandwidth, US dollars. Byte counts are below 2^53, so they are exact in f64.
pub fn cost(usage: &Usage, prices: &Prices) -> (f64, f64) {
    let gb = |bytes: u64| bytes as f64 / GB as f64;
    (gb(usage.storage) * prices.storage_gb_month, gb(usage.bandwidth) * prices.origin_gb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::ledger::period::Period;

    #[test]
    fn cost_is_proportional_to_gigabytes() {
        let usage = Usage { period: Period::of(EpochMs(0)), storage: 2 * GB, bandwidth: GB / 2, requests: 7 };
        assert_eq!(cost(&usage, &Prices { storage_gb_month: 0.5, origin_gb: 0.25 }), (1.0, 0.125));
    }
}
