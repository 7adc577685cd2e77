//! The daily run ([`crate::services::daily`]).

use worker::Env;

use crate::worker::content::forget::forget;
use crate::worker::platform::bindings;
use crate::worker::platform::io::WorkerIo;
use crate::{log, services};

/// Runs it.
pub async fn daily(env: &Env) {
    log::step("run", "daily");
    let config = bindings::config(env).ok();
    services::daily::daily(&WorkerIo::new(env.clone(), forget), config.as_deref()).await;
}
