//! Moves an account to another shard: freezes it, copies its rows page by page, compares, switches, and deletes the rows where it was (docs/data-model.md,
//! Moving an account).

use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

use crate::accounts::directory;
use crate::accounts::directory::{Item, SETTLE_SECONDS};
use crate::accounts::moving::repository::{PAGE, TABLES, Table, freeze, keys, ties};
use crate::accounts::moving::{PAGES_PER_JOB, Ties};
use crate::accounts::provisioning::{Record, own_namespace};
use crate::base::account_move::{Move, Step};
use crate::base::id::Name;
use crate::base::json;
use crate::base::shard::Shard;
use crate::config::LogLevel;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::worker::platform::d1::Db;
use crate::worker::platform::{bindings, d1, enqueue, log, random, shards};

/// Begins to move an account to `to`: from now on it can only be read, until the job is done.
///
/// # Errors
/// [`Problem::NotMovable`].
pub async fn begin(env: &Env, record: &Record, from: Shard, to: Shard) -> Result<(), Problem> {
    let namespace = Name::parse(&own_namespace(&record.agentcache_user_id)).ok_or(Problem::Internal)?;
    let db = bindings::db(env, from)?;
    let mut rows = d1::results(&db, &[ties(record.id, &namespace), keys(record.id)]).await?;
    rows.first::<Ties>()?.ok_or(Problem::Internal)?.check()?;
    #[derive(Deserialize)]
    struct Key {
        key_hash: String,
    }
    let keys = rows.all::<Key>()?;
    let its = [Item::Account(record.id), Item::User(&record.agentcache_user_id), Item::Namespace(&namespace)].map(|item| item.row());
    let items: Vec<(&str, String)> = its.into_iter().chain(keys.into_iter().map(|key| ("key", key.key_hash))).collect();
    let moved = Move { id: random::id()?, account: record.id, namespace, from, to };
    let items = json::write(&items).map_err(|error| log::internal("move", &error.to_string()))?;
    let begun: Vec<Value> = d1::all(&bindings::db(env, Shard::MAIN)?, &directory::repository::begin_move(&moved, &items)).await?;
    shards::forget();
    if begun.is_empty() {
        return Ok(());
    }
    log::event(LogLevel::Warn, "move", json!({ "account": moved.account, "from": from, "to": to }));
    send(env, moved, Step::first(TABLES.len()), SETTLE_SECONDS).await
}

async fn send(env: &Env, moved: Move, step: Step, seconds: u64) -> Result<(), Problem> {
    let sent = enqueue::enqueue_later(env, &Job::Move { moved, step }, seconds).await;
    sent.map_err(|error| log::internal("queue", &error.to_string()))
}

/// The job `move`: some pages of a step, or the step, and what follows by another job.
///
/// # Errors
/// Of D1 and the queue; the job is repeated.
pub async fn run(env: &Env, moved: &Move, step: &Step) -> Result<(), Problem> {
    let at = match step {
        Step::Clean(_) | Step::Copy(..) | Step::Switch => moved.from,
        Step::Open => moved.to,
        Step::Remove(_) => return remove(env, moved, step).await,
    };
    let main = bindings::db(env, Shard::MAIN)?;
    let current: Option<Value> = d1::first(&main, &directory::repository::current_move(moved, at)).await?;
    if current.is_none() {
        // Begun anew, or done.
        return Ok(());
    }
    let next = match step {
        Step::Switch => {
            compare(env, moved).await?;
            d1::batch(&main, &[directory::repository::switch(moved)]).await?;
            step.after_page(None, TABLES.len())
        }
        Step::Open => {
            d1::batch(&main, &[directory::repository::end_move(moved)]).await?;
            step.after_page(None, TABLES.len())
        }
        _ => pages(env, moved, step).await?,
    };
    shards::forget();
    go_on(env, moved, next).await
}

