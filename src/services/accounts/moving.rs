//! Moves an account to another shard: freezes it, copies its rows page by page, compares, switches, and deletes the rows where it was (docs/data-model.md,
//! Moving an account).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::accounts::directory;
use crate::accounts::directory::{Item, SETTLE_SECONDS};
use crate::accounts::moving::repository::{PAGE, TABLES, Table, freeze, leave, seal, thaw, ties, unseal};
use crate::accounts::moving::{PAGES_PER_JOB, Progress, Ties};
use crate::accounts::provisioning::{Record, own_namespace};
use crate::accounts::repository::keys;
use crate::base::account_move::{Move, Step};
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::shard::Shard;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::database::Database;
use crate::jobs::Job;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;

/// Begins to move an account to `to`: from now on it can only be read, until the job is done. Not while an earlier move still deletes what it left behind.
///
/// # Errors
/// [`Problem::NotMovable`].
pub async fn begin(io: &impl Io, record: &Record, from: Shard, to: Shard) -> Result<(), Problem> {
    record.must_stay()?;
    let namespace = Name::parse(&own_namespace(&record.agentcache_user_id)).ok_or(Problem::Internal)?;
    let db = io.db(from)?;
    let mut rows = database::results(&db, &[ties(record.id, &namespace), keys(record.id)]).await?;
    rows.first::<Ties>()?.ok_or(Problem::Internal)?.check()?;
    let keys = rows.all::<Key>()?;
    let its = [Item::Account(record.id), Item::User(&record.agentcache_user_id), Item::Namespace(&namespace)].map(|item| item.row());
    let items: Vec<(&str, String)> = its.into_iter().chain(keys.into_iter().map(|key| ("key", key.key_hash))).collect();
    let moved = Move { id: io.id()?, account: record.id, namespace, from, to };
    let first = Step::first(TABLES.len());
    let statement = directory::repository::begin_move(&moved, &text(&items)?, &write_progress(&moved, &first)?);
    let begun: Vec<Value> = database::all(&io.db(Shard::MAIN)?, &statement).await?;
    shards::forget();
    if begun.is_empty() {
        return Ok(());
    }
    log::event(LogLevel::Warn, "move", json!({ "account": moved.account, "from": from, "to": to }));
    let wait = wait_before(&first);
    send(io, moved, first, wait).await
}

/// Sends the job of a move again that has switched the account and does not get on: its job is lost.
///
/// # Errors
/// Of D1 and the queue.
pub async fn resume(io: &impl Io, record: &Record) -> Result<(), Problem> {
    let Some(now) = progress(io, record.id).await? else { return Ok(()) };
    let (from, to, step) = read_progress(&now.step)?;
    let namespace = Name::parse(&own_namespace(&record.agentcache_user_id)).ok_or(Problem::Internal)?;
    let wait = wait_before(&step);
    send(io, Move { id: now.move_id, account: record.id, namespace, from, to }, step, wait).await
}

/// Moves that the daily run sends again.
const RESUMED: u64 = 100;

