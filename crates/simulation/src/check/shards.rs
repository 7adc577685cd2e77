//! Several databases: everything is in one of them, and the directory says in which.

use std::collections::BTreeMap;

use jettyspeed_edge::base::shard::{Shard, Whereabouts};
use jettyspeed_edge::base::sql::Statement;
use serde::Deserialize;

use crate::check::ensure;
use crate::world::Sim;

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    kind: String,
    name: String,
    shard: u8,
    moving: u8,
    step: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Owned {
    kind: String,
    name: String,
    what: String,
}

const DIRECTORY: &str = "SELECT kind, name, shard, moving, step FROM directory";

/// What belongs to an account or a namespace, by its owner. The examples among the namespaces are in every database.
const OWNED: &str = "SELECT DISTINCT 'account' AS kind, id AS name, 'accounts' AS what FROM accounts \
     UNION SELECT DISTINCT 'account', account_id, 'credentials' FROM credentials \
     UNION SELECT DISTINCT 'key', key_hash, 'credentials' FROM credentials \
     UNION SELECT DISTINCT 'account', account_id, 'members' FROM namespace_members \
     UNION SELECT DISTINCT 'account', account_id, 'usage' FROM storage_usage \
     UNION SELECT DISTINCT 'account', account_id, 'uploads' FROM upload_sessions \
     UNION SELECT DISTINCT 'account', account_id, 'assets' FROM assets \
     UNION SELECT DISTINCT 'account', account_id, 'files of videos' FROM video_files \
     UNION SELECT DISTINCT 'namespace', name, 'namespaces' FROM namespaces WHERE name NOT IN ('jt_customer_seagate', 'jt_customer_wd') \
     UNION SELECT DISTINCT 'namespace', namespace, 'objects' FROM objects \
     UNION SELECT DISTINCT 'namespace', namespace, 'assets' FROM assets \
     UNION SELECT DISTINCT 'namespace', namespace, 'videos' FROM videos \
     UNION SELECT DISTINCT 'user', agentcache_user_id, 'accounts' FROM accounts";

fn directory(sim: &Sim) -> Vec<Entry> {
    read(sim, 0, DIRECTORY)
}

fn read<T: serde::de::DeserializeOwned>(sim: &Sim, number: usize, sql: &'static str) -> Vec<T> {
    let rows = sim.databases[number].borrow_mut().rows(&Statement { sql, args: vec![] }, sim.time()).expect("a statement");
    serde_json::from_str(&rows).expect("rows")
}

/// The accounts whose moves have something to do, and where they go to.
pub fn under_way(sim: &Sim) -> Vec<(String, u8)> {
    let step = |entry: &Entry| entry.step.as_deref().and_then(|step| serde_json::from_str::<(u8, u8, serde_json::Value)>(step).ok());
    directory(sim).into_iter().filter(|entry| entry.kind == "account").filter_map(|entry| Some((entry.name.clone(), step(&entry)?.1))).collect()
}

/// Kind, name and whereabouts of everything that is in the directory.
pub fn entries(sim: &Sim) -> Vec<(String, String, Whereabouts)> {
    let of = |entry: Entry| Some((entry.kind, entry.name, Whereabouts { shard: Shard::new(entry.shard)?, moving: entry.moving > 0 }));
    directory(sim).into_iter().filter_map(of).collect()
}

/// The database of each account that is not in the first one.
pub fn homes(sim: &Sim) -> BTreeMap<String, usize> {
    let accounts = directory(sim).into_iter().filter(|entry| entry.kind == "account");
    accounts.map(|entry| (entry.name, usize::from(entry.shard))).collect()
}

/// At rest.
///
/// # Errors
/// What is where it does not belong.
pub fn check(sim: &Sim) -> Result<(), String> {
    if sim.databases.len() < 2 {
        return Ok(());
    }
    let directory = directory(sim);
    let moving = directory.iter().find(|entry| entry.moving > 0 || entry.step.is_some());
    ensure(moving.is_none(), || format!("a move never ends: {moving:?}"))?;
    for number in 0..sim.databases.len() {
        for owned in read::<Owned>(sim, number, OWNED) {
            let home = directory.iter().find(|entry| entry.kind == owned.kind && entry.name == owned.name).map_or(0, |entry| entry.shard);
            ensure(usize::from(home) == number, || {
                format!("{} of {} {} in database {number}, and the directory says {home}", owned.what, owned.kind, owned.name)
            })?;
        }
    }
    Ok(())
}
