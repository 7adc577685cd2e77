//! `src/worker/services/dedup/{verify,collect}.rs`.

use super::jobs::GRACE_MS;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::simulation::ledgers::{doubt_by_job, settle, stored};
use crate::simulation::world::World;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::dedup::lookup::Verdict;
use jettyspeed_edge::dedup::repository;
use jettyspeed_edge::dedup::verification::{Pending, Step};
use jettyspeed_edge::files::object_key::file_key;
use jettyspeed_edge::problem::Problem;

/// Objects collected per run, and assets moved per merge.
const PAGE: u64 = 200;

#[derive(Deserialize)]
struct Owner {
    id: Id,
    account_id: Id,
}

pub async fn verify(io: &World, object: Id) -> Result<(), Problem> {
    if let Some(row) = io.first::<Pending>("find object to verify", &repository::to_verify(object)).await? {
        // The store's objects are small, and no attempt is the last: a simulated outage takes as long as it takes.
        if !matches!(row.next(u64::MAX, u64::MAX), Step::Whole) {
            return Err(Problem::Internal);
        }
        io.batch("begin verification", &[repository::begin_verification(object, io.now())]).await?;
        let claimed = row.claimed_sha256.ok_or(Problem::Internal)?;
        let Ok(bytes) = io.send("get object", |store| store.get(&row.s3_key)).await else {
            let _ = io.batch("fail verification", &[repository::fail_verification(object, Problem::Internal.kind().code)]).await;
            return Err(Problem::Internal);
        };
        let computed = Sha256Hex::of(&bytes);
        let verdict = Verdict::of(claimed.as_str(), &computed);
        if verdict == Verdict::Mismatch {
            io.note("it is a lie");
        }
        let statements = [repository::set_verification(object, verdict.as_str(), &computed), repository::end_verification(object)];
        io.batch("set_verification", &statements).await?;
    }
    join(io, object).await
}

async fn join(io: &World, object: Id) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Verified {
        namespace: Name,
        sha256: Sha256Hex,
        size: u64,
    }
    #[derive(Deserialize)]
    struct Same {
        id: Id,
        refs: u64,
    }
    let Some(row) = io.first::<Verified>("find verified object", &repository::verified(object)).await? else { return Ok(()) };
    let same: Vec<Same> = io.all("find its twins", &repository::in_namespace(&row.namespace, &row.sha256, row.size)).await?;
    let Some((oldest, others)) = same.split_first() else { return Ok(()) };
    for other in others.iter().filter(|other| other.refs > 0) {
        let owners: Vec<Owner> = io.all("find owners of the other", &repository::owners(other.id, PAGE)).await?;
        for owner in &owners {
            doubt_by_job(io, owner.account_id, owner.id).await?;
        }
        let moved: Vec<Id> = owners.iter().map(|owner| owner.id).collect();
        io.batch("merge", &repository::merge(other.id, oldest.id, &moved, io.now())).await?;
        let each: BTreeMap<Id, Id> = owners.iter().map(|owner| (owner.account_id, owner.id)).collect();
        tell_ledgers(io, each.into_iter().collect()).await?;
    }
    Ok(())
}

async fn tell_ledgers(io: &World, assets: Vec<(Id, Id)>) -> Result<(), Problem> {
    for (account, asset) in assets {
        if let Some((object, size)) = stored(io, asset).await? {
            settle(io, account, asset, object, size).await?;
        }
    }
    Ok(())
}

pub async fn collect(io: &World) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        s3_key: String,
    }
    let before = EpochMs(io.now().0.saturating_sub(GRACE_MS));
    io.batch("claim deletion", &[repository::claim_deletion(before)]).await?;
    let rows: Vec<Row> = io.all("find claimed deletions", &repository::claimed_deletions("", PAGE)).await?;
    let (mut deleted, mut failed) = (false, false);
    for row in rows {
        if io.delete_object("delete claimed object", &row.s3_key).await.is_err() {
            failed = true;
            continue;
        }
        io.batch("delete object row", &[repository::delete_object_row(row.id)]).await?;
        deleted = true;
    }
    if failed && !deleted { Err(Problem::Internal) } else { Ok(()) }
}

/// Deletes the object of a single-request upload that was never recorded.
pub async fn orphan(io: &World, account: Id, object: Id) -> Result<(), Problem> {
    let known: Option<serde_json::Value> = io.first("find object", &repository::object(object)).await?;
    let owner = io.parties.iter().find(|party| party.id == account);
    match (known, owner) {
        (None, Some(owner)) => io.delete_object("delete orphan", &file_key(&owner.user, object)).await.map_err(|_| Problem::Internal),
        _ => Ok(()),
    }
}
