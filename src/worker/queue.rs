//! Queue consumer.

use futures_util::future::join_all;
use serde_json::json;
use worker::{Env, MessageBatch, MessageExt};

use crate::base::trace_context::TraceContext;
use crate::base::traced::traced;
use crate::health::job_records::Run;
use crate::jobs::{self, Job};
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::sentry::event::Failure;
use crate::services::run_job::{run_job, send_dead_again};
use crate::services::{failures, job_records};
use crate::worker::content::forget::forget;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::{bindings, trace};

/// The dead-letter queue (wrangler.toml).
const DEAD_LETTER_QUEUE: &str = "jettyspeed-dead";

/// Runs every job of a batch and retries failed jobs one by one. A job in the dead-letter queue is enqueued again with a long delay, unless an alarm or the
/// daily run repeats it anyway.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    log::step("run", "queue");
    let io = WorkerIo::new(env.clone(), forget);
    let mut failures: Vec<Failure> = Vec::new();
    let dead = batch.queue() == DEAD_LETTER_QUEUE;
    for message in batch.raw_iter() {
        log::step("queue", "read");
        let text = message.body().as_string().unwrap_or_default();
        let done = match jobs::read(&text) {
            Ok(job) => {
                let trace = trace::step_of(jobs::trace_of(&text)).ok();
                let work = async { if dead { failed_too_often(&io, &job).await } else { run(&io, &job, trace, &mut failures).await } };
                traced(trace, work).await
            }
            Err(_) => {
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
    if let Ok(config) = bindings::config(env)
        && let Some(dsn) = &config.sentry
    {
        join_all(failures.iter().map(|failure| failures::tell(&io, dsn, failure))).await;
    }
}

/// Runs a job. A failure is logged with its trace, and told when the jobs of the batch are done.
async fn run(io: &WorkerIo, job: &Job, trace: Option<TraceContext>, failures: &mut Vec<Failure>) -> Result<(), Problem> {
    let config = bindings::config(&io.env)?;
    let ran = run_job(io, &config, job).await.inspect_err(|problem| {
        log::event(LogLevel::Warn, "job failed", json!({ "code": problem.kind().code, "kind": job.kind() }));
        failures.push(failures::of_job(job.kind(), problem, trace));
    });
    match &ran {
        Ok(()) if matches!(job, Job::Sweep { .. }) => job_records::ran(io, Run::Sweep).await,
        Ok(()) => {}
        Err(problem) => job_records::failed(io, job, problem).await,
    }
    ran
}

/// Logs a job that failed too often, and sends it again if nothing else does.
async fn failed_too_often(io: &WorkerIo, job: &Job) -> Result<(), Problem> {
    log::event(LogLevel::Error, "job", json!({ "error": "failed too often", "job": job.described() }));
    job_records::dead(io, job).await;
    send_dead_again(io, job).await
}
