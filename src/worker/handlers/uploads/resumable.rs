//! `/tus` and `/resumable`: uploads by offset (docs/resumable.md).

use serde_json::Value;

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::auth::upload_token::UploadClaims;
use crate::base::time::EpochMs;
use crate::edges::edge::Work;
use crate::edges::request::Priority;
use crate::files::paths::placement;
use crate::files::paths::placement::{Fields, Placement};
use crate::http::validate::{check_content_type, check_file_name, check_namespace};
use crate::io::Io;
use crate::problem::Problem;
use crate::resumable::checksum::Checksum;
use crate::resumable::fields::essence;
use crate::resumable::metadata::Metadata;
use crate::resumable::{Dialect, answer, ietf, tus};
use crate::s3::error::StoreError;
use crate::services;
use crate::services::namespaces::of_upload;
use crate::services::send_body::Outgoing;
use crate::services::uploads::append::{At, tell};
use crate::services::uploads::fail::fail;
use crate::services::uploads::simple::{Incoming, store_file};
use crate::services::uploads::{append, complete, concat, deferred, rights, start};
use crate::uploads::repository::SessionRow;
use crate::uploads::request::StartParams;
use crate::uploads::session::appending::Appending;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::Status;
use crate::worker::http::call::Routed;
use crate::worker::http::placed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::append_body::{AppendBody, joined};
use crate::worker::platform::clock;
use crate::worker::platform::unicode::compose;
use crate::worker::services::edges::{registry, samples};

/// A file name for an upload that has none.
const NO_NAME: &str = "upload";

/// The keys of `Upload-Metadata`, by the field whose value is refused.
const METADATA: Fields = Fields("Upload-Metadata", "Upload-Metadata", "Upload-Metadata");

/// What a creation asks for.
struct Wanted {
    /// None if it is told later.
    length: Option<u64>,
    metadata: Metadata,
    hash: Option<crate::base::sha256::Sha256Hex>,
    /// What is appended at once; None without a body.
    bytes: Option<Bytes>,
    /// None in tus.
    interop: Option<ietf::Interop>,
    concat: Option<tus::Concat>,
}

/// What a request appends.
struct Bytes {
    offset: u64,
    checksum: Option<Checksum>,
    /// Whether the upload is complete once all its bytes are there.
    completes: bool,
}

fn dialect(call: &Routed) -> Dialect {
    // `PUT /api/storage/upload/{path}` with the header fields of IETF resumable uploads.
    Dialect::of(&call.path).unwrap_or(Dialect::Ietf)
}

/// The place that a new file is to have: in tus that of the metadata.
fn placement_of(call: &Routed, dialect: Dialect, metadata: &Metadata) -> Result<Option<Placement>, Problem> {
    match metadata.get(&["path"]) {
        Some(path) if dialect == Dialect::Tus => {
            placement::check(METADATA, Some(path), metadata.get(&["ifExists"]), metadata.get(&["modifiedAt"]), compose)
        }
        _ => placed::placement(call),
    }
}

/// Creates an upload.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let dialect = dialect(call);
    create_in(call, dialect).await.map_err(|problem| dialect.tells(problem))
}

