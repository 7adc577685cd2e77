//! `jetty doctor`: at a deployment in order, and at ones of which one thing is broken. Each turns its lines and no others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_devstack::zone::{Habit, Zone};
use reqwest::Method;
use serde_json::{Value, json};

use super::{code_of, jetty, json as json_of, run, said, signal};
use crate::harness::{Call, FILES, Stack, eventually, stack, unique};

/// Examinations at a time: each pauses most of its time.
const AT_ONCE: usize = 4;

/// What a report tells: the lines that are not `ok`.
type Lines = BTreeMap<String, String>;

fn lines(expected: &[(&str, &str)]) -> Lines {
    expected.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

/// A zone with these habits in front of the stack.
fn zone(stack: &Stack, habits: &[Habit]) -> Zone {
    Zone::start(stack.url.trim_start_matches("http://"), habits.to_vec()).unwrap()
}

async fn doctor(stack: &Stack, account: &AccountAccess, url: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = jetty(stack, account, folder.path());
    command.env("JETTY_URL", url).env("JETTY_ADMIN_TOKEN", &stack.secrets.admin_token).env("JETTY_WEBHOOK_SECRET", &stack.secrets.webhook_secret);
    command.args(["doctor", "--json"]).args(arguments);
    run(command).await
}

/// The lines of a report that are not `ok`. Each that is not says what to do; the exit code is that of the worst.
fn not_ok(output: &Output) -> Lines {
    let report = json_of(output);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.iter().map(|check| check["id"].as_str().unwrap()).collect::<Vec<_>>(), jettyspeed_client::check_ids());
    let others = checks.iter().filter(|check| check["status"] != "ok");
    assert!(others.clone().all(|check| check["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10)), "{report:#}");
    let has_failed = checks.iter().any(|check| check["status"] == "failure");
    assert_eq!(output.status.code(), Some(i32::from(has_failed)), "{report:#}");
    others.map(|check| (check["id"].as_str().unwrap().to_owned(), check["status"].as_str().unwrap().to_owned())).collect()
}

fn detail(output: &Output, id: &str) -> String {
    let report = json_of(output);
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap();
    format!("{} → {}", check["detail"].as_str().unwrap(), check["remedy"])
}

async fn log_of(stack: &Stack) -> String {
    stack.worker.lock().await.log().to_string_lossy().into_owned()
}

async fn account(stack: &Stack) -> AccountAccess {
    stack.account(&unique("doctor-")).tier("enterprise").create().await
}

/// Files, open uploads and videos of the account, and what it uses and reserves.
async fn left(stack: &Stack, account: &AccountAccess) -> (usize, usize, usize, (u64, u64)) {
    let count = async |path: &str, field: &str| stack.get(account, path).await.1[field].as_array().unwrap().len();
    let (files, sessions) = (count(FILES, "files").await, count("/api/jetty/sessions?status=open", "sessions").await);
    (files, sessions, count("/api/video", "videos").await, stack.used_and_reserved(account).await)
}

#[tokio::test]
async fn deployment_in_order_is_ok_in_every_line_and_nothing_is_left_behind() {
    let stack = stack().await;
    let (account, zone) = (account(stack).await, zone(stack, &[]));
    let log = log_of(stack).await;
    let output = doctor(stack, &account, &zone.url(), &["--logs", &log, "--large=60000000", "--origin", "https://app.example.com"]).await;
    assert_eq!(not_ok(&output), lines(&[]), "{:#}", json_of(&output));
    assert!(detail(&output, "large-file").contains("whole twice"), "{}", detail(&output, "large-file"));
    // A video's bytes are deleted by a job, and on a busy machine its ledger finds out by itself, a minute later.
    eventually(Duration::from_secs(90), async || {
        let left = left(stack, &account).await;
        if left == (0, 0, 0, (0, 0)) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let text = String::from_utf8(output.stdout).unwrap();
    for secret in [&account.api_key, &account.api_secret, &stack.secrets.admin_token, &stack.secrets.webhook_secret] {
        assert!(!text.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn text_report_has_a_line_per_check_and_without_credentials_only_the_public_ones_run() {
    let stack = stack().await;
    let (account, zone, folder) = (account(stack).await, zone(stack, &[]), tempfile::tempdir().unwrap());
    // What the store enforces is known to everybody once it was probed.
    assert_eq!(stack.operator(Method::GET, "/api/health?deep=1").answer().await.0, 200);
    let mut command = jetty(stack, &account, folder.path());
    command.env("JETTY_URL", zone.url()).env_remove("JETTY_API_KEY").env_remove("JETTY_API_SECRET").arg("doctor");
    let output = run(command).await;
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let of = |status: &str| text.lines().filter(|line| line.starts_with(&format!("{status} "))).count();
    assert_eq!((of("ok"), of("warning"), of("failure"), of("skipped")), (9, 0, 0, 17), "{text}");
    assert!(text.trim_end().ends_with("9 ok, 0 warnings, 0 failures, 17 skipped"), "{text}");
    assert!(text.lines().any(|line| line.contains("→ give credentials: JETTY_API_KEY")), "{text}");
}

/// A zone by its habits, and the lines that these turn.
type Case = (&'static str, Vec<Habit>, &'static [(&'static str, &'static str)]);

/// Runs the doctor behind each zone: the lines that are not `ok`, but for those that were not asked for.
async fn behind(stack: &Stack, cases: Vec<Case>) {
    let log = log_of(stack).await;
    let examined = stream::iter(cases).map(|(name, habits, expected)| {
        let log = log.clone();
        async move {
            let urls =
                habits.iter().find_map(|habit| if let Habit::LogsUrls(path) = habit { Some(path.to_string_lossy().into_owned()) } else { None });
            let (account, zone) = (account(stack).await, zone(stack, &habits));
            let output = doctor(stack, &account, &zone.url(), &["--logs", &urls.unwrap_or(log)]).await;
            (name, not_ok(&output), lines(expected), output)
        }
    });
    let mut examined = examined.buffer_unordered(AT_ONCE);
    while let Some((name, told, mut expected, output)) = examined.next().await {
        expected.entry("large-file".to_owned()).or_insert_with(|| "skipped".to_owned());
        assert_eq!(told, expected, "{name}: {:#}", json_of(&output));
    }
}

#[tokio::test]
async fn zone_that_alters_content_turns_the_lines_of_what_it_alters() {
    let stack = stack().await;
    let cases: Vec<Case> = vec![
        ("e-mail obfuscation", vec![Habit::HidesMail], &[("html", "failure")]),
        ("compression", vec![Habit::Compresses], &[("html", "failure"), ("json", "failure")]),
        ("weak ETags", vec![Habit::WeakensETags], &[("html", "failure"), ("json", "failure")]),
        ("no length", vec![Habit::Removes(&["content-length"])], &[("html", "warning"), ("json", "warning")]),
        ("no ranges", vec![Habit::DropsRanges], &[("ranges", "failure")]),
        ("merged slashes", vec![Habit::MergesSlashes], &[("file-names", "failure"), ("video-paths", "failure")]),
        ("decoded slashes", vec![Habit::DecodesSlashes], &[("file-names", "failure"), ("video-paths", "failure")]),
    ];
    behind(stack, cases).await;
}

#[tokio::test]
async fn zone_that_meddles_with_requests_and_header_fields_turns_their_lines() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<Case> = vec![
        ("request buffering", vec![Habit::BuffersRequests], &[("chunk-streaming", "failure"), ("early-refusal", "warning")]),
        ("resets", vec![Habit::ResetsRefusals], &[("early-refusal", "failure")]),
        ("no Server-Timing", vec![Habit::Removes(&["server-timing"])], &[("chunk-streaming", "failure")]),
        ("no rate limit", vec![Habit::Removes(&["ratelimit"])], &[("rate-limit", "failure")]),
        ("no CORS", vec![Habit::Removes(&["access-control-expose-headers"])], &[("cors", "failure")]),
        ("changed webhooks", vec![Habit::ChangesWebhooks], &[("webhook", "failure")]),
        ("logged URLs", vec![Habit::LogsUrls(folder.path().join("urls"))], &[("log-secrets", "failure")]),
    ];
    behind(stack, cases).await;
}

#[tokio::test]
async fn zone_that_challenges_fails_one_line_and_skips_the_rest() {
    let stack = stack().await;
    let (account, zone) = (account(stack).await, zone(stack, &[Habit::Challenges]));
    let output = doctor(stack, &account, &zone.url(), &[]).await;
    let told = not_ok(&output);
    assert_eq!(told.iter().filter(|(_, status)| *status != "skipped").collect::<Vec<_>>(), [(&"reachable".to_owned(), &"failure".to_owned())]);
    assert_eq!(told.len(), jettyspeed_client::check_ids().len() - 1, "all but clean-up, which has nothing to do");
    assert!(detail(&output, "reachable").contains("HTTP 403, text/html"), "{}", detail(&output, "reachable"));
}

#[tokio::test]
async fn wrong_credentials_fail_their_own_lines() {
    let stack = stack().await;
    let (account, zone) = (account(stack).await, zone(stack, &[]));
    let output = doctor(stack, &account, &zone.url(), &["--secret", "wrong"]).await;
    let told = not_ok(&output);
    let failed: Vec<_> = told.iter().filter(|(_, status)| *status == "failure").map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, ["credentials"]);
    assert_eq!((told["cache-hit"].as_str(), told["rate-limit"].as_str()), ("skipped", "skipped"));

    let output =
        doctor(stack, &account, &zone.url(), &["--admin-token", "wrong", "--webhook-secret", "whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="]).await;
    let told = not_ok(&output);
    let failed: Vec<_> = told.iter().filter(|(_, status)| *status == "failure").map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, ["bindings", "clock", "migrations", "pop-cache", "store", "webhook"]);
    assert!(detail(&output, "webhook").contains("the secret is refused"));
}

#[tokio::test]
async fn deployment_that_lacks_something_turns_the_line_about_it() {
    let stack = Stack::start(&[]).await;
    let account = account(&stack).await;
    let (front, log) = (zone(&stack, &[]), log_of(&stack).await);
    let told = async || {
        let output = doctor(&stack, &account, &front.url(), &["--logs", &log]).await;
        let mut told = not_ok(&output);
        assert_eq!(told.remove("large-file").as_deref(), Some("skipped"));
        (told, output)
    };
    // The store takes the wrong hash of the probe, and its clock is ten minutes ahead.
    stack.proxy.inject(|method, target| (method == "PUT" && target.contains("jettyspeed-probe")).then_some(Fault::Answer(200, "")));
    stack.proxy.speak(&["clock-ahead"]);
    let (lines_then, output) = told().await;
    assert_eq!(lines_then, lines(&[("clock", "failure"), ("payload-hash", "warning"), ("presigned-hash", "warning")]), "{:#}", json_of(&output));
    assert!(detail(&output, "clock").contains("ahead"), "{}", detail(&output, "clock"));
    stack.proxy.clear_faults();
    stack.proxy.speak(&[]);
    stack.sql("UPDATE store_facts SET value = 1").await;
    stack.sql("DELETE FROM d1_migrations WHERE name LIKE '0011%'").await;
    // Isolates remember what was found out about the store.
    stack.worker.lock().await.kill_and_restart().await.unwrap();

    // A migration is missing, nothing is cached, one edge is dead and two are one place.
    let (here, there) = (zone(&stack, &[Habit::At("OSL")]), zone(&stack, &[Habit::At("OSL")]));
    for (id, url) in [("one", here.url()), ("two", there.url()), ("dead", "http://127.0.0.1:9".to_owned())] {
        let edge = json!({
            "id": id, "name": id, "city": "Here", "country": "NO", "continent": "EU", "lat": 60.0, "lon": 10.0, "colo": "OSL", "url": url, "capacityMbps": 100,
        });
        let (status, body) = stack.operator(Method::POST, "/api/portal/edges").json(&edge).answer().await;
        assert_eq!(status, 201, "{body}");
    }
    let path = format!("/api/portal/namespaces/{}", account.namespace);
    let (status, body) = stack.operator(Method::PATCH, &path).json(&json!({ "cache_ttl": { "small": 0 } })).answer().await;
    assert_eq!(status, 200, "{body}");
    let (lines_then, output) = told().await;
    let expected = [("cache-hit", "failure"), ("edges-distinct", "warning"), ("edges-reachable", "failure"), ("migrations", "failure")];
    assert_eq!(lines_then, lines(&expected), "{:#}", json_of(&output));
    assert!(detail(&output, "migrations").contains("these are not applied: 11"), "{}", detail(&output, "migrations"));
    assert!(detail(&output, "edges-distinct").contains("one and two lead to OSL"), "{}", detail(&output, "edges-distinct"));
    assert!(detail(&output, "edges-reachable").contains("dead (http://127.0.0.1:9)"), "{}", detail(&output, "edges-reachable"));
}

#[tokio::test]
async fn store_that_is_down_fails_its_line_and_the_deep_health_names_it() {
    let stack = Stack::start(&[]).await;
    stack.proxy.inject(|_, _| Some(Fault::Answer(503, "SlowDown")));
    // Its answer is no problem, also if something failed.
    let response = stack.operator(Method::GET, "/api/health?deep=1").sent().await.unwrap();
    let (status, body) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
    let failing = json!(["store", "store_put", "store_get", "store_delete"]);
    assert_eq!((status, &body["status"], &body["failing"]), (503, &json!("degraded"), &failing), "{body}");
    assert_eq!(body["parts"]["store"]["code"], "origin-unavailable", "{body}");
    let account = account(&stack).await;
    let output = doctor(&stack, &account, &stack.url.clone(), &[]).await;
    let told = not_ok(&output);
    assert_eq!((told.get("store").map(String::as_str), told.get("bindings")), (Some("failure"), None), "{told:?}");
}

#[tokio::test]
async fn namespace_that_chose_compression_skips_the_lines_about_it() {
    let stack = stack().await;
    let (account, zone) = (account(stack).await, zone(stack, &[]));
    let path = format!("/api/portal/namespaces/{}", account.namespace);
    let (status, body) = stack.operator(Method::PATCH, &path).json(&json!({ "features": { "compress_text": true } })).answer().await;
    assert_eq!(status, 200, "{body}");
    let output = doctor(stack, &account, &zone.url(), &["--logs", &log_of(stack).await]).await;
    assert_eq!(not_ok(&output), lines(&[("html", "skipped"), ("json", "skipped"), ("large-file", "skipped")]), "{:#}", json_of(&output));
}

#[tokio::test]
async fn log_that_shows_nothing_of_the_examination_proves_nothing() {
    let stack = stack().await;
    let (account, zone, folder) = (account(stack).await, zone(stack, &[]), tempfile::tempdir().unwrap());
    let empty = folder.path().join("tail.json");
    std::fs::write(&empty, "{}\n").unwrap();
    let output = doctor(stack, &account, &zone.url(), &["--logs", &empty.to_string_lossy()]).await;
    assert_eq!(not_ok(&output)["log-secrets"], "warning");
    let output = doctor(stack, &account, &zone.url(), &["--logs", "absent.json"]).await;
    assert_eq!(not_ok(&output)["log-secrets"], "failure");
}

#[tokio::test]
async fn interrupted_examination_deletes_what_it_stored() {
    let stack = stack().await;
    let (account, zone) = (account(stack).await, zone(stack, &[]));
    for wait_for in [FILES, "/api/video", "/api/jetty/sessions?status=open"] {
        let folder = tempfile::tempdir().unwrap();
        let child = start(stack, &account, &zone, folder.path());
        eventually(Duration::from_secs(60), async || {
            let (_, body) = stack.get(&account, wait_for).await;
            let rows = body.as_object().unwrap().values().find_map(Value::as_array).unwrap();
            if rows.is_empty() { Err("nothing yet") } else { Ok(()) }
        })
        .await;
        signal(&child, "INT");
        assert_eq!(code_of(child).await, Some(130), "{wait_for}");
        let left = left(stack, &account).await;
        assert_eq!((left.0, left.1, left.2), (0, 0, 0), "{wait_for}");
    }
}

fn start(stack: &Stack, account: &AccountAccess, zone: &Zone, folder: &Path) -> std::process::Child {
    let mut command = jetty(stack, account, folder);
    command.env("JETTY_URL", zone.url()).arg("doctor").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test]
async fn server_that_is_not_there_is_one_failure_and_no_url_wrong_usage() {
    let stack = stack().await;
    let account = account(stack).await;
    let output = doctor(stack, &account, "http://127.0.0.1:9", &[]).await;
    assert_eq!(not_ok(&output)["reachable"], "failure");
    let folder = tempfile::tempdir().unwrap();
    let mut command = jetty(stack, &account, folder.path());
    command.env_remove("JETTY_URL").arg("doctor");
    let output = run(command).await;
    assert!(output.status.code() == Some(2) && said(&output).contains("no server is configured"), "{output:?}");
}
