//! `POST /api/jetty/track-upload`: start, progress, complete, fail.

use std::rc::Rc;

use serde_json::json;

use super::super::request::{Start, Track, check_hash, check_session};
use super::super::session::{Message, Meta, Reply as Said, Status};
use super::super::store;
use super::super::token::{self, UploadClaims};
use super::super::view::Started;
use super::super::{link, session};
use super::{complete, sessions};
use crate::accounts::access::Account;
use crate::accounts::lookup;
use crate::delivery::disposition;
use crate::http::auth;
use crate::http::call::Routed;
use crate::http::json::MAX_TRACK_BODY;
use crate::http::reply::Reply;
use crate::ids::{Id, file_key};
use crate::platform::origin::{self, Body};
use crate::platform::{bindings, clock, d1, random};
use crate::problem::{OriginFailure, Problem};
use crate::s3::actions::{self, ObjectHeaders};
use crate::s3::xml;
use crate::steering::edge::own_edge;

/// Dispatches on `action`.
pub async fn track(call: &Routed) -> Result<Reply, Problem> {
    let caller = auth::token_or_account(call).await?;
    match call.json::<Track>(MAX_TRACK_BODY).await? {
        Track::Start(wanted) => start(call, caller.into_account()?, *wanted).await,
        Track::Progress(of) => sessions::progress_of(call, &caller, check_session(&of.session_id)?, false).await,
        Track::Complete(of) => {
            let account = caller.into_account()?;
            let hash = check_hash("fileHash", of.file_hash.as_deref())?;
            let session = owned(call, &account, &of.session_id).await?;
            account.must_be_active()?;
            complete::complete(call, session, hash).await
        }
        Track::Fail(of) => {
            let account = caller.into_account()?;
            let session = owned(call, &account, &of.session_id).await?;
            fail(call, session).await
        }
    }
}

/// The account's session of that id.
async fn owned(call: &Routed, account: &Account, id: &str) -> Result<Id, Problem> {
    let statement = store::by_id(check_session(id)?, account.id);
    let row: Option<store::SessionRow> = d1::first(&bindings::db(&call.env)?, &statement).await?;
    Ok(row.ok_or(Problem::NotFound)?.id)
}

async fn start(call: &Routed, account: Rc<Account>, wanted: Start) -> Result<Reply, Problem> {
    let wanted = wanted.check()?;
    if !call.config.sessions_enabled {
        return Err(Problem::AccelerationOff);
    }
    let namespace = lookup::namespace(&call.env, &account, wanted.namespace.as_ref()).await?;
    let used = lookup::storage_used(&call.env, &account).await?;
    account.may_start_session(&namespace, wanted.file_size, used)?;
    let strategy = wanted.plan(namespace.chunk_size, &call.config.plan)?;

    let object = random::id()?;
    let key = file_key(&account.agentcache_user_id, object);
    let headers = ObjectHeaders { content_type: &wanted.content_type, content_disposition: &disposition::for_store(&wanted.file_name) };
    let started = clock::now();
    let answer = origin::send(&call.config, &actions::create_multipart_upload(&key, headers), Body::Empty).await;
    call.span("origin", started);
    let refused = |error| origin::problem("CreateMultipartUpload", &error);
    let body = answer.map_err(refused)?.text().await.map_err(refused)?;
    let upload_id = xml::upload_id(&body).map_err(|_| Problem::Origin(OriginFailure::Unexpected("Unreadable".to_owned())))?;

    let now = clock::now();
    let meta = Meta {
        session: random::id()?,
        account: account.id,
        namespace: namespace.name,
        asset: random::id()?,
        object,
        key,
        upload_id,
        file_name: wanted.file_name,
        file_size: wanted.file_size,
        chunk_size: strategy.chunk_size,
        content_type: wanted.content_type,
        file_hash: wanted.file_hash,
        allow_unsigned: namespace.allow_unsigned,
        created: now,
        ttl_ms: call.config.session_ttl_seconds.saturating_mul(1000),
        status: Status::Uploading,
        lease: None,
        outcome: None,
    };
    if let Err(problem) = open(call, &meta).await {
        // Nobody knows of this upload yet, so nobody else would abort it.
        let abort = actions::abort_multipart_upload(&meta.key, &meta.upload_id);
        let _ = origin::send(&call.config, &abort, Body::Empty).await;
        return Err(problem);
    }
    let expires = now.plus(meta.ttl_ms);
    Reply::json(
        201,
        &Started {
            session_id: meta.session,
            upload_token: upload_token(call, &meta, expires)?,
            upload_id: meta.upload_id.clone(),
            strategy,
            edges: vec![own_edge(&call.geo(), &call.base)],
            missing_parts: session::missing(strategy.chunk_count, std::iter::empty()),
            expires_at: expires.rfc3339(),
        },
    )
}

async fn open(call: &Routed, meta: &Meta) -> Result<(), Problem> {
    match link::tell(&call.env, meta.session, &Message::Open { meta: Box::new(meta.clone()) }).await? {
        Said::Done => d1::batch(&bindings::db(&call.env)?, &[store::insert(meta)]).await,
        _ => Err(Problem::Internal),
    }
}

/// A token for the upload, good until it or the session expires.
pub fn upload_token(call: &Routed, meta: &Meta, session_expires: crate::units::EpochMs) -> Result<String, Problem> {
    UploadClaims {
        account: meta.account,
        namespace: meta.namespace.clone(),
        session: meta.session,
        key: meta.key.clone(),
        upload_id: meta.upload_id.clone(),
        file_size: meta.file_size,
        chunk_size: meta.chunk_size,
        allow_unsigned: meta.allow_unsigned,
        expires: token::expiry(clock::now(), session_expires),
    }
    .seal(&call.config.token_keys)
}

async fn fail(call: &Routed, session: Id) -> Result<Reply, Problem> {
    let (meta, status) = match link::tell(&call.env, session, &Message::Fail).await? {
        Said::State { meta, .. } => {
            let status = meta.status;
            (meta, status)
        }
        Said::Busy => return Err(Problem::CompletionRunning),
        Said::Closed { .. } => return Err(Problem::AlreadyComplete),
        _ => return Err(Problem::NotFound),
    };
    let abort = actions::abort_multipart_upload(&meta.key, &meta.upload_id);
    match origin::send(&call.config, &abort, Body::Empty).await {
        Ok(_) => {}
        Err(error) if error.is_no_such_upload() => {}
        Err(error) => return Err(origin::problem("AbortMultipartUpload", &error)),
    }
    d1::batch(&bindings::db(&call.env)?, &[store::close(session, status.as_str(), clock::now())]).await?;
    Reply::json(200, &json!({ "sessionId": session, "status": status.as_str() }))
}