async fn create_in(call: &Routed, dialect: Dialect) -> Result<Reply, Problem> {
    let fields = |name: &str| call.header(name);
    let wanted = match dialect {
        Dialect::Tus => {
            let tus::Create { length, metadata, bytes, concat } = tus::create(&fields)?;
            let bytes = bytes.map(|bytes| Bytes { offset: 0, checksum: bytes.checksum, completes: true });
            Wanted { length, metadata, hash: None, bytes, interop: None, concat }
        }
        Dialect::Ietf => {
            let ietf::Create { interop, length, metadata, hash, bytes } = ietf::create(&fields)?;
            let has_bytes = call.request.body().is_some() && bytes.length != Some(0);
            let bytes = (has_bytes || bytes.completes).then_some(Bytes { offset: 0, checksum: bytes.checksum, completes: bytes.completes });
            Wanted { length, metadata, hash, bytes, interop: Some(interop), concat: None }
        }
    };
    let account = call.account()?;
    account.must_be_active()?;
    registry::must_take(call, Work::New).await?;
    let named = call.header("x-namespace").or_else(|| wanted.metadata.get(&["namespace"]).map(str::to_owned));
    let namespace = check_namespace("X-Namespace", named.as_deref())?;
    let placement = placement_of(call, dialect, &wanted.metadata)?;
    let name = wanted.metadata.get(&["filename", "name"]).or_else(|| placement.as_ref().map(|placement| placement.path.name()));
    let file_name = check_file_name("Upload-Metadata", name.unwrap_or(NO_NAME))?;
    let declared = wanted.interop.and_then(|_| essence(&fields)).filter(|essence| essence != ietf::BYTES && essence != "application/octet-stream");
    let media_type = wanted.metadata.get(&["filetype", "type"]).map(str::to_owned).or(declared);
    // Metadata is free text: what is no media type counts as none.
    let content_type = check_content_type(media_type.as_deref(), &file_name).or_else(|_| check_content_type(None, &file_name))?;
    if wanted.length == Some(0) {
        let namespace = of_upload::for_upload(&call.service, &account, namespace.as_ref()).await?;
        account.may_upload_simply(0)?;
        let incoming = Incoming { name: file_name, content_type, size: 0, placement, sha256: None, body: Outgoing::Empty };
        let held = call.service.clone();
        let stored = call.io.detached(async move { store_file(&held, &account, &namespace, incoming).await });
        let asset = stored.await.unwrap_or(Err(Problem::Internal))?;
        let file = Some(asset.id.to_string());
        let upload = answer::Upload { offset: 0, length: Some(0), is_complete: true, metadata: None, concat: None, expires: None, file };
        let mut reply = Reply::empty(201);
        reply.headers = told(call, &upload, wanted.interop, false);
        reply.headers.push(("location", format!("{}{}/{}", call.base, dialect.path(), asset.id)));
        return Ok(reply);
    }
    let raw = wanted.concat.as_ref().map(|concat| match concat {
        tus::Concat::Partial => "partial".to_owned(),
        tus::Concat::Final { raw, .. } => raw.clone(),
    });
    let appending = Appending { metadata: wanted.metadata.raw.clone(), concat: raw, ..Appending::default() };
    let params = |file_size: u64, file_hash, appending| StartParams {
        file_name: file_name.clone(),
        file_size,
        file_hash,
        chunk_hashes: None,
        chunk_size: None,
        content_type: content_type.clone(),
        namespace: namespace.clone(),
        proof: None,
        priority: Priority::default(),
        placement: placement.clone(),
        resumable: Some(appending),
    };
    if let Some(tus::Concat::Final { ids, .. }) = &wanted.concat {
        let started = params(0, None, appending);
        let (held, owner, ids) = (call.service.clone(), account.clone(), ids.clone());
        // Detached from the client's connection: who repeats the request finds what has been done.
        let work = async move { concat::concat(&held, &owner, &ids, |file_size| StartParams { file_size, ..started }, joined).await };
        let session = call.io.detached(work).await.unwrap_or(Err(Problem::Internal))?.to_string();
        let row: SessionRow = call.service.find_owned(ResourceKind::Session, &session).await?;
        let (upload, _) = upload_of(call, &row.claims(account.generation, clock::now()), false).await?;
        let mut reply = Reply::empty(201);
        reply.headers = told(call, &upload, None, false);
        reply.headers.push(("location", format!("{}{}/{session}", call.base, dialect.path())));
        return Ok(reply);
    }
    let deferred = wanted.length.is_none();
    let length = match wanted.length {
        Some(length) => length,
        None => deferred::room(&call.service, &account).await?,
    };
    let mut hash = wanted.hash;
    let created = loop {
        let params = params(length, hash.clone(), Appending { deferred, ..appending.clone() });
        let reply = start::begin(&call.service, &account, params, async |_, _, _: &[u16]| (Vec::new(), Vec::new())).await?;
        // These dialects have no way to prove possession: the bytes are sent.
        if reply.status == 202 && hash.take().is_some() {
            continue;
        }
        break reply;
    };
    let started: Value = serde_json::from_str(created.body.as_deref().unwrap_or_default()).map_err(|_| Problem::Internal)?;
    let text = |pointer: &str| started.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    if let Some(file) = text("/asset/id") {
        // The bytes are stored already: nothing has to be sent.
        let upload =
            answer::Upload { offset: length, length: Some(length), is_complete: true, metadata: None, concat: None, expires: None, file: Some(file) };
        let mut reply = Reply::from(created);
        reply.headers.extend(told(call, &upload, wanted.interop, false));
        return Ok(reply);
    }
    let session = text("/sessionId").ok_or(Problem::Internal)?;
    let row: SessionRow = call.service.find_owned(ResourceKind::Session, &session).await?;
    let claims = row.claims(account.generation, clock::now());
    let location = ("location", format!("{}{}/{session}", call.base, dialect.path()));
    let mut reply = match wanted.bytes {
        None => {
            let expires = text("/expiresAt").and_then(|text| EpochMs::parse(&text));
            let upload = answer::Upload { offset: 0, length: wanted.length, is_complete: false, metadata: None, concat: None, expires, file: None };
            let mut reply = Reply::empty(201);
            reply.headers = told(call, &upload, wanted.interop, false);
            reply
        }
        Some(bytes) => match append_and_answer(call, &claims, bytes, wanted.interop).await {
            Ok(reply) if reply.status == 204 => Reply { status: 201, ..reply },
            Ok(reply) => reply,
            // The upload was created: the client goes on at the offset that it asks for. A body with another checksum is told.
            Err(Problem::ChecksumMismatch { is_digest }) => return Err(Problem::ChecksumMismatch { is_digest }),
            Err(_) => {
                let (upload, _) = upload_of(call, &claims, false).await?;
                let mut reply = Reply::empty(201);
                reply.headers = told(call, &upload, wanted.interop, false);
                reply
            }
        },
    };
    reply.headers.push(location);
    Ok(reply)
}

