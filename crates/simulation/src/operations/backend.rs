//! What the identity backend and the operator do with accounts, in histories where accounts are changed.

use jettyspeed_edge::accounts::provisioning::{OfUser, Provision, Rotate, Upgrade};
use jettyspeed_edge::accounts::tier::TierPatch;
use jettyspeed_edge::base::id::Name;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::idempotency::repository::Slot;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::accounts::{change, provision, tiers};
use jettyspeed_edge::services::idempotency::once;
use jettyspeed_edge::services::reply::Reply;
use serde_json::{Value, json};

use crate::model_admin::End;
use crate::operations::{As, Client, body, id_in};
use crate::parties::user;
use crate::scheduler::Begun;
use crate::task::Role;
use crate::world::Sim;

/// Tiers, lowest first but for the last.
pub const TIERS: [&str; 4] = ["starter", "pro", "business", "free"];

/// For how long credentials are told again, ms.
const REPEAT_MS: u64 = 30 * 86_400_000;

/// For how long an isolate remembers an account, ms.
const REMEMBERED_MS: u64 = 30_000;

/// By how much the answer of a change may be away from it, and clocks from each other, ms.
fn slack(sim: &Sim) -> u64 {
    2 * sim.settings.skew_ms + 1_000
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|_| Problem::Internal)
}

/// Provisions a user, in several calls at once.
pub async fn provision(sim: &Sim, number: usize, tier: usize, calls: u8, webhook: Option<u8>) {
    let mut waiting = Vec::new();
    for call in 0..calls {
        // Half of several calls carry another id, or another tier.
        let (webhook, tier) = if call % 4 == 3 { (None, (tier + 1) % 3) } else { (webhook, tier) };
        let (held, begun) = (sim.clone(), Begun::by(sim, Role::Client, ""));
        let (_, done) = sim.begin_with_result(begun, async move { provision_once(&held, number, TIERS[tier % 4], webhook).await });
        waiting.push(done);
    }
    for done in waiting {
        let _ = done.await;
    }
}

async fn provision_once(sim: &Sim, number: usize, tier: &'static str, webhook: Option<u8>) {
    let client = Client { sim: sim.clone(), account: number };
    let sent = json!({ "user_id": user(number), "email": "a@b", "tier": tier });
    let id = webhook.map(|id| format!("msg_{number}_{id}"));
    let sender = id.clone().map_or(As::Backend, As::Webhook);
    let began = sim.time();
    let (turns, asking) = {
        let admin = &mut sim.model.borrow_mut().admin;
        admin.raise_ceiling(number, tier);
        let known = &mut admin.users[number];
        let turns = (known.tier.begin(), known.newest.begun, known.newest.is_open(), known.suspended.known().is_none());
        known.created.get_or_insert((began, 0));
        (turns, id.as_ref().map(|id| admin.slots.begin(id, "", began)))
    };
    let slot = id.map(|id| Slot::Webhook { id });
    let told = client
        .request("provision", ("POST", "/api/agentcache/provision"), sender, move |call| async move {
            let wanted = read::<Provision>(sent)?.check()?;
            let held = call.clone();
            once(&call, slot, async move { provision::provision_account(&held, wanted).await }).await
        })
        .await;
    let (now, slack) = (sim.time(), slack(sim));
    let admin = &mut sim.model.borrow_mut().admin;
    if let Some(asking) = asking
        && let Err(wrong) = admin.slots.end(&asking, &told, is_certain(sim), now)
    {
        sim.fail(|| wrong);
    }
    let known = &mut admin.users[number];
    let (tier_turn, rotations, rotating, is_new) = turns;
    let Some(Ok(reply)) = &told else {
        known.tier.end(tier_turn, End::refused(&told), now);
        return;
    };
    let account = body(reply)["account"].clone();
    let shown = account["tier"].as_str().unwrap_or_default().to_owned();
    known.tier.end(tier_turn, if reply.replayed { End::Same } else { End::Set(shown) }, now);
    if is_new && number >= crate::parties::ACCOUNTS && known.suspended.begun == 0 {
        known.suspended = crate::model_admin::Register::new(Some(false));
    }
    let id = id_in(&account["id"]);
    let Some(id) = id else {
        sim.fail(|| "an account without an id".to_owned());
        return;
    };
    if *known.id.get_or_insert(id) != id {
        sim.fail(|| format!("user {number} has account {:?}, and {id:?} was told", known.id));
    }
    let first = known.created.map_or(began, |(first, _)| first);
    match pair(&account) {
        Some((key, secret)) => {
            let is_known = known.pairs.iter().any(|pair| pair.key == key);
            if !is_known && known.newest.begun == 0 && !known.pairs.is_empty() {
                sim.fail(|| format!("user {number} was told other credentials without a rotation"));
            }
            let index = known.note(key, secret);
            if (known.newest.begun != rotations || rotating) && known.newest.known() != Some(&index) {
                // A rotation at the same time may have replaced it.
                known.pairs[index].good_until = 0;
            }
            // It was the newest one if no rotation came near.
            if known.newest.known().is_none() && known.newest.begun == 0 {
                known.newest = crate::model_admin::Register::new(Some(index));
            } else if known.newest.begun == rotations && !rotating && !reply.replayed && known.newest.known().is_some_and(|newest| *newest != index) {
                sim.fail(|| format!("user {number} was told old credentials"));
            }
        }
        None => {
            // Those that every history begins with are told to nobody.
            let is_told = number >= crate::parties::ACCOUNTS && known.newest.begun == rotations && !rotating;
            if is_told && now + slack < first + REPEAT_MS {
                sim.fail(|| format!("user {number} was told no credentials within 30 days"));
            }
        }
    }
    if let Some(created) = &mut known.created
        && reply.status == 201
    {
        created.1 = created.1.max(now);
    }
    let last = known.created.map_or(0, |(_, last)| last);
    if number >= crate::parties::ACCOUNTS
        && known.newest.begun == 0
        && last > 0
        && !reply.replayed
        && began > last + REPEAT_MS + slack
        && pair(&account).is_some()
    {
        sim.fail(|| format!("user {number} was told credentials after 30 days"));
    }
}

