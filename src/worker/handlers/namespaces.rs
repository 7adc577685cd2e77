//! `/api/portal/namespaces`: operators manage all namespaces; accounts read those they are in, and rename and set TTLs of those they manage.

use serde::Deserialize;
use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::access::membership;
use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::accounts::provisioning::{Record, check_user, own_namespace};
use crate::base::shard::{Access, Shard};
use crate::base::units::GB;
use crate::delivery::repository::Count;
use crate::http::json_body;
use crate::http::json_body::MAX_BODY;
use crate::http::pagination;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::patch::{Create, Patch};
use crate::namespaces::role::{Membership, Role};
use crate::problem::Problem;
use crate::worker::content::metadata_cache;
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1, shards};
use crate::worker::services::uploads;
use crate::{delivery, namespaces};

/// Maximum attempts of an update under concurrent changes.
const MAX_ATTEMPTS: u32 = 10;

/// Creates a namespace.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let wanted = Create::parse(&call.bytes(MAX_BODY).await?)?;
    let shard = wanted.shard().unwrap_or(call.config.new_accounts_shard);
    let namespace = wanted.check(clock::now())?;
    if !shards::all(&call.env).any(|bound| bound == shard) {
        return Err(Problem::invalid("shard", "is the number of no database of this deployment"));
    }
    let (slot, held) = (idempotency::slot(call, "operator", &body)?, call.clone());
    let work = async move {
        let taken = || Problem::AlreadyExists { field: "name" };
        shards::forget();
        let claimed = shards::find(&held.env, Item::Namespace(&namespace.name)).await?.shard;
        // One that was claimed for this shard may not have been created.
        if !claimed.is_main() && claimed != shard {
            return Err(taken());
        }
        if claimed != shard {
            let claimed: Option<serde_json::Value> =
                d1::first(&bindings::db(&held.env, Shard::MAIN)?, &directory::repository::create(&namespace.name, shard)).await?;
            claimed.ok_or_else(taken)?;
            shards::forget();
        }
        let created: Option<serde_json::Value> = d1::first(&bindings::db(&held.env, shard)?, &namespaces::repository::insert(&namespace)).await?;
        created.ok_or_else(taken)?;
        Reply::json(201, &namespace.view())
    };
    idempotency::once(call, slot, work).await
}

/// Lists the caller's namespaces by name; for an operator all of them.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let limit = pagination::limit(call.query("limit").as_deref())?;
    let cursor = call.query("cursor").unwrap_or_default();
    let rows: Vec<Namespace> = match &*call.caller {
        Caller::Account(account) => {
            account.must_be_active()?;
            let db = shards::of_account_to_read(&call.env, account.id).await?.nearest_if(!cursor.is_empty());
            d1::all(&db, &namespaces::repository::list_of_member(account.id, &cursor, limit.saturating_add(1))).await?
        }
        _ => {
            let mut rows: Vec<Namespace> = Vec::new();
            for shard in shards::all(&call.env) {
                let page = namespaces::repository::list(&cursor, limit.saturating_add(1));
                rows.extend(d1::all::<Namespace>(&bindings::db(&call.env, shard)?, &page).await?);
            }
            rows.sort_by(|one, other| one.name.cmp(&other.name));
            // The examples are in every database, and a namespace that is being moved is in two.
            rows.dedup_by(|one, other| one.name == other.name);
            rows
        }
    };
    let (rows, cursor) = pagination::cut_by(rows, limit, |namespace| namespace.name.to_string());
    let namespaces: Vec<_> = rows.iter().map(Namespace::view).collect();
    Reply::json(200, &json!({ "namespaces": namespaces, "cursor": cursor }))
}

async fn namespace_of_path(call: &Routed) -> Result<Namespace, Problem> {
    if let Caller::Account(account) = &*call.caller {
        account.must_be_active()?;
    }
    call.find_owned(ResourceKind::Namespace, call.params.get("ns").unwrap_or_default()).await
}

/// Reads one namespace; for an operator with its members.
pub async fn get_namespace(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    if !matches!(&*call.caller, Caller::Operator) {
        return Reply::json(200, &namespace.view());
    }
    #[derive(Deserialize)]
    struct Row {
        agentcache_user_id: String,
        role: Role,
    }
    let rows: Vec<Row> =
        d1::all(&shards::of_namespace_to_read(&call.env, &namespace.name).await?, &namespaces::repository::members(namespace.name.as_str())).await?;
    let managers: Vec<_> = rows.iter().filter(|row| row.role == Role::Manager).map(|row| row.agentcache_user_id.as_str()).collect();
    let members: Vec<_> = rows.iter().map(|row| row.agentcache_user_id.as_str()).collect();
    let mut view = serde_json::to_value(namespace.view()).map_err(|_| Problem::Internal)?;
    if let Some(view) = view.as_object_mut() {
        view.insert("members".to_owned(), json!(members));
        if !managers.is_empty() {
            view.insert("managers".to_owned(), json!(managers));
        }
    }
    Reply::json(200, &view)
}