async fn go_on(env: &Env, moved: &Move, next: Option<Step>) -> Result<(), Problem> {
    match next {
        Some(next) => {
            let wait = if next.must_settle(TABLES.len()) { SETTLE_SECONDS } else { 0 };
            send(env, moved.clone(), next, wait).await
        }
        None => {
            log::event(LogLevel::Warn, "moved", json!({ "account": moved.account, "from": moved.from, "to": moved.to }));
            Ok(())
        }
    }
}

/// Deletes the rows where the account was, if it is at home in the other shard.
async fn remove(env: &Env, moved: &Move, step: &Step) -> Result<(), Problem> {
    let main = bindings::db(env, Shard::MAIN)?;
    let gone: Option<Value> = d1::first(&main, &directory::repository::is_elsewhere(moved)).await?;
    if gone.is_none() {
        return Ok(());
    }
    let next = pages(env, moved, step).await?;
    go_on(env, moved, next).await
}

/// Some pages of the step and those that follow it; returns what is left.
async fn pages(env: &Env, moved: &Move, step: &Step) -> Result<Option<Step>, Problem> {
    let (from, to) = (bindings::db(env, moved.from)?, bindings::db(env, moved.to)?);
    if *step == Step::first(TABLES.len()) {
        d1::batch(&from, &freeze(moved.account, &moved.namespace)).await?;
    }
    let mut step = step.clone();
    for _ in 0..PAGES_PER_JOB {
        let last = match &step {
            Step::Clean(table) => delete_page(&to, moved, table_of(*table)?).await?,
            Step::Copy(table, cursor) => copy_page(&from, &to, moved, table_of(*table)?, cursor).await?,
            Step::Remove(table) => delete_page(&from, moved, table_of(*table)?).await?,
            Step::Switch | Step::Open => break,
        };
        match step.after_page(last, TABLES.len()) {
            Some(next) => step = next,
            None => return Ok(None),
        }
    }
    Ok(Some(step))
}

fn table_of(number: usize) -> Result<&'static Table, Problem> {
    TABLES.get(number).ok_or(Problem::Internal)
}

/// Deletes a page; an empty cursor if it was full.
async fn delete_page(db: &Db, moved: &Move, table: &Table) -> Result<Option<Vec<Value>>, Problem> {
    let gone: Vec<Value> = d1::all(db, &table.remove(moved.account, &moved.namespace)).await?;
    Ok((u64::try_from(gone.len()).unwrap_or_default() == PAGE).then(Vec::new))
}

/// Copies a page; the cursor of its last row if it was full.
async fn copy_page(from: &Db, to: &Db, moved: &Move, table: &Table, cursor: &[Value]) -> Result<Option<Vec<Value>>, Problem> {
    let statement = table.read(moved.account, &moved.namespace, cursor);
    let rows = d1::rows(from, &statement).await?;
    #[derive(Deserialize)]
    struct Cursor {
        cursor_1: Value,
        cursor_2: Value,
    }
    let cursors: Vec<Cursor> = d1::read(&rows, &statement)?;
    if !cursors.is_empty() {
        d1::batch(to, &[table.write(&rows)]).await?;
    }
    let full = u64::try_from(cursors.len()).unwrap_or_default() == PAGE;
    let last = cursors.into_iter().last().filter(|_| full);
    Ok(last.map(|last| [last.cursor_1, last.cursor_2].into_iter().take(table.cursor_columns()).collect()))
}

/// Checks that no row is missing where the account goes to. It may have more: rows that have expired are deleted where it was, also while they are copied.
async fn compare(env: &Env, moved: &Move) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Count {
        rows: u64,
    }
    let counts: Vec<_> = TABLES.iter().map(|table| table.count(moved.account, &moved.namespace)).collect();
    let mut before = d1::results(&bindings::db(env, moved.from)?, &counts).await?;
    let mut after = d1::results(&bindings::db(env, moved.to)?, &counts).await?;
    for table in TABLES {
        let of = |count: Option<Count>| count.map_or(0, |count| count.rows);
        let (expected, found) = (of(before.first()?), of(after.first()?));
        if found < expected {
            return Err(log::internal("move", &format!("{}: {found} of {expected} rows", table.name)));
        }
    }
    Ok(())
}
