//! Promises: those that hold between any two calls, and those that hold at rest.

pub mod accounts;
mod at_rest;
mod bandwidth;
mod hooks;
pub mod shards;
pub mod spaces;
mod videos;

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sql::Statement;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use at_rest::at_rest;

use crate::content::Content;
use crate::parties::id;
use crate::world::Sim;

/// A file as D1 has it.
#[derive(Debug, Clone, Deserialize)]
pub struct FileRow {
    /// Asset id.
    pub id: Id,
    /// Its account.
    pub account_id: Id,
    /// Its name.
    pub name: String,
    /// Its object.
    pub object_id: Id,
    /// Key at the store.
    pub s3_key: String,
    /// Bytes.
    pub size: u64,
    /// Computed hash.
    pub sha256: Option<String>,
    /// State of the verification.
    pub verification: String,
    /// Namespace of the object.
    pub namespace: String,
}

const FILES: &str = "SELECT s.id, s.account_id, s.name, s.object_id, o.s3_key, o.size, o.sha256, o.verification, o.namespace FROM assets s \
     JOIN objects o ON o.id = s.object_id ORDER BY s.id";

const KEYS: &str = "SELECT o.s3_key, s.account_id FROM assets s JOIN objects o ON o.id = s.object_id";

const KEY: &str = "SELECT o.s3_key FROM assets s JOIN objects o ON o.id = s.object_id WHERE s.id = ?1";

const VISIBLE: &str = "SELECT o.s3_key FROM objects o JOIN namespace_members m ON m.namespace = o.namespace WHERE m.account_id = ?1 \
     UNION SELECT o.s3_key FROM objects o JOIN assets s ON s.object_id = o.id \
     WHERE s.account_id = ?1 OR s.namespace IN (SELECT m.namespace FROM namespace_members m WHERE m.account_id = ?1)";

const OPEN_UPLOAD: &str = "SELECT id FROM upload_sessions WHERE upload_id = ?1 AND status = 'open'";

const LONE_LOAN: &str = "SELECT o.s3_key FROM assets s JOIN objects o ON o.id = s.object_id WHERE s.id = ?1 AND o.namespace <> s.namespace \
     AND NOT EXISTS (SELECT 1 FROM assets p WHERE p.object_id = o.id AND p.namespace = s.namespace AND p.id <> s.id)";

#[derive(Deserialize)]
struct Stored {
    s3_key: String,
    account_id: String,
}

#[derive(Deserialize)]
struct Key {
    s3_key: String,
}

/// The rows of a statement in all databases, read by nobody of the product.
///
/// # Panics
/// If the statement cannot run.
pub fn select<T: DeserializeOwned>(sim: &Sim, sql: &'static str, args: Vec<jettyspeed_edge::base::sql::Arg>) -> Vec<T> {
    let mut all = Vec::new();
    let statement = Statement { sql, args };
    for database in &sim.databases {
        let rows = database.borrow_mut().rows(&statement, sim.time()).expect("a statement");
        all.extend(serde_json::from_str::<Vec<T>>(&rows).expect("rows"));
    }
    all
}

/// All files.
pub fn files(sim: &Sim) -> Vec<FileRow> {
    select(sim, FILES, vec![])
}

/// The content of an asset; None if there is none.
pub fn content_of(sim: &Sim, asset: Id) -> Option<Content> {
    let key = select::<Key>(sim, KEY, vec![asset.to_string().into()]).pop()?.s3_key;
    sim.store.borrow().objects.get(&key).map(|object| object.content.clone())
}

/// Whether a namespace of the account has an object with these bytes.
pub fn is_stored_for(sim: &Sim, account: usize, content: &Content) -> bool {
    let keys: Vec<Key> = select(sim, VISIBLE, vec![id(account).to_string().into()]);
    let store = sim.store.borrow();
    keys.iter().any(|key| store.objects.get(&key.s3_key).is_some_and(|object| object.content == *content))
}

/// Whether an asset has bytes of another namespace, and is the only one in its own that does. Not told once somebody has deleted a file.
pub fn is_lone_loan(sim: &Sim, asset: Id) -> bool {
    sim.model.borrow().deleting.is_empty() && !select::<Key>(sim, LONE_LOAN, vec![asset.to_string().into()]).is_empty()
}

/// The sweep aborts no upload of a session that is open.
pub fn sweep_spares(sim: &Sim, upload: &str) {
    let is_sweep = sim.tasks.borrow().get(sim.current()).is_some_and(|task| task.service == "sweep");
    if is_sweep && !select::<serde_json::Value>(sim, OPEN_UPLOAD, vec![upload.into()]).is_empty() {
        sim.fail(|| format!("the sweep aborts {upload}, which a session owns"));
    }
}

/// Between any two calls: the store has the bytes of every file in the database.
pub fn between_calls(sim: &Sim) {
    if !sim.changed.take() {
        return;
    }
    // What a move left behind in another database may go there later than at the store.
    let keys: Vec<Stored> = if sim.databases.len() == 1 { select(sim, KEYS, vec![]) } else { at_home(sim) };
    let store = sim.store.borrow();
    if let Some(lost) = keys.iter().find(|row| !store.objects.contains_key(&row.s3_key)) {
        sim.fail(|| format!("a file's bytes are not at the store: {}", lost.s3_key));
    }
}

/// The files of the accounts whose database each is.
fn at_home(sim: &Sim) -> Vec<Stored> {
    let (homes, mut all) = (shards::homes(sim), Vec::new());
    for (number, database) in sim.databases.iter().enumerate() {
        let statement = Statement { sql: KEYS, args: vec![] };
        let rows = database.borrow_mut().rows(&statement, sim.time()).expect("a statement");
        let rows: Vec<Stored> = serde_json::from_str(&rows).expect("rows");
        all.extend(rows.into_iter().filter(|row| homes.get(&row.account_id).copied().unwrap_or(0) == number));
    }
    all
}

fn ensure(right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(wrong()) }
}
