//! `/api/portal/namespaces`: operators manage all namespaces; accounts read those they are in, and rename and set TTLs of those they manage.

use serde::Deserialize;
use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::accounts::provisioning::{Record, check_user};
use crate::clients::{database, shards};
use crate::http::json_body::MAX_BODY;
use crate::http::{json_body, pagination};
use crate::io::Io;
use crate::io::database::Database;
use crate::namespaces;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::patch::{Create, Patch};
use crate::namespaces::role::{Membership, Role};
use crate::problem::Problem;
use crate::services::analytics;
use crate::services::idempotency::once;
use crate::services::namespaces::{change, create, delete, members};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;

/// Creates a namespace.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let wanted = Create::parse(&body)?;
    let shard = wanted.shard();
    let namespace = wanted.check(clock::now())?;
    if !shards::all(&call.io).any(|bound| bound == shard.unwrap_or(call.config.new_accounts_shard)) {
        return Err(Problem::invalid("shard", "is the number of no database of this deployment"));
    }
    let (slot, held) = (call.slot("operator", &body)?, call.service.clone());
    once(&call.service, slot, async move { create::create(&held, &namespace, shard).await }).await.map(Reply::from)
}

/// Lists the caller's namespaces by name; for an operator all of them.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let limit = pagination::limit(call.query("limit").as_deref())?;
    let cursor = call.query("cursor").unwrap_or_default();
    let rows: Vec<Namespace> = match &*call.caller {
        Caller::Account(account) => {
            account.must_be_active()?;
            let db = shards::of_account_to_read(&call.io, account.id).await?.nearest_if(!cursor.is_empty());
            database::all(&db, &namespaces::repository::list_of_member(account.id, &cursor, limit.saturating_add(1))).await?
        }
        _ => {
            let mut rows: Vec<Namespace> = Vec::new();
            for shard in shards::all(&call.io) {
                let page = namespaces::repository::list(&cursor, limit.saturating_add(1));
                rows.extend(database::all::<Namespace>(&call.io.db(shard)?, &page).await?);
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
    change::find(&call.service, call.params.get("ns").unwrap_or_default()).await
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
        database::all(&shards::of_namespace_to_read(&call.io, &namespace.name).await?, &namespaces::repository::members(namespace.name.as_str()))
            .await?;
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
    change::change(&call.service, call.params.get("ns").unwrap_or_default(), &patch).await.map(Reply::from)
}

/// Delivery statistics and the origin costs avoided by the cache. `hitRate` and `costSaved` are the older names of two figures.
pub async fn stats(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    let ever = analytics::ever(&call.service, &namespace).await?;
    Reply::json(
        200,
        &json!({
            "hits": ever.hits,
            "misses": ever.requests.saturating_sub(ever.hits),
            "hit_rate": ever.hit_rate(),
            "hitRate": ever.hit_rate(),
            "bytes_from_cache": ever.bytes_from_cache,
            "bytes_from_origin": ever.bytes_from_origin,
            "cost_saved_usd": ever.saved_usd,
            "costSaved": ever.saved_usd,
            "cmcd_requests": ever.cmcd_requests,
        }),
    )
}

/// Purges the namespace's cache entries: immediately in the isolate, within 1 s in the data centre, within 60 s globally (docs/delivery.md, Invalidation).
pub async fn purge(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    change::purge(&call.service, &namespace).await.map(Reply::from)
}

/// Deletes an empty namespace that is not an account's own.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let namespace = namespace_of_path(call).await?;
    delete::delete(&call.service, &namespace).await.map(Reply::from)
}

/// The namespace in the path, and the account of the user in the path.
pub async fn member(call: &Routed) -> Result<(Namespace, Record), Problem> {
    let namespace = namespace_of_path(call).await?;
    let user = check_user(call.params.get("user").unwrap_or_default())?;
    let record = call.service.find_owned(ResourceKind::User, user.as_str()).await?;
    Ok((namespace, record))
}

/// Makes a user's account a member, with the role in the body. Idempotent.
pub async fn add_member(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let membership: Membership = if body.is_empty() { Membership::default() } else { json_body::parse(&body)? };
    let role = membership.check()?;
    let (namespace, record) = member(call).await?;
    members::add(&call.service, &namespace, &record, role).await.map(Reply::from)
}

/// Removes a user's account from the members and ends its open uploads there. An account can not be removed from its own namespace.
pub async fn remove_member(call: &Routed) -> Result<Reply, Problem> {
    let (namespace, record) = member(call).await?;
    let held = call.service.clone();
    let removed = call.io.detached(async move { members::remove(&held, &namespace, &record).await });
    removed.await.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}
