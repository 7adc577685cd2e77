//! Sending and consuming jobs.

use serde::Deserialize;
use serde_json::json;
use wasm_bindgen_futures::JsFuture;
use worker::{Env, MessageBatch, MessageExt};

use super::Job;
use crate::config::LogLevel;
use crate::ids::{Id, Name};
use crate::json;
use crate::platform::{bindings, clock, d1, js, log};
use crate::problem::Problem;
use crate::units::EpochMs;
use crate::{dedup, upload};

/// After how long a job that is still to do counts as lost, ms.
const LOST_MS: u64 = 3_600_000;
/// The most that one day makes up for.
const MOST_LOST: u64 = 500;
/// The dead letters' queue (wrangler.toml).
const DEAD: &str = "jettyspeed-dead";
/// The longest a queue holds a message back, s (Queues documentation, "Limits").
const MOST_DELAY_SECONDS: u32 = 43_200;

/// Sends a job.
///
/// # Errors
/// Of the queue; a Durable Object's alarm that returns it is tried again.
pub async fn enqueue(env: &Env, job: &Job) -> worker::Result<()> {
    enqueue_later(env, job, 0).await
}

/// Sends a job that is to be done after so many seconds, as far as the queue can wait.
///
/// # Errors
/// Of the queue.
pub async fn enqueue_later(env: &Env, job: &Job, seconds: u64) -> worker::Result<()> {
    let queue = bindings::jobs(env).map_err(|problem| worker::Error::RustError(problem.to_string()))?;
    let delay = u32::try_from(seconds).unwrap_or(u32::MAX).min(MOST_DELAY_SECONDS);
    let options = js::object("delaySeconds", &delay.into())?;
    JsFuture::from(queue.send(&json::write(job)?, &options)?).await?;
    Ok(())
}

/// Does every job of a batch; one that fails comes again alone. One that has failed too often is sent again, much later, unless somebody sends it again anyway.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    let dead = batch.queue() == DEAD;
    for message in batch.raw_iter() {
        let text = message.body().as_string().unwrap_or_default();
        let job = json::read::<Job>(&text).ok();
        let done = match job {
            Some(job) if dead => {
                log::event(LogLevel::Error, "job", json!({ "error": "failed too often", "job": text }));
                match job {
                    // Alarms and the daily run send the others.
                    Job::TellUploads { .. } | Job::Orphan { .. } | Job::AmendVideo { .. } => {
                        let sent = enqueue_later(env, &job, MOST_DELAY_SECONDS.into()).await;
                        sent.map_err(|error| log::internal("queue", &error.to_string()))
                    }
                    _ => Ok(()),
                }
            }
            Some(job) => run(env, &job).await,
            None => {
                log::event(LogLevel::Error, "job", json!({ "error": "unreadable" }));
                Ok(())
            }
        };
        match done {
            Ok(()) => message.ack(),
            Err(problem) => {
                log::event(LogLevel::Warn, "job", json!({ "code": problem.kind().code }));
                // After retry_delay of wrangler.toml.
                message.retry();
            }
        }
    }
}

async fn run(env: &Env, job: &Job) -> Result<(), Problem> {
    let config = bindings::config(env)?;
    match job {
        Job::TellUploads { account, cursor } => upload::suspension::tell(env, *account, cursor).await,
        Job::Verify { object } => dedup::verify::verify(env, &config, *object).await,
        Job::Sweep { marker } => {
            let marker = marker.as_ref().map(|(key, upload)| (key.as_str(), upload.as_str()));
            upload::sweeper::sweep(env, &config, marker).await
        }
        Job::Probe => upload::prober::probe(env, &config).await.map(|_| ()),
        Job::Collect => dedup::collect::collect(env, &config).await,
        Job::Orphan { account, object } => dedup::collect::orphan(env, &config, *account, *object).await,
        Job::Wake { session, account } => upload::reopening::wake(env, &config, *account, *session).await,
        Job::AmendVideo { account, version, place } => crate::video::amending::amend(env, &config, *account, *version, place).await,
        Job::RemoveVideo { namespace, video } => crate::video::removal::remove(env, &config, namespace, video).await,
        Job::EndUpload { session } => upload::ending::end(env, &config, *session).await,
    }
}

/// Sends what may have been lost: the collector, the sweep, a look at every object that has waited for one for an hour and at every upload that has been open
/// for longer than it lives without activity, oldest first.
pub async fn daily(env: &Env) {
    for job in lost(env).await.into_iter().chain([Job::Probe, Job::Collect, Job::Sweep { marker: None }]) {
        if let Err(error) = enqueue(env, &job).await {
            let _ = log::internal("queue", &error.to_string());
        }
    }
}

async fn lost(env: &Env) -> Vec<Job> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        #[serde(default)]
        account_id: Option<Id>,
    }
    #[derive(Deserialize)]
    struct Doomed {
        namespace: Name,
        video_id: Name,
    }
    let (Ok(db), Ok(config)) = (bindings::db(env), bindings::config(env)) else { return Vec::new() };
    let since = |ms| EpochMs(clock::now().0.saturating_sub(ms));
    let pending = d1::all::<Row>(&db, &dedup::store::pending(since(LOST_MS), MOST_LOST)).await.unwrap_or_default();
    let open = upload::store::long_open(since(config.session_ttl_seconds.saturating_mul(1000)), MOST_LOST);
    let open = d1::all::<Row>(&db, &open).await.unwrap_or_default();
    let verify = pending.into_iter().map(|row| Job::Verify { object: row.id });
    let wake = open.into_iter().filter_map(|row| Some(Job::Wake { session: row.id, account: row.account_id? }));
    let doomed = d1::all::<Doomed>(&db, &crate::video::store::all_doomed(since(LOST_MS), MOST_LOST)).await.unwrap_or_default();
    // A row for each file, a job for each video.
    let mut videos: Vec<_> = doomed.into_iter().map(|row| (row.namespace, row.video_id)).collect();
    videos.dedup();
    let remove = videos.into_iter().map(|(namespace, video)| Job::RemoveVideo { namespace, video });
    verify.chain(wake).chain(remove).collect()
}
