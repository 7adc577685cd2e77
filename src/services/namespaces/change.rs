//! Changes a namespace's settings, and its generation.

use serde::Deserialize;
use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::access::membership;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::stale::Stale;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::patch::Patch;
use crate::namespaces::repository;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Maximum attempts of an update under concurrent changes.
const MAX_ATTEMPTS: u32 = 10;

/// The namespace of that name, if the caller may see it.
///
/// # Errors
/// 403 suspended, 404.
pub async fn find(call: &Request<impl Io>, name: &str) -> Result<Namespace, Problem> {
    if let Caller::Account(account) = &*call.caller {
        account.must_be_active()?;
    }
    call.find_owned(ResourceKind::Namespace, name).await
}

/// Changes the fields that `patch` has.
///
/// # Errors
/// 403, 404, 422; 409 if others change it all the time.
pub async fn change(call: &Request<impl Io>, name: &str, patch: &Patch) -> Result<Reply, Problem> {
    for _ in 0..MAX_ATTEMPTS {
        let before = find(call, name).await?;
        let may_configure = membership::may_configure(&call.caller, &before);
        // Values are checked before rights (docs/api.md, "Order of checks").
        let (since, after) = (before.updated_at, patch.clone().apply(before)?);
        may_configure?;
        if !matches!(&*call.caller, Caller::Operator) {
            patch.by_manager()?;
        }
        let update = repository::update(&after, since, call.now());
        if database::exists(&shards::of_namespace(&call.io, &after.name).await?, &update).await? {
            call.forget(Stale::Namespace(&after.name)).await;
            return Reply::json(200, &after.view());
        }
    }
    Err(Problem::StillRunning)
}

/// Purges the namespace's cache entries: immediately in the isolate, within 1 s in the data centre, within 60 s globally (docs/delivery.md, Invalidation).
///
/// # Errors
/// 404.
pub async fn purge(call: &Request<impl Io>, namespace: &Namespace) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    struct Row {
        generation: u64,
    }
    let db = shards::of_namespace(&call.io, &namespace.name).await?;
    let row: Option<Row> = database::first(&db, &repository::purge(namespace.name.as_str())).await?;
    call.forget(Stale::Namespace(&namespace.name)).await;
    let generation = row.ok_or(Problem::NotFound)?.generation;
    Reply::json(200, &json!({ "namespace": namespace.name, "generation": generation }))
}
