//! One-request upload: reserve, store, record (docs/uploads.md, The two ways in).

use crate::accounts::account::Account;
use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only as Counted, UploadCount};
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::clients::ledger::Wanted;
use crate::clients::{database, ledger, live, shards, store};
use crate::dedup::repository;
use crate::files::asset::Asset;
use crate::files::object_key::file_key;
use crate::files::paths::path::Path;
use crate::files::paths::placement::Placement;
use crate::files::paths::repository::Tree;
use crate::files::repository::{Via, delete_asset, insert};
use crate::http::content_disposition;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::jobs;
use crate::jobs::Job;
use crate::ledger::message::{Message, Reply};
use crate::ledger::timing;
use crate::live::event;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::etag::ETag;
use crate::s3::operations::put_object;
use crate::services::dedup::verify;
use crate::services::paths::place;
use crate::services::paths::place::Place;
use crate::services::request::Request;
use crate::services::send_body::{Outgoing, Refused};
use crate::services::uploads::refused;
use crate::services::{idempotency, send_body, stored_object, webhooks};
use crate::uploads::simple::check_room;
use crate::webhooks::data;
use crate::webhooks::event::{Event, EventKind};
use crate::webhooks::repository::{Only, Written, emit, take_back};

/// The longest time for which a body that has arrived is in memory, ms: calls of D1, the ledger and the store.
pub const STORING_MS: u64 = 120_000;

/// Refuses a body that is read into memory, and whose file has at least `least` bytes, if the account can not store it.
///
/// # Errors
/// 403 (suspended), 413 (tier), 507.
pub async fn must_fit(call: &Request<impl Io>, account: &Account, least: u64) -> Result<(), Problem> {
    account.may_upload_simply(least)?;
    match ledger::send_of(&call.io, account, &Message::Usage { limits: Some(account.limits()) }).await? {
        Reply::State { figures } => check_room(&figures, least),
        _ => Err(Problem::Internal),
    }
}

/// The file to store.
pub struct Incoming<I: Io> {
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// The place that it is to have.
    pub placement: Option<Placement>,
    /// Claimed hash, which the store verifies.
    pub sha256: Option<Sha256Hex>,
    /// The body: the raw stream or the form's file.
    pub body: Outgoing<I>,
}

/// Reserves storage, stores the bytes, settles the reservation. If a step fails, the earlier ones are undone, and the upload counts as failed.
pub async fn store_file<I: Io>(call: &Request<I>, account: &Account, namespace: &Namespace, incoming: Incoming<I>) -> Result<Asset, Problem> {
    reserve_and_store(call, account, namespace, incoming).await.inspect_err(|problem| refused::count(&call.io, &namespace.name, problem))
}

async fn reserve_and_store<I: Io>(call: &Request<I>, account: &Account, namespace: &Namespace, incoming: Incoming<I>) -> Result<Asset, Problem> {
    let (id, size) = (call.id()?, incoming.size);
    let tree = Tree { account: account.id, namespace: &namespace.name };
    place::may_be_placed(&call.io, tree, incoming.placement.as_ref()).await?;
    let look_at = call.now().plus(timing::SIMPLE_GRACE_MS);
    ledger::reserve(&call.io, account, Wanted { asset: id, bytes: size, look_at, place: None, session: false, replaces: false }).await?;
    let stored = store_object(call, account, namespace, id, incoming).await;
    // If one of these fails, the ledger's scheduled check repeats it.
    match stored {
        Ok(asset) => {
            if ledger::settle_upload(&call.io, account.id, id, asset.object_id, size).await == Ok(true) {
                live::publish_afterwards(&call.io, account.id, event::stored(&asset, call.now()));
            }
            if asset.claimed_sha256.is_some() {
                verify::enqueue_for(&call.io, account.id, asset.object_id).await;
            }
            Ok(asset)
        }
        Err(Failed::Cleanly(problem)) => {
            let _ = ledger::release(&call.io, account.id, id).await;
            Err(problem)
        }
        Err(Failed::Unclearly(problem)) => {
            let _ = ledger::schedule_check(&call.io, account.id, id).await;
            Err(problem)
        }
    }
}

