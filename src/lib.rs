//! JettySpeed edge: uploads to the nearest PoP into S3-compatible storage, and back out of cache. One Cloudflare Worker.
//!
//! The map of the rooms:
//! - [`problem`], [`units`], [`ids`], [`mac`], [`seal`], [`sql`], [`json`], [`held`], [`config`]: the vocabulary
//! - [`sigv4`], [`s3`]: talking to the store, without I/O
//! - [`upload`]: plan, token, session, chunk path, completion
//! - [`jobs`]: what is done at the store later, by the queue
//! - [`dedup`]: bytes that are there are referenced or copied, not sent; and trusted only once they were looked at
//! - [`assets`], [`delivery`]: the files a user sees, and their bytes
//! - [`video`]: trees of playlists and segments, played through one token
//! - [`accounts`], [`namespaces`]: who calls, what they may do and how much; provisioning, tiers, quotas
//! - [`replay`]: first answers, kept for whoever asks again
//! - [`steering`]: where a client should send its parts
//! - [`http`]: router, authentication, answers
//! - `platform` (wasm32): bindings, clock, randomness, log, fetch, D1
//!
//! Files that decide are plain Rust, compiled and tested natively. Files that do (`routes`, `object`, `platform`) exist on wasm32 only.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::todo, clippy::unimplemented))]

pub mod accounts;
pub mod assets;
pub mod config;
pub mod dedup;
pub mod delivery;
pub mod held;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod json;
pub mod mac;
pub mod namespaces;
pub mod problem;
pub mod replay;
pub mod s3;
pub mod seal;
pub mod sigv4;
pub mod sql;
pub mod steering;
pub mod units;
pub mod upload;
pub mod video;

#[cfg(target_arch = "wasm32")]
pub mod platform;

#[cfg(target_arch = "wasm32")]
mod entry {
    use worker::{Context, Env, MessageBatch, ScheduleContext, ScheduledEvent, event};

    use crate::platform::{bindings, clock, d1};

    #[event(fetch)]
    async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
        crate::http::serve::serve(request, env, context).await
    }

    #[event(queue)]
    async fn queue(batch: MessageBatch<String>, env: Env, _context: Context) -> worker::Result<()> {
        // Never an Err: that would end the instance with everything in flight.
        crate::jobs::consume(&batch, &env).await;
        Ok(())
    }

    /// Daily: forgets what is past its time, and makes up for jobs that were lost.
    #[event(scheduled)]
    async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
        let now = clock::now();
        let statements =
            [crate::accounts::store::cleanup(now), crate::replay::store::cleanup(now), vec![crate::dedup::possession::store::cleanup(now)]].concat();
        if let Ok(db) = bindings::db(&env) {
            for statement in statements {
                // Logged where it fails; tomorrow is another day.
                let _ = d1::batch(&db, &[statement]).await;
            }
        }
        crate::jobs::daily(&env).await;
    }
}
