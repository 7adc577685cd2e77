//! `script/server` as a person runs it: it is ready in time, writes dev.json, `jetty doctor` finds it in order, and Ctrl-C ends all its processes.
//! It is timed, so it does not run beside the end-to-end tests.
#![allow(clippy::disallowed_methods)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jettyspeed_devstack::net::{free_port, http, port_is_free};
use jettyspeed_devstack::root;
use serde_json::Value;

/// From start to ready when everything is built.
const READY: Duration = Duration::from_secs(10);

fn start(state: &std::path::Path, ports: [u16; 2]) -> (Child, Duration) {
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jettyspeed-server"))
        .current_dir(root())
        .env("STATE_DIR", state)
        .env("PORT", ports[0].to_string())
        .env("ORIGIN_PORT", ports[1].to_string())
        .env_remove("LYVE_ENDPOINT")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready after")), "it never said ready");
    (child, started.elapsed())
}

fn interrupt(mut child: Child) {
    // The shell's own kill: the program of that name is not on every machine.
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

/// Processes whose command line names `folder`.
fn processes_in(folder: &std::path::Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    let command_line = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.ok()?.path().join("cmdline")).ok();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(command_line).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    all.filter(|line| line.contains(&folder)).collect()
}

/// `jetty doctor` as a person runs it after a deployment: the lines that are not `ok`.
fn examined(dev: &Value, state: &std::path::Path) -> Vec<(String, String)> {
    let text = |pointer: &str| dev.pointer(pointer).and_then(Value::as_str).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty"));
    command.env("JETTY_URL", text("/url")).env("JETTY_API_KEY", text("/account/apiKey")).env("JETTY_API_SECRET", text("/account/apiSecret"));
    command.env("JETTY_CONFIG", state.join("no-config.toml")).args(["doctor", "--json", "--admin-token", text("/adminToken")]);
    command.args(["--webhook-secret", text("/webhookSecret"), "--logs"]).arg(state.join("logs/worker.log"));
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert!(output.status.success(), "{report:#}");
    let checks = report["checks"].as_array().unwrap();
    let told: Vec<_> = checks.iter().map(|check| (check["id"].as_str().unwrap(), check["status"].as_str().unwrap())).collect();
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), jettyspeed_client::check_ids());
    told.into_iter().filter(|(_, status)| *status != "ok").map(|(id, status)| (id.to_owned(), status.to_owned())).collect()
}

#[tokio::test]
async fn server_is_ready_within_10_s_the_doctor_finds_it_in_order_and_ctrl_c_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port().unwrap(), free_port().unwrap()];
    let (child, _) = start(folder.path(), ports);
    let text = std::fs::read_to_string(folder.path().join("dev.json")).unwrap();
    let dev: Value = serde_json::from_str(&text).unwrap();
    for pointer in [
        "/url",
        "/origin/endpoint",
        "/origin/region",
        "/origin/bucket",
        "/origin/accessKeyId",
        "/origin/secretAccessKey",
        "/account/userId",
        "/account/apiKey",
        "/account/apiSecret",
        "/account/namespace",
        "/webhookSecret",
        "/adminToken",
    ] {
        assert!(dev.pointer(pointer).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty())), "{pointer}");
    }
    let health = http().build().unwrap().get(format!("{}/api/health", dev["url"].as_str().unwrap()));
    assert_eq!(health.send().await.unwrap().json::<Value>().await.unwrap()["status"], "ok");
    // The proxy of `wrangler dev` rewrites HTML, which takes its length, and holds answers back while a request is being sent.
    let expected = [("html", "warning"), ("early-refusal", "warning"), ("large-file", "skipped")];
    assert_eq!(examined(&dev, folder.path()), expected.map(|(id, status)| (id.to_owned(), status.to_owned())));
    assert!(processes_in(folder.path()).len() >= 5, "Swift's four servers and wrangler are there to be seen");
    interrupt(child);
    assert!(ports.iter().all(|port| port_is_free(*port)), "somebody still listens");
    assert_eq!(processes_in(folder.path()), Vec::<String>::new(), "processes are left");

    // The second start finds its state: the same secrets, the same account.
    let (child, took) = start(folder.path(), ports);
    assert!(took < READY, "ready only after {took:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("dev.json")).unwrap(), text);
    interrupt(child);
}
