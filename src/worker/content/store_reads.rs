//! Content read from the store, counted for the account that owns it at the price of its namespace (docs/accounts.md, Costs).

use crate::delivery::content_descriptor::ContentDescriptor;
use crate::ledger::accrual::StoreReads;
use crate::worker::content::meter;
use crate::worker::http::call::Routed;

/// Counts `bytes` bytes of this content that were read from the store.
pub fn count(call: &Routed, source: &ContentDescriptor, bytes: u64) {
    let reads = StoreReads::at(bytes, source.origin_usd_per_gb.unwrap_or(call.config.prices.origin_gb));
    meter::count_reads(call, source.account, reads);
}
