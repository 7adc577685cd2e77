//! `POST /api/jetty-speed/chunk` and `PUT /api/jetty-speed/{sessionId}/{partNumber}`: the hot path (docs/uploads.md, The chunk path).
//!
//! The body is piped from the client's stream into the store's request without entering WebAssembly. Small parts are kept in JavaScript meanwhile, so that a
//! failed attempt can be repeated ([`crate::services::send_body`]).

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::edges::edge::Work;
use crate::io::Io;
use crate::problem::{AuthFailure, Problem};
use crate::s3::error::StoreError;
use crate::services::request::lost;
use crate::services::uploads::part::store_part;
use crate::uploads::part::{ChunkRequest, admit};
use crate::uploads::repository::SessionRow;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::services::edges::{registry, samples};

/// Sends one part to the store and records it.
pub async fn chunk(call: &Routed) -> Result<Reply, Problem> {
    let upload_id = call.header("x-upload-id");
    let (claims, account) = match &*call.caller {
        Caller::Token(claims) => ((**claims).clone(), None),
        _ => {
            let account = call.account()?;
            let named = call.params.get("sessionId").or(upload_id.as_deref());
            let named = named.ok_or_else(|| Problem::invalid("X-Upload-Id", "is required without an upload token"))?;
            // The same claims as those of a token for this upload.
            let row: SessionRow = call.service.find_owned(ResourceKind::Session, named).await?;
            (row.claims(account.generation, clock::now()), Some(account))
        }
    };
    let (part_number, content_length) = (call.header("x-part-number"), call.content_length());
    let (chunk_sha256, content_digest) = (call.header("x-chunk-sha256"), call.header("content-digest"));
    let namespace = call.header("x-namespace");
    let request = ChunkRequest {
        part_number: call.params.get("partNumber").or(part_number.as_deref()),
        content_length: content_length.as_deref(),
        chunk_sha256: chunk_sha256.as_deref(),
        content_digest: content_digest.as_deref(),
        upload_id: upload_id.as_deref(),
        path_session: call.params.get("sessionId"),
        namespace: namespace.as_deref(),
    };
    let admitted = admit(&request, &claims, call.config.plan.max_part_bytes).map_err(|problem| match problem {
        // The request carries no token, so the problem is a session that does not belong to the account.
        Problem::Unauthenticated(AuthFailure::OtherUpload) if account.is_some() => Problem::invalid("X-Upload-Id", "is not the upload of the path"),
        problem => problem,
    })?;
    if let Some(account) = account {
        account.must_be_active()?;
    }
    registry::must_take(call, Work::UnderWay).await?;
    // Detached from the client's connection: a part that the store took is recorded although its client hung up. Otherwise the record would tell of the bytes
    // that it replaced.
    let held = call.clone();
    let stored = call.io.detached(async move {
        // A part has at least one byte, so a missing body was lost on the way.
        let stream = held.request.body().ok_or_else(lost)?;
        let (account, size) = (claims.account, admitted.size);
        let edge = async |ms, error: Option<&StoreError>| samples::seen(&held, account, size, ms, error).await;
        store_part(&held.service, &claims, admitted, stream, edge).await
    });
    stored.await.unwrap_or(Err(Problem::RecordFailed)).map(Reply::from)
}
