//! What an operator sees: metrics, the log's line of a request, traces, failures at the error tracker.

use std::collections::BTreeSet;
use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually, header, random_bytes};
use crate::notices::sink::Sink;
use crate::prometheus;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const DSN_KEY: &str = "0123456789abcdef0123456789abcdef";

async fn scrape(stack: &Stack) -> String {
    let response = stack.operator(Method::GET, "/metrics").sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type").as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let text = response.text().await.unwrap();
    prometheus::read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    text
}

/// The value of a sample, by its name and labels as they are written.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_count_what_was_delivered_and_uploaded_for_the_operator_alone() {
    let stack = Stack::start(&[]).await;
    assert_eq!(stack.anonymous(Method::GET, "/metrics").answer().await.0, 401);
    assert_eq!(stack.request(Method::GET, "/metrics", &stack.dev).answer().await.0, 401);
    let small = r#"jettyspeed_delivery_requests_total{class="small"}"#;
    assert_eq!(value(&scrape(&stack).await, small), 0.0);
    let file = stack.file(&stack.dev).name("small.bin").size(90_000).store().await;
    for _ in 0..3 {
        stack.http.get(&file.url).sent().await.unwrap().bytes().await.unwrap();
    }
    let started = stack.session(&stack.dev).size(6_000_000).start().await;
    let text = eventually(Duration::from_secs(30), async || {
        let text = scrape(&stack).await;
        done_or(value(&text, small) == 3.0, text.clone()).map(|()| text)
    })
    .await;
    for (sample, wanted) in [
        (r#"jettyspeed_delivery_hits_total{class="small"}"#, 2.0),
        (r#"jettyspeed_delivery_sent_bytes_total{class="small"}"#, 270_000.0),
        (r#"jettyspeed_delivery_first_byte_seconds_count{class="small"}"#, 3.0),
        (r#"jettyspeed_delivery_requests_total{class="video"}"#, 0.0),
        (r#"jettyspeed_uploads_ended_total{outcome="completed"}"#, 1.0),
        ("jettyspeed_upload_bytes_total", 90_000.0),
        ("jettyspeed_uploads_open", 1.0),
    ] {
        assert_eq!(value(&text, sample), wanted, "{sample}");
    }
    let (status, body) = stack.track(&stack.dev, action("fail", &started)).await;
    assert_eq!(status, 200, "{body}");
    let text = scrape(&stack).await;
    assert_eq!((value(&text, "jettyspeed_uploads_open"), value(&text, r#"jettyspeed_uploads_ended_total{outcome="failed"}"#)), (0.0, 1.0));
}

/// The lines of the log that belong to a trace.
async fn lines_of(stack: &Stack, trace: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(&line[line.find('{')?..]).ok());
    lines.filter(|line| line["traceId"] == trace).collect()
}

#[tokio::test]
async fn requests_objects_and_jobs_of_a_trace_are_logged_with_it_and_nothing_of_the_caller() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let file = stack.file(&stack.dev).name("holiday-of-ada.bin").size(90_000).store().await;
    for _ in 0..2 {
        stack.http.get(&file.url).sent().await.unwrap().bytes().await.unwrap();
    }
    let response = stack.http.get(&file.url).header("traceparent", TRACEPARENT).sent().await.unwrap();
    let id = header(&response, "x-request-id");
    let lines = eventually(Duration::from_secs(10), async || {
        let lines = lines_of(&stack, TRACE).await;
        done_or(lines.iter().any(|line| line["event"] == "request"), format!("{lines:?}")).map(|()| lines)
    })
    .await;
    let line = &lines.iter().find(|line| line["event"] == "request").unwrap()["fields"];
    assert_eq!((&line["requestId"], &line["route"]), (&id.into(), &"/files/{token}/{name}".into()));
    assert_eq!((&line["status"], &line["bytes"], &line["cache"]), (&200.into(), &90_000.into(), &"hit".into()), "{line}");
    assert_eq!((&line["namespace"], line["account"].is_string(), line["ms"].is_u64()), (&stack.dev.namespace.clone().into(), true, true), "{line}");

    // A job of a deletion, in the trace of the request that sent it; a malformed field begins a trace of its own.
    let started = stack.session(&stack.dev).size(6_000_000).start().await;
    let other = TRACEPARENT.replace("4bf9", "5bf9");
    let fail = stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).header("traceparent", &other).json(&action("fail", &started));
    assert_eq!(fail.answer().await.0, 200);
    let is_of_object = |line: &Value| line["fields"]["kind"] == "sql";
    eventually(Duration::from_secs(20), async || {
        let lines = lines_of(&stack, &TRACE.replace("4bf9", "5bf9")).await;
        done_or(lines.iter().any(is_of_object), format!("{lines:?}"))
    })
    .await;
    // The job of this one has no fields, and deletes the object.
    let delete = stack.request(Method::DELETE, &format!("/api/storage/files/{}", file.id), &stack.dev);
    assert_eq!(delete.header("traceparent", TRACEPARENT.replace("4bf9", "6bf9")).sent().await.unwrap().status(), 204);
    let deletes = |line: &Value| line["fields"]["kind"] == "origin" && line["fields"]["what"] == "DELETE";
    eventually(Duration::from_secs(20), async || {
        let lines = lines_of(&stack, &TRACE.replace("4bf9", "6bf9")).await;
        done_or(lines.iter().any(deletes), format!("{lines:?}"))
    })
    .await;
    let before = lines_of(&stack, TRACE).await.len();
    let malformed = stack.anonymous(Method::GET, "/api/health").header("traceparent", TRACEPARENT.to_uppercase());
    assert_eq!(malformed.answer().await.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lines_of(&stack, TRACE).await.len(), before);
    let text = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
    assert!(!text.contains("holiday-of-ada"), "a file's name is in the log");
}

/// Whether lines of a trace say that an object of that class works for it.
fn names_object(lines: &[Value], class: &str) -> bool {
    lines.iter().any(|line| line["fields"]["kind"] == "in object" && line["fields"]["what"] == class)
}

#[tokio::test]
async fn objects_of_every_class_log_the_trace_of_what_called_them() {
    let stack = &Stack::start(&[("LOG_LEVEL", "debug"), ("EDGE_METRICS_SECONDS", "1")]).await;
    let file = stack.file(&stack.dev).size(90_000).store().await;
    let bytes = random_bytes(6_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let samples = json!([{ "edge": "fra", "bytes": 0, "ms": 20.0, "ok": true }]);
    let progress = json!({ "action": "progress", "sessionId": started["sessionId"], "samples": samples });
    let live = stack.request(Method::GET, "/api/live", &stack.dev).header("Accept", "text/event-stream");
    let calls = [
        (stack.http.get(&file.url), ["EdgeLease", "PopMeter"].as_slice()),
        (stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&progress), &["EdgeMetrics", "UploadSession"]),
        (live, &["LiveFeed", "AccountLedger"]),
        (stack.chunk(&started, 1, &bytes), &["UploadSession"]),
    ];
    let mut open = Vec::new();
    for (number, (request, classes)) in (0x31..).zip(calls) {
        let trace = TRACE.replace("4bf9", &format!("{number:02}f9"));
        let response = request.header("traceparent", TRACEPARENT.replace(TRACE, &trace)).sent().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        open.push(response);
        for class in classes {
            eventually(Duration::from_secs(20), async || {
                let lines = lines_of(stack, &trace).await;
                done_or(names_object(&lines, class), format!("{class} in {lines:?}"))
            })
            .await;
        }
    }
}

#[tokio::test]
async fn alarms_and_hourly_runs_begin_traces_that_their_calls_and_jobs_continue() {
    let stack = &Stack::start(&[("LOG_LEVEL", "debug"), ("EDGE_METRICS_SECONDS", "1"), ("SESSION_TTL_SECONDS", "3")]).await;
    let started = stack.session(&stack.dev).size(6_000_000).start().await;
    stack.run_hourly().await;
    let session = started["sessionId"].as_str().unwrap();
    let of_kind = |line: &Value, kind: &str, what: &str| line["fields"]["kind"] == kind && line["fields"]["what"] == what;
    // The session's alarm expires it; the job of that ends it, and calls the session and the account's ledger.
    let (traces, expired) = eventually(Duration::from_secs(60), async || {
        let text = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok()).collect();
        let begun = lines.iter().filter(|line| of_kind(line, "alarm", "run") || of_kind(line, "run", "hourly"));
        let traces: Vec<String> = begun.map(|line| line["traceId"].as_str().expect("a trace").to_owned()).collect();
        let of_trace = |trace: &String| lines.iter().filter(|line| line["traceId"] == trace.as_str()).cloned().collect::<Vec<_>>();
        let has_both = |lines: &Vec<Value>| names_object(lines, "UploadSession") && names_object(lines, "AccountLedger");
        let expired = traces.iter().map(of_trace).find(has_both);
        expired.map(|expired| (traces, expired)).ok_or(format!("{session} is not ended: {text}"))
    })
    .await;
    assert!(expired.iter().any(|line| of_kind(line, "queue", "write")), "{expired:?}");
    assert_eq!(traces.iter().collect::<BTreeSet<_>>().len(), traces.len(), "each its own");
}

#[tokio::test]
async fn answer_of_502_is_told_to_the_error_tracker_without_path_or_account() {
    let sink = Sink::start().await;
    let dsn = sink.url.replace("http://", &format!("http://{DSN_KEY}@")) + "/tracker/42";
    let stack = Stack::start(&[("SENTRY_DSN", &dsn)]).await;
    let asset = stack.asset(&stack.dev).bytes(random_bytes(90_000)).store().await;
    let url = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Answer(500, "InternalError")));
    let response = stack.http.get(&url).header("traceparent", TRACEPARENT).sent().await.unwrap();
    let (status, id) = (response.status().as_u16(), header(&response, "x-request-id"));
    assert!(status >= 500, "{status}");
    let seen = sink.wait("/tracker/api/42/envelope/", 1).await;
    assert_eq!(seen[0].headers["content-type"], "application/x-sentry-envelope");
    assert!(seen[0].headers["x-sentry-auth"].to_str().unwrap().contains(&format!("sentry_key={DSN_KEY}")));
    let lines: Vec<Value> = seen[0].body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [head, item, event] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&head["event_id"], &item["type"]), (&event["event_id"], &Value::from("event")));
    assert_eq!((&event["tags"]["status"], &event["tags"]["request_id"]), (&status.to_string().into(), &id.into()));
    assert_eq!((&event["transaction"], &event["contexts"]["trace"]["trace_id"]), (&"/files/{token}/{name}".into(), &TRACE.into()));
    for personal in ["a.bin", stack.dev.user_id.as_str(), stack.dev.namespace.as_str(), "127.0.0.1", "jtf1."] {
        assert!(!seen[0].body.contains(personal), "{personal} is in {}", seen[0].body);
    }
}
