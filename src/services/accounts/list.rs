//! Accounts as operators see them, with what each uses.

use std::cell::Cell;
use std::iter::repeat;
use std::pin::pin;

use futures_util::future::{join_all, select};

use crate::accounts::overview::Overview;
use crate::accounts::provisioning::Record;
use crate::accounts::repository;
use crate::clients::{database, ledger, shards};
use crate::http::pagination;
use crate::io::Io;
use crate::ledger::message::UsageSnapshot;
use crate::problem::Problem;
use crate::services::request::Request;

/// Ledgers that are asked at once.
const AT_ONCE: usize = 50;

/// How long all of them may take, ms.
const PATIENCE_MS: u64 = 3_000;

/// A page of the accounts whose user ids begin with `prefix`, of all databases in the order of the user ids, and the cursor of the next page.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn page(call: &Request<impl Io>, cursor: &str, prefix: &str, limit: u64) -> Result<(Vec<Overview>, Option<String>), Problem> {
    let statement = repository::list(cursor, prefix, limit.saturating_add(1), call.now());
    let mut rows: Vec<Record> = Vec::new();
    for shard in shards::all(&call.io) {
        rows.extend(database::all::<Record>(&call.db(shard)?, &statement).await?);
    }
    rows.sort_by(|one, other| one.agentcache_user_id.cmp(&other.agentcache_user_id));
    // One that is being moved is in two.
    rows.dedup_by(|one, other| one.id == other.id);
    let (rows, cursor) = pagination::cut_by(rows, limit, |record| record.agentcache_user_id.to_string());
    let until = call.now().plus(PATIENCE_MS);
    let mut all = Vec::new();
    for some in rows.chunks(AT_ONCE) {
        // The figures of ledgers that do not answer in time are unknown: operators page on, and the next call finds them.
        let rest = until.since(call.now());
        let usages = if rest == 0 { Vec::new() } else { within(call, some, rest).await };
        all.extend(some.iter().zip(usages.iter().map(Option::as_ref).chain(repeat(None))).map(|(record, usage)| Overview::of(record, usage)));
    }
    Ok((all, cursor))
}

/// What each of the accounts uses, of those whose ledgers answer within `ms`.
async fn within(call: &Request<impl Io>, some: &[Record], ms: u64) -> Vec<Option<UsageSnapshot>> {
    let answered: Vec<Cell<Option<UsageSnapshot>>> = some.iter().map(|_| Cell::default()).collect();
    let asked = some.iter().zip(&answered).map(async |(record, answered)| answered.set(ledger::usage_of(&call.io, record).await.ok()));
    select(pin!(join_all(asked)), pin!(call.sleep(ms))).await;
    answered.into_iter().map(Cell::into_inner).collect()
}

/// An account with what it uses. A ledger that does not answer makes the figures unknown, not the account.
pub async fn overview(call: &Request<impl Io>, record: &Record) -> Overview {
    Overview::of(record, ledger::usage_of(&call.io, record).await.ok().as_ref())
}