/// The upload of the path and the caller's claims on it.
async fn claims(call: &Routed) -> Result<UploadClaims, Problem> {
    let session = call.params.get("sessionId").unwrap_or_default();
    let row: SessionRow = call.service.find_owned(ResourceKind::Session, session).await?;
    Ok(match &*call.caller {
        Caller::Token(claims) => (**claims).clone(),
        _ => row.claims(call.account()?.generation, clock::now()),
    })
}

/// Appends the body.
pub async fn append(call: &Routed) -> Result<Reply, Problem> {
    let dialect = dialect(call);
    append_in(call, dialect).await.map_err(|problem| dialect.tells(problem))
}

async fn append_in(call: &Routed, dialect: Dialect) -> Result<Reply, Problem> {
    let fields = |name: &str| call.header(name);
    if let Ok(account) = call.account() {
        account.must_be_active()?;
    }
    let (bytes, interop, claims) = match dialect {
        Dialect::Tus => {
            let tus::Bytes { offset, length, whole, checksum } = tus::append(&fields)?;
            let claims = claims(call).await?;
            if let Some(whole) = whole {
                append::set_length(&call.service, &claims, whole).await?;
            }
            if length.is_some_and(|length| offset <= claims.file_size && offset.saturating_add(length) > claims.file_size) {
                return Err(Problem::BodyTooLarge { limit: claims.file_size, hint: "The body goes beyond Upload-Length." });
            }
            (Bytes { offset, checksum, completes: true }, None, claims)
        }
        Dialect::Ietf => {
            let bytes = ietf::append(&fields)?;
            let claims = claims(call).await?;
            let (upload, _) = upload_of(call, &claims, false).await?;
            if upload.is_complete {
                return Err(Problem::CompletedUpload);
            }
            if upload.offset != bytes.offset {
                return Err(Problem::WrongOffset { expected: upload.offset, provided: bytes.offset });
            }
            bytes.check(upload.length)?;
            if let Some(whole) = bytes.whole {
                append::set_length(&call.service, &claims, whole).await?;
            }
            (Bytes { offset: bytes.offset, checksum: bytes.checksum, completes: bytes.completes }, Some(bytes.interop), claims)
        }
    };
    registry::must_take(call, Work::UnderWay).await?;
    append_and_answer(call, &claims, bytes, interop).await
}