/// Changes the fields in the body.
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: Patch = call.json(MAX_BODY).await?;
    for _ in 0..MAX_ATTEMPTS {
        let before = namespace_of_path(call).await?;
        let may_configure = membership::may_configure(&call.caller, &before);
        // Values are checked before rights (docs/api.md, "Order of checks").
        let (since, after) = (before.updated_at, patch.clone().apply(before)?);
        may_configure?;
        if !matches!(&*call.caller, Caller::Operator) {
            patch.by_manager()?;
        }
        let written: Option<serde_json::Value> =
            d1::first(&shards::of_namespace(&call.env, &after.name).await?, &namespaces::repository::update(&after, since, clock::now())).await?;
        if written.is_some() {
            metadata_cache::invalidate_namespace(&call.cache, &after.name).await;
            return Reply::json(200, &after.view());
        }
    }
    Err(Problem::StillRunning)
}

/// Delivery statistics and the origin costs avoided by the cache.
pub async fn stats(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    let count: Option<Count> =
        d1::first(&shards::of_namespace_to_read(&call.env, &namespace.name).await?.nearest(), &delivery::repository::total(&namespace.name)).await?;
    let Count { requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests } = count.unwrap_or_default();
    let price = namespace.origin_usd_per_gb.unwrap_or(call.config.prices.origin_gb);
    Reply::json(
        200,
        &json!({
            "hits": hits,
            "misses": requests.saturating_sub(hits),
            "hit_rate": percent(hits, requests),
            "bytes_from_cache": bytes_from_cache,
            "bytes_from_origin": bytes_from_origin,
            "cost_saved_usd": bytes_from_cache as f64 / GB as f64 * price,
            "cmcd_requests": cmcd_requests,
        }),
    )
}

/// Percentage with two decimals; 0 if `whole` is 0.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 10_000.0 / whole as f64).round() / 100.0 }
}

/// Purges the namespace's cache entries: immediately in the isolate, within 1 s in the data centre, within 60 s globally (docs/delivery.md, Invalidation).
pub async fn purge(call: &Routed) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    struct Row {
        generation: u64,
    }
    let namespace = namespace_of_path(call).await?;
    let row: Option<Row> =
        d1::first(&shards::of_namespace(&call.env, &namespace.name).await?, &namespaces::repository::purge(namespace.name.as_str())).await?;
    metadata_cache::invalidate_namespace(&call.cache, &namespace.name).await;
    let generation = row.ok_or(Problem::NotFound)?.generation;
    Reply::json(200, &json!({ "namespace": namespace.name, "generation": generation }))
}

/// Deletes an empty namespace that is not an account's own.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    let shard = shards::shard_of(&call.env, Item::Namespace(&namespace.name), Access::Write).await?;
    let db = bindings::db(&call.env, shard)?;
    let [history, deletion] = namespaces::repository::delete(namespace.name.as_str());
    d1::batch(&db, &[history]).await?;
    let gone: Option<serde_json::Value> = d1::first(&db, &deletion).await?;
    gone.ok_or(Problem::NamespaceInUse)?;
    if !shard.is_main() {
        d1::batch(&bindings::db(&call.env, Shard::MAIN)?, &[directory::repository::forget(Item::Namespace(&namespace.name))]).await?;
        shards::forget();
    }
    Ok(Reply::empty(204))
}

/// The namespace in the path, and the account of the user in the path.
pub async fn member(call: &Routed) -> Result<(Namespace, Record), Problem> {
    let namespace = namespace_of_path(call).await?;
    let user = check_user(call.params.get("user").unwrap_or_default())?;
    let record = call.find_owned(ResourceKind::User, user.as_str()).await?;
    Ok((namespace, record))
}

/// Makes a user's account a member, with the role in the body. Idempotent.
pub async fn add_member(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let membership: Membership = if body.is_empty() { Membership::default() } else { json_body::parse(&body)? };
    let role = membership.check()?;
    let (namespace, record) = member(call).await?;
    let (env, user) = (&call.env, &record.agentcache_user_id);
    let shard = shards::shard_of(env, Item::Namespace(&namespace.name), Access::Write).await?;
    let its = shards::shard_of(env, Item::User(user), Access::Write).await?;
    if its != shard {
        return Err(Problem::OtherShard { account: its.number(), namespace: shard.number() });
    }
    let statement = namespaces::repository::put_member(&record.agentcache_user_id, namespace.name.as_str(), role, clock::now());
    d1::batch(&bindings::db(env, shard)?, &[statement]).await?;
    Ok(Reply::empty(204))
}

/// Removes a user's account from the members and ends its open uploads there. An account can not be removed from its own namespace.
pub async fn remove_member(call: &Routed) -> Result<Reply, Problem> {
    let (namespace, record) = member(call).await?;
    if namespace.name.as_str() == own_namespace(&record.agentcache_user_id) {
        return Err(Problem::NamespaceInUse);
    }
    let statement = namespaces::repository::remove_member(&record.agentcache_user_id, namespace.name.as_str());
    let held = call.clone();
    let removed = call.run_detached(async move {
        let gone: Option<serde_json::Value> = d1::first(&shards::of_namespace(&held.env, &namespace.name).await?, &statement).await?;
        gone.ok_or(Problem::NotFound)?;
        uploads::membership::end_uploads(&held.env, record.id, &namespace.name, clock::now()).await
    });
    removed.await.unwrap_or(Err(Problem::Internal)).map(|()| Reply::empty(204))
}
