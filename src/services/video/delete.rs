//! Deletes a video: its files are unreadable at once, the bytes are deleted by a job.

use crate::access::membership;
use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::stale::Stale;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::video::removal;
use crate::video::owner::repository::Owner;
use crate::video::{owner, repository};

/// Marks the video as deleted and enqueues the deletion of its bytes.
///
/// # Errors
/// 403 if it is another account's and this one does not manage the namespace; 404.
pub async fn delete(call: &Request<impl Io>, account: &Account, namespace: &Namespace, video: &Name) -> Result<Reply, Problem> {
    let (role, namespace, db) = (membership::role(account, namespace), &namespace.name, shards::of_account(&call.io, account.id).await?);
    let marking = repository::mark_deleted(namespace, video, account.id, role == Role::Manager, call.now());
    let rows: Vec<serde_json::Value> = database::all(&db, &marking).await?;
    if rows.is_empty() {
        let owner: Option<Owner> = database::first(&db, &owner::repository::owner(namespace, video)).await?;
        membership::may_change(role, account.id, owner.map(|owner| owner.account_id))?;
        return Err(Problem::NotFound);
    }
    call.forget(Stale::Video(namespace, video)).await;
    removal::enqueue(&call.io, namespace, video).await;
    Ok(Reply::empty(204))
}
