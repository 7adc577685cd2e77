//! `src/worker/services/uploads/start.rs`.

use super::dedup::{Known, copy_known, find, refer};

use crate::simulation::ledgers::{figures, release, reserve};
use crate::simulation::parties::{CHUNK, Party};
use crate::simulation::sessions::send;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::Name;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::object_key::file_key;
use jettyspeed_edge::ledger::timing::START_CHECK_MS;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::repository;
use jettyspeed_edge::uploads::rights::Rights;
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{Meta, Status, missing};

/// `SESSION_TTL_SECONDS`, ms.
const TTL_MS: u64 = 604_800_000;

/// What a client requests.
#[derive(Debug, Clone)]
pub struct StartParams {
    pub namespace: Name,
    pub name: String,
    pub size: u64,
    /// The claimed hash of the file, and bytes with that hash.
    pub claim: Option<(Sha256Hex, &'static str)>,
    /// The parts whose hashes are sent.
    pub chunks: Vec<&'static [u8]>,
}

/// The response to a start.
pub enum Started {
    Duplicate(Asset),
    Session { meta: Meta, missing: Vec<u16> },
}

pub async fn start(io: &World, party: &Party, params: &StartParams) -> Result<Started, Problem> {
    // Within the time after which the ledger checks the reservation.
    io.set_time_limit(START_CHECK_MS - 1_000);
    if let Some(asset) = duplicate(io, party, params).await? {
        return Ok(Started::Duplicate(asset));
    }
    let (object, now) = (io.draw(), io.now());
    let meta = Meta {
        session: io.draw(),
        account: party.id,
        namespace: params.namespace.clone(),
        asset: io.draw(),
        object,
        key: file_key(&party.user, object),
        upload_id: String::new(),
        file_name: params.name.clone(),
        file_size: params.size,
        chunk_size: CHUNK,
        content_type: "a/b".to_owned(),
        file_hash: params.claim.as_ref().map(|(hash, _)| hash.clone()),
        allow_unsigned: false,
        created: now,
        ttl_ms: TTL_MS,
        status: Status::Uploading,
        lease: None,
        outcome: None,
        suspended: false,
        cleaned_up: false,
        direct: false,
        ambiguous: std::collections::BTreeSet::new(),
        forget_at: None,
        active_at: None,
        urls_at: None,
    };
    reserve(io, party, (meta.asset, meta.file_size), now.plus(START_CHECK_MS), true).await?;
    let asset = meta.asset;
    let opened = open(io, meta).await;
    if opened.is_err() {
        let _ = release(io, party.id, asset).await;
    }
    let meta = opened?;
    // A client that sends a part's hash may get any bytes with that hash.
    (1u16..).zip(&params.chunks).for_each(|(number, bytes)| io.model.borrow_mut().sends(meta.session, number, bytes));
    let hashes: Vec<Sha256Hex> = params.chunks.iter().map(|bytes| Sha256Hex::of(bytes)).collect();
    let copied = copy_known(io, &meta, &hashes).await.unwrap_or_default();
    let missing = missing(meta.chunk_count(), copied.into_iter());
    Ok(Started::Session { meta, missing })
}

async fn duplicate(io: &World, party: &Party, params: &StartParams) -> Result<Option<Asset>, Problem> {
    let Some((hash, bytes)) = &params.claim else { return Ok(None) };
    for _ in 0..2 {
        let known = match find(io, party.id, hash, params.size, &params.namespace, &params.name).await? {
            Known::No => return Ok(None),
            Known::Owned(asset) if asset.name == params.name => return Ok(Some(asset)),
            Known::Owned(asset) | Known::Stored(asset) => asset,
        };
        if let Some(asset) = refer(io, party, known, &params.name, bytes.as_bytes()).await? {
            return Ok(Some(asset));
        }
    }
    Ok(match find(io, party.id, hash, params.size, &params.namespace, &params.name).await? {
        Known::Owned(asset) if asset.name == params.name => Some(asset),
        _ => None,
    })
}

async fn open(io: &World, mut meta: Meta) -> Result<Meta, Problem> {
    let now = io.now();
    let created = io.send("create upload", |store| Ok(store.create(&meta.key, now))).await;
    meta.upload_id = created.map_err(|_| Problem::Internal)?;
    io.opened.borrow_mut().push(meta.clone());
    if let Err(problem) = record(io, &meta).await {
        let _ = send(io, meta.session, Message::Fail).await;
        let _ = io.send("abort unrecorded upload", |store| store.abort(&meta.upload_id)).await;
        return Err(problem);
    }
    Ok(meta)
}

async fn record(io: &World, meta: &Meta) -> Result<(), Problem> {
    match send(io, meta.session, Message::Open { meta: Box::new(meta.clone()) }).await? {
        SessionReply::Done => io.batch("insert upload", &[repository::insert(meta)]).await?,
        _ => return Err(Problem::Internal),
    }
    let rights: Option<Rights> = io.first("read rights", &repository::rights(meta.account, &meta.namespace, 0, io.now())).await?;
    rights.filter(|rights| rights.is_member).ok_or(Problem::NotFound)?;
    if figures(io, meta.account).await?.limits.suspended {
        send(io, meta.session, Message::Suspend { suspended: true }).await?;
    }
    Ok(())
}
