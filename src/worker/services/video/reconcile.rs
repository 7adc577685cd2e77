//! Brings database, store and ledger in line where a file of a video was written and nobody knows how that ended: the Worker died, or D1 or the store gave no
//! answer. Concurrent writers are safe: bytes are only deleted under a row that keeps them out, and a row changes only as long as it is the one that was seen.

use worker::Env;

use crate::base::id::Id;
use crate::config::Config;
use crate::jobs;
use crate::jobs::Job;
use crate::problem::{OriginFailure, Problem};
use crate::s3::etag::unquote;
use crate::s3::operations::{get_object, head_object};
use crate::video::place::{AtStore, Place, Present, Reconciliation, reconciliation};
use crate::video::repository;
use crate::worker::clients::ledger;
use crate::worker::content::metadata_cache;
use crate::worker::content::video_source::known_as;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{bindings, clock, d1, enqueue, log, origin};

/// How long after a write of unknown end it is looked into, s; and once more, for what the store may have been doing until then.
const AFTER_SECONDS: [u64; 2] = [60, jobs::LATE_SECONDS];

/// How long bytes without a row stay after they have got one that keeps others out, s: who looked before that and writes its row after they are gone takes so
/// long that it looks again.
const REMOVED_AFTER_SECONDS: u64 = 5;

/// What the store has under the key; None where there is nothing, by the store's own word: a 404 without one may be any gateway's.
///
/// # Errors
/// The store's.
pub async fn at_store(config: &Config, key: &str) -> Result<Option<AtStore>, Problem> {
    let answer = match origin::send(config, &head_object::head_object(key), Body::Empty).await {
        Ok(answer) => answer,
        Err(error) if error.status == 404 => {
            return match origin::send(config, &get_object::get_object(key, Some((0, 0))), Body::Empty).await {
                Err(error) if error.code == "NoSuchKey" => Ok(None),
                Ok(answer) => {
                    answer.discard();
                    Err(origin::problem("HeadObject", &error))
                }
                Err(error) => Err(origin::problem("GetObject", &error)),
            };
        }
        Err(error) => return Err(origin::problem("HeadObject", &error)),
    };
    let etag = answer.header("etag").map(|etag| unquote(&etag).to_owned());
    let size = answer.header("content-length").and_then(|text| text.trim().parse::<u64>().ok());
    let there = etag.zip(size).map(|(etag, size)| AtStore { etag, size });
    Ok(Some(there.ok_or(Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())))?))
}

/// Has it looked into. Should this not get there, the ledger does, later.
pub async fn enqueue(env: &Env, account: Id, version: Id, place: &Place) {
    let job = Job::ReconcileVideo { account, version, place: place.to_string() };
    for seconds in AFTER_SECONDS {
        if let Err(error) = enqueue::enqueue_later(env, &job, seconds).await {
            let _ = log::internal("queue", &error.to_string());
        }
    }
}

/// The job: of `account`'s `version`, which was to be at `place`.
///
/// # Errors
/// Of the store and the database, and if somebody is writing there: the job is repeated.
pub async fn amend(env: &Env, config: &Config, account: Id, version: Id, place: &str) -> Result<(), Problem> {
    let Some(place) = Place::parse(place) else { return Ok(()) };
    let (db, key) = (bindings::db(env)?, place.key());
    let look = async || d1::first::<Present>(&db, &repository::place(&place.namespace, &place.video, &place.path)).await;
    let present = look().await?;
    let is_it = present.as_ref().is_some_and(|present| present.id == version && present.doomed_at.is_none());
    let there = at_store(config, &key).await?;
    if let Some((before, its_account)) = present.as_ref().and_then(|present| present.replaced_id.zip(present.replaced_account)) {
        // Whoever replaced it may have died before its ledger heard of it.
        ledger::release(env, its_account, before).await?;
    }
    let size = there.as_ref().map_or(0, |there| there.size);
    match reconciliation(present, there) {
        Reconciliation::Nothing if is_it => ledger::settle(env, account, version, version, size).await,
        Reconciliation::Nothing => ledger::release(env, account, version).await,
        Reconciliation::Supersede(before, there) => {
            // The ledger is told twice: should this die in between, it asks how it ended.
            ledger::doubt_by_job(env, before.account_id, before.id).await?;
            let statement = repository::supersede(&before, version, account, &there, clock::now());
            d1::first::<serde_json::Value>(&db, &statement).await?.ok_or(Problem::StillRunning)?;
            metadata_cache::forget(&known_as(&place.namespace, &place.video, place.path.as_str())).await;
            if before.id != version {
                ledger::release(env, before.account_id, before.id).await?;
            }
            ledger::settle(env, account, version, version, there.size).await
        }
        Reconciliation::Undo(before) => {
            ledger::doubt_by_job(env, before.account_id, before.id).await?;
            d1::batch(&db, &[repository::undo(before.id, &before.etag)]).await?;
            metadata_cache::forget(&known_as(&place.namespace, &place.video, place.path.as_str())).await;
            // Whether it is gone, the ledger asks: it is in doubt.
            ledger::release(env, account, version).await
        }
        Reconciliation::Delete => {
            let condemned: Option<serde_json::Value> = d1::first(&db, &repository::claim_deletion(&place, version, account, clock::now())).await?;
            if condemned.is_some() {
                let job = Job::RemoveVideo { namespace: place.namespace.clone(), video: place.video.clone() };
                let sent = enqueue::enqueue_later(env, &job, REMOVED_AFTER_SECONDS).await;
                return sent.map_err(|error| log::internal("queue", &error.to_string()));
            }
            if look().await?.is_some() {
                return Err(Problem::StillRunning);
            }
            // Its namespace is gone, so nobody writes there.
            origin::delete(config, &key).await?;
            ledger::release(env, account, version).await
        }
    }
}
