//! What holds once nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::ledger;
use jettyspeed_edge::ledger::machine::Ledger;
use jettyspeed_edge::ledger::state::{LedgerState, PendingCheck, Reserved};
use jettyspeed_edge::uploads::session::schema::LOAD_META;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::check::videos::{self, VideoRow};
use crate::check::{FileRow, ensure, files, select};
use crate::parties::{ACCOUNTS, id};
use crate::world::Sim;

/// Checks everything.
///
/// # Errors
/// The first promise that is broken.
pub fn at_rest(sim: &Sim) -> Result<(), String> {
    let (files, videos) = (files(sim), videos::rows(sim));
    videos::check(sim, &videos)?;
    files_are_what_was_reported(sim, &files)?;
    paths_are_what_was_reported(sim)?;
    hashes_are_true_and_stored_once(sim, &files)?;
    offered_chunks_are_true(sim)?;
    nothing_is_left_over(sim, &files)?;
    failed_uploads_have_no_file(sim)?;
    sessions_are_forgotten(sim)?;
    let several = crate::operations::accounts::has_several(sim);
    ensure(several.is_none(), || format!("a user with several accounts: {several:?}"))?;
    ledgers_add_up(sim, &files, &videos)?;
    super::shards::check(sim)?;
    super::accounts::check(sim)?;
    super::spaces::check(sim)?;
    super::bandwidth::check(sim)?;
    super::hooks::check(sim)
}

fn files_are_what_was_reported(sim: &Sim, files: &[FileRow]) -> Result<(), String> {
    let (model, store) = (sim.model.borrow(), sim.store.borrow());
    let existing: BTreeMap<Id, &FileRow> = files.iter().map(|file| (file.id, file)).collect();
    for file in files {
        let object = store.objects.get(&file.s3_key).ok_or_else(|| format!("a file without bytes: {file:?}"))?;
        ensure(file.size == object.content.len(), || format!("another size than the store has: {file:?}"))?;
        ensure(model.allows(file.account_id, &file.name, &object.content), || {
            format!("not what was sent under that name: {file:?} of {}", object.content.text())
        })?;
        ensure(!model.deleted.contains(&file.id), || format!("reported as deleted, and there: {file:?}"))?;
    }
    for (asset, kept) in model.kept.iter().filter(|(asset, _)| !model.deleting.contains(asset)) {
        let Some(file) = existing.get(asset) else { return Err(format!("reported as stored, and missing: {asset} of {kept:?}")) };
        let bytes = store.objects.get(&file.s3_key).map(|object| &object.content);
        let right = kept.content.as_ref().is_none_or(|content| bytes == Some(content));
        ensure(right, || format!("reported as stored with other bytes: {file:?}, {kept:?}"))?;
    }
    Ok(())
}

fn paths_are_what_was_reported(sim: &Sim) -> Result<(), String> {
    #[derive(Debug, Deserialize)]
    struct Row {
        id: Id,
        namespace: String,
        path: String,
    }
    let rows: Vec<Row> = select(sim, "SELECT id, namespace, path FROM assets WHERE path IS NOT NULL", vec![]);
    let model = sim.model.borrow();
    let is_there = |asset: &Id| model.kept.contains_key(asset) && !model.deleting.contains(asset);
    let there: BTreeMap<Id, String> = rows.into_iter().map(|row| (row.id, format!("{} {}", row.namespace, row.path))).collect();
    for (asset, path) in model.paths.iter().filter(|(asset, _)| is_there(asset)) {
        ensure(there.get(asset) == Some(path), || format!("reported at {path}, and at {:?}: {asset}", there.get(asset)))?;
    }
    let without = model.kept.keys().find(|asset| sim.settings.paths && is_there(asset) && !there.contains_key(asset));
    ensure(without.is_none(), || format!("stored without a path: {without:?}"))
}

fn hashes_are_true_and_stored_once(sim: &Sim, files: &[FileRow]) -> Result<(), String> {
    let store = sim.store.borrow();
    let mut objects: BTreeMap<_, Id> = BTreeMap::new();
    for file in files.iter().filter(|file| file.verification == "verified") {
        let computed = store.objects.get(&file.s3_key).map(|object| String::from(object.content.sha256()));
        ensure(file.sha256 == computed, || format!("verified, and false: {file:?}"))?;
        let first = *objects.entry((&file.namespace, &file.sha256, file.size)).or_insert(file.object_id);
        ensure(first == file.object_id, || format!("stored twice: {first} and {file:?}"))?;
    }
    let waiting = files.iter().find(|file| file.verification == "pending");
    ensure(waiting.is_none(), || format!("never verified: {waiting:?}"))
}

#[derive(Deserialize)]
struct ChunkRow {
    sha256: String,
    size: u64,
    first: u64,
    s3_key: String,
}

const CHUNKS: &str = "SELECT c.sha256, c.size, c.first, o.s3_key FROM chunks c JOIN objects o ON o.id = c.object_id";

