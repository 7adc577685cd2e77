//! `dedup/{verify,collect}.rs`.

use jettyspeed_edge::dedup::duplicate::Verdict;
use jettyspeed_edge::dedup::store;
use jettyspeed_edge::ids::{Id, Name};
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::units::{EpochMs, Sha256Hex};
use serde::Deserialize;

use super::jobs::GRACE_MS;
use crate::model::known;
use crate::model::ledgers::{doubt, settle};
use crate::model::world::World;

/// How many objects one run collects.
const PAGE: u64 = 200;

pub async fn verify(io: &World, object: Id) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        s3_key: String,
        claimed_sha256: Option<Sha256Hex>,
    }
    if let Some(row) = io.first::<Row>("find object to verify", &store::to_verify(object)).await? {
        let claimed = row.claimed_sha256.ok_or(Problem::Internal)?;
        let bytes = io.send("get object", |store| store.get(&row.s3_key)).await.map_err(|_| Problem::Internal)?;
        let computed = Sha256Hex::of(&bytes);
        let verdict = Verdict::of(claimed.as_str(), &computed);
        if verdict == Verdict::Mismatch {
            io.note("it is a lie");
        }
        io.batch("judge", &[store::judge(object, verdict.as_str(), &computed)]).await?;
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
    #[derive(Deserialize)]
    struct Owner {
        id: Id,
        account_id: Id,
    }
    let Some(row) = io.first::<Verified>("find verified object", &store::verified(object)).await? else { return Ok(()) };
    let same: Vec<Same> = io.all("find its twins", &store::in_namespace(&row.namespace, &row.sha256, row.size)).await?;
    let Some((oldest, others)) = same.split_first() else { return Ok(()) };
    let others: Vec<_> = others.iter().filter(|other| other.refs > 0).collect();
    if others.is_empty() && oldest.id == object {
        return Ok(());
    }
    for other in others {
        if known::JOIN_FORGETS_OWNERS {
            let owners: Vec<Owner> = io.all("find owners of the other", &store::owners(other.id)).await?;
            for owner in owners {
                doubt(io, owner.account_id, owner.id).await?;
            }
        }
        io.batch("merge", &store::merge(other.id, oldest.id, io.now())).await?;
    }
    let owners: Vec<Owner> = io.all("find owners", &store::owners(oldest.id)).await?;
    for owner in owners {
        settle(io, owner.account_id, owner.id, oldest.id, row.size).await?;
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
    io.batch("condemn", &[store::condemn(before)]).await?;
    let rows: Vec<Row> = io.all("find condemned", &store::condemned(PAGE)).await?;
    for row in rows {
        io.delete_object("delete condemned", &row.s3_key).await.map_err(|_| Problem::Internal)?;
        io.batch("bury", &[store::bury(row.id)]).await?;
    }
    Ok(())
}
