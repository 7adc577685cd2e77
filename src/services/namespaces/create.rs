//! Creates a namespace, in the database that the request names or in that of new accounts.

use crate::accounts::directory;
use crate::accounts::directory::Item;
use crate::base::id::Name;
use crate::base::shard::Shard;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::repository;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Creates `namespace`, in `wanted` if the caller says so. A name stays with the database that it was claimed for, also when its namespace is deleted: the directory
/// and that database are two, and no order of writes in both keeps an entry for a call that creates the namespace while another one deletes it.
///
/// # Errors
/// 409 if the name is taken, in any database; 422 if it stays with another database than `wanted`.
pub async fn create(call: &Request<impl Io>, namespace: &Namespace, wanted: Option<Shard>) -> Result<Reply, Problem> {
    let taken = || Problem::AlreadyExists { field: "name" };
    let shard = claim(call, &namespace.name, wanted.unwrap_or(call.config.new_accounts_shard)).await?;
    let db = call.db(shard)?;
    if wanted.is_some_and(|wanted| wanted != shard) {
        let is_there = database::exists(&db, &repository::by_name(namespace.name.as_str())).await?;
        return Err(if is_there { taken() } else { other_shard(shard) });
    }
    if !database::exists(&db, &repository::insert(namespace)).await? {
        return Err(taken());
    }
    Reply::json(201, &namespace.view())
}

/// The database of a name: that of its claim, or `shard`, for which it is claimed now.
async fn claim(call: &Request<impl Io>, name: &Name, shard: Shard) -> Result<Shard, Problem> {
    shards::forget();
    let claimed = shards::find(&call.io, Item::Namespace(name)).await?.shard;
    if !claimed.is_main() || shard.is_main() {
        return Ok(claimed);
    }
    // None if the first database has the namespace, or if another call has claimed the name meanwhile.
    let is_claimed = database::exists(&call.db(Shard::MAIN)?, &directory::repository::create(name, shard)).await?;
    shards::forget();
    if is_claimed { Ok(shard) } else { Ok(shards::find(&call.io, Item::Namespace(name)).await?.shard) }
}

fn other_shard(shard: Shard) -> Problem {
    let number = shard.number();
    Problem::invalid("shard", format!("must be {number}, where an earlier namespace of that name was"))
}
