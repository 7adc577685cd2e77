//! The ledger's access to D1: limits, holdings, usage and the outcome of pending changes.

use serde::Deserialize;

use crate::accounts::directory::Item;
use crate::accounts::provisioning::Record;
use crate::base::id::Id;
use crate::base::shard::Access;
use crate::base::time::EpochMs;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::ledger::accrual::{Accrual, StoreReads};
use crate::ledger::cost::Prices;
use crate::ledger::period::Period;
use crate::ledger::state::{Limits, Seen, Usage};
use crate::problem::Problem;
use crate::{accounts, ledger};

/// Rows per page. Of 2,000,000 assets a ledger that lost its storage so reads 400 pages of under 1 MB.
pub const PAGE: usize = 5_000;

/// An asset with its object: one holding.
#[derive(Deserialize)]
pub struct Stored {
    /// Asset id.
    pub asset: Id,
    /// Object id.
    pub object: Id,
    /// Size, bytes.
    pub size: u64,
    created_at: EpochMs,
}

/// The account's current limits.
///
/// # Errors
/// 404 if the account does not exist. [`Problem::AccountMoving`] if it has been moved meanwhile.
pub async fn limits(io: &impl Io, account: Id) -> Result<Limits, Problem> {
    let statement = accounts::repository::by_id(account, io.now());
    let record: Option<Record> = shards::certainly_first_of(io, Item::Account(account), Access::Read, &statement).await?;
    record.map(|record| record.limits()).ok_or(Problem::NotFound)
}

/// An open upload.
#[derive(Deserialize)]
pub struct OpenUpload {
    /// Session id.
    pub id: Id,
    /// The asset that it will create; None in rows written before the column existed.
    pub asset: Option<Id>,
    /// Size, bytes.
    pub size: u64,
}

/// At most [`PAGE`] open uploads of the account, after the session `after`.
pub async fn open_uploads(io: &impl Io, account: Id, after: &str) -> Result<Vec<OpenUpload>, Problem> {
    database::all(&shards::of_account_to_read(io, account).await?, &ledger::repository::open_uploads(account, after, PAGE as u64)).await
}

/// Where a page of holdings begins: assets, newest first, then video files by id.
pub enum Page {
    /// Assets before this creation time and id.
    Assets(EpochMs, String),
    /// Video files after this id.
    Videos(String),
}

impl Page {
    /// The first page.
    pub fn first() -> Option<Page> {
        Some(Page::Assets(EpochMs(MAX_SAFE_INTEGER), String::new()))
    }

    /// The page that follows this one, whose rows are `stored`; None after the last.
    pub fn after(&self, stored: &[Stored]) -> Option<Page> {
        let last = stored.last().filter(|_| stored.len() == PAGE);
        match (self, last) {
            (Page::Assets(..), Some(row)) => Some(Page::Assets(row.created_at, row.asset.to_string())),
            (Page::Assets(..), None) => Some(Page::Videos(String::new())),
            (Page::Videos(_), Some(row)) => Some(Page::Videos(row.asset.to_string())),
            (Page::Videos(_), None) => None,
        }
    }
}

/// A page of the account's holdings.
pub async fn holdings(io: &impl Io, account: Id, page: &Page) -> Result<Vec<Stored>, Problem> {
    let statement = match page {
        Page::Assets(at, id) => ledger::repository::holdings(account, (*at, id), PAGE as u64),
        Page::Videos(after) => ledger::repository::video_holdings(account, after, PAGE as u64),
    };
    database::all(&shards::of_account_to_read(io, account).await?, &statement).await
}

/// Bandwidth (bytes), requests and accrual of the current month, as last written to `storage_usage`.
pub async fn month_usage(io: &impl Io, account: Id, now: EpochMs) -> Result<(u64, u64, Accrual), Problem> {
    #[derive(Deserialize)]
    struct Row {
        bandwidth_bytes: u64,
        request_count: u64,
        storage_gb_months: f64,
        origin_bytes: u64,
        bandwidth_cost: f64,
        recorded_at: EpochMs,
    }
    let period = Period::of(now);
    let row: Option<Row> =
        database::first(&shards::of_account_to_read(io, account).await?, &ledger::repository::usage(account, period.start())).await?;
    Ok(row.map_or((0, 0, Accrual::since(now)), |row| {
        let reads = StoreReads { bytes: row.origin_bytes, usd: row.bandwidth_cost };
        (row.bandwidth_bytes, row.request_count, Accrual::restored(row.storage_gb_months, reads, row.recorded_at, period))
    }))
}

/// The outcome of a pending change of an account's asset; [`Seen::Unclear`] if D1 does not answer, and while the account is moved to another database.
pub async fn asset_outcome(io: &impl Io, account: Id, asset: Id) -> Seen {
    read_outcome(io, account, asset).await.unwrap_or(Seen::Unclear)
}

async fn read_outcome(io: &impl Io, account: Id, asset: Id) -> Result<Seen, Problem> {
    let statements = [ledger::repository::asset_coming(asset), ledger::repository::asset_stored(asset)];
    let shard = shards::shard_of(io, Item::Account(account), Access::Write).await?;
    let mut rows = database::results(&io.db(shard)?, &statements).await?;
    let coming: Option<serde_json::Value> = rows.first()?;
    let stored: Option<StoredAsset> = rows.first()?;
    if stored.is_none() {
        shards::must_still_have(io, shard, account).await?;
    }
    Ok(match (stored.map(Seen::from), coming) {
        (Some(seen), _) => seen,
        (None, Some(_)) => Seen::Coming,
        (None, None) => Seen::Gone,
    })
}

#[derive(Deserialize)]
struct StoredAsset {
    object: Id,
    size: u64,
}

impl From<StoredAsset> for Seen {
    fn from(row: StoredAsset) -> Seen {
        Seen::Stored { object: row.object, size: row.size }
    }
}

/// The object of an account's asset; `None` if the asset certainly does not exist.
///
/// # Errors
/// As [`shards::certainly_first`].
pub async fn find_asset(io: &impl Io, account: Id, asset: Id) -> Result<Option<Seen>, Problem> {
    let row: Option<StoredAsset> = shards::certainly_first(io, account, &ledger::repository::asset_stored(asset)).await?;
    Ok(row.map(Seen::from))
}

/// Writes monthly usage to `storage_usage`.
pub async fn write(io: &impl Io, prices: &Prices, account: Id, usage: &[Usage], now: EpochMs) -> Result<(), Problem> {
    let statements: Vec<_> = usage.iter().map(|month| ledger::repository::record_usage(account, month, prices, now)).collect();
    database::batch(&shards::of_account(io, account).await?, &statements).await
}
