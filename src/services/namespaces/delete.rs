//! Deletes an empty namespace.

use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::repository;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Deletes an empty namespace that is not an account's own.
///
/// # Errors
/// 409 if it is in use.
pub async fn delete(call: &Request<impl Io>, namespace: &Namespace) -> Result<Reply, Problem> {
    let (held, name) = (call.clone(), namespace.name.clone());
    call.detached(async move { delete_both(&held, &name).await }).await.unwrap_or(Err(Problem::Internal))
}

/// The namespace and the history of its uploads. Its entry in the directory stays: [`crate::services::namespaces::create`].
async fn delete_both(call: &Request<impl Io>, name: &Name) -> Result<Reply, Problem> {
    let db = shards::of_namespace(&call.io, name).await?;
    let [history, deletion] = repository::delete(name.as_str());
    database::batch(&db, &[history]).await?;
    if !database::exists(&db, &deletion).await? {
        return Err(Problem::NamespaceInUse);
    }
    Ok(Reply::empty(204))
}
