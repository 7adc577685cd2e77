//! Deletes an empty namespace.

use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::base::shard::{Access, Shard};
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
    let shard = shards::shard_of(&call.io, Item::Namespace(&namespace.name), Access::Write).await?;
    let db = call.db(shard)?;
    let [history, deletion] = repository::delete(namespace.name.as_str());
    database::batch(&db, &[history]).await?;
    if !database::exists(&db, &deletion).await? {
        return Err(Problem::NamespaceInUse);
    }
    if !shard.is_main() {
        database::batch(&call.db(Shard::MAIN)?, &[directory::repository::forget(Item::Namespace(&namespace.name))]).await?;
        shards::forget();
    }
    Ok(Reply::empty(204))
}
