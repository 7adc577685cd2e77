//! The Worker: all code that uses the platform. Nothing outside this module imports from it.
//!
//! In dependency order: [`platform`] wraps bindings and implements the port ([`crate::io`]), [`http`] represents one request, [`content`] serves bytes from the
//! cache, [`services`] know edges and health, [`handlers`] are the routes, which call [`crate::services`], [`objects`] the Durable Object shells, [`queue`] and
//! [`cron`] the background entry points, [`dispatch`] leads from request to response.

pub mod content;
pub mod cron;
pub mod dispatch;
pub mod handlers;
pub mod http;
mod objects;
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
    // Never returns an error: that would terminate the instance together with all requests in flight.
    queue::consume(&batch, &env).await;
    Ok(())
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    cron::run(&env, &event.cron()).await;
}
