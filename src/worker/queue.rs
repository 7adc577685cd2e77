//! Queue consumer.

use serde_json::json;
use worker::{Env, MessageBatch, MessageExt};

use crate::base::json;
use crate::jobs::Job;
use crate::log;
use crate::log::LogLevel;
use crate::services::run_job::{run_job, send_dead_again};
use crate::worker::content::forget::forget;
use crate::worker::platform::bindings;
use crate::worker::platform::io::WorkerIo;

/// The dead-letter queue (wrangler.toml).
const DEAD_LETTER_QUEUE: &str = "jettyspeed-dead";

/// Runs every job of a batch and retries failed jobs one by one. A job in the dead-letter queue is enqueued again with a long delay, unless an alarm or the
/// daily run repeats it anyway.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    log::step("run", "queue");
    let io = WorkerIo::new(env.clone(), forget);
    let dead = batch.queue() == DEAD_LETTER_QUEUE;
    for message in batch.raw_iter() {
        log::step("queue", "read");
        let text = message.body().as_string().unwrap_or_default();
        let job = json::read::<Job>(&text).ok();
        let done = match job {
            Some(job) if dead => {
                log::event(LogLevel::Error, "job", json!({ "error": "failed too often", "job": job.described() }));
                send_dead_again(&io, &job).await
            }
            Some(job) => match bindings::config(env) {
                Ok(config) => run_job(&io, &config, &job).await,
                Err(problem) => Err(problem),
            },
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
