//! Statements of months, and closing those that are over (docs/accounts.md, Statements).

use serde::Deserialize;

use crate::accounts::provisioning::Record;
use crate::accounts::statement::{Row, Statement};
use crate::base::id::{Id, Name};
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::{database, ledger, shards};
use crate::config::Config;
use crate::io::Io;
use crate::jobs::Job;
use crate::ledger::message::{Message, Reply};
use crate::ledger::period::{Period, settled_until};
use crate::ledger::repository;
use crate::ledger::state::Usage;
use crate::problem::Problem;
use crate::services::request::Request;

/// Accounts closed per job: each costs two subrequests, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 200;

/// Whose statement is asked for.
pub struct Whose<'a> {
    /// The account.
    pub account: Id,
    /// Its user.
    pub user: &'a Name,
    /// Whether it has a ledger: none is created for a statement.
    pub has_ledger: bool,
}

impl<'a> From<&'a Record> for Whose<'a> {
    fn from(record: &'a Record) -> Whose<'a> {
        Whose { account: record.id, user: &record.agentcache_user_id, has_ledger: record.ledger_region.is_some() }
    }
}

/// The statement of a month: of the current one, and of one that was not written yet, what the ledger has.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn statement(call: &Request<impl Io>, whose: &Whose<'_>, period: Period) -> Result<Statement, Problem> {
    let prices = &call.config.prices;
    if whose.has_ledger {
        let db = shards::of_account_to_read(&call.io, whose.account).await?;
        let row: Option<Row> = database::first(&db, &repository::month(whose.account, period.start())).await?;
        if row.is_some_and(|row| row.is_closed()) {
            return Ok(Statement::written(whose.user, period, row));
        }
        let (current, closed) = months(&call.io, whose.account).await?;
        return Ok(match closed.iter().chain([&current]).find(|month| month.period == period) {
            Some(month) => Statement::so_far(whose.user, month, prices, call.now()),
            None => Statement::written(whose.user, period, row),
        });
    }
    let mut statement = Statement::written(whose.user, period, None);
    statement.closed = period < Period::of(call.now());
    Ok(statement)
}

/// What an account's ledger has: the current month, and those before it that may not be written to D1 yet.
async fn months(io: &impl Io, account: Id) -> Result<(Usage, Vec<Usage>), Problem> {
    match ledger::send(io, account, &Message::Statement).await? {
        Reply::Months { current, closed } => Ok((current, closed)),
        _ => Err(Problem::Internal),
    }
}

#[derive(Deserialize)]
struct Unclosed {
    period_end: EpochMs,
    account_id: Id,
}

/// The job `close_months`: makes the months of a shard's accounts final that are over, after `after`. Each ledger is asked for what it has not written yet: after
/// an outage that is one month after the other.
///
/// # Errors
/// Of D1, the queue and the ledgers; the job is repeated, and the daily run begins anew.
pub async fn close(io: &impl Io, config: &Config, shard: Shard, after: Option<(EpochMs, Id)>) -> Result<(), Problem> {
    let (db, now) = (io.db(shard)?, io.now());
    let until = settled_until(now);
    let rows: Vec<Unclosed> = database::all(&db, &repository::unclosed(until, after, PAGE)).await?;
    let mut failed = None;
    for (at, row) in rows.iter().enumerate() {
        // One that was closed with an earlier month is not asked again.
        let again = rows.iter().take(at).any(|earlier| earlier.account_id == row.account_id);
        if !again {
            failed = close_of(io, config, row.account_id, until).await.err().or(failed);
        }
    }
    let last = rows.last().filter(|_| u64::try_from(rows.len()).unwrap_or_default() == PAGE);
    if let Some(last) = last {
        io.enqueue(&Job::CloseMonths { shard, after: Some((last.period_end, last.account_id)) }, 0).await?;
        return Ok(());
    }
    failed.map_or(Ok(()), Err)
}

async fn close_of(io: &impl Io, config: &Config, account: Id, until: EpochMs) -> Result<(), Problem> {
    // Where it is now: while it is moved it can not be changed, and another run closes its months.
    let db = shards::of_account(io, account).await?;
    let (_, closed) = months(io, account).await?;
    database::batch(&db, &repository::close_months(account, &closed, until, &config.prices, io.now())).await
}
