//! Cost of a month's usage, for `storage_usage`. Prices are vars of the deployment (docs/deploying.md, "Vars").

use crate::ledger::state::Usage;

/// Prices, US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Per GB stored for a month.
    pub storage_gb_month: f64,
    /// Per GB read from the origin, in namespaces without a price of their own.
    pub origin_gb: f64,
}

/// Cost of a month's storage, per GB-month, and of what was read from the store for its content, US dollars. What is sent from caches costs nothing.
pub fn cost(usage: &Usage, prices: &Prices) -> (f64, f64) {
    (usage.accrual.gb_months(usage.period) * prices.storage_gb_month, usage.accrual.store_usd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::base::units::GB;
    use crate::ledger::accrual::{Accrual, StoreReads};
    use crate::ledger::period::Period;

    #[test]
    fn two_gb_for_half_a_month_cost_one_gb_month_and_reads_cost_what_they_did() {
        let period = Period::of(EpochMs(0));
        let mut accrual = Accrual::since(EpochMs(period.ms() / 2));
        accrual.store(2 * GB, period.end(), period);
        accrual.read(StoreReads::at(GB / 2, 0.25));
        let usage = Usage { period, storage: 2 * GB, bandwidth: 900 * GB, requests: 7, accrual };
        assert_eq!(cost(&usage, &Prices { storage_gb_month: 0.5, origin_gb: 9.0 }), (0.5, 0.125));
    }
}
