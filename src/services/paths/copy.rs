//! Copies a file without a byte being read: another file with the same object.

use crate::accounts::account::Account;
use crate::clients::{database, shards};
use crate::files::asset::Asset;
use crate::files::paths::placement::Placement;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::dedup::reference::refer;
use crate::services::request::Request;

/// Makes a file of the same bytes at that path, under that name. The file that is there already and is the same one is the answer, too.
///
/// # Errors
/// [`Problem::PathTaken`]; 404 if the file is gone; 403, 507.
pub async fn copy(call: &Request<impl Io>, account: &Account, asset: Asset, placement: &Placement, name: String) -> Result<Asset, Problem> {
    let content_type = asset.content_type.clone();
    let (tree_of, object) = (asset.namespace.clone(), asset.object_id);
    if let Some(made) = refer(call, account, asset, name, content_type, Some(placement)).await? {
        return Ok(made);
    }
    let tree = crate::files::paths::repository::Tree { account: account.id, namespace: &tree_of };
    let there: Option<Asset> =
        database::first(&shards::of_account(&call.io, account.id).await?, &crate::files::paths::repository::at(tree, &placement.path)).await?;
    there.filter(|there| there.object_id == object).ok_or(Problem::NotFound)
}
