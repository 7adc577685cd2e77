//! Runs a job of the queue.

use crate::config::Config;
use crate::io::{Io, MAX_DELAY_SECONDS};
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::accounts::{deletion, moving, statement};
use crate::services::alerts;
use crate::services::dedup::{collect, verify};
use crate::services::paths::delete_prefix;
use crate::services::uploads::{abort, membership, payload_hash_probe, presigned_hash_probe, recover, suspend, sweep};
use crate::services::video::{reconcile, removal};
use crate::services::webhooks::deliver;
use crate::services::{prune, repeat};

/// Runs a job.
///
/// # Errors
/// Of the store, D1, the queue and Durable Objects; the job is to be delivered again.
pub async fn run_job(io: &impl Io, config: &Config, job: &Job) -> Result<(), Problem> {
    match job {
        Job::PropagateSuspension { account, cursor } => suspend::propagate(io, *account, cursor).await,
        Job::EndMembership { account, namespace, until, cursor } => membership::end_page(io, config, *account, namespace, *until, cursor).await,
        Job::Verify { object, shard } => verify::verify(io, config, *object, *shard).await,
        Job::Sweep { marker } => {
            let marker = marker.as_ref().map(|(key, upload)| (key.as_str(), upload.as_str()));
            sweep::sweep(io, config, marker).await
        }
        Job::Nothing => Ok(()),
        Job::Probe => {
            payload_hash_probe::probe(io, config).await?;
            presigned_hash_probe::probe(io, config).await.map(|_| ())
        }
        Job::Collect => collect::collect_all(io, config).await,
        Job::CollectAfter { object, shard } => collect::collect(io, config, *shard, Some(*object)).await,
        Job::Repeat { lost, shard } => repeat::repeat(io, config, lost, *shard).await,
        Job::Orphan { account, object } => collect::orphan(io, config, *account, *object).await,
        Job::Wake { session, account } => recover::recover_or_end(io, config, *account, *session).await,
        Job::ReconcileVideo { account, version, place } => reconcile::reconcile(io, config, *account, *version, place).await,
        Job::RemoveVideo { namespace, video } => removal::remove(io, config, namespace, video).await,
        Job::DeliverWebhook { namespace, delivery } => deliver::deliver(io, config, namespace, *delivery).await,
        Job::DeletePrefix { account, namespace, prefix, until, base, after } => {
            let which = delete_prefix::Prefix { account: *account, namespace, prefix, until: *until, base };
            delete_prefix::delete_page(io, config, which, after).await
        }
        Job::Prune { account } => prune::prune(io, *account).await,
        Job::Alerts { hour, shard, after } => alerts::decide_page(io, config, *hour, *shard, after).await,
        Job::QuotaAlerts { account } => alerts::quota::decide(io, *account).await,
        Job::Move { moved, step } => moving::run(io, moved, step).await,
        Job::DeleteAccount { account, user, shard, after } => {
            deletion::run(io, config, &deletion::Deleted { account: *account, user, shard: *shard }, after).await
        }
        Job::CloseMonths { shard, after } => statement::close(io, config, *shard, *after).await,
        Job::EndUpload { session } => abort::end_upload(io, config, *session).await,
    }
}

/// Sends a job again that failed too often, with the longest delay, unless an alarm or the daily run repeats it anyway.
///
/// # Errors
/// Of the queue.
pub async fn send_dead_again(io: &impl Io, job: &Job) -> Result<(), Problem> {
    match job {
        // The daily run sends a verification again only while there is no verdict; behind it, equal objects may still have to be merged.
        Job::Verify { .. }
        | Job::PropagateSuspension { .. }
        | Job::EndMembership { .. }
        | Job::Orphan { .. }
        | Job::DeletePrefix { .. }
        | Job::ReconcileVideo { .. }
        | Job::Move { .. } => io.enqueue(job, MAX_DELAY_SECONDS).await,
        _ => Ok(()),
    }
}
