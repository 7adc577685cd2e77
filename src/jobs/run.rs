//! Sending and consuming jobs.

use serde_json::json;
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder};

use super::Job;
use crate::config::LogLevel;
use crate::platform::{bindings, log};
use crate::problem::Problem;
use crate::upload;

/// How long a failed job waits, s. Ten tries (wrangler.toml) then cover ten minutes; a session whose job goes to the dead letters sends another.
const RETRY_SECONDS: u32 = 60;

/// Sends a job.
///
/// # Errors
/// Of the queue; a Durable Object's alarm that returns it is tried again.
pub async fn enqueue(env: &Env, job: &Job) -> worker::Result<()> {
    let queue = bindings::jobs(env).map_err(|problem| worker::Error::RustError(problem.to_string()))?;
    queue.send(serde_json::to_string(job)?).await
}

/// Does every job of a batch; one that fails comes again alone.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    for message in batch.raw_iter() {
        let job = message.body().as_string().and_then(|text| serde_json::from_str::<Job>(&text).ok());
        let done = match job {
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
                message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(RETRY_SECONDS).build());
            }
        }
    }
}

async fn run(env: &Env, job: &Job) -> Result<(), Problem> {
    let config = bindings::config(env)?;
    match job {
        Job::TellUploads { account, cursor } => upload::suspension::tell(env, *account, cursor).await,
        Job::EndUpload { session } => upload::ending::end(env, &config, *session).await,
    }
}
