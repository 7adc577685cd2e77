//! `start`: deduplicates, reserves quota, opens the multipart upload at the store, its session and its row in D1.

use serde_json::json;

use crate::accounts::account::Account;
use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only, UploadCount};
use crate::auth::upload_token;
use crate::auth::upload_token::UploadClaims;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::ledger::Wanted;
use crate::clients::{database, ledger, session, shards, store};
use crate::dedup::possession::repository::Question;
use crate::edges::assign::Assignment;
use crate::edges::request::Priority;
use crate::edges::view::EdgeView;
use crate::files::asset::Asset;
use crate::files::object_key::file_key;
use crate::http::content_disposition;
use crate::io::Io;
use crate::io::body::Body;
use crate::ledger::timing;
use crate::namespaces::namespace::Namespace;
use crate::problem::{OriginFailure, Problem};
use crate::s3::action::ObjectHeaders;
use crate::s3::operations::{abort_multipart_upload, create_multipart_upload};
use crate::services::dedup::possession;
use crate::services::dedup::reference::{Known, find_duplicate, refer};
use crate::services::idempotency;
use crate::services::prune;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::look_up::LookedUp;
use crate::services::uploads::{copy_chunks, look_up, recover, refused};
use crate::uploads::repository;
use crate::uploads::request::StartParams;
use crate::uploads::rights::Rights;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state;
use crate::uploads::session::state::{Meta, Status};
use crate::uploads::view::Started;

/// Starts an upload: 201 with the plan; 200 with an asset if the file is stored; 202 with a proof-of-possession challenge.
/// `assign` says to which edges the account may send the missing parts, and to which one it is to send each.
///
/// # Errors
/// 403, 404, 422, 429, 507; the store's.
pub async fn begin(
    call: &Request<impl Io>,
    account: &Account,
    wanted: StartParams,
    assign: impl AsyncFnOnce(Id, Priority, &[u16]) -> (Vec<EdgeView>, Vec<Assignment>),
) -> Result<Reply, Problem> {
    if !call.config.sessions_enabled {
        return Err(Problem::AccelerationOff);
    }
    let LookedUp { namespace, known, shareable, occupant, chunks } = look_up::look_up(call, account, &wanted).await?;
    account.may_start_session(&namespace, wanted.file_size)?;
    let strategy = wanted.plan(namespace.chunk_size, &call.config.plan)?;
    let is_same = |asset: &Asset| wanted.file_hash.as_ref().is_some_and(|hash| asset.is_verified_as(hash, wanted.file_size));
    if let Some(placement) = &wanted.placement
        && !occupant.as_ref().is_some_and(is_same)
    {
        placement.beside(occupant)?;
    }
    if let Some(asset) = reference_duplicate(call, account, &wanted, &namespace, known).await? {
        return Reply::json(200, &json!({ "duplicate": true, "asset": asset.view(&call.base) }));
    }
    if let Some(reply) = prove_possession(call, account, &wanted, &namespace, shareable.as_ref()).await? {
        return Ok(reply);
    }
    let chunk_hashes = wanted.chunk_hashes.unwrap_or_default();
    let priority = wanted.priority;

    let object = call.id()?;
    let now = call.now();
    let meta = Meta {
        session: call.id()?,
        account: account.id,
        namespace: namespace.name,
        asset: call.id()?,
        object,
        key: file_key(&account.agentcache_user_id, object),
        // Assigned by the store.
        upload_id: String::new(),
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
        suspended: false,
        suspended_as_of: EpochMs(0),
        unchecked: false,
        cleaned_up: false,
        direct: false,
        ambiguous: std::collections::BTreeSet::new(),
        forget_at: None,
        active_at: None,
        urls_at: None,
        appending: wanted.resumable,
        placement: wanted.placement,
    };
    let generation = account.generation;
    let (held, account) = (call.clone(), account.clone());
    let opened = call.detached(async move {
        let look_at = now.plus(timing::START_CHECK_MS);
        let wanted = room_for(&meta, look_at);
        let reserved = ledger::reserve(&held.io, &account, wanted).await;
        let is_heard = reserved.inspect_err(|problem| refused::count(&held.io, &meta.namespace, problem))?;
        let asset = meta.asset;
        let opened = open_session(&held, &account, meta, is_heard).await;
        match opened {
            Ok(_) => prune::trim_sometimes(&held.io, account.id).await,
            // If the release fails as well, the ledger's scheduled check repeats it.
            Err(_) => drop(ledger::release(&held.io, account.id, asset).await),
        }
        opened
    });
    let meta = opened.await.unwrap_or(Err(Problem::Internal))?;
    let expires = now.plus(meta.ttl_ms);
    // Parts that can not be copied are sent by the client.
    let copied = copy_chunks::copy_known(call, &meta, strategy, &chunk_hashes, chunks).await;
    let missing_parts = state::missing(strategy.chunk_count, copied.into_iter());
    let (edges, assignments) = assign(meta.account, priority, &missing_parts).await;
    Reply::json(
        201,
        &Started {
            session_id: meta.session,
            upload_token: upload_token(call, &meta, generation)?,
            upload_id: meta.upload_id.clone(),
            strategy,
            edges,
            assignments,
            missing_parts,
            expires_at: expires.rfc3339(),
        },
    )
}

