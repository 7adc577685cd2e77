//! The gateway in the store's namespace: the same Worker in a second workerd, which does the edge's requests to the store (docs/deploying.md, The gateway).

use std::path::{Path, PathBuf};

use jettyspeed_devstack::Result;
use jettyspeed_devstack::state::Secrets;
use jettyspeed_devstack::worker::{Runner, Setup};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::edge::{Plan, options_path};
use crate::network::STORE;

const PORT: u16 = 8_788;

/// Its state folder, beside the edge's.
fn state(plan: &Plan) -> PathBuf {
    plan.state.with_file_name("gateway")
}

/// Where its log is.
pub fn ready_path(plan: &Plan) -> PathBuf {
    state(plan).join("ready")
}

/// Has the edge's workerd use it, whose state folder is a copy of `template`, and makes its own.
///
/// # Errors
/// Of the file system.
pub fn bind(template: &Path, plan: &Plan) -> Result<()> {
    crate::edge::copy(template, &state(plan))?;
    let path = options_path(&plan.state);
    let mut options: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let service = json!({ "GATEWAY": { "external": { "address": format!("{STORE}:{PORT}"), "http": {} } } });
    options.get_mut("workerOptions").and_then(Value::as_object_mut).ok_or("no options")?.insert("serviceBindings".to_owned(), service);
    Ok(std::fs::write(path, options.to_string())?)
}

/// Runs until SIGTERM, with the secrets of the edge.
///
/// # Errors
/// It does not start, or ends.
pub async fn run(plan: &Plan) -> Result<()> {
    let mut ends = signal(SignalKind::terminate())?;
    let quiet = [("LOG_LEVEL".to_owned(), "warn".to_owned())];
    let env_file = Secrets::of(&plan.state)?.env_file(&plan.origin, &quiet);
    let setup = Setup { state: state(plan), port: PORT, env_file, runner: Runner::Miniflare(options_path(&state(plan))) };
    let work = async {
        let mut worker = setup.start().await?;
        std::fs::write(ready_path(plan), "")?;
        while worker.is_alive() {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        Err(format!("workerd ended: {}", worker.log().display()).into())
    };
    tokio::select! {
        ended = work => ended,
        _ = ends.recv() => Ok(()),
    }
}