/// Whether nothing goes wrong in a history, and no call takes so long that a claim is void.
pub fn is_certain(sim: &Sim) -> bool {
    sim.settings.rate == 0 && sim.settings.pace == 0
}

fn pair(account: &Value) -> Option<(Sha256Hex, Sha256Hex)> {
    let hash = |name: &str| account[name].as_str().map(|text| Sha256Hex::of(text.as_bytes()));
    hash("api_key").zip(hash("api_secret"))
}

/// Moves an account to another tier.
pub async fn upgrade(sim: &Sim, number: usize, tier: usize, force: bool) {
    let tier = TIERS[tier % 4];
    let client = Client { sim: sim.clone(), account: number };
    let sent = json!({ "user_id": user(number), "tier": tier, "force": force });
    let turn = {
        let admin = &mut sim.model.borrow_mut().admin;
        admin.raise_ceiling(number, tier);
        admin.users[number].tier.begin()
    };
    let told = client
        .request("upgrade", ("POST", "/api/agentcache/upgrade"), As::Backend, move |call| async move {
            let wanted: Upgrade = read(sent)?;
            let (user, held) = (wanted.user()?, call.clone());
            once(&call, None, async move { change::upgrade(&held, &user, &wanted.tier, wanted.force).await }).await
        })
        .await;
    sim.model.borrow_mut().admin.users[number].tier.end(turn, End::of(&told, tier.to_owned()), sim.time());
    if matches!(told, Some(Ok(_))) {
        limits_are_known(sim, number, "upgraded");
    }
}

/// New credentials.
pub async fn rotate(sim: &Sim, number: usize, overlap: u64) {
    let client = Client { sim: sim.clone(), account: number };
    let sent = json!({ "user_id": user(number), "overlap_seconds": overlap });
    let began = sim.time();
    let turn = sim.model.borrow_mut().admin.users[number].newest.begin();
    let told = client
        .request("rotate", ("POST", "/api/agentcache/rotate"), As::Backend, move |call| async move {
            let (user, overlap_ms) = read::<Rotate>(sent)?.check()?;
            let held = call.clone();
            once(&call, None, async move { change::rotate(&held, &user, overlap_ms).await }).await
        })
        .await;
    let (now, slack) = (sim.time(), slack(sim));
    let known = &mut sim.model.borrow_mut().admin.users[number];
    let new = match &told {
        Some(Ok(reply)) => pair(&body(reply)["account"]).map(|(key, secret)| known.note(key, secret)),
        _ => None,
    };
    let end = match new {
        Some(new) => End::Set(new),
        None => End::refused(&told),
    };
    let is_same = end == End::Same;
    let was_alone = known.newest.end(turn, end, now);
    if new.is_some() && was_alone {
        let until = (began + overlap * 1000).saturating_sub(slack);
        known.rotated(new, Some((until, now + overlap * 1000 + slack)), now + REMEMBERED_MS + slack);
    } else if !is_same || !was_alone {
        known.rotated(None, None, 0);
    }
}