/// The caller's asset of a stored file: the existing one of that name, or a new one.
async fn reference_duplicate(
    call: &Request<impl Io>,
    account: &Account,
    wanted: &StartParams,
    namespace: &Namespace,
    mut known: Known,
) -> Result<Option<Asset>, Problem> {
    let Some(hash) = &wanted.file_hash else { return Ok(None) };
    // The object found may have been merged with another, or collected, meanwhile.
    for _ in 0..2 {
        let found = match known {
            Known::No => return Ok(None),
            Known::Owned(asset) if wanted.wanted().is(&asset) => return Ok(Some(*asset)),
            Known::Owned(asset) | Known::Stored(asset) => *asset,
        };
        if let Some(asset) = refer(call, account, found, wanted.file_name.clone(), wanted.content_type.clone(), wanted.placement.as_ref()).await? {
            return Ok(Some(asset));
        }
        known = find_duplicate(&call.io, account.id, hash, wanted.file_size, Some(&namespace.name), wanted.wanted()).await?;
    }
    Ok(match known {
        Known::Owned(asset) if wanted.wanted().is(&asset) => Some(*asset),
        _ => None,
    })
}

/// A file that another namespace may store, as `shareable`: issues a challenge, or verifies its answer. `None` if the file has to be sent.
async fn prove_possession(
    call: &Request<impl Io>,
    account: &Account,
    wanted: &StartParams,
    namespace: &Namespace,
    shareable: Option<&Asset>,
) -> Result<Option<Reply>, Problem> {
    let StartParams { file_hash, proof, file_name, content_type, placement, file_size: size, .. } = wanted;
    let takes_part = file_hash.as_ref().filter(|_| namespace.cross_namespace_dedup);
    let Some(hash) = takes_part else { return if proof.is_some() { Err(Problem::ProofRefused) } else { Ok(None) } };
    let question = Question { account: account.id, namespace: &namespace.name, hash, size: *size };
    match proof {
        None => {
            let Some(found) = shareable else { return Ok(None) };
            let challenge = Box::pin(possession::issue_challenge(call, question, found)).await?;
            challenge.map(|challenge| Reply::json(202, &json!({ "challenge": challenge.view() }))).transpose()
        }
        Some(proof) => {
            let asset = Box::pin(possession::verify_answer(call, account, question, proof, (file_name, content_type), placement.as_ref())).await?;
            asset.map(|asset| Reply::json(200, &json!({ "duplicate": true, "asset": asset.view(&call.base) }))).transpose()
        }
    }
}

