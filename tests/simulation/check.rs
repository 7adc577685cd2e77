//! Invariants: those that hold between any two calls, and those that hold at rest.

use super::world::World;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::ledger::state::Reserved;

const FILES: &str = "SELECT s.id, s.account_id, s.object_id, o.s3_key, o.size, o.sha256, o.verification, o.namespace FROM assets s \
     JOIN objects o ON o.id = s.object_id";
const KEYS: &str = "SELECT o.s3_key FROM assets s JOIN objects o ON o.id = s.object_id";
const OBJECTS: &str = "SELECT o.id, o.refs, (SELECT COUNT(*) FROM assets s WHERE s.object_id = o.id) AS counted FROM objects o";
const OPEN: &str = "SELECT id FROM upload_sessions WHERE status = 'open'";

#[derive(Debug, Deserialize)]
struct File {
    id: Id,
    account_id: Id,
    object_id: Id,
    s3_key: String,
    size: u64,
    sha256: Option<String>,
    verification: String,
    namespace: String,
}

#[derive(Deserialize)]
struct Key {
    s3_key: String,
}

#[derive(Deserialize)]
struct Counted {
    id: Id,
    refs: u64,
    counted: u64,
}

fn select(sql: &'static str) -> Statement {
    Statement { sql, args: vec![] }
}

/// Between any two calls: the store has the bytes of every file in the database.
pub fn every_file_has_its_bytes(io: &World, after: &str) {
    let keys: Vec<Key> = io.db.all(&select(KEYS));
    let store = io.store.borrow();
    if let Some(lost) = keys.iter().find(|row| !store.objects.contains_key(&row.s3_key)) {
        io.fail(|| format!("after {after:?} a file's bytes are not at the store: {}", lost.s3_key));
    }
}

/// Checked once no operation, job or alarm is left.
pub fn at_rest(io: &World) -> Result<(), String> {
    let files: Vec<File> = io.db.all(&select(FILES));
    files_match_reported_outcomes(io, &files)?;
    hashes_are_true_and_stored_once(io, &files)?;
    no_orphan_is_left(io, &files)?;
    no_session_keeps_storage(io)?;
    ledgers_add_up(io, &files)
}

fn ensure(right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(wrong()) }
}

fn files_match_reported_outcomes(io: &World, files: &[File]) -> Result<(), String> {
    let (model, store) = (io.model.borrow(), io.store.borrow());
    let existing: BTreeSet<Id> = files.iter().map(|file| file.id).collect();
    for file in files {
        let bytes = store.get(&file.s3_key).map_err(|_| format!("a file without bytes: {file:?}"))?;
        ensure(file.size == bytes.len() as u64 && model.allows(file.account_id, file.id, &bytes), || {
            format!("not what was requested: {file:?} of {}", String::from_utf8_lossy(&bytes))
        })?;
        ensure(!model.deleted.contains(&file.id), || format!("reported as deleted, but stored: {file:?}"))?;
    }
    let lost = model.kept.iter().find(|asset| !existing.contains(asset) && !model.deleting.contains(asset));
    ensure(lost.is_none(), || format!("reported as stored, but missing: {lost:?}"))
}

fn hashes_are_true_and_stored_once(io: &World, files: &[File]) -> Result<(), String> {
    let store = io.store.borrow();
    let mut objects: BTreeMap<_, Id> = BTreeMap::new();
    for file in files.iter().filter(|file| file.verification == "verified") {
        let computed = store.get(&file.s3_key).map(|bytes| String::from(Sha256Hex::of(&bytes))).ok();
        ensure(file.sha256 == computed, || format!("verified, and false: {file:?}"))?;
        let first = *objects.entry((&file.namespace, &file.sha256, file.size)).or_insert(file.object_id);
        ensure(first == file.object_id, || format!("stored twice: {first} and {file:?}"))?;
    }
    Ok(())
}

fn no_orphan_is_left(io: &World, files: &[File]) -> Result<(), String> {
    let store = io.store.borrow();
    let uploads: Vec<_> = store.uploads.keys().collect();
    ensure(uploads.is_empty(), || format!("unfinished at the store: {uploads:?}"))?;
    let named: BTreeSet<&String> = files.iter().map(|file| &file.s3_key).collect();
    let orphan = store.objects.keys().find(|key| !named.contains(key));
    ensure(orphan.is_none(), || format!("at the store without a file: {orphan:?}"))?;
    let objects: Vec<Counted> = io.db.all(&select(OBJECTS));
    for Counted { id, refs, counted } in objects {
        ensure(counted > 0 && refs == counted, || format!("object {id} has {refs} references, of which {counted} exist"))?;
    }
    let open: Vec<serde_json::Value> = io.db.all(&select(OPEN));
    ensure(open.is_empty(), || format!("never closed: {open:?}"))
}

fn no_session_keeps_storage(io: &World) -> Result<(), String> {
    let sessions = io.sessions.borrow();
    let remembered = sessions.iter().find(|(_, object)| object.remembers());
    ensure(remembered.is_none(), || format!("its tombstone is never deleted: {remembered:?}"))
}

fn ledgers_add_up(io: &World, files: &[File]) -> Result<(), String> {
    for (account, object) in io.ledgers.borrow_mut().iter_mut() {
        let Some(ledger) = object.ledger() else { continue };
        let (used, reserved) = ((ledger.books.used, ledger.objects()), ledger.reserved());
        let own = files.iter().filter(|file| file.account_id == *account);
        let sizes: BTreeMap<Id, u64> = own.clone().map(|file| (file.object_id, file.size)).collect();
        let stored = (sizes.values().sum::<u64>(), own.clone().count() as u64);
        ensure((used, reserved) == (stored, Reserved::NONE), || {
            format!("ledger of {account}: {used:?} used and {reserved:?}, not {stored:?} and nothing")
        })?;
        let held: BTreeMap<Id, Id> = object.holdings().iter().map(|(asset, held)| (*asset, held.object)).collect();
        let real: BTreeMap<Id, Id> = own.map(|file| (file.id, file.object_id)).collect();
        ensure(held == real, || format!("ledger of {account} holds {held:?}, not {real:?}"))?;
    }
    Ok(())
}