/// What later uploads copy by its hash has that hash.
fn offered_chunks_are_true(sim: &Sim) -> Result<(), String> {
    let store = sim.store.borrow();
    for ChunkRow { sha256, size, first, s3_key } in select(sim, CHUNKS, vec![]) {
        let bytes = store.objects.get(&s3_key).map(|object| object.content.slice(first, first + size));
        let is_true = bytes.as_ref().is_some_and(|bytes| String::from(bytes.sha256()) == sha256);
        ensure(is_true, || format!("a chunk is offered under a false hash: bytes {first} of {s3_key}"))?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Counted {
    id: Id,
    refs: u64,
    counted: u64,
}

fn nothing_is_left_over(sim: &Sim, files: &[FileRow]) -> Result<(), String> {
    let store = sim.store.borrow();
    let uploads: Vec<_> = store.uploads.iter().map(|(id, upload)| format!("{id} {}", upload.key)).collect();
    ensure(uploads.is_empty(), || format!("unfinished at the store: {uploads:?}"))?;
    let named: BTreeSet<&String> = files.iter().map(|file| &file.s3_key).collect();
    let orphan = store.objects.keys().find(|key| key.contains("/o/") && !named.contains(key));
    // Of a file that is stored in one request, only the ledger knows until it is there.
    let lost = sim.model.borrow().admin.bandwidth.iter().any(|bandwidth| bandwidth.lost);
    ensure(lost || orphan.is_none(), || format!("at the store without a file: {orphan:?}"))?;
    let objects: Vec<Counted> =
        select(sim, "SELECT o.id, o.refs, (SELECT COUNT(*) FROM assets s WHERE s.object_id = o.id) AS counted FROM objects o", vec![]);
    for Counted { id, refs, counted } in objects {
        ensure(counted > 0 && refs == counted, || format!("object {id} has {refs} references, of which {counted} exist"))?;
    }
    let open: Vec<serde_json::Value> = select(sim, "SELECT id FROM upload_sessions WHERE status = 'open'", vec![]);
    ensure(open.is_empty(), || format!("never closed: {open:?}"))?;
    let jobs = sim.queue.borrow().len();
    ensure(jobs == 0, || format!("{jobs} jobs are left"))
}

#[derive(Deserialize)]
struct OfSession {
    id: Id,
    asset: Id,
}

fn failed_uploads_have_no_file(sim: &Sim) -> Result<(), String> {
    let rows: Vec<OfSession> = select(sim, "SELECT u.id, s.id AS asset FROM upload_sessions u JOIN assets s ON s.id = u.asset_id", vec![]);
    let model = sim.model.borrow();
    let wrong = rows.iter().find(|row| model.failed.contains(&row.id));
    ensure(wrong.is_none(), || format!("reported as failed, and stored: {:?}", wrong.map(|row| (row.id, row.asset))))
}

fn sessions_are_forgotten(sim: &Sim) -> Result<(), String> {
    let stored = sim.objects.borrow().stored(Kind::Session, LOAD_META);
    let left = stored.iter().find(|(_, rows)| rows != "[]");
    ensure(left.is_none(), || format!("a session is never forgotten: {left:?}"))
}

#[derive(Deserialize)]
struct Json {
    json: String,
}

#[derive(Deserialize)]
struct Check {
    asset: Id,
    json: String,
}

#[derive(Deserialize)]
struct Held {
    asset: Id,
    object: Id,
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

fn ledgers_add_up(sim: &Sim, files: &[FileRow], videos: &[VideoRow]) -> Result<(), String> {
    let objects = sim.objects.borrow();
    // What was reserved in a ledger that lost its storage is known to nobody if the report of its end is lost, too.
    let something_failed = !sim.faults.borrow().injected.is_empty();
    let has_lost = |number: usize| sim.model.borrow().admin.bandwidth[number].lost;
    let is_lost = |name: &str| something_failed && (0..ACCOUNTS).any(|number| id(number).to_string() == name && has_lost(number));
    let stored = |sql: &str| objects.stored(Kind::Ledger, sql);
    let states = stored(ledger::schema::LOAD_STATE);
    let checks = stored(ledger::schema::LOAD_CHECKS);
    let holdings = stored("SELECT asset, object FROM holdings");
    for (((name, state), (_, checks)), (_, holdings)) in states.iter().zip(&checks).zip(&holdings) {
        let Some(state) = read::<Vec<Json>>(state)?.pop().filter(|_| !is_lost(name)) else { continue };
        let books: LedgerState = read(&state.json)?;
        let mut watches: BTreeMap<Id, PendingCheck> = BTreeMap::new();
        for check in read::<Vec<Check>>(checks)? {
            watches.insert(check.asset, read(&check.json)?);
        }
        let ledger = Ledger::load(books, watches);
        let own = || files.iter().filter(|file| file.account_id.to_string() == **name);
        let shown = || videos.iter().filter(|video| video.account_id.to_string() == **name);
        let mut sizes: BTreeMap<Id, u64> = own().map(|file| (file.object_id, file.size)).collect();
        sizes.extend(shown().map(|video| (video.id, video.size)));
        let real = (sizes.values().sum::<u64>(), (own().count() + shown().count()) as u64, Reserved::NONE);
        let counted = (ledger.books.used, ledger.objects(), ledger.reserved());
        ensure(counted == real, || format!("ledger of {name}: {counted:?}, not {real:?}"))?;
        let held: BTreeMap<Id, Id> = read::<Vec<Held>>(holdings)?.into_iter().map(|held| (held.asset, held.object)).collect();
        let mut real: BTreeMap<Id, Id> = own().map(|file| (file.id, file.object_id)).collect();
        real.extend(shown().map(|video| (video.id, video.id)));
        ensure(held == real, || format!("ledger of {name} holds {held:?}, not {real:?}"))?;
    }
    Ok(())
}