/// Opens the upload at the store, then its session, then its row in D1. If a step fails, the earlier ones are undone as far as their outcome is known.
async fn open_session(call: &Request<impl Io>, account: &Account, mut meta: Meta, is_heard: bool) -> Result<Meta, Problem> {
    let headers = ObjectHeaders { content_type: &meta.content_type, content_disposition: &content_disposition::for_store(&meta.file_name) };
    let started = call.now();
    // An upload that the store opened without telling is swept: nobody has its id.
    let opened = store::text_of(&call.io, &call.config, &create_multipart_upload::create_multipart_upload(&meta.key, headers)).await;
    call.span("origin", started);
    let opened = opened
        .map_err(|error| store::problem("CreateMultipartUpload", &error))
        .and_then(|body| create_multipart_upload::upload_id(&body).map_err(|_| Problem::Origin(OriginFailure::Unexpected("Unreadable".to_owned()))));
    meta.upload_id = opened.inspect_err(|problem| refused::count(&call.io, &meta.namespace, problem))?;
    if let Err(problem) = record_session(call, account, &meta, is_heard).await {
        // Nothing else refers to this upload yet, so it is aborted here. If its session or its row exists, the session's alarm repeats the clean-up.
        let _ = session::send(&call.io, meta.session, &Message::Fail).await;
        let abort = abort_multipart_upload::abort_multipart_upload(&meta.key, &meta.upload_id);
        let _ = store::send(&call.io, &call.config, &abort, Body::Empty).await;
        return Err(problem);
    }
    Ok(meta)
}

/// What the ledger reserves for an upload.
fn room_for(meta: &Meta, look_at: EpochMs) -> Wanted {
    Wanted { asset: meta.asset, bytes: meta.file_size, look_at, place: None, session: true, replaces: false }
}

async fn record_session(call: &Request<impl Io>, account: &Account, meta: &Meta, is_heard: bool) -> Result<(), Problem> {
    match session::send_near(&call.io, meta.session, &call.geo(), &Message::Open { meta: Box::new(meta.clone()), is_heard }).await? {
        SessionReply::Done => {}
        _ => return Err(Problem::Internal),
    }
    // A removal from the namespace that came before this row did not find it among the open uploads; one that comes after it does.
    let [of_hour, of_all] = add_upload(&meta.namespace, &UploadCount::started(), Only::Always, call.now());
    let mut statements: Vec<_> = idempotency::fence(call).into_iter().collect();
    statements.push(repository::insert(meta));
    if !meta.is_partial() {
        statements.extend([of_hour, of_all]);
    }
    let before = statements.len();
    statements.push(repository::rights(meta.account, &meta.namespace, account.generation, call.now()));
    let rights: Option<Rights> = database::results(&shards::of_account(&call.io, meta.account).await?, &statements).await?.skip(before).first()?;
    rights.filter(|rights| rights.is_member).ok_or(Problem::NotFound)?;
    if call.now().since(meta.created) >= timing::START_CHECK_MS / 2 {
        // The ledger looks for the row a minute after it has reserved: what took about as long may have lost its reservation, and others may have the room.
        ledger::reserve(&call.io, account, room_for(meta, call.now().plus(timing::START_CHECK_MS))).await?;
    }
    recover::suspend_with_account(&call.io, meta).await
}

/// Issues a token for the upload to the holder of credentials of that generation.
pub fn upload_token(call: &Request<impl Io>, meta: &Meta, generation: u64) -> Result<String, Problem> {
    UploadClaims {
        account: meta.account,
        namespace: meta.namespace.clone(),
        session: meta.session,
        key: meta.key.clone(),
        upload_id: meta.upload_id.clone(),
        file_size: meta.file_size,
        chunk_size: meta.chunk_size,
        allow_unsigned: meta.allow_unsigned,
        generation,
        expires: upload_token::expiry(call.now()),
    }
    .seal(&call.config.token_keys)
}
