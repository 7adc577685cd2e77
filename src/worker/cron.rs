//! The daily run ([`crate::services::daily`]) and the hourly one ([`crate::services::alerts::hourly`]).

use worker::Env;

use crate::worker::content::forget::forget;
use crate::worker::platform::bindings;
use crate::worker::platform::io::WorkerIo;
use crate::{log, services};

/// The hourly trigger of wrangler.toml; every other is the daily run's.
const HOURLY: &str = "7 * * * *";

/// Runs what this trigger is for.
pub async fn run(env: &Env, cron: &str) {
    let io = WorkerIo::new(env.clone(), forget);
    if cron == HOURLY {
        log::step("run", "hourly");
        return services::alerts::hourly(&io).await;
    }
    log::step("run", "daily");
    let config = bindings::config(env).ok();
    services::daily::daily(&io, config.as_deref()).await;
}
