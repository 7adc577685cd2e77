//! `POST /api/jetty/chunk-urls` and `POST /api/jetty/cache-chunk`: parts sent directly to the store.

use serde_json::json;

use crate::auth::upload_token::UploadClaims;
use crate::base::time::EpochMs;
use crate::http::json_body::MAX_BODY;
use crate::http::validate::check_session;
use crate::problem::Problem;
use crate::s3::operations::upload_part;
use crate::uploads::presigned::{ChunkUrls, PartUrlParams, Sent, UrlView, recorded, urls_expire};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::Status;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::services::uploads::progress::{must_be_active, state, upload_of};
use crate::worker::services::uploads::{presigned_hash_probe, recover, rights};

/// Issues presigned URLs for parts, each bound to the part's length and hash; to its length only at a store that verifies no hash there.
pub async fn chunk_urls(call: &Routed) -> Result<Reply, Problem> {
    let body: ChunkUrls = call.json(MAX_BODY).await?;
    let upload = upload_of(call, check_session(&body.session_id)?).await?;
    let wanted = body.requested_parts(&upload)?;
    must_be_active(call)?;
    rights::check(call, &upload).await?;
    let reply = recover::send_or_recover(&call.env, &call.config, upload.account, upload.session, &Message::MarkDirect).await?;
    let (meta, _, expires) = state(reply)?;
    match meta.status {
        _ if meta.suspended => return Err(Problem::Suspended),
        Status::Uploading => {}
        status => return Err(Problem::UploadClosed { status: status.as_str() }),
    }
    let bound = presigned_hash_probe::bound(&call.env, &call.config).await;
    let now = clock::now();
    let until = urls_expire(now, expires);
    let wanted = wanted.into_iter().map(|part| if bound == Some(false) { part.unbound() } else { part });
    let urls: Vec<_> = wanted.map(|part| presign_part(call, &upload, part, now, until)).collect();
    Reply::json(200, &json!({ "urls": urls, "presignedHashBound": bound }))
}

fn presign_part(call: &Routed, upload: &UploadClaims, part: PartUrlParams, now: EpochMs, until: EpochMs) -> UrlView {
    let action = upload_part::upload_part_of(&upload.key, &upload.upload_id, part.number, part.payload, part.size);
    let signed = call.config.store.presign(&action, now, until.since(now).div_ceil(1000));
    let headers = signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    UrlView { part_number: part.number, url: signed.url, headers, expires_at: until.rfc3339() }
}

/// Records a part that the client sent directly to the store, or one whose record this service has lost.
pub async fn record(call: &Routed) -> Result<Reply, Problem> {
    let sent: Sent = call.json(MAX_BODY).await?;
    let session = check_session(&sent.session_id)?;
    let upload = upload_of(call, session).await?;
    let (part, receipt) = sent.part(&upload, &call.config.token_keys, clock::now())?;
    must_be_active(call)?;
    match recover::send_or_recover(&call.env, &call.config, upload.account, session, &Message::Record { part: part.clone(), receipt }).await? {
        SessionReply::Done => Reply::json(200, &recorded(session, &part)),
        SessionReply::Recorded { part } => Reply::json(200, &recorded(session, &part)),
        SessionReply::Suspended => Err(Problem::Suspended),
        SessionReply::Closed { status } => Err(Problem::UploadClosed { status: status.as_str() }),
        _ => Err(Problem::NotFound),
    }
}
