//! `GET /api/storage/files/{id}/receipt` and `GET /.well-known/jettyspeed-keys.json`.

use jettyspeed_receipts::keys::PublicKeys;

use crate::access::authorize::ResourceKind;
use crate::files::asset::Asset;
use crate::problem::Problem;
use crate::services::receipt;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// A signed receipt of a file.
pub async fn receipt(call: &Routed) -> Result<Reply, Problem> {
    call.account()?.must_be_active()?;
    let asset: Asset = call.service.find_owned(ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    receipt::issue(&call.service, &asset).await.map(Reply::from)
}

/// The public keys, as a JSON Web Key Set; none if receipts are switched off.
pub fn keys(call: &Routed) -> Result<Reply, Problem> {
    let mut reply = Reply::json(200, &PublicKeys::of(&call.config.receipt_keys).to_json())?;
    reply.headers.retain(|(name, _)| *name != "cache-control");
    reply.headers.push(("cache-control", "public, max-age=300".to_owned()));
    Ok(reply)
}
