//! Authentication and rate limit of a request in histories where accounts are changed, as `worker/http/authenticate.rs` and `account_cache.rs` do it: what
//! isolates remember is not behind the port; and what suspended accounts and quotas promise of every answer.

use std::rc::Rc;

use jettyspeed_edge::access::caller::Caller;
use jettyspeed_edge::access::routes::{RateLimit, Route};
use jettyspeed_edge::accounts::account::Account;
use jettyspeed_edge::accounts::directory::Item;
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::memory_budget::Owner;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::clients::{ledger, shards};
use jettyspeed_edge::io::Io;
use jettyspeed_edge::io::stale::Stale;
use jettyspeed_edge::ledger::message::{Message, Reply};
use jettyspeed_edge::problem::{AuthFailure, Problem};
use jettyspeed_edge::services::accounts::authenticate;

use crate::operations::{As, Told};
use crate::task::Role;
use crate::world::Sim;

/// How long an isolate remembers an account, ms.
const REMEMBERED_MS: u64 = 30_000;

/// Services that only an active account is served.
const ACTIVE: [&str; 10] = ["start", "simple", "put video", "delete video", "delete", "check", "read", "complete", "fail", "part"];

/// Services that take room.
const STORING: [&str; 4] = ["start", "simple", "put video", "complete"];

/// The caller, whose memory its bytes are, and whether a token's account is suspended.
///
/// # Errors
/// 401, 429; those of D1 and the ledger.
pub async fn enter(sim: &Sim, route: &'static Route, account: usize, sender: &As) -> Result<(Caller, Owner, bool), Problem> {
    enter_isolate(sim);
    let limit = route.endpoint.rate_limit();
    let (key, secret) = match sender {
        As::Token(token) => {
            let claims = UploadClaims::open(token, &sim.config.token_keys, sim.now()).map_err(Problem::Unauthenticated)?;
            let suspended = match limit {
                RateLimit::None => false,
                _ => ledger::usage(sim, claims.account, &Message::Usage { limits: None }).await?.limits.suspended,
            };
            let owner = Owner::Account(claims.account);
            return Ok((Caller::Token(Box::new(claims)), owner, suspended));
        }
        As::Backend => return Ok((Caller::Webhook(None), Owner::Service, false)),
        As::Webhook(id) => return Ok((Caller::Webhook(Some(id.clone())), Owner::Service, false)),
        As::Operator => return Ok((Caller::Operator, Owner::Service, false)),
        As::Key(key, secret) => (key.clone(), secret.clone()),
        As::Account => {
            let model = sim.model.borrow();
            let user = model.admin.users.get(account).ok_or(Problem::Internal)?;
            let pair = user.newest.known().and_then(|newest| user.pairs.get(*newest)).or(user.pairs.last());
            let pair = pair.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?;
            (pair.key.clone(), pair.secret.clone())
        }
    };
    let found = remembered(sim, &key, &secret).await?;
    let message = Message::Admit { limits: Some(found.limits()), video_file: limit == RateLimit::VideoFiles };
    let Reply::Paced { pace, suspended } = ledger::send_of(sim, &found, &message).await? else { return Err(Problem::Internal) };
    if !pace.admitted {
        return Err(Problem::RateLimited { limit: pace.quota, retry_after: 1 });
    }
    let status = if suspended { "suspended" } else { "active" };
    let owner = Owner::Account(found.id);
    Ok((Caller::Account(Rc::new(Account { status: status.to_owned(), ..found })), owner, false))
}

/// For how long an isolate remembers in which database something is, ms.
const KNOWN_MS: u64 = jettyspeed_edge::accounts::directory::KNOWN_MS;

/// What the isolates remember of the directory is in one memory here: the one that serves a request now has what it has read up to 15 s ago.
fn enter_isolate(sim: &Sim) {
    if !shards::are_several(sim) {
        return;
    }
    let (here, now) = (isolate(sim), sim.time());
    let known = sim.model.borrow().admin.whereabouts.get(&here).filter(|(read_at, _)| now < read_at + KNOWN_MS).cloned();
    let (read_at, rows) = known.unwrap_or_else(|| {
        let read = (now, crate::check::shards::entries(sim));
        sim.model.borrow_mut().admin.whereabouts.insert(here, read.clone());
        read
    });
    shards::forget();
    for (kind, name, found) in rows {
        match (kind.as_str(), Id::parse(&name), Name::parse(&name)) {
            ("account", Some(id), _) => shards::remember(sim, Item::Account(id), found, EpochMs(read_at)),
            ("user", _, Some(user)) => shards::remember(sim, Item::User(&user), found, EpochMs(read_at)),
            ("namespace", _, Some(namespace)) => shards::remember(sim, Item::Namespace(&namespace), found, EpochMs(read_at)),
            _ => {}
        }
    }
}

