//! Namespaces: created, joined, left, changed, purged, deleted.

use jettyspeed_edge::access::authorize::ResourceKind;
use jettyspeed_edge::accounts::provisioning::Record;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::namespaces::patch::{Create, Patch};
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::idempotency::{once, slot};
use jettyspeed_edge::services::namespaces::{change, create, delete, members};
use serde_json::json;

use crate::model_admin::End;
use crate::operations::backend::{REPEAT_AFTER_MS, is_certain};
use crate::operations::{As, Client, Told, body};
use crate::parties::{SPACES, user};
use crate::scheduler::Begun;
use crate::task::Role as TaskRole;
use crate::world::Sim;

fn operator(sim: &Sim) -> Client {
    Client { sim: sim.clone(), account: 0 }
}

/// Creates a namespace, in several calls at once: one of them at the most creates it.
pub async fn create_all(sim: &Sim, space: usize, calls: u8, key: Option<u8>) {
    let mut waiting = Vec::new();
    let was_absent = sim.model.borrow().admin.spaces[space].exists.known() == Some(&false);
    let (turn, before) = {
        let known = &mut sim.model.borrow_mut().admin.spaces[space];
        let before = (known.created, known.drops);
        (known.exists.begin(), before)
    };
    for _ in 0..calls {
        let (held, begun) = (sim.clone(), Begun::by(sim, TaskRole::Client, ""));
        let (_, told) = sim.begin_with_result(begun, async move { create_once(&held, space, key).await });
        waiting.push(told);
    }
    let mut all: Vec<Told> = Vec::new();
    for told in waiting {
        all.push(told.await.flatten());
    }
    let won = all.iter().any(|told| matches!(told, Some(Ok(reply)) if !reply.replayed));
    // An answer that is repeated says nothing of now.
    let repeated = all.iter().any(|told| matches!(told, Some(Ok(reply)) if reply.replayed));
    let taken = all.iter().any(|told| matches!(told, Some(Err(Problem::AlreadyExists { .. }))));
    let end = match all.iter().find(|told| matches!(End::<bool>::refused(told), End::Unclear) && !matches!(told, Some(Ok(_)))) {
        // What has no answer may still create it; it is there all the same if another one says so.
        _ if won => End::Set(true),
        // In several databases the name is claimed before the namespace is there.
        Some(_) if taken && sim.databases.len() == 1 => End::Set(true),
        Some(_) => End::Unclear,
        None if taken => End::Set(true),
        None => End::Same,
    };
    let known = &mut sim.model.borrow_mut().admin.spaces[space];
    let was_alone = known.exists.end(turn, end, sim.time());
    if was_alone && was_absent && is_certain(sim) && !repeated && !(won && known.created == before.0 + 1) {
        sim.fail(|| format!("{} was free, and {} of {calls} calls have created it", SPACES[space], known.created - before.0));
    }
    if was_alone && was_absent && taken && !won && !repeated && is_certain(sim) {
        sim.fail(|| format!("{} was free, and was refused as taken", SPACES[space]));
    }
}

async fn create_once(sim: &Sim, space: usize, key: Option<u8>) -> Told {
    let key = key.map(|key| format!("{}-{key}", SPACES[space]));
    let sent = json!({ "name": SPACES[space], "display_name": "new", "chunk_size": crate::content::LARGE }).to_string();
    let now = sim.time();
    let asking = key.as_ref().map(|key| sim.model.borrow_mut().admin.slots.begin(&format!("operator/{key}"), &sent, now));
    let told = operator(sim)
        .request("create namespace", ("POST", "/api/portal/namespaces"), As::Operator, move |call| async move {
            let namespace = Create::parse(sent.as_bytes())?.check(call.now())?;
            let slot = slot(call.route, key.as_deref(), "operator", sent.as_bytes())?;
            let held = call.clone();
            // In a history with one database that of new accounts is not bound.
            let shard = (held.io.databases.len() < 2).then_some(Shard::MAIN);
            once(&call, slot, async move { create::create(&held, &namespace, shard).await }).await
        })
        .await;
    let admin = &mut sim.model.borrow_mut().admin;
    if let Some(asking) = asking
        && let Err(wrong) = admin.slots.end(&asking, &told, is_certain(sim), sim.time())
    {
        sim.fail(|| wrong);
    }
    if matches!(&told, Some(Ok(reply)) if !reply.replayed) {
        let known = &mut admin.spaces[space];
        known.created += 1;
        if known.created > known.drops + 1 {
            sim.fail(|| format!("{} was created {} times, and deleted {} times", SPACES[space], known.created, known.drops));
        }
    }
    told
}

/// Makes a user a member, or removes it; repeated if that fails.
pub async fn membership(sim: &Sim, space: usize, number: usize, role: Option<Role>) {
    if !membership_once(sim, space, number, role).await {
        crate::task::Pause::new(sim, REPEAT_AFTER_MS).await;
        membership_once(sim, space, number, role).await;
    }
}

