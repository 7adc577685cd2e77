//! A stack whose Worker has a gateway: the same Worker in a second workerd, which does its requests to the store.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jettyspeed_devstack::net::free_port;
use jettyspeed_devstack::secrets::folder;
use jettyspeed_devstack::worker::{Runner, Setup, Worker};
use serde_json::{Value, json};

use super::{Stack, database, fixtures};

/// The stack and its gateway.
pub struct WithGateway {
    pub stack: Stack,
    pub gateway: Worker,
}

/// How often a Worker with `LOG_LEVEL` `debug` has logged a step of that kind.
pub fn steps_of(log: &str, kind: &str) -> usize {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    lines.filter(|line| line["event"] == "step" && line["fields"]["kind"] == kind).count()
}

impl WithGateway {
    /// Both with these vars.
    pub async fn start(vars: &[(&str, &str)]) -> WithGateway {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let (port, options) = (free_port().unwrap(), fixtures::plain_options().await);
        let mut bound: Value = serde_json::from_slice(&std::fs::read(options).unwrap()).unwrap();
        bound["workerOptions"]["serviceBindings"] = json!({ "GATEWAY": { "external": { "address": format!("127.0.0.1:{port}"), "http": {} } } });
        let path = folder().join(format!("options-gateway-{number}.json"));
        std::fs::write(&path, bound.to_string()).unwrap();
        let stack = Stack::start_with_options(path, vars).await;
        let state: PathBuf = folder().join(format!("state-gateway-{number}"));
        database::copy(fixtures::template().await, &state).unwrap();
        let env_file = stack.worker.lock().await.setup().env_file.clone();
        let gateway = Setup { state, port, env_file, runner: Runner::Miniflare(options.to_owned()) }.start().await.unwrap();
        WithGateway { stack, gateway }
    }

    /// What the edge has logged.
    pub async fn edge_log(&self) -> String {
        // It is written a little later.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        std::fs::read_to_string(self.stack.worker.lock().await.log()).unwrap()
    }

    /// What the gateway has logged.
    pub async fn gateway_log(&self) -> String {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        std::fs::read_to_string(self.gateway.log()).unwrap()
    }

    /// Makes the edge one of another PoP: the same database with an empty cache and a new isolate.
    pub async fn elsewhere(&self) {
        let mut worker = self.stack.worker.lock().await;
        worker.kill();
        std::fs::remove_dir_all(worker.setup().state.join("v3/cache")).unwrap();
        worker.restart().await.unwrap();
    }
}
