//! Who is in a namespace.

use crate::accounts::directory::Item;
use crate::accounts::provisioning::{Record, own_namespace};
use crate::base::shard::Access;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::stale::Stale;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::repository;
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::membership;
use crate::services::webhooks;
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};

/// Makes a user's account a member, with a role. Idempotent.
///
/// # Errors
/// 409 if account and namespace are in different databases.
pub async fn add(call: &Request<impl Io>, namespace: &Namespace, record: &Record, role: Role) -> Result<Reply, Problem> {
    record.must_stay()?;
    let user = &record.agentcache_user_id;
    let shard = shards::shard_of(&call.io, Item::Namespace(&namespace.name), Access::Write).await?;
    let its = shards::shard_of(&call.io, Item::User(user), Access::Write).await?;
    if its != shard {
        return Err(Problem::OtherShard { account: its.number(), namespace: shard.number() });
    }
    let data = data::account_provisioned(record.id, user, &record.tier.tier, &namespace.name);
    let event = webhooks::event(&call.io, EventKind::AccountProvisioned, &data)?;
    let statements =
        [emit(&namespace.name, &event, Only::WithNewMember(record.id)), repository::put_member(user, namespace.name.as_str(), role, call.now())];
    let notices: Vec<Written> = database::results(&call.db(shard)?, &statements).await?.all()?;
    call.forget(Stale::Namespace(&namespace.name)).await;
    webhooks::send(&call.io, &namespace.name, notices).await;
    Ok(Reply::empty(204))
}

/// Removes a user's account from the members and ends its open uploads there. An account can not be removed from its own namespace.
///
/// # Errors
/// 404 if it is no member; 409.
pub async fn remove(call: &Request<impl Io>, namespace: &Namespace, record: &Record) -> Result<Reply, Problem> {
    if namespace.name.as_str() == own_namespace(&record.agentcache_user_id) {
        return Err(Problem::NamespaceInUse);
    }
    let statement = repository::remove_member(&record.agentcache_user_id, namespace.name.as_str());
    let was_member = database::exists(&shards::of_namespace(&call.io, &namespace.name).await?, &statement).await?;
    call.forget(Stale::Namespace(&namespace.name)).await;
    // Also if it was none: an earlier call may have ended between the two steps, and this is the repetition that its caller owes.
    membership::end_uploads(&call.io, record.id, &namespace.name, call.now()).await?;
    if was_member { Ok(Reply::empty(204)) } else { Err(Problem::NotFound) }
}
