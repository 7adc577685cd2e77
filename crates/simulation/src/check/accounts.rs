//! Accounts: between calls, and at rest.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::ledger;
use jettyspeed_edge::ledger::machine::Ledger;
use jettyspeed_edge::ledger::state::{LedgerState, PendingCheck};
use jettyspeed_edge::uploads::session::schema::LOAD_META;
use jettyspeed_edge::uploads::session::state::{Meta, Status};
use serde::Deserialize;

use crate::check::{ensure, select};
use crate::parties::{own_namespace, user};
use crate::world::Sim;

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
struct Open {
    id: Id,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: Id,
    agentcache_user_id: String,
    status: String,
    tier: String,
    updated_at: u64,
    ledger_region: Option<String>,
}

const ACCOUNTS: &str = "SELECT id, agentcache_user_id, status, tier, updated_at, ledger_region FROM accounts";

const LIVE: &str = "SELECT account_id AS id, key_hash FROM credentials WHERE expires_at IS NULL";

#[derive(Debug, Deserialize)]
struct Live {
    id: Id,
    key_hash: String,
}

const OWN: &str = "SELECT n.name, m.role FROM namespaces n JOIN namespace_members m ON m.namespace = n.name JOIN accounts a ON a.id = m.account_id \
     WHERE n.name = 'jt_user_' || a.agentcache_user_id";

#[derive(Debug, Deserialize)]
struct Own {
    name: String,
    role: String,
}

/// The ledger of an account as it is stored, with the text of its state; None if there is none.
pub fn ledger_of(sim: &Sim, account: Id) -> Option<(Ledger, String)> {
    let objects = sim.objects.borrow();
    let name = account.to_string();
    let state = serde_json::from_str::<Vec<Json>>(&objects.one(Kind::Ledger, &name, ledger::schema::LOAD_STATE)?).ok()?.pop()?;
    let books: LedgerState = serde_json::from_str(&state.json).ok()?;
    let mut watches: BTreeMap<Id, PendingCheck> = BTreeMap::new();
    for check in serde_json::from_str::<Vec<Check>>(&objects.one(Kind::Ledger, &name, ledger::schema::LOAD_CHECKS)?).ok()? {
        watches.insert(check.asset, serde_json::from_str(&check.json).ok()?);
    }
    Some((Ledger::load(books, watches), state.json))
}

/// What the ledger of an account does not know of it, if that must be known: nothing has changed the account without an answer.
pub fn old_limits(sim: &Sim, account: Id) -> Option<String> {
    {
        let model = sim.model.borrow();
        let user = model.admin.users.iter().find(|user| user.id == Some(account))?;
        let is_settled = user.suspended.known().is_some() && user.tier.known().is_some() && user.newest.known().is_some();
        if !is_settled {
            return None;
        }
    }
    let (ledger, _) = ledger_of(sim, account)?;
    let rows: Vec<Row> = select(sim, ACCOUNTS, vec![]);
    let row = rows.into_iter().filter(|row| row.id == account).max_by_key(|row| row.updated_at)?;
    row.ledger_region.as_ref()?;
    let known = ledger.books.limits;
    let is_current = known.version.0.0 >= row.updated_at && known.suspended == (row.status != "active");
    (!is_current).then(|| format!("{known:?} of {row:?}"))
}

/// Whether an account has called before, which creates its ledger.
pub fn has_ledger(sim: &Sim, account: Id) -> bool {
    let rows: Vec<Row> = select(sim, ACCOUNTS, vec![]);
    rows.iter().any(|row| row.id == account && row.ledger_region.is_some())
}

/// Once nothing goes wrong any more and what was repeated is done: every open upload agrees with its account.
///
/// # Errors
/// The first that does not.
pub fn uploads_agree(sim: &Sim) -> Result<(), String> {
    // One without a row was told to nobody.
    let open: BTreeSet<Id> =
        select::<Open>(sim, "SELECT id FROM upload_sessions WHERE status = 'open'", vec![]).into_iter().map(|row| row.id).collect();
    let model = sim.model.borrow();
    let objects = sim.objects.borrow();
    for (name, rows) in objects.stored(Kind::Session, LOAD_META) {
        let Some(row) = serde_json::from_str::<Vec<Json>>(&rows).ok().and_then(|mut rows| rows.pop()) else { continue };
        let meta: Meta = serde_json::from_str(&row.json).map_err(|error| error.to_string())?;
        let Some(user) = model.admin.users.iter().find(|user| user.id == Some(meta.account)) else { continue };
        if let Some(suspended) = user.suspended.known()
            && meta.status == Status::Uploading
            && open.contains(&meta.session)
        {
            ensure(meta.suspended == *suspended, || format!("upload {name} has suspended: {}, its account {suspended}", meta.suspended))?;
        }
    }
    Ok(())
}

/// At rest.
///
/// # Errors
/// The first promise that is broken.
pub fn check(sim: &Sim) -> Result<(), String> {
    let rows: Vec<Row> = select(sim, ACCOUNTS, vec![]);
    let (live, own): (Vec<Live>, Vec<Own>) = (select(sim, LIVE, vec![]), select(sim, OWN, vec![]));
    for (number, known) in sim.model.borrow().admin.users.iter().enumerate() {
        let name = user(number).to_string();
        let its: Vec<&Row> = rows.iter().filter(|row| row.agentcache_user_id == name).collect();
        ensure(its.len() <= 1, || format!("user {name} has several accounts: {its:?}"))?;
        let row = its.first();
        ensure(known.id.is_none() || row.map(|row| row.id) == known.id, || {
            format!("account {:?} of {name} was told, and there is {row:?}", known.id)
        })?;
        let Some(row) = row else { continue };
        let status = known.suspended.known().map(|suspended| if *suspended { "suspended" } else { "active" });
        ensure(status.is_none_or(|status| row.status == status), || format!("{name} was told to be {status:?}, and is {row:?}"))?;
        let tier = known.tier.known();
        ensure(tier.is_none_or(|tier| row.tier == *tier), || format!("{name} was told to have {tier:?}, and has {row:?}"))?;
        let keys: Vec<&Live> = live.iter().filter(|live| live.id == row.id).collect();
        ensure(keys.len() == 1, || format!("{name} has {} newest credentials: {keys:?}", keys.len()))?;
        let newest = known.newest.known().and_then(|newest| known.pairs.get(*newest));
        let is_told = newest.is_none_or(|pair| keys.iter().all(|live| live.key_hash == pair.key.as_str()));
        ensure(is_told, || format!("{name} was told {newest:?} as its newest credentials, and has {keys:?}"))?;
        let is_own = own.iter().any(|own| own.name == own_namespace(number).as_str() && own.role == "manager");
        ensure(is_own, || format!("{name} does not manage its own namespace"))?;
        let ceiling = known.ceiling;
        if let Some((ledger, _)) = ledger_of(sim, row.id)
            && !sim.model.borrow().admin.bandwidth.get(number).is_some_and(|bandwidth| bandwidth.lost)
        {
            let used = (ledger.books.used, ledger.objects());
            ensure(used.0 <= ceiling.0 * 1_000_000_000 && used.1 <= ceiling.1 + known.puts, || format!("{name} uses {used:?} of {ceiling:?}"))?;
        }
    }
    Ok(())
}
