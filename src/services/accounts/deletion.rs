//! Deletes an account: suspends it at once, and has a job remove what it has, run by run, until its row goes as the last (docs/accounts.md, Deleting an account).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use crate::accounts;
use crate::accounts::deletion::{LEDGER_MS, Left, Next, State, is_settled, next, repository, unreferenced_since};
use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::accounts::provisioning::{Record, own_namespace};
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::shard::{Access, Shard, Whereabouts};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::clients::{database, ledger, shards};
use crate::config::Config;
use crate::files::asset::Asset;
use crate::files::repository::with_other_listeners;
use crate::io::Io;
use crate::io::database::Database;
use crate::jobs::Job;
use crate::ledger::message::{Message, Reply as Told};
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::services::accounts::find::record;
use crate::services::accounts::provision::changed;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::{membership, suspend};
use crate::services::video::removal;
use crate::services::webhooks;
use crate::uploads;
use crate::uploads::history::{ROWS_PER_STEP, STEPS_PER_JOB};
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};

/// Uploads ended by one run: each costs about six requests.
const UPLOADS: u64 = 50;

/// Files deleted in one transaction, and transactions of one run.
const FILES: u64 = 200;
const STEPS: u32 = 25;

/// Files in one transaction of whose deletion endpoints are told, and events after which a run ends: each is sent by a job, which costs a subrequest, of which a run has 1,000.
const TOLD: usize = 20;
const MAX_TOLD: usize = 200;

/// Video files marked at once, of at most as many videos, each of which gets a job.
const VIDEO_FILES: u64 = 200;

#[derive(Deserialize)]
struct Row {
    id: Id,
}

/// Begins to delete the account of a user; repeated, tells the same.
///
/// # Errors
/// 404; 503 while the account is being moved.
pub async fn begin(call: &Request<impl Io>, user: &Name) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    struct Begun {
        deleting_at: EpochMs,
    }
    shards::forget();
    let found = record(call, user).await?.ok_or(Problem::NotFound)?;
    let shard = shards::shard_of(&call.io, Item::User(user), Access::Write).await?;
    let begun: Option<Begun> = database::results(&call.db(shard)?, &repository::begin(found.id, call.now())).await?.first()?;
    // Not there: it has been moved since it was found.
    let since = begun.ok_or(Problem::AccountMoving)?.deleting_at;
    // Also if it is repeated: an earlier call may have ended in between, and a job that comes twice does no harm.
    let job = Job::DeleteAccount { account: found.id, user: user.clone(), shard, after: String::new() };
    call.enqueue(&job, 0).await?;
    let now = changed(call, &found).await?;
    suspend::propagate(&call.io, found.id, "").await?;
    log::event(LogLevel::Warn, "delete", json!({ "account": found.id }));
    Reply::json(202, &State::of(&now, since))
}

/// What a job deletes.
pub struct Deleted<'a> {
    /// The account.
    pub account: Id,
    /// Its user.
    pub user: &'a Name,
    /// The shard that had it when the job was sent.
    pub shard: Shard,
}

/// A run of the job `delete_account`: ends uploads, deletes files, marks video files behind `after`, and in the end deletes the account. What fails keeps nothing else
/// from it.
///
/// # Errors
/// Of D1, the queue, sessions and the ledger; the job is repeated.
pub async fn run(io: &impl Io, config: &Config, deleted: &Deleted<'_>, after: &str) -> Result<(), Problem> {
    let Deleted { account, user, .. } = *deleted;
    let (shard, now) = (whereabouts(io, deleted).await?, io.now());
    let db = io.db(shard)?;
    let found: Option<Record> = database::first(&db, &accounts::repository::by_id(account, now)).await?;
    // Gone, or never to be deleted.
    let Some(since) = found.as_ref().and_then(|found| found.deleting_at) else { return Ok(()) };
    let namespace = Name::parse(&own_namespace(user)).ok_or(Problem::Internal)?;
    let again = |after: String, seconds: u64| async move {
        let job = Job::DeleteAccount { account, user: user.clone(), shard, after };
        io.enqueue(&job, seconds).await
    };
    let ended = end_uploads(io, config, &db, account).await;
    let files = delete_files(io, config, &db, account).await;
    let videos = mark_videos(io, &db, account, after).await;
    let (ended, more_files, last_video) = (ended?, files?, videos?);
    if ended == UPLOADS || more_files || last_video.is_some() {
        return again(last_video.unwrap_or_default(), 0).await;
    }
    if is_settled(since, now) {
        let settle = repository::settle(account, &namespace, unreferenced_since(now, config.delete_grace_seconds));
        database::batch(&db, &settle).await?;
    }
    let left: Left = database::first(&db, &repository::left(account, &namespace)).await?.ok_or(Problem::Internal)?;
    match next(&left, usize::try_from(ended).unwrap_or(usize::MAX), since, now) {
        Next::Again(seconds) => {
            io.enqueue(&Job::Collect, config.delete_grace_seconds.min(seconds)).await?;
            again(String::new(), seconds).await
        }
        Next::Finish => {
            if !close_ledger(io, account, now.since(since) >= LEDGER_MS).await? || !forget_rows(&db, account).await? {
                return again(String::new(), accounts::deletion::AGAIN_SECONDS).await;
            }
            finish(io, &db, deleted, &namespace, &left).await
        }
    }
}

/// The shard that has the account: where the directory says, or where the job says once the directory has forgotten it.
async fn whereabouts(io: &impl Io, deleted: &Deleted<'_>) -> Result<Shard, Problem> {
    if !shards::are_several(io) {
        return Ok(Shard::MAIN);
    }
    shards::forget();
    let found = directory::repository::find(Item::Account(deleted.account));
    match database::first::<Whereabouts>(&io.db(Shard::MAIN)?, &found).await? {
        Some(found) => found.open_for(Access::Write).ok_or(Problem::AccountMoving),
        None => Ok(deleted.shard),
    }
}

