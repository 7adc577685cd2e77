//! How much an upload may have whose length is not known yet.

use crate::accounts::account::Account;
use crate::clients::ledger;
use crate::io::Io;
use crate::ledger::message::{Message, UsageSnapshot};
use crate::problem::Problem;
use crate::services::request::Request;

/// The most that is reserved for an upload of unknown length, bytes.
pub const MAX_DEFERRED: u64 = 10 << 30;

/// What is reserved for an upload of the account whose length is not known, bytes: what room it has, up to the largest file of its tier and [`MAX_DEFERRED`].
///
/// # Errors
/// 403 (suspended); those of the ledger.
pub async fn room(call: &Request<impl Io>, account: &Account) -> Result<u64, Problem> {
    account.must_be_active()?;
    let figures = ledger::usage(&call.io, account.id, &Message::Usage { limits: Some(account.limits()) }).await?;
    Ok(room_of(&figures, account.max_file_bytes()))
}

/// At least 1: a full account is refused by the reservation, which says why.
fn room_of(figures: &UsageSnapshot, most: u64) -> u64 {
    let taken = figures.storage_used.saturating_add(figures.storage_reserved);
    figures.limits.storage.saturating_sub(taken).min(most).clamp(1, MAX_DEFERRED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::base::units::GB;
    use crate::ledger::state::Limits;

    #[test]
    fn room_is_what_quota_tier_and_bound_leave_and_never_0() {
        let limits: Limits =
            serde_json::from_value(serde_json::json!({ "storage": 5 * GB, "bandwidth": 1, "per_minute": 1, "version": [1, 1] })).unwrap();
        let unused = UsageSnapshot::unused(limits, EpochMs(0));
        let used = |used, reserved| UsageSnapshot { storage_used: used, storage_reserved: reserved, ..unused.clone() };
        assert_eq!(room_of(&used(GB, GB), 100 * GB), 3 * GB);
        assert_eq!(room_of(&used(0, 0), GB), GB);
        assert_eq!(room_of(&used(5 * GB, GB), 100 * GB), 1);
        let wide = UsageSnapshot { limits: Limits { storage: 1_000 * GB, ..unused.limits }, ..unused.clone() };
        assert_eq!(room_of(&wide, 100 * GB), MAX_DEFERRED);
    }
}
