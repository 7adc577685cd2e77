//! Issues receipts of files.

use crate::clients::{database, shards};
use crate::dedup;
use crate::files::asset::Asset;
use crate::io::Io;
use crate::problem::Problem;
use crate::receipts::{MAX_CHUNKS, Part, draft, whole};
use crate::services::reply::Reply;
use crate::services::request::Request;

/// The signed receipt of a file, with its parts if the chunk index has all of them.
///
/// # Errors
/// 503 if this deployment has no key.
pub async fn issue(call: &Request<impl Io>, asset: &Asset) -> Result<Reply, Problem> {
    let key = call.config.receipt_keys.first().ok_or(Problem::ReceiptsOff)?;
    // Another namespace's chunks, of an object that it shares, are not found.
    let parts = dedup::repository::chunks_of(&asset.namespace, asset.object_id, MAX_CHUNKS);
    let parts: Vec<Part> = database::all(&shards::of_namespace_to_read(&call.io, &asset.namespace).await?, &parts).await?;
    let receipt = draft(asset, whole(parts, asset.size), call.now());
    Reply::json(200, &jettyspeed_receipts::sign(&receipt, key).ok_or(Problem::Internal)?)
}