/// How storing failed.
enum Failed {
    /// Nothing is left at the store.
    Cleanly(Problem),
    /// The file may exist, or bytes without a row: the ledger's scheduled check finds out.
    Unclearly(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Failed {
        Failed::Cleanly(problem)
    }
}

async fn store_object<I: Io>(call: &Request<I>, account: &Account, namespace: &Namespace, id: Id, incoming: Incoming<I>) -> Result<Asset, Failed> {
    // The object has the id of its asset: if this request dies before D1 has a row, the ledger still knows the key.
    let object = id;
    let key = file_key(&account.agentcache_user_id, object);
    let headers = ObjectHeaders { content_type: &incoming.content_type, content_disposition: &content_disposition::for_store(&incoming.name) };
    let payload = incoming.sha256.clone().map_or(Payload::Unsigned, Payload::Sha256);
    let started = call.now();
    let action = put_object::put_object(&key, headers, payload);
    let answer = send_body::send_any(call, &action, incoming.body, incoming.size, incoming.sha256.as_ref()).await?;
    call.span("origin", started);
    let answer = match answer {
        Ok(answer) => answer,
        Err(Refused { error, may_be_stored }) => {
            let asked = if error.tells_no_reason() { store::ask(&call.io, &call.config, &key).await } else { Ok(()) };
            let problem = store::problem_after_asking("PutObject", &error, &asked);
            // A store that returned 500 may have written the object before it failed.
            return Err(if may_be_stored { delete_stored(call, account.id, object, &key, problem).await } else { Failed::Cleanly(problem) });
        }
    };
    let etag = answer.header("etag");
    answer.discard();
    // The key is this upload's own, so what a gateway left out may be asked for, or stay unknown.
    let etag = match etag.as_deref().map(ETag::parse) {
        Some(tag) if !tag.weak => tag.opaque.to_owned(),
        _ => strong_etag(call, &key).await,
    };
    let asset = Asset {
        id,
        account_id: account.id,
        object_id: object,
        name: incoming.name,
        content_type: incoming.content_type,
        namespace: namespace.name.clone(),
        s3_key: key,
        size: incoming.size,
        etag,
        verification: if incoming.sha256.is_some() { "pending" } else { "none" }.to_owned(),
        claimed_sha256: incoming.sha256.map(String::from),
        sha256: None,
        created_at: call.now(),
        owner_status: "active".to_owned(),
        borrowed: false,
        verification_reason: None,
        path: None,
        modified_at: incoming.placement.as_ref().and_then(|placement| placement.modified_at),
    };
    // An account whose move begins now leaves the bytes to the ledger's check.
    let db = shards::of_account(&call.io, account.id).await.map_err(Failed::Unclearly)?;
    let placement = incoming.placement;
    let place = place::look(call, &asset, placement.as_ref()).await;
    let place = match place {
        Ok(place) => place,
        // No row references the bytes.
        Err(problem) => return Err(delete_stored(call, account.id, object, &asset.s3_key, problem).await),
    };
    let mut asset = Asset { path: place::expected(place.as_ref()), ..asset };
    let data = data::upload_completed(&asset, Vec::new(), &call.base, asset.created_at);
    let event = webhooks::event(&call.io, EventKind::UploadCompleted, &data).map_err(Failed::Unclearly)?;
    let recorded = record(call, &db, &asset, place, &event).await;
    asset.path = recorded.as_ref().ok().and_then(Clone::clone);
    if let Err(problem) = recorded {
        let problem = place::why(&call.io, &asset, placement.as_ref(), problem).await;
        let [unrefer, delete] = delete_asset(asset.id, account.id, call.now());
        let undo = [unrefer, delete, take_back(&asset.namespace, &event)];
        if database::batch(&db, &undo).await.is_err() {
            return Err(Failed::Unclearly(problem));
        }
        // Bytes with a row are left to garbage collection; bytes without a row belong to no file.
        return Err(match shards::certainly_first::<serde_json::Value>(&call.io, account.id, &repository::object(object)).await {
            Ok(Some(_)) => Failed::Cleanly(problem),
            Ok(None) => delete_stored(call, account.id, object, &asset.s3_key, problem).await,
            Err(_) => Failed::Unclearly(problem),
        });
    }
    Ok(asset)
}

/// Writes the file, in its place, and its event: the path that it has.
async fn record<I: Io>(call: &Request<I>, db: &I::Db, asset: &Asset, place: Option<Place>, event: &Event) -> Result<Option<Path>, Problem> {
    let mut statements: Vec<_> = idempotency::fence(call).into_iter().collect();
    statements.extend(insert(asset, Via::Simple, None));
    let made = statements.len();
    statements.extend(place::statements(call, place.as_ref(), asset));
    let placing = statements.len() - made;
    statements.extend(add_upload(&asset.namespace, &UploadCount::simple(asset.size), Counted::Always, asset.created_at));
    let before = statements.len();
    statements.push(emit(&asset.namespace, event, Only::WithAsset(asset.id)));
    let mut rows = database::results(db, &statements).await?;
    let placed = place::read(place.as_ref(), rows.skip(made))?;
    let notices: Vec<Written> = rows.skip(before - made - placing).all()?;
    let path = placed.path.clone();
    place::tell(call, place, placed).await;
    webhooks::send(&call.io, &asset.namespace, notices).await;
    Ok(path)
}

/// The object's ETag as the store tells it when asked; empty if it tells no strong one.
async fn strong_etag(call: &Request<impl Io>, key: &str) -> String {
    let seen = stored_object::describe(&call.io, &call.config, key).await.ok().flatten();
    seen.filter(|seen| !seen.weak).and_then(|seen| seen.etag).unwrap_or_default()
}

/// Deletes the stored bytes, which no row references. If that fails, the ledger's scheduled check has them deleted.
///
/// A job deletes them again: of several attempts to store them an earlier one, whose end nobody heard, may take effect later.
async fn delete_stored(call: &Request<impl Io>, account: Id, object: Id, key: &str, problem: Problem) -> Failed {
    if call.enqueue(&Job::Orphan { account, object }, jobs::LATE_SECONDS).await.is_err() {
        return Failed::Unclearly(problem);
    }
    match store::delete(&call.io, &call.config, key).await {
        Ok(()) => Failed::Cleanly(problem),
        Err(_) => Failed::Unclearly(problem),
    }
}
