//! The daily run ([`crate::services::daily`]) and the hourly one ([`crate::services::alerts::hourly`]).

use worker::Env;

use crate::health::job_records::Run;
use crate::services;
use crate::worker::content::forget::forget;
use crate::worker::platform::bindings;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::trace;

/// The hourly trigger of wrangler.toml; every other is the daily run's.
const HOURLY: &str = "7 * * * *";

/// Runs what this trigger is for.
pub async fn run(env: &Env, cron: &str) {
    let io = WorkerIo::new(env.clone(), forget);
    if cron == HOURLY {
        trace::of_its_own("run", "hourly", services::alerts::hourly(&io)).await;
        return services::job_records::ran(&io, Run::Hourly).await;
    }
    let config = bindings::config(env).ok();
    trace::of_its_own("run", "daily", services::daily::daily(&io, config.as_deref())).await;
    services::job_records::ran(&io, Run::Daily).await;
}