/// The isolate that a task runs in.
fn isolate(sim: &Sim) -> u64 {
    let tasks = sim.tasks.borrow();
    let mut number = sim.current();
    while let Some(parent) = tasks.get(number).filter(|task| task.role == Role::Detached).and_then(|task| task.parent) {
        number = parent;
    }
    tasks.get(number).map_or(0, |task| task.key % 3)
}

async fn remembered(sim: &Sim, key: &Sha256Hex, secret: &Sha256Hex) -> Result<Account, Problem> {
    let (now, place) = (sim.now(), (isolate(sim), key.as_str().to_owned()));
    let known = sim.model.borrow().admin.remembered.get(&place).filter(|(_, until)| now.0 < *until).map(|(account, _)| account.clone());
    if let Some(account) = known {
        account.authenticate(secret.as_str(), now).map_err(Problem::Unauthenticated)?;
        return Ok(account);
    }
    let row = authenticate::by_key(sim, key).await?;
    let account = row.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?;
    account.authenticate(secret.as_str(), now).map_err(Problem::Unauthenticated)?;
    let account = authenticate::with_ledger(sim, account, "").await?;
    sim.model.borrow_mut().admin.remembered.insert(place, (account.clone(), now.0 + REMEMBERED_MS));
    Ok(account)
}

/// Has what the running task's isolate remembers of accounts forgotten.
pub fn forget(sim: &Sim, what: &Stale<'_>) {
    let here = isolate(sim);
    let remembered = &mut sim.model.borrow_mut().admin.remembered;
    match what {
        Stale::Account(id) => remembered.retain(|(isolate, _), (account, _)| *isolate != here || account.id != *id),
        Stale::Accounts => remembered.retain(|(isolate, _), _| *isolate != here),
        _ => {}
    }
}

/// What is known of an account when a request begins.
pub struct Fence {
    account: usize,
    /// Whether it is suspended, with the number of that change.
    suspended: Option<(bool, u64)>,
}

/// Taken when a request of an account begins; None for other callers.
pub fn fence(sim: &Sim, account: usize, service: &'static str, sender: &As) -> Option<Fence> {
    // A file of a video may replace another, also of another account, when there is room for no further one.
    if service == "put video"
        && let Some(user) = sim.model.borrow_mut().admin.users.get_mut(account)
    {
        user.puts += 1;
    }
    if !sim.settings.administered || !matches!(sender, As::Account | As::Token(_)) {
        return None;
    }
    let model = sim.model.borrow();
    let status = &model.admin.users.get(account)?.suspended;
    Some(Fence { account, suspended: status.known().map(|suspended| (*suspended, status.begun)) })
}

/// What a request was told must agree with what was known when it began, if that has not changed; and nobody uses more than was allowed.
pub fn judge(sim: &Sim, fence: &Fence, service: &'static str, told: &Told) {
    let model = sim.model.borrow();
    let Some(user) = model.admin.users.get(fence.account) else { return };
    let unchanged = fence.suspended.filter(|(_, begun)| user.suspended.begun == *begun);
    match (unchanged, told) {
        (Some((true, _)), Some(Ok(_))) if ACTIVE.contains(&service) => sim.fail(|| format!("{service} for a suspended account")),
        (Some((false, _)), Some(Err(Problem::Suspended))) => sim.fail(|| format!("{service} refused as suspended, and the account is active")),
        _ => {}
    }
    if matches!(told, Some(Ok(_))) && STORING.contains(&service) && !model.admin.bandwidth[fence.account].lost {
        let (storage, objects, uploads) = user.ceiling;
        // Of two writers of one file at once, each is counted until both are done.
        let writers = sim.tasks.borrow().iter().filter(|task| !task.ended && task.role == Role::Request && task.service == "put video").count();
        if let Some(id) = user.id
            && (service != "put video" || writers == 0)
            && let Some(used) = used(sim, id)
            && (used.0 > storage * 1_000_000_000 || used.1 > objects + user.puts || used.2 > uploads)
        {
            sim.fail(|| format!("account {} uses {used:?} of {:?} after {service}", fence.account, user.ceiling));
        }
    }
}

/// Bytes, objects and uploads that the ledger of an account counts as used or reserved.
fn used(sim: &Sim, account: Id) -> Option<(u64, u64, u64)> {
    let (ledger, _) = crate::check::accounts::ledger_of(sim, account)?;
    let reserved = ledger.reserved();
    Some((ledger.books.used + reserved.bytes, ledger.objects() + reserved.objects, reserved.uploads))
}