/// False if it is not known whether that was done.
async fn membership_once(sim: &Sim, space: usize, number: usize, role: Option<Role>) -> bool {
    let turn = {
        let model = &mut sim.model.borrow_mut();
        model.members_changed = true;
        model.admin.spaces[space].members.get_mut(&number).map(crate::model_admin::Register::begin)
    };
    let Some(turn) = turn else { return true };
    let (service, method) = if role.is_some() { ("add member", "PUT") } else { ("remove member", "DELETE") };
    let user = user(number);
    let told = operator(sim)
        .request(service, (method, "/api/portal/namespaces/{ns}/members/{user}"), As::Operator, move |call| async move {
            let namespace = change::find(&call, SPACES[space]).await?;
            let record: Record = call.find_owned(ResourceKind::User, user.as_str()).await?;
            let Some(role) = role else {
                let held = call.clone();
                let removed = call.detached(async move { members::remove(&held, &namespace, &record).await });
                return removed.await.unwrap_or(Err(Problem::Internal));
            };
            members::add(&call, &namespace, &record, role).await
        })
        .await;
    let end = match &told {
        // Of a namespace and an account that are there, a removal says that it is no member any more.
        Some(Err(Problem::NotFound)) if role.is_none() && is_there(sim, space, number) => End::Set(None),
        Some(Err(Problem::NotFound)) => End::Same,
        told => End::of(told, role),
    };
    let is_clear = end != End::Unclear;
    if let Some(known) = sim.model.borrow_mut().admin.spaces[space].members.get_mut(&number) {
        known.end(turn, end, sim.time());
    }
    is_clear
}

fn is_there(sim: &Sim, space: usize, number: usize) -> bool {
    let model = sim.model.borrow();
    model.admin.spaces[space].exists.known() == Some(&true) && model.admin.users[number].id.is_some()
}

/// Changes a namespace's display name, as an account or as the operator.
pub async fn change(sim: &Sim, space: usize, by: Option<usize>, value: u8, operators: bool) {
    let display = format!("name {value}");
    let mut sent = json!({ "display_name": display, "cache_ttl": { "small": u64::from(value) * 10 } });
    if operators {
        sent["origin_usd_per_gb"] = 0.5.into();
    }
    let (turn, role) = {
        let known = &mut sim.model.borrow_mut().admin.spaces[space];
        let role = by.and_then(|user| known.members.get(&user).map(|role| (role.known().cloned(), role.begun)));
        (known.display.begin(), role)
    };
    let (client, sender) = match by {
        Some(account) => (Client { sim: sim.clone(), account }, As::Account),
        None => (operator(sim), As::Operator),
    };
    let told = client
        .request("change namespace", ("PATCH", "/api/portal/namespaces/{ns}"), sender, move |call| async move {
            let patch: Patch = serde_json::from_value(sent).map_err(|_| Problem::Internal)?;
            change::change(&call, SPACES[space], &patch).await
        })
        .await;
    let known = &mut sim.model.borrow_mut().admin.spaces[space];
    // A change that has no answer may be repeated by the one that made it.
    known.display.end(turn, End::of(&told, display), sim.time());
    let Some((Some(role), begun)) = role else { return };
    let user = by.unwrap_or_default();
    if known.members.get(&user).is_none_or(|now| now.begun != begun) {
        return;
    }
    let may = role == Some(Role::Manager) && !operators;
    match &told {
        Some(Ok(_)) if !may => sim.fail(|| format!("account {user} has changed {} as {role:?}", SPACES[space])),
        Some(Err(Problem::ManagerOnly)) if role != Some(Role::Member) => {
            sim.fail(|| format!("account {user} is {role:?} and was refused as a member"))
        }
        Some(Err(Problem::OperatorOnly { .. })) if role != Some(Role::Manager) => sim.fail(|| format!("{role:?} was told what only managers are")),
        Some(Err(Problem::NotFound)) if role.is_some() && known.exists.known() == Some(&true) => {
            sim.fail(|| format!("account {user} is {role:?} and was told that {} does not exist", SPACES[space]));
        }
        _ => {}
    }
}

/// Purges a namespace: every answer tells another generation.
pub async fn purge(sim: &Sim, space: usize) {
    let drops = {
        let known = &mut sim.model.borrow_mut().admin.spaces[space];
        known.purges.0 += 1;
        known.drops
    };
    let told = operator(sim)
        .request("purge", ("POST", "/api/portal/namespaces/{ns}/purge"), As::Operator, move |call| async move {
            let namespace = change::find(&call, SPACES[space]).await?;
            change::purge(&call, &namespace).await
        })
        .await;
    let Some(Ok(reply)) = told else { return };
    let generation = body(&reply)["generation"].as_u64().unwrap_or_default();
    let known = &mut sim.model.borrow_mut().admin.spaces[space];
    // One that was deleted and created again begins anew.
    if known.drops == drops && drops == 0 && !known.purges.1.insert(generation) {
        sim.fail(|| format!("two purges of {} were told generation {generation}", SPACES[space]));
    }
}

/// Deletes a namespace.
pub async fn drop_space(sim: &Sim, space: usize) {
    let turn = {
        let model = &mut sim.model.borrow_mut();
        model.members_changed = true;
        let known = &mut model.admin.spaces[space];
        known.disturb();
        known.drops += 1;
        known.exists.begin()
    };
    let told = operator(sim)
        .request("delete namespace", ("DELETE", "/api/portal/namespaces/{ns}"), As::Operator, move |call| async move {
            let namespace = change::find(&call, SPACES[space]).await?;
            delete::delete(&call, &namespace).await
        })
        .await;
    let known = &mut sim.model.borrow_mut().admin.spaces[space];
    let was_there = matches!(told, Some(Err(Problem::NamespaceInUse)));
    known.disturb();
    let end = match &told {
        Some(Err(Problem::NotFound)) => End::Set(false),
        _ if was_there => End::Set(true),
        told => End::of(told, false),
    };
    known.exists.end(turn, end, sim.time());
    if matches!(told, Some(Ok(_))) && !crate::check::spaces::is_empty(sim, SPACES[space]) {
        sim.fail(|| format!("{} was deleted, and something is in it", SPACES[space]));
    }
}
