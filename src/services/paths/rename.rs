//! Gives a file another path.

use crate::accounts::directory::Item;
use crate::base::shard::Access;
use crate::clients::{database, shards};
use crate::files::asset::Asset;
use crate::files::paths::placement::Placement;
use crate::io::Io;
use crate::io::stale::Stale;
use crate::problem::Problem;
use crate::services::paths::place;
use crate::services::request::Request;

/// Moves a file to another path, and gives it the name. One without a path gets one.
///
/// # Errors
/// [`Problem::PathTaken`]; 404 if the file is gone; [`Problem::AccountMoving`].
pub async fn move_file(call: &Request<impl Io>, asset: Asset, placement: &Placement, name: String) -> Result<Asset, Problem> {
    let place = place::look_for_move(call, &asset, placement, name.clone()).await?;
    let statements = place::statements(call, Some(&place), &asset);
    let shard = shards::shard_of(&call.io, Item::Account(asset.account_id), Access::Write).await?;
    let written = database::results(&call.io.db(shard)?, &statements).await;
    let mut rows = match written {
        Ok(rows) => rows,
        Err(problem) => return Err(place::why(&call.io, &asset, Some(placement), problem).await),
    };
    let placed = place::read(Some(&place), &mut rows)?;
    if placed.path.is_none() {
        shards::must_still_have(&call.io, shard, asset.account_id).await?;
    }
    let path = placed.path.clone().ok_or(Problem::NotFound)?;
    // Answers with the content tell the name.
    call.forget(Stale::File(&asset.namespace, asset.id)).await;
    place::tell(call, Some(place), placed).await;
    Ok(Asset { name, path: Some(path), ..asset })
}
