//! Sends jobs to the queue.

use worker::{Env, MessageBuilder};

use crate::jobs::Job;
use crate::worker::platform::{bindings, json, log};

/// Maximum delay of a queue message, s (Queues documentation, "Limits").
pub const MAX_DELAY_SECONDS: u32 = 43_200;

/// Sends a job.
///
/// # Errors
/// Of the queue. A Durable Object's alarm that returns it is retried.
pub async fn enqueue(env: &Env, job: &Job) -> worker::Result<()> {
    enqueue_later(env, job, 0).await
}

/// Sends a job with a delay of `seconds`, capped at [`MAX_DELAY_SECONDS`].
///
/// # Errors
/// Of the queue.
pub async fn enqueue_later(env: &Env, job: &Job, seconds: u64) -> worker::Result<()> {
    let queue = bindings::jobs(env).map_err(|problem| worker::Error::RustError(problem.to_string()))?;
    let delay = u32::try_from(seconds).unwrap_or(u32::MAX).min(MAX_DELAY_SECONDS);
    log::step("queue", "write");
    queue.send(MessageBuilder::new(json::write(job)?).delay_seconds(delay).build()).await
}
