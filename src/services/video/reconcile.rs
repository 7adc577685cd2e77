//! Reconciles D1, store and ledger after a write of a video file with an unknown outcome: the Worker died, or D1 or the store did not answer.
//! Safe with concurrent writers: bytes are deleted only under a row that blocks writers, and a row is changed only if it is still the one that was read.

use crate::base::id::Id;
use crate::clients::{database, ledger, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::io::stale::Stale;
use crate::jobs;
use crate::jobs::Job;
use crate::problem::{OriginFailure, Problem};
use crate::services::stored_object;
use crate::services::video::removal::SETTLE_SECONDS;
use crate::video::place::{AtStore, Place, Present, Reconciliation, reconciliation};
use crate::video::{owner, repository};

/// Delay of the earlier one of two reconciliations after a write with an unknown outcome, s.
const SOON_SECONDS: u64 = 60;

/// The object under the key.
///
/// # Errors
/// Errors of the store; 502 if it does not tell size and ETag, since neither "absent" nor "another version" may be assumed then.
pub async fn at_store(io: &impl Io, config: &Config, key: &str) -> Result<Option<AtStore>, Problem> {
    let seen = stored_object::describe(io, config, key).await.map_err(|error| store::problem("HeadObject", &error))?;
    let Some(seen) = seen else { return Ok(None) };
    let stored = seen.etag.zip(seen.size).map(|(etag, size)| AtStore { etag, size });
    Ok(Some(stored.ok_or(Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())))?))
}

/// Enqueues the reconciliation twice. The later run covers what the store was still doing during the earlier one, and is sent first: the earlier one must not
/// be left alone, neither by a request that dies in between nor by a queue that does not take both. It would find nothing yet and release the version, which
/// ends the ledger's check, and nobody would look again. So without the later one the ledger's check takes the place of both.
///
/// # Errors
/// Of the ledger: nobody may look.
pub async fn enqueue(io: &impl Io, account: Id, version: Id, place: &Place) -> Result<(), Problem> {
    let job = Job::ReconcileVideo { account, version, place: place.to_string() };
    if io.enqueue(&job, jobs::REQUEST_SECONDS).await.is_err() {
        // Also of a version that is settled meanwhile.
        return ledger::schedule_check(io, account, version).await;
    }
    let _ = io.enqueue(&job, SOON_SECONDS).await;
    Ok(())
}

/// The job `amend_video`: reconciles `place`, where `version` of `account` was to be written.
///
/// # Errors
/// Errors of the store and D1; [`Problem::StillRunning`] if the place is being written. The job is repeated.
pub async fn reconcile(io: &impl Io, config: &Config, account: Id, version: Id, place: &str) -> Result<(), Problem> {
    let Some(place) = Place::parse(place) else { return Ok(()) };
    let (db, key) = (shards::of_namespace(io, &place.namespace).await?, place.key());
    let read_row = async || database::first::<Present>(&db, &repository::place(&place.namespace, &place.video, &place.path)).await;
    let present = read_row().await?;
    let is_it = present.as_ref().is_some_and(|present| present.id == version && present.doomed_at.is_none());
    let stored = at_store(io, config, &key).await?;
    if let Some((before, its_account)) = present.as_ref().and_then(|present| present.replaced_id.zip(present.replaced_account)) {
        // The writer that replaced it may have died before it released the replaced version.
        ledger::release(io, its_account, before).await?;
    }
    let size = stored.as_ref().map_or(0, |stored| stored.size);
    match reconciliation(present, stored) {
        Reconciliation::Nothing if is_it => ledger::settle(io, account, version, version, size).await,
        Reconciliation::Nothing => ledger::release(io, account, version).await,
        Reconciliation::Supersede(before, stored) => {
            // The ledger is notified before and after: if this job dies in between, it checks the outcome in D1.
            ledger::schedule_check_by_job(io, before.account_id, before.id).await?;
            let statement = repository::supersede(&before, version, account, &stored, io.now());
            database::first::<serde_json::Value>(&db, &statement).await?.ok_or(Problem::StillRunning)?;
            io.forget(Stale::VideoFile(&place.namespace, &place.video, place.path.as_str())).await;
            if before.id != version {
                ledger::release(io, before.account_id, before.id).await?;
            }
            ledger::settle(io, account, version, version, stored.size).await
        }
        Reconciliation::Undo(before) => {
            ledger::schedule_check_by_job(io, before.account_id, before.id).await?;
            let gone = [vec![repository::delete_version(before.id, &before.etag)], owner::repository::release(&place.namespace, &place.video).into()];
            database::batch(&db, &gone.concat()).await?;
            io.forget(Stale::VideoFile(&place.namespace, &place.video, place.path.as_str())).await;
            // The ledger has a scheduled check of the row's version and finds out whether it is gone.
            ledger::release(io, account, version).await
        }
        Reconciliation::Delete => {
            let claimed: Option<serde_json::Value> = database::first(&db, &repository::claim_deletion(&place, version, account, io.now())).await?;
            if claimed.is_some() {
                let job = Job::RemoveVideo { namespace: place.namespace.clone(), video: place.video.clone() };
                let sent = io.enqueue(&job, SETTLE_SECONDS).await;
                return sent;
            }
            if read_row().await?.is_some() {
                return Err(Problem::StillRunning);
            }
            // The namespace does not exist, so there are no writers.
            store::delete(io, config, &key).await?;
            ledger::release(io, account, version).await
        }
    }
}
