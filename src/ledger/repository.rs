//! SQL of a ledger in D1: the rows that it is initialised from and the usage that it writes.

use crate::base::id::Id;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::ledger::cost::{Prices, cost};
use crate::ledger::state::Usage;

const HOLDINGS: &str = "SELECT s.id AS asset, s.object_id AS object, o.size, s.created_at FROM assets s JOIN objects o ON o.id = s.object_id \
     WHERE s.account_id = ?1 AND (s.created_at, s.id) < (?2, ?3) ORDER BY s.created_at DESC, s.id DESC LIMIT ?4";

const VIDEO_HOLDINGS: &str = "SELECT v.id AS asset, v.id AS object, v.size, v.created_at FROM video_files v \
     WHERE v.account_id = ?1 AND v.id > ?2 ORDER BY v.id LIMIT ?3";

const OPEN_UPLOADS: &str = "SELECT id, asset_id AS asset, file_size AS size FROM upload_sessions WHERE account_id = ?1 AND status = 'open' AND id > ?2 \
     ORDER BY id LIMIT ?3";

const ASSET_STORED: &str = "SELECT s.object_id AS object, o.size FROM assets s JOIN objects o ON o.id = s.object_id WHERE s.id = ?1 \
     UNION ALL SELECT v.id AS object, v.size FROM video_files v WHERE v.id = ?1";

const ASSET_COMING: &str = "SELECT id FROM upload_sessions WHERE asset_id = ?1 AND status = 'open'";

const RECORD_USAGE: &str = "INSERT INTO storage_usage (account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, \
     bandwidth_cost, total_cost, recorded_at, storage_gb_months, origin_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
     ON CONFLICT (account_id, period_start) DO UPDATE SET storage_bytes = excluded.storage_bytes, bandwidth_bytes = excluded.bandwidth_bytes, \
     request_count = excluded.request_count, storage_cost = excluded.storage_cost, bandwidth_cost = excluded.bandwidth_cost, \
     total_cost = excluded.total_cost, recorded_at = excluded.recorded_at, storage_gb_months = excluded.storage_gb_months, \
     origin_bytes = excluded.origin_bytes WHERE storage_usage.closed_at IS NULL AND excluded.recorded_at >= storage_usage.recorded_at";

const USAGE: &str = "SELECT bandwidth_bytes, request_count, storage_gb_months, origin_bytes, bandwidth_cost, recorded_at FROM storage_usage WHERE account_id = ?1 AND period_start = ?2";

const MONTH: &str = "SELECT storage_bytes, storage_gb_months, bandwidth_bytes, origin_bytes, request_count, storage_cost, bandwidth_cost, total_cost, \
     recorded_at, closed_at FROM storage_usage WHERE account_id = ?1 AND period_start = ?2";

const UNCLOSED: &str = "SELECT period_end, account_id FROM storage_usage WHERE closed_at IS NULL AND period_end <= ?1 \
     AND (period_end, account_id) > (?2, ?3) ORDER BY period_end, account_id LIMIT ?4";

const CLOSE: &str = "UPDATE storage_usage SET closed_at = ?3 WHERE account_id = ?1 AND period_end <= ?2 AND closed_at IS NULL";

/// Every statement of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("HOLDINGS", HOLDINGS),
    ("VIDEO_HOLDINGS", VIDEO_HOLDINGS),
    ("OPEN_UPLOADS", OPEN_UPLOADS),
    ("ASSET_STORED", ASSET_STORED),
    ("ASSET_COMING", ASSET_COMING),
    ("RECORD_USAGE", RECORD_USAGE),
    ("USAGE", USAGE),
    ("MONTH", MONTH),
    ("UNCLOSED", UNCLOSED),
    ("CLOSE", CLOSE),
];

/// Assets of an account with their objects and sizes, newest first, before `before` (creation time and id of the last one read).
pub fn holdings(account: Id, before: (EpochMs, &str), limit: u64) -> Statement {
    Statement { sql: HOLDINGS, args: vec![account.to_string().into(), Arg::Int(before.0.0), before.1.into(), limit.into()] }
}

/// Video files that count towards an account's storage, ordered by id, after `after`.
pub fn video_holdings(account: Id, after: &str, limit: u64) -> Statement {
    Statement { sql: VIDEO_HOLDINGS, args: vec![account.to_string().into(), after.into(), limit.into()] }
}

/// Open uploads of an account, ordered by id, after `after`: the asset that each will create, and its size.
pub fn open_uploads(account: Id, after: &str, limit: u64) -> Statement {
    Statement { sql: OPEN_UPLOADS, args: vec![account.to_string().into(), after.into(), limit.into()] }
}

/// `object` and `size` of an asset, if it exists.
pub fn asset_stored(asset: Id) -> Statement {
    Statement { sql: ASSET_STORED, args: vec![asset.to_string().into()] }
}

/// A row if an open session will create that asset.
pub fn asset_coming(asset: Id) -> Statement {
    Statement { sql: ASSET_COMING, args: vec![asset.to_string().into()] }
}

/// Writes the usage of a month; an older record never replaces a newer one.
pub fn record_usage(account: Id, usage: &Usage, prices: &Prices, now: EpochMs) -> Statement {
    let (storage_cost, bandwidth_cost) = cost(usage, prices);
    Statement {
        sql: RECORD_USAGE,
        args: vec![
            account.to_string().into(),
            Arg::Int(usage.period.start().0),
            Arg::Int(usage.period.end().0),
            usage.storage.into(),
            usage.bandwidth.into(),
            usage.requests.into(),
            storage_cost.into(),
            bandwidth_cost.into(),
            (storage_cost + bandwidth_cost).into(),
            Arg::Int(now.0),
            usage.accrual.gb_months(usage.period).into(),
            usage.accrual.store_bytes.into(),
        ],
    }
}

/// The recorded usage of a month, for a ledger that lost its storage.
pub fn usage(account: Id, period_start: EpochMs) -> Statement {
    Statement { sql: USAGE, args: vec![account.to_string().into(), Arg::Int(period_start.0)] }
}

/// An account's month: a row of [`crate::accounts::statement::Row`].
pub fn month(account: Id, period_start: EpochMs) -> Statement {
    Statement { sql: MONTH, args: vec![account.to_string().into(), Arg::Int(period_start.0)] }
}

/// Months that have ended by `until` and are not closed, oldest first, after `after` (end and account of the last one): `period_end`, `account_id`.
pub fn unclosed(until: EpochMs, after: Option<(EpochMs, Id)>, limit: u64) -> Statement {
    let (end, account) = after.map_or((0, String::new()), |(end, account)| (end.0, account.to_string()));
    Statement { sql: UNCLOSED, args: vec![Arg::Int(until.0), Arg::Int(end), account.into(), limit.into()] }
}

/// Makes the account's months final that have ended by `until`.
pub fn close(account: Id, until: EpochMs, now: EpochMs) -> Statement {
    Statement { sql: CLOSE, args: vec![account.to_string().into(), Arg::Int(until.0), Arg::Int(now.0)] }
}

/// Writes the months that the ledger has not written yet, and closes those that have ended by `until`, as one batch. Behind the writes: a closed month is not written any
/// more.
pub fn close_months(account: Id, unwritten: &[Usage], until: EpochMs, prices: &Prices, now: EpochMs) -> Vec<Statement> {
    let write = unwritten.iter().map(|month| record_usage(account, month, prices, now));
    write.chain([close(account, until, now)]).collect()
}
