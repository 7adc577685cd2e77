//! `POST /api/jetty-speed/chunk` and `PUT /api/jetty-speed/{sessionId}/{partNumber}`: the hot path (docs/uploads.md, The chunk path).
//!
//! One subrequest and one Durable Object call. The body is piped from the client's stream into the store's request without entering WebAssembly. Small parts
//! are kept in JavaScript meanwhile, so that a failed attempt can be repeated ([`crate::worker::services::send_body`]).

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::auth::receipt::Receipt;
use crate::auth::upload_token::UploadClaims;
use crate::edges::edge::Work;
use crate::problem::{AuthFailure, Problem};
use crate::s3::error::StoreError;
use crate::s3::etag::unquote;
use crate::s3::operations::upload_part;
use crate::uploads::part::{Admitted, ChunkRequest, admit};
use crate::uploads::repository::{SessionRow, by_id};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Evidence, Part, Status};
use crate::uploads::view::ChunkStored;
use crate::worker::http::call::{Call, Routed};
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1};
use crate::worker::services::edges::{registry, samples};
use crate::worker::services::send_body;
use crate::worker::services::send_body::Refused;
use crate::worker::services::uploads::{part_refused, recover};

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
            let row: SessionRow = call.find_owned(ResourceKind::Session, named).await?;
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
    call.run_detached(async move { store_part(&held, &claims, admitted).await }).await.unwrap_or(Err(Problem::RecordFailed))
}

async fn store_part(call: &Routed, claims: &UploadClaims, admitted: Admitted) -> Result<Reply, Problem> {
    let action = upload_part::upload_part(&claims.key, &claims.upload_id, admitted.part_number, admitted.payload());
    let started = clock::now();
    // A part has at least one byte, so a missing body was lost on the way.
    let stream = call.request.body().ok_or_else(Call::lost)?;
    let answer = send_body::send(call, &action, stream, admitted.size, admitted.sha256.as_ref()).await?;
    call.span("origin", started);
    let edge =
        samples::seen(call, claims.account, admitted.size, clock::now().since(started), answer.as_ref().err().map(|refused| &refused.error)).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(refused) => return Err(part_refused::part_refused(call, claims, &admitted, &refused).await),
    };
    let etag = answer.header("etag");
    answer.discard();
    let Some(etag) = etag else {
        let error = StoreError { status: answer.status, code: "NoETag".to_owned(), message: "an answer without ETag".to_owned() };
        return Err(part_refused::part_refused(call, claims, &admitted, &Refused { error, may_be_stored: true }).await);
    };

    let at = clock::now();
    let part = Part {
        number: admitted.part_number,
        etag: unquote(&etag).to_owned(),
        size: admitted.size,
        sha256: admitted.sha256,
        edge,
        at,
        evidence: Evidence::Seen,
        took_ms: Some(at.since(call.started)),
    };
    let started = clock::now();
    let reply =
        recover::send_or_recover(&call.env, &call.config, claims.account, claims.session, &Message::Record { part: part.clone(), receipt: false })
            .await;
    call.span("record", started);
    match reply {
        Ok(SessionReply::Done) => {}
        Ok(SessionReply::Suspended) => return Err(Problem::Suspended),
        Ok(SessionReply::Closed { status }) => return Err(Problem::UploadClosed { status: status.as_str() }),
        // The session is not open in D1 either: its record was deleted after the retention time.
        Ok(SessionReply::Unknown) => {
            let row: Option<SessionRow> = d1::first(&bindings::db(&call.env)?, &by_id(claims.session, claims.account)).await?;
            let complete = row.is_some_and(|row| row.status == Status::Complete.as_str());
            return Err(Problem::UploadClosed { status: if complete { Status::Complete } else { Status::Failed }.as_str() });
        }
        _ => return Err(Problem::RecordFailed),
    }
    let receipt = Receipt { session: claims.session, part_number: part.number, size: part.size, sha256: part.sha256.as_ref(), etag: &part.etag };
    Reply::json(
        200,
        &ChunkStored {
            part_number: part.number,
            etag: &part.etag,
            size: part.size,
            sha256: part.sha256.as_ref(),
            edge: &part.edge,
            receipt: receipt.seal(&call.config.token_keys).ok_or(Problem::Internal)?,
        },
    )
}
