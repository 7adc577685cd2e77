//! The Worker: everything that names the platform. Nothing outside imports from here.
//!
//! In their order: [`platform`] wraps bindings, [`clients`] talk to Durable Objects, [`http`] is one request on its way, [`content`] serves bytes from the
//! cache, [`services`] orchestrate what `uploads`, `dedup`, `video` and `accounts` decide, [`handlers`] are the routes, [`objects`] the Durable Object shells,
//! [`queue`] and [`cron`] the background entries, [`dispatch`] goes from request to answer.

pub mod clients;
pub mod content;
pub mod cron;
pub mod dispatch;
pub mod handlers;
pub mod http;
pub mod objects;
pub mod platform;
pub mod queue;
pub mod services;

use ::worker::{Context, Env, MessageBatch, ScheduleContext, ScheduledEvent, event};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> ::worker::Result<web_sys::Response> {
    dispatch::serve(request, env, context).await
}

#[event(queue)]
async fn queue_batch(batch: MessageBatch<String>, env: Env, _context: Context) -> ::worker::Result<()> {
    // Never an Err: that would end the instance with everything in flight.
    queue::consume(&batch, &env).await;
    Ok(())
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    cron::daily(&env).await;
}
