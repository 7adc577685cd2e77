//! Namespaces at rest.

use std::collections::BTreeMap;

use jettyspeed_edge::base::id::Id;
use serde::Deserialize;

use crate::check::{ensure, select};
use crate::parties::{SPACES, user};
use crate::world::Sim;

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    display_name: String,
    generation: u64,
}

#[derive(Debug, Deserialize)]
struct Member {
    namespace: String,
    agentcache_user_id: String,
    role: String,
}

const NAMESPACES: &str = "SELECT name, display_name, generation FROM namespaces";

const MEMBERS: &str = "SELECT m.namespace, a.agentcache_user_id, m.role FROM namespace_members m JOIN accounts a ON a.id = m.account_id";

const STRANGERS: &str = "SELECT u.id, u.account_id, u.namespace FROM upload_sessions u WHERE u.status = 'open' \
     AND NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.account_id = u.account_id AND m.namespace = u.namespace)";

#[derive(Debug, Deserialize)]
struct Stranger {
    id: Id,
    account_id: Id,
    namespace: String,
}

const FULL: &str = "SELECT COUNT(*) AS things FROM (SELECT namespace FROM assets UNION ALL SELECT namespace FROM objects \
     UNION ALL SELECT namespace FROM video_files UNION ALL SELECT namespace FROM upload_sessions) t WHERE t.namespace = ?1 \
     AND NOT EXISTS (SELECT 1 FROM namespaces n WHERE n.name = ?1)";

#[derive(Deserialize)]
struct Things {
    things: u64,
}

/// Whether nothing is in a namespace that does not exist.
pub fn is_empty(sim: &Sim, name: &str) -> bool {
    select::<Things>(sim, FULL, vec![name.into()]).iter().all(|found| found.things == 0)
}

/// Once what was repeated is done: no open upload in a namespace of which its account was told to be no member any more.
///
/// # Errors
/// The first.
pub fn strangers(sim: &Sim) -> Result<(), String> {
    let found: Vec<Stranger> = select(sim, STRANGERS, vec![]);
    let model = sim.model.borrow();
    for upload in found {
        let space = SPACES.iter().position(|name| *name == upload.namespace).and_then(|space| model.admin.spaces.get(space));
        let is_told = space.is_some_and(|space| {
            let mut out = space.members.iter().filter(|(_, role)| role.known() == Some(&None));
            out.any(|(number, _)| model.admin.users[*number].id == Some(upload.account_id))
        });
        ensure(!is_told, || format!("open upload {} of {}, who is no member of {}", upload.id, upload.account_id, upload.namespace))?;
    }
    Ok(())
}

/// At rest.
///
/// # Errors
/// The first promise that is broken.
pub fn check(sim: &Sim) -> Result<(), String> {
    let rows: Vec<Row> = select(sim, NAMESPACES, vec![]);
    let members: Vec<Member> = select(sim, MEMBERS, vec![]);
    let role_of: BTreeMap<(&str, &str), &str> =
        members.iter().map(|row| ((row.namespace.as_str(), row.agentcache_user_id.as_str()), row.role.as_str())).collect();
    for (known, name) in sim.model.borrow().admin.spaces.iter().zip(SPACES) {
        let its: Vec<&Row> = rows.iter().filter(|row| row.name == name).collect();
        ensure(its.len() <= 1, || format!("{name} exists several times"))?;
        let row = its.first();
        let exists = known.exists.known();
        ensure(exists.is_none_or(|exists| *exists == row.is_some()), || format!("{name} was told to exist: {exists:?}, and there is {row:?}"))?;
        let Some(row) = row else { continue };
        let display = known.display.known();
        ensure(display.is_none_or(|display| row.display_name == *display), || format!("{name} was called {display:?}: {row:?}"))?;
        if known.drops == 0 {
            let (begun, told) = &known.purges;
            let first = told.len() as u64;
            ensure(row.generation <= begun + 1 && row.generation >= first, || format!("{begun} purges of {name}, told {told:?}: {row:?}"))?;
            ensure(told.iter().all(|generation| *generation <= row.generation), || format!("a purge of {name} was lost: {told:?}, {row:?}"))?;
        }
        for (number, role) in &known.members {
            let Some(role) = role.known() else { continue };
            let told = role.map(|role| role.as_str());
            let found = role_of.get(&(name, user(*number).as_str())).copied();
            ensure(told == found, || format!("user {number} is {told:?} in {name}, as was told, and {found:?} in the database"))?;
        }
    }
    Ok(())
}
