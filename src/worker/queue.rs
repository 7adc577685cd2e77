//! Queue consumer.

use serde_json::json;
use worker::{Env, MessageBatch, MessageExt};

use crate::base::json;
use crate::config::LogLevel;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::worker::platform::enqueue::{MAX_DELAY_SECONDS, enqueue_later};
use crate::worker::platform::{bindings, log};
use crate::worker::services::accounts::moving;
use crate::worker::services::dedup::{collect, verify};
use crate::worker::services::uploads::{abort, membership, payload_hash_probe, presigned_hash_probe, recover, suspend, sweep};
use crate::worker::services::{prune, repeat};

/// The dead-letter queue (wrangler.toml).
const DEAD_LETTER_QUEUE: &str = "jettyspeed-dead";

/// Runs every job of a batch and retries failed jobs one by one. A job in the dead-letter queue is enqueued again with a long delay, unless an alarm or the
/// daily run repeats it anyway.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    log::step("run", "queue");
    let dead = batch.queue() == DEAD_LETTER_QUEUE;
    for message in batch.raw_iter() {
        log::step("queue", "read");
        let text = message.body().as_string().unwrap_or_default();
        let job = json::read::<Job>(&text).ok();
        let done = match job {
            Some(job) if dead => {
                log::event(LogLevel::Error, "job", json!({ "error": "failed too often", "job": job.described() }));
                match job {
                    // Alarms and the daily run repeat the other jobs.
                    Job::PropagateSuspension { .. }
                    | Job::EndMembership { .. }
                    | Job::Orphan { .. }
                    | Job::ReconcileVideo { .. }
                    | Job::Move { .. } => {
                        let sent = enqueue_later(env, &job, MAX_DELAY_SECONDS.into()).await;
                        sent.map_err(|error| log::internal("queue", &error.to_string()))
                    }
                    _ => Ok(()),
                }
            }
            Some(job) => run_job(env, &job).await,
            None => {
                log::event(LogLevel::Error, "job", json!({ "error": "unreadable" }));
                Ok(())
            }
        };
        match done {
            Ok(()) => {
                log::step("queue", "delete");
                message.ack();
            }
            Err(problem) => {
                log::event(LogLevel::Warn, "job", json!({ "code": problem.kind().code }));
                // Delivered again after `retry_delay` (wrangler.toml).
                message.retry();
            }
        }
    }
}

async fn run_job(env: &Env, job: &Job) -> Result<(), Problem> {
    let config = bindings::config(env)?;
    match job {
        Job::PropagateSuspension { account, cursor } => suspend::propagate(env, *account, cursor).await,
        Job::EndMembership { account, namespace, until, cursor } => membership::end_page(env, &config, *account, namespace, *until, cursor).await,
        Job::Verify { object, shard } => verify::verify(env, &config, *object, *shard).await,
        Job::Sweep { marker } => {
            let marker = marker.as_ref().map(|(key, upload)| (key.as_str(), upload.as_str()));
            sweep::sweep(env, &config, marker).await
        }
        Job::Nothing => Ok(()),
        Job::Probe => {
            payload_hash_probe::probe(env, &config).await?;
            presigned_hash_probe::probe(env, &config).await.map(|_| ())
        }
        Job::Collect => collect::collect_all(env, &config).await,
        Job::CollectAfter { object, shard } => collect::collect(env, &config, *shard, Some(*object)).await,
        Job::Repeat { lost, shard } => repeat::repeat(env, &config, lost, *shard).await,
        Job::Orphan { account, object } => collect::orphan(env, &config, *account, *object).await,
        Job::Wake { session, account } => recover::recover_or_end(env, &config, *account, *session).await,
        Job::ReconcileVideo { account, version, place } => {
            crate::worker::services::video::reconcile::reconcile(env, &config, *account, *version, place).await
        }
        Job::RemoveVideo { namespace, video } => crate::worker::services::video::removal::remove(env, &config, namespace, video).await,
        Job::Prune { account } => prune::prune(env, *account).await,
        Job::Move { moved, step } => moving::run(env, moved, step).await,
        Job::EndUpload { session } => abort::end_upload(env, &config, *session).await,
    }
}