/// Calls with some credentials of a user.
pub async fn use_key(sim: &Sim, number: usize, nth: usize) {
    let chosen = {
        let model = sim.model.borrow();
        let user = &model.admin.users[number];
        crate::operations::nth(&(0..user.pairs.len()).collect::<Vec<_>>(), nth).map(|index| (index, user.pairs[index].clone(), user.newest.begun))
    };
    let Some((index, pair, rotations)) = chosen else { return };
    let is_newest = sim.model.borrow().admin.users[number].newest.known() == Some(&index);
    let client = Client { sim: sim.clone(), account: number };
    let began = sim.time();
    let told = client
        .request("use key", ("GET", "/api/agentcache/quota"), As::Key(pair.key.clone(), pair.secret.clone()), move |call| async move {
            call.account()?;
            Reply::json(200, &json!({}))
        })
        .await;
    let model = sim.model.borrow();
    let user = &model.admin.users[number];
    let is_refused = matches!(told, Some(Err(Problem::Unauthenticated(_))));
    let unchanged = user.newest.begun == rotations && !user.newest.is_open();
    if is_refused && unchanged && (is_newest || sim.time() < user.pairs[index].good_until) && user.pairs[index].good_until > 0 {
        sim.fail(|| format!("credentials {index} of user {number} are good, and were refused"));
    }
    if matches!(told, Some(Ok(_))) && began > pair.dead_from {
        sim.fail(|| format!("credentials {index} of user {number} have expired, and were taken"));
    }
}

/// How long the identity backend and the operator wait before they repeat what has failed, ms.
pub const REPEAT_AFTER_MS: u64 = 70_000;

/// Suspends an account, or resumes it; repeated if that fails.
pub async fn switch(sim: &Sim, number: usize, suspended: bool) {
    if !switch_once(sim, number, suspended).await {
        crate::task::Pause::new(sim, REPEAT_AFTER_MS).await;
        switch_once(sim, number, suspended).await;
    }
}

/// False if it is not known whether that was done.
async fn switch_once(sim: &Sim, number: usize, suspended: bool) -> bool {
    let client = Client { sim: sim.clone(), account: number };
    let (service, path) = if suspended { ("suspend", "/api/agentcache/suspend") } else { ("resume", "/api/agentcache/resume") };
    let sent = json!({ "user_id": user(number) });
    let turn = sim.model.borrow_mut().admin.users[number].suspended.begin();
    let told = client
        .request(service, ("POST", path), As::Backend, move |call| async move {
            let user: Name = read::<OfUser>(sent)?.user()?;
            let held = call.clone();
            once(&call, None, async move { change::switch(&held, &user, suspended).await }).await
        })
        .await;
    let end = End::of(&told, suspended);
    let is_clear = end != End::Unclear;
    sim.model.borrow_mut().admin.users[number].suspended.end(turn, end, sim.time());
    if matches!(told, Some(Ok(_))) {
        limits_are_known(sim, number, service);
    }
    is_clear
}

/// Changes the tier `pro`.
pub async fn tier(sim: &Sim, storage: u64, objects: u64) {
    let client = Client { sim: sim.clone(), account: 0 };
    sim.model.borrow_mut().admin.raise_tier("pro", storage, objects);
    let _ = client
        .request("change tier", ("PATCH", "/api/portal/tiers/{tier}"), As::Operator, move |call| async move {
            let patch = TierPatch { storage_quota_gb: Some(storage), max_objects: Some(objects), ..TierPatch::default() };
            let held = call.clone();
            let tier = call.detached(async move { tiers::change(&held.io, "pro", &patch).await }).await;
            Reply::json(200, &tier.unwrap_or(Err(Problem::Internal))?)
        })
        .await;
}

/// After a change that was told: the ledger, if there is one, has the limits of the account as it is.
fn limits_are_known(sim: &Sim, number: usize, what: &str) {
    let Some(id) = sim.model.borrow().admin.users[number].id else { return };
    if let Some(wrong) = crate::check::accounts::old_limits(sim, id) {
        sim.fail(|| format!("{what}, and the ledger of user {number} has older limits: {wrong}"));
    }
}
