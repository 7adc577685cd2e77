//! `POST /api/jetty/chunk-urls` and `POST /api/jetty/cache-chunk`: parts sent directly to the store.

use crate::http::json_body::MAX_BODY;
use crate::http::validate::check_session;
use crate::problem::Problem;
use crate::services::uploads::direct;
use crate::services::uploads::progress::upload_of;
use crate::uploads::presigned::{ChunkUrls, Sent};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Issues presigned URLs for parts.
pub async fn chunk_urls(call: &Routed) -> Result<Reply, Problem> {
    let body: ChunkUrls = call.json(MAX_BODY).await?;
    let upload = upload_of(&call.service, check_session(&body.session_id)?).await?;
    let wanted = body.requested_parts(&upload)?;
    direct::chunk_urls(&call.service, &upload, wanted).await.map(Reply::from)
}

/// Records a part that the client sent directly to the store, or one whose record this service has lost.
pub async fn record(call: &Routed) -> Result<Reply, Problem> {
    let sent: Sent = call.json(MAX_BODY).await?;
    let upload = upload_of(&call.service, check_session(&sent.session_id)?).await?;
    direct::record(&call.service, &upload, sent).await.map(Reply::from)
}
