//! Parts sent directly to the store (docs/uploads.md, Presigned URLs).

use serde_json::json;

use crate::auth::upload_token::UploadClaims;
use crate::base::time::EpochMs;
use crate::io::Io;
use crate::problem::Problem;
use crate::s3::operations::upload_part;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::progress::{must_be_active, state};
use crate::services::uploads::{presigned_hash_probe, recover, rights};
use crate::uploads::presigned::{PartUrlParams, Sent, UrlView, recorded, urls_expire};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::Status;

/// Issues presigned URLs for parts, each bound to the part's length and hash; to its length only at a store that verifies no hash there.
///
/// # Errors
/// 403, 404, 409.
pub async fn chunk_urls(call: &Request<impl Io>, upload: &UploadClaims, wanted: Vec<PartUrlParams>) -> Result<Reply, Problem> {
    must_be_active(call)?;
    rights::check(call, upload).await?;
    let reply = recover::send_or_recover(&call.io, &call.config, upload.account, upload.session, &Message::MarkDirect).await?;
    let (meta, _, expires) = state(reply)?;
    match meta.status {
        _ if meta.suspended => return Err(Problem::Suspended),
        Status::Uploading => {}
        status => return Err(Problem::UploadClosed { status: status.as_str() }),
    }
    let bound = presigned_hash_probe::bound(&call.io, &call.config).await;
    let now = call.now();
    let until = urls_expire(now, expires);
    let wanted = wanted.into_iter().map(|part| if bound == Some(false) { part.unbound() } else { part });
    let urls: Vec<_> = wanted.map(|part| presign_part(call, upload, part, now, until)).collect();
    Reply::json(200, &json!({ "urls": urls, "presignedHashBound": bound }))
}

fn presign_part(call: &Request<impl Io>, upload: &UploadClaims, part: PartUrlParams, now: EpochMs, until: EpochMs) -> UrlView {
    let action = upload_part::upload_part_of(&upload.key, &upload.upload_id, part.number, part.payload, part.size);
    let signed = call.config.store.presign(&action, now, until.since(now).div_ceil(1000));
    let headers = signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    UrlView { part_number: part.number, url: signed.url, headers, expires_at: until.rfc3339() }
}

/// Records a part that the client sent directly to the store, or one whose record this service has lost.
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn record(call: &Request<impl Io>, upload: &UploadClaims, sent: Sent) -> Result<Reply, Problem> {
    let (part, receipt) = sent.part(upload, &call.config.token_keys, call.now())?;
    must_be_active(call)?;
    let message = Message::Record { part: part.clone(), receipt };
    match recover::send_or_recover(&call.io, &call.config, upload.account, upload.session, &message).await? {
        SessionReply::Done => Reply::json(200, &recorded(upload.session, &part)),
        SessionReply::Recorded { part } => Reply::json(200, &recorded(upload.session, &part)),
        SessionReply::Suspended => Err(Problem::Suspended),
        SessionReply::Closed { status } => Err(Problem::UploadClosed { status: status.as_str() }),
        _ => Err(Problem::NotFound),
    }
}
