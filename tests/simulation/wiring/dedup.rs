//! `src/worker/services/dedup/reference.rs` and `src/worker/services/uploads/copy_chunks.rs`.

use serde_json::Value;

use crate::simulation::ledgers::{adopt, release};
use crate::simulation::parties::{CHUNK, Party};
use crate::simulation::sessions::send;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::chunking::Strategy;
use jettyspeed_edge::dedup;
use jettyspeed_edge::dedup::chunk::Stored;
use jettyspeed_edge::dedup::lookup::Found;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::copy_chunks::{Copy, copies};
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{COPIED, Evidence, Meta, Part};

pub enum Known {
    No,
    Stored(Asset),
    Owned(Asset),
}

pub async fn find(io: &World, account: Id, hash: &Sha256Hex, size: u64, namespace: &Name, wanted: &str) -> Result<Known, Problem> {
    let mut found: Vec<Found> = io.all("find duplicate", &dedup::repository::duplicate(account, hash, size, Some(namespace), wanted)).await?;
    found.sort_by_key(|found| (!found.owned, found.asset.name != wanted));
    Ok(match found.into_iter().next() {
        None => Known::No,
        Some(Found { owned: true, asset }) => Known::Owned(asset),
        Some(Found { owned: false, asset }) => Known::Stored(asset),
    })
}

/// References a known object; `bytes` are those whose hash was sent.
pub async fn refer(io: &World, party: &Party, known: Asset, name: &str, bytes: &[u8]) -> Result<Option<Asset>, Problem> {
    let asset = Asset { id: io.draw(), account_id: party.id, name: name.to_owned(), created_at: io.now(), ..known };
    io.model.borrow_mut().wants(party.id, asset.id, bytes);
    adopt(io, party, &asset).await?;
    let written = io.batch("refer", &dedup::repository::refer(&asset)).await;
    let seen: Option<Value> = io.first("was it referred?", &jettyspeed_edge::ledger::repository::asset_stored(asset.id)).await?;
    match (written, seen) {
        (Ok(()), Some(_)) => Ok(Some(asset)),
        (Ok(()), None) => {
            release(io, party.id, asset.id).await?;
            Ok(None)
        }
        (Err(problem), _) => Err(problem),
    }
}

/// Copies known chunks; returns the numbers of the copied parts.
pub async fn copy_known(io: &World, meta: &Meta, hashes: &[Sha256Hex]) -> Result<Vec<u16>, Problem> {
    let stored: Vec<Stored> = io.all("find chunks", &dedup::repository::find_chunks(&meta.namespace, hashes)).await?;
    let strategy = Strategy { chunk_size: CHUNK, chunk_count: meta.chunk_count(), threads: 1 };
    let mut done = Vec::new();
    for copy in copies(meta.file_size, strategy, hashes, stored) {
        done.extend(copy_one_part(io, meta, copy).await);
    }
    Ok(done)
}

async fn copy_one_part(io: &World, meta: &Meta, copy: Copy) -> Option<u16> {
    let etag = io.send("copy part", |store| store.copy_part(&meta.upload_id, copy.number, &copy.s3_key, copy.first, copy.last)).await.ok()?;
    let part = Part {
        number: copy.number,
        etag,
        size: copy.size,
        sha256: Some(copy.sha256),
        edge: COPIED.to_owned(),
        at: io.now(),
        evidence: Evidence::Seen,
        took_ms: None,
    };
    let reply = send(io, meta.session, Message::Record { part, receipt: false }).await;
    matches!(reply, Ok(SessionReply::Done)).then_some(copy.number)
}