async fn append_and_answer(call: &Routed, claims: &UploadClaims, bytes: Bytes, interop: Option<ietf::Interop>) -> Result<Reply, Problem> {
    let body = AppendBody::new(call.request.body(), bytes.checksum)?;
    let (held, of_upload) = (call.clone(), claims.clone());
    let at = At { offset: bytes.offset, takes_over: interop.is_some(), is_last: bytes.completes && interop.is_some() };
    // Detached from the client's connection: what has come of a body that breaks off is parked.
    let work = async move {
        let edge = async |size, ms, error: Option<&StoreError>| samples::seen(&held, of_upload.account, size, ms, error).await;
        append::append(&held.service, &of_upload, at, body, edge).await
    };
    let done = call.io.detached(work).await.unwrap_or(Err(Problem::Internal))?;
    let is_whole = !done.is_partial && done.length.is_some_and(|length| done.offset >= length);
    if !is_whole && bytes.completes && interop.is_some() {
        return Err(Problem::InconsistentLength);
    }
    let outcome = if is_whole && bytes.completes { Some(finish(call, claims).await?) } else { None };
    let (upload, _) = upload_of(call, claims, false).await?;
    let mut reply = match outcome {
        Some(outcome) if interop.is_some() => Reply::from(outcome),
        _ => Reply::empty(204),
    };
    reply.headers.retain(|(name, _)| *name != "cache-control");
    reply.headers.extend(told(call, &upload, interop, false));
    Ok(reply)
}

/// Makes the file of an upload that has all its bytes.
async fn finish(call: &Routed, claims: &UploadClaims) -> Result<services::reply::Reply, Problem> {
    rights::check(&call.service, claims).await?;
    let expected = complete::Expected { file_hash: None, chunk_hashes: None, if_exists: None };
    let done = complete::complete(&call.service, claims.account, claims.session, expected).await;
    done.map_err(|problem| match problem {
        // A 409 would be an offset in these dialects.
        Problem::CompletionRunning | Problem::StillRunning => Problem::UploadLocked,
        problem => problem,
    })
}

/// Tells the offset.
pub async fn offset(call: &Routed) -> Result<Reply, Problem> {
    let dialect = dialect(call);
    let fields = |name: &str| call.header(name);
    let interop = match dialect {
        Dialect::Tus => {
            tus::check_version(&fields)?;
            None
        }
        Dialect::Ietf => Some(ietf::Interop::read(&fields)?),
    };
    let claims = claims(call).await?;
    let (mut upload, _) = upload_of(call, &claims, interop.is_some()).await?;
    if interop.is_none() && upload.length == Some(upload.offset) && !upload.is_complete && upload.concat.is_none() {
        // For a client of tus such an upload has succeeded: so it has to.
        finish(call, &claims).await?;
        upload = upload_of(call, &claims, false).await?.0;
    }
    let mut reply = Reply::empty(if interop.is_some() { 204 } else { 200 });
    reply.headers = told(call, &upload, interop, true);
    Ok(reply)
}

/// Ends the upload and deletes what it has.
pub async fn end(call: &Routed) -> Result<Reply, Problem> {
    if dialect(call) == Dialect::Tus {
        tus::check_version(&|name: &str| call.header(name))?;
    }
    let session = call.params.get("sessionId").unwrap_or_default();
    let row: SessionRow = call.service.find_owned(ResourceKind::Session, session).await?;
    if matches!(row.status.as_str(), "failed" | "expired") {
        return Err(Problem::UploadClosed { status: if row.status == "failed" { "failed" } else { "expired" } });
    }
    fail(&call.service, &row).await.map(|_| Reply::empty(204))
}

/// The upload as it is now, and its status.
async fn upload_of(call: &Routed, claims: &UploadClaims, ends_append: bool) -> Result<(answer::Upload, Status), Problem> {
    let SessionReply::At { meta, offset, expires } = tell(&call.service, claims, &Message::Offset { ends_append }).await? else {
        return Err(Problem::Internal);
    };
    if matches!(meta.status, Status::Failed | Status::Expired) {
        return Err(Problem::UploadClosed { status: meta.status.as_str() });
    }
    let is_complete = meta.status == Status::Complete;
    let deferred = meta.appending.as_ref().is_some_and(|appending| appending.deferred);
    let (metadata, concat) = meta.appending.map(|appending| (appending.metadata, appending.concat)).unwrap_or_default();
    let upload = answer::Upload {
        offset,
        length: (!deferred).then_some(meta.file_size),
        is_complete,
        metadata,
        concat,
        expires: Some(expires),
        file: is_complete.then(|| meta.asset.to_string()),
    };
    Ok((upload, meta.status))
}

/// The header fields that tell the upload; `whole` for an answer to a question.
fn told(call: &Routed, upload: &answer::Upload, interop: Option<ietf::Interop>, whole: bool) -> answer::Fields {
    match interop {
        Some(interop) => answer::ietf(upload, interop, call.io.now(), call.config.plan.max_part_bytes),
        None if whole => answer::tus_whole(upload),
        None => answer::tus(upload),
    }
}
