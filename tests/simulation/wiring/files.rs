//! `src/worker/services/uploads/simple.rs` and `delete` of `src/worker/handlers/files.rs`.

use super::jobs::GRACE_MS;

use crate::simulation::ledgers::{doubt, release, reserve, settle};
use crate::simulation::parties::Party;
use crate::simulation::store::etag;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::dedup::repository::object as stored_object;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::object_key::file_key;
use jettyspeed_edge::files::repository::{Via, delete_asset, insert, reachable};
use jettyspeed_edge::jobs::{Job, LATE_SECONDS};
use jettyspeed_edge::ledger::timing::{DELETE_GRACE_MS, SIMPLE_GRACE_MS};
use jettyspeed_edge::problem::Problem;

/// Delay of the job that checks for the object again, ms.
pub const LATE_MS: u64 = LATE_SECONDS * 1_000;

/// A single-request upload.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub namespace: Name,
    pub name: String,
    pub sha256: Option<Sha256Hex>,
    pub bytes: &'static str,
}

pub async fn simple(io: &World, party: &Party, incoming: &Incoming) -> Result<Id, Problem> {
    // Within the time after which the ledger checks the reservation.
    io.set_time_limit(SIMPLE_GRACE_MS - 1_000);
    let (id, size) = (io.draw(), incoming.bytes.len() as u64);
    io.model.borrow_mut().wants(party.id, id, incoming.bytes.as_bytes());
    reserve(io, party, (id, size), io.now().plus(SIMPLE_GRACE_MS), false).await?;
    match put(io, party, id, incoming).await {
        Ok(asset) => {
            let _ = settle(io, party.id, id, asset.object_id, size).await;
            if asset.claimed_sha256.is_some() {
                let _ = io.enqueue(Job::Verify { object: asset.object_id, shard: Shard::MAIN }, 0).await;
            }
            Ok(id)
        }
        Err(Failed::Cleanly) => {
            let _ = release(io, party.id, id).await;
            Err(Problem::Internal)
        }
        Err(Failed::Unclearly) => {
            let _ = doubt(io, party.id, id).await;
            Err(Problem::Internal)
        }
    }
}

enum Failed {
    Cleanly,
    Unclearly,
}

async fn put(io: &World, party: &Party, id: Id, incoming: &Incoming) -> Result<Asset, Failed> {
    let object = id;
    let key = file_key(&party.user, object);
    let bytes = incoming.bytes.as_bytes();
    let put = io
        .send("put object", |store| {
            store.put(&key, bytes);
            Ok(())
        })
        .await;
    if put.is_err() {
        return Err(match io.enqueue(Job::Orphan { account: party.id, object }, LATE_MS).await {
            Ok(()) => cleaned_up(io, "delete what may be there", &key).await,
            Err(_) => Failed::Unclearly,
        });
    }
    let asset = Asset {
        id,
        account_id: party.id,
        object_id: object,
        name: incoming.name.clone(),
        content_type: "a/b".to_owned(),
        namespace: incoming.namespace.clone(),
        s3_key: key,
        size: bytes.len() as u64,
        etag: etag(bytes),
        verification: if incoming.sha256.is_some() { "pending" } else { "none" }.to_owned(),
        claimed_sha256: incoming.sha256.clone().map(String::from),
        sha256: None,
        created_at: io.now(),
        owner_status: "active".to_owned(),
        borrowed: false,
        verification_reason: None,
    };
    if io.batch("insert file", &insert(&asset, Via::Simple, None)).await.is_err() {
        if io.batch("delete what may be inserted", &delete_asset(asset.id, party.id, io.now())).await.is_err() {
            return Err(Failed::Unclearly);
        }
        return Err(match io.first::<serde_json::Value>("is there a row?", &stored_object(object)).await {
            Ok(Some(_)) => Failed::Cleanly,
            Ok(None) => cleaned_up(io, "delete what was put", &asset.s3_key).await,
            Err(_) => Failed::Unclearly,
        });
    }
    Ok(asset)
}

async fn cleaned_up(io: &World, call: &'static str, key: &str) -> Failed {
    if io.delete_object(call, key).await.is_ok() { Failed::Cleanly } else { Failed::Unclearly }
}

pub async fn delete(io: &World, party: &Party, id: Id) -> Result<(), Problem> {
    // Within the time after which the ledger checks the deletion.
    io.set_time_limit(DELETE_GRACE_MS - 1_000);
    let asset: Asset = io.first("find file", &reachable(id, party.id)).await?.ok_or(Problem::NotFound)?;
    doubt(io, party.id, asset.id).await?;
    io.batch("delete file", &delete_asset(asset.id, party.id, io.now())).await?;
    let _ = release(io, party.id, asset.id).await;
    let _ = io.enqueue(Job::Collect, GRACE_MS).await;
    Ok(())
}