/// Ends some of the account's open uploads; how many.
async fn end_uploads(io: &impl Io, config: &Config, db: &impl Database, account: Id) -> Result<u64, Problem> {
    let page: Vec<Row> = database::all(db, &uploads::repository::open_sessions(account, "", UPLOADS)).await?;
    let mut failed = None;
    for row in &page {
        failed = membership::end(io, config, account, row.id).await.err().or(failed);
    }
    failed.map_or(Ok(u64::try_from(page.len()).unwrap_or_default()), Err)
}

/// Deletes some of the account's files; whether more may be left. The ledger is not told of each: it goes as a whole. Endpoints of namespaces in which others are learn of
/// each file.
async fn delete_files(io: &impl Io, config: &Config, db: &impl Database, account: Id) -> Result<bool, Problem> {
    let since = unreferenced_since(io.now(), config.delete_grace_seconds);
    let mut told = 0;
    for _ in 0..STEPS {
        let page: Vec<Row> = database::all(db, &repository::files(account, FILES)).await?;
        if page.is_empty() {
            return Ok(false);
        }
        let mut ids: Vec<Id> = page.into_iter().map(|row| row.id).collect();
        let mut files: Vec<Asset> = database::all(db, &with_other_listeners(account, &list(&ids)?)).await?;
        for later in files.split_off(files.len().min(TOLD)) {
            ids.retain(|id| *id != later.id);
        }
        let [unrefer, delete] = repository::delete_files(account, &list(&ids)?, since);
        let mut statements = vec![unrefer];
        for file in &files {
            let data = data::asset_deleted(file, config.public_url.as_deref().unwrap_or_default());
            let event = webhooks::event(io, EventKind::AssetDeleted, &data)?;
            statements.push(emit(&file.namespace, &event, Only::WithAsset(file.id)));
        }
        statements.push(delete);
        let mut written = database::results(db, &statements).await?;
        let written = written.skip(1);
        for file in &files {
            let notices: Vec<Written> = written.all()?;
            told += notices.len();
            webhooks::send(io, &file.namespace, notices).await;
        }
        if told >= MAX_TOLD {
            break;
        }
    }
    Ok(true)
}

fn list(ids: &[Id]) -> Result<String, Problem> {
    json::write(&ids).map_err(|error| log::internal("delete", &error.to_string()))
}

/// Marks some of the account's video files behind `after` as deleted, for jobs that delete their bytes; the last one if others may follow.
async fn mark_videos(io: &impl Io, db: &impl Database, account: Id, after: &str) -> Result<Option<String>, Problem> {
    #[derive(Deserialize)]
    struct VideoFile {
        id: Id,
        namespace: Name,
        video_id: Name,
    }
    let page: Vec<VideoFile> = database::all(db, &repository::video_files(account, after, VIDEO_FILES)).await?;
    let Some(last) = page.last().map(|file| file.id.to_string()) else {
        database::batch(db, &[repository::pass_videos_on(account)]).await?;
        return Ok(None);
    };
    let mark: [Statement; 2] = [repository::mark_video_files(account, after, &last, io.now()), repository::pass_videos_on(account)];
    database::batch(db, &mark).await?;
    let is_full = u64::try_from(page.len()).unwrap_or_default() == VIDEO_FILES;
    let videos: BTreeSet<(String, String)> = page.into_iter().map(|file| (file.namespace.to_string(), file.video_id.to_string())).collect();
    for (namespace, video) in videos {
        if let Some((namespace, video)) = Name::parse(&namespace).zip(Name::parse(&video)) {
            removal::enqueue(io, &namespace, &video).await;
        }
    }
    Ok(is_full.then_some(last))
}

/// Has the ledger forget everything; false while it does not know the outcome of a change.
async fn close_ledger(io: &impl Io, account: Id, force: bool) -> Result<bool, Problem> {
    Ok(ledger::send(io, account, &Message::Close { force }).await? != Told::Pending)
}

/// Deletes closed uploads and first answers; false if some may be left.
async fn forget_rows(db: &impl Database, account: Id) -> Result<bool, Problem> {
    let mut done = true;
    for statement in [uploads::repository::trim(account, 0, ROWS_PER_STEP), repository::forget_keys(account, ROWS_PER_STEP)] {
        let mut full = true;
        for _ in 0..STEPS_PER_JOB {
            let gone: Vec<serde_json::Value> = database::all(db, &statement).await?;
            full = u64::try_from(gone.len()).unwrap_or_default() == ROWS_PER_STEP;
            if !full {
                break;
            }
        }
        done &= !full;
    }
    Ok(done)
}

/// Deletes the account and what goes with it, first in the directory: a call that provisions the user meanwhile finds the account, or creates another one.
async fn finish(io: &impl Io, db: &impl Database, deleted: &Deleted<'_>, namespace: &Name, left: &Left) -> Result<(), Problem> {
    let Deleted { account, user, .. } = *deleted;
    if shards::are_several(io) {
        let names = (!left.shared).then_some((user, namespace));
        // Each database may have a note that the user's account has left it.
        for shard in shards::all(io) {
            database::batch(&io.db(shard)?, &directory::repository::forget_account(account, names)).await?;
        }
        shards::forget();
    }
    let gone: Option<serde_json::Value> = database::results(db, &repository::finish(account, namespace)).await?.first()?;
    gone.ok_or(Problem::StillRunning)?;
    log::event(LogLevel::Warn, "deleted", json!({ "account": account }));
    Ok(())
}
