//! Deletes an empty namespace.

use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::base::id::Name;
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
    let (held, name) = (call.clone(), namespace.name.clone());
    call.detached(async move { delete_both(&held, &name).await }).await.unwrap_or(Err(Problem::Internal))
}

/// The namespace and its entry in the directory.
async fn delete_both(call: &Request<impl Io>, name: &Name) -> Result<Reply, Problem> {
    let shard = shards::shard_of(&call.io, Item::Namespace(name), Access::Write).await?;
    let db = call.db(shard)?;
    let [history, deletion] = repository::delete(name.as_str());
    database::batch(&db, &[history]).await?;
    if !database::exists(&db, &deletion).await? {
        return Err(Problem::NamespaceInUse);
    }
    if !shard.is_main() {
        let main = call.db(Shard::MAIN)?;
        database::batch(&main, &[directory::repository::forget(Item::Namespace(name))]).await?;
        // Whoever created it again meanwhile had found that entry.
        if database::exists(&db, &repository::by_name(name.as_str())).await? {
            database::batch(&main, &[directory::repository::create(name, shard)]).await?;
        }
        shards::forget();
    }
    Ok(Reply::empty(204))
}
