//! Creates a namespace, in the database that the request names or in that of new accounts.

use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::base::shard::Shard;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::repository;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Creates `namespace` in `shard`.
///
/// # Errors
/// 409 if the name is taken, in any database.
pub async fn create(call: &Request<impl Io>, namespace: &Namespace, shard: Shard) -> Result<Reply, Problem> {
    let taken = || Problem::AlreadyExists { field: "name" };
    shards::forget();
    let claimed = shards::find(&call.io, Item::Namespace(&namespace.name)).await?.shard;
    // One that was claimed for this shard may not have been created.
    if !claimed.is_main() && claimed != shard {
        return Err(taken());
    }
    if claimed != shard {
        let claim = directory::repository::create(&namespace.name, shard);
        if !database::exists(&call.db(Shard::MAIN)?, &claim).await? {
            return Err(taken());
        }
        shards::forget();
    }
    if !database::exists(&call.db(shard)?, &repository::insert(namespace)).await? {
        return Err(taken());
    }
    if !shard.is_main() {
        // A deletion that was under way may have given the name up after the claim was read.
        database::batch(&call.db(Shard::MAIN)?, &[directory::repository::create(&namespace.name, shard)]).await?;
        shards::forget();
    }
    Reply::json(201, &namespace.view())
}