/// Sends the next job of every move again, whose job may be lost: one that comes twice does nothing.
///
/// # Errors
/// Of D1 and the queue.
pub async fn resume_all(io: &impl Io) -> Result<(), Problem> {
    if !shards::are_several(io) {
        return Ok(());
    }
    for row in database::all::<Unfinished>(&io.db(Shard::MAIN)?, &directory::repository::unfinished_moves(RESUMED)).await? {
        let (from, to, step) = read_progress(&row.step)?;
        let wait = wait_before(&step);
        send(io, Move { id: row.move_id, account: row.account, namespace: row.namespace, from, to }, step, wait).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Unfinished {
    account: Id,
    namespace: Name,
    move_id: Id,
    step: String,
}

/// How the directory writes down what a move does next.
fn write_progress(moved: &Move, step: &Step) -> Result<String, Problem> {
    text(&(moved.from, moved.to, step))
}

fn read_progress(text: &str) -> Result<(Shard, Shard, Step), Problem> {
    json::read(text).map_err(|error| log::internal("move", &error.to_string()))
}

#[derive(Deserialize)]
struct Key {
    key_hash: String,
}

fn text<T: Serialize>(value: &T) -> Result<String, Problem> {
    json::write(value).map_err(|error| log::internal("move", &error.to_string()))
}

async fn progress(io: &impl Io, account: Id) -> Result<Option<Progress>, Problem> {
    database::first(&io.db(Shard::MAIN)?, &directory::repository::move_step(account)).await
}

/// Seconds until a step may begin.
fn wait_before(step: &Step) -> u64 {
    if step.must_settle(TABLES.len()) { SETTLE_SECONDS } else { 0 }
}

async fn send(io: &impl Io, moved: Move, step: Step, seconds: u64) -> Result<(), Problem> {
    io.enqueue(&Job::Move { moved, step }, seconds).await
}

/// The job `move`: some pages of a step, or the step, and what follows by another job. The directory says which step is next, so that a message that comes twice,
/// or late, does nothing but send what is to be done now.
///
/// # Errors
/// Of D1 and the queue; the job is repeated.
pub async fn run(io: &impl Io, moved: &Move, step: &Step) -> Result<(), Problem> {
    let Some(now) = progress(io, moved.account).await?.filter(|now| now.move_id == moved.id) else {
        // Begun anew, or done.
        return Ok(());
    };
    let own = write_progress(moved, step)?;
    if now.step != own {
        // The step was done; whoever did it may have died before the next one was sent.
        let (_, _, next) = read_progress(&now.step)?;
        let wait = wait_before(&next);
        return send(io, moved.clone(), next, wait).await;
    }
    let main = io.db(Shard::MAIN)?;
    let (from, to) = (io.db(moved.from)?, io.db(moved.to)?);
    let next = match step {
        Step::Switch if !is_whole(io, moved).await? => Some(Step::first(TABLES.len())),
        Step::Switch => {
            // Rows may have come since the move began, from where it was not known yet.
            let keys: Vec<Key> = database::all(&to, &keys(moved.account)).await?;
            let keys: Vec<String> = keys.into_iter().map(|key| key.key_hash).collect();
            database::batch(&main, &directory::repository::switch(moved, &text(&keys)?)).await?;
            step.after_page(None, TABLES.len())
        }
        Step::Open => {
            database::batch(&from, &leave(moved)).await?;
            database::batch(&to, &[thaw(&moved.namespace)]).await?;
            database::batch(&main, &[directory::repository::end_move(moved)]).await?;
            step.after_page(None, TABLES.len())
        }
        _ if *step == Step::first(TABLES.len()) && !may_begin(&from, &to, moved).await? => {
            log::event(LogLevel::Error, "move", json!({ "error": "shares rows with others since it was begun", "account": moved.account }));
            database::batch(&main, &[directory::repository::end_move(moved)]).await?;
            None
        }
        _ => pages(io, moved, step).await?,
    };
    shards::forget();
    let next_text = next.as_ref().map(|next| write_progress(moved, next)).transpose()?;
    let advanced: Option<Value> = database::first(&main, &directory::repository::advance(moved, &own, next_text.as_deref())).await?;
    match (advanced, next) {
        // Another job was first.
        (None, _) => Ok(()),
        (Some(_), Some(next)) => {
            let wait = wait_before(&next);
            send(io, moved.clone(), next, wait).await
        }
        (Some(_), None) => {
            log::event(LogLevel::Warn, "moved", json!({ "account": moved.account, "from": moved.from, "to": moved.to }));
            Ok(())
        }
    }
}

/// Whether nothing that others have ties the account, now that everybody knows that it is being moved. Then nothing of it is collected any more.
async fn may_begin(from: &impl Database, to: &impl Database, moved: &Move) -> Result<bool, Problem> {
    let found: Option<Ties> = database::first(from, &ties(moved.account, &moved.namespace)).await?;
    if found.ok_or(Problem::Internal)?.check().is_err() {
        return Ok(false);
    }
    database::batch(from, &freeze(moved.account, &moved.namespace)).await?;
    database::batch(to, &[unseal(&moved.namespace)]).await?;
    Ok(true)
}

/// Some pages of the step and those that follow it; returns what is left.
async fn pages(io: &impl Io, moved: &Move, step: &Step) -> Result<Option<Step>, Problem> {
    let (from, to) = (io.db(moved.from)?, io.db(moved.to)?);
    let first = write_progress(moved, step)?;
    let mut step = step.clone();
    for _ in 0..PAGES_PER_JOB {
        if matches!(step, Step::Clean(_) | Step::Remove(_)) {
            // Nothing is deleted by a job that another one has overtaken.
            progress(io, moved.account).await?.filter(|now| now.move_id == moved.id && now.step == first).ok_or(Problem::StillRunning)?;
        }
        let last = match &step {
            Step::Clean(table) => delete_page(&to, moved, table_of(*table)?).await?,
            Step::Copy(table, cursor) => copy_page(&from, &to, moved, table_of(*table)?, cursor).await?,
            Step::Remove(table) => delete_page(&from, moved, table_of(*table)?).await?,
            Step::Switch | Step::Open => break,
        };
        match step.after_page(last, TABLES.len()) {
            // What is copied is not begun before all that was there is known to be deleted.
            Some(next @ Step::Copy(..)) if matches!(step, Step::Clean(_)) => return Ok(Some(next)),
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
async fn delete_page(db: &impl Database, moved: &Move, table: &Table) -> Result<Option<Vec<Value>>, Problem> {
    let gone: Vec<Value> = database::all(db, &table.remove(moved.account, &moved.namespace)).await?;
    Ok((u64::try_from(gone.len()).unwrap_or_default() == PAGE).then(Vec::new))
}

/// Copies a page; the cursor of its last row if it was full.
async fn copy_page(from: &impl Database, to: &impl Database, moved: &Move, table: &Table, cursor: &[Value]) -> Result<Option<Vec<Value>>, Problem> {
    let statement = table.read(moved.account, &moved.namespace, cursor);
    let rows = from.rows(&statement).await?;
    #[derive(Deserialize)]
    struct Cursor {
        cursor_1: Value,
        cursor_2: Value,
    }
    let cursors: Vec<Cursor> = database::read(&rows, &statement)?;
    if !cursors.is_empty() {
        database::batch(to, &[table.write(&rows, &moved.namespace)]).await?;
    }
    let full = u64::try_from(cursors.len()).unwrap_or_default() == table.page();
    let last = cursors.into_iter().last().filter(|_| full);
    Ok(last.map(|last| [last.cursor_1, last.cursor_2].into_iter().take(table.cursor_columns()).collect()))
}

/// Seals the copy, then checks that no row is missing in it: a job that is late may have deleted some. It may have more: rows that have expired are deleted where the
/// account was, also while they are copied.
async fn is_whole(io: &impl Io, moved: &Move) -> Result<bool, Problem> {
    #[derive(Deserialize)]
    struct Count {
        rows: u64,
    }
    let (from, to) = (io.db(moved.from)?, io.db(moved.to)?);
    database::batch(&to, &[seal(&moved.namespace)]).await?;
    let counts: Vec<_> = TABLES.iter().map(|table| table.count(moved.account, &moved.namespace)).collect();
    let mut before = database::results(&from, &counts).await?;
    let mut after = database::results(&to, &counts).await?;
    for table in TABLES {
        let of = |count: Option<Count>| count.map_or(0, |count| count.rows);
        let (expected, found) = (of(before.first()?), of(after.first()?));
        if found < expected {
            let missing = json!({ "error": "rows are missing: copied again", "table": table.name, "rows": found, "of": expected });
            log::event(LogLevel::Error, "move", missing);
            return Ok(false);
        }
    }
    Ok(true)
}
