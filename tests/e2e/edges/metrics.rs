//! What clients report of edges, and what the Worker measures itself.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ids, optimal_edges};
use crate::harness::{Call, Stack, action, done_or, eventually, random_bytes, stack_with_quick_metrics, unique};

/// Reports the account's samples of edges, as a part of its session's progress.
async fn report_samples(stack: &Stack, account: &AccountAccess, session: &str, cf: &str, samples: Value) {
    let body = json!({ "action": "progress", "sessionId": session, "samples": samples });
    let request = stack.request(Method::POST, "/api/jetty/track-upload", account).header("MF-CF-Blob", cf).json(&body);
    let (status, body) = request.answer().await;
    assert_eq!(status, 200, "{body}");
}

const BERLIN: &str = r#"{"country":"DE","latitude":"52.5","longitude":"13.4","clientAcceptEncoding":""}"#;

fn sample(edge: &str, bytes: u64, ms: f64, ok: bool) -> Value {
    json!({ "edge": edge, "bytes": bytes, "ms": ms, "ok": ok })
}

async fn row(stack: &Stack, sql: &str) -> Value {
    stack.sql(sql).await[0].first().cloned().unwrap_or_default()
}

#[tokio::test]
async fn reported_samples_are_counted_exactly_and_change_the_ranking() {
    let stack = stack_with_quick_metrics().await;
    let berlin: Value = serde_json::from_str(BERLIN).unwrap();
    assert_eq!(ids(&optimal_edges(&stack, &stack.dev, &berlin, json!({ "priority": "speed" })).await)[0], "fra");
    for user in ["one", "two", "three"] {
        let account = stack.account(&unique(user)).tier("pro").create().await;
        let started = stack.session(&account).size(6_000_000).start().await;
        let session = started["sessionId"].as_str().unwrap();
        let slow = [
            sample("fra", 0, 400.0, true),
            sample("fra", 0, 400.0, true),
            sample("fra", 8_000_000, 6_400.0, true),
            sample("fra", 8_000_000, 1.0, false),
        ];
        report_samples(&stack, &account, session, BERLIN, json!(slow)).await;
        report_samples(&stack, &account, session, BERLIN, json!([sample("ams", 0, 20.0, true), sample("nowhere", 0, 1.0, true)])).await;
    }
    eventually(Duration::from_secs(30), async || {
        let samples = row(&stack, "SELECT SUM(samples) AS samples FROM edge_metrics").await;
        done_or(samples["samples"] == 15, samples)
    })
    .await;
    // First, because votes fade. A reading may have been published before the last of them.
    eventually(Duration::from_secs(20), async || {
        let ranked = optimal_edges(&stack, &stack.dev, &berlin, json!({ "priority": "speed", "count": 20 })).await;
        let frankfurt = ranked["edges"].as_array().unwrap().iter().find(|edge| edge["id"] == "fra").unwrap();
        let is_slow = frankfurt["latencyMs"].as_f64().unwrap() > 200.0 && frankfurt["errorRate"].as_f64().unwrap() > 0.1;
        done_or(is_slow && ids(&ranked)[0] == "ams", format!("three accounts found Frankfurt slow: {ranked}"))
    })
    .await;

    let hour =
        row(&stack, "SELECT samples, failures, bytes, busy_ms, probes, probe_ms, hour % 3600000 AS rest FROM edge_metrics WHERE edge = 'fra'").await;
    assert_eq!(hour, json!({ "samples": 12, "failures": 3, "bytes": 24_000_000, "busy_ms": 19_200.0, "probes": 6, "probe_ms": 2_400.0, "rest": 0 }));
    let view = row(&stack, "SELECT * FROM edge_performance_24h WHERE edge = 'fra'").await;
    assert_eq!(
        view,
        json!({ "edge": "fra", "name": "Frankfurt", "city": "Frankfurt", "country": "DE", "samples": 12, "failures": 3, "error_rate": 0.25,
            "bytes": 24_000_000, "mbps": 10.0, "latency_ms": 400.0 })
    );
    let top = stack.sql("SELECT edge, bytes, samples, mbps, place FROM top_edges ORDER BY place, edge").await.remove(0);
    assert_eq!(top[0], json!({ "edge": "fra", "bytes": 24_000_000, "samples": 12, "mbps": 10.0, "place": 1 }));
    assert_eq!(top.len(), 2, "of an edge that does not exist nothing is kept: {top:?}");
    let (status, metrics) = stack.get(&stack.dev, "/api/edges/fra/metrics?period=7d").await;
    assert_eq!((status, &metrics["edge"], &metrics["period"]), (200, &json!("fra"), &json!("7d")), "{metrics}");
    assert_eq!((&metrics["total"]["samples"], &metrics["total"]["mbps"], &metrics["total"]["latencyMs"]), (&json!(12), &json!(10.0), &json!(400.0)));
    assert_eq!((metrics["series"].as_array().unwrap().len(), &metrics["now"]["latencyMs"]), (1, &json!(400.0)), "{metrics}");
    assert_eq!(stack.operator(Method::GET, "/api/edges/fra/metrics?period=1h").answer().await.0, 422);
    assert_eq!(stack.anonymous(Method::GET, "/api/edges/fra/metrics").with_new_address().answer().await.0, 401);
    assert_eq!(stack.operator(Method::GET, "/api/edges/absent/metrics").answer().await.0, 404);

    // One account with false samples against three: it neither raises Frankfurt nor lowers Amsterdam.
    let liar = stack.account(&unique("liar")).tier("enterprise").create().await;
    let started = stack.session(&liar).size(6_000_000).start().await;
    let session = started["sessionId"].as_str().unwrap();
    for _ in 0..3 {
        let lies: Vec<_> = (0..300).map(|_| sample("fra", 0, 0.0, true)).chain((0..300).map(|_| sample("ams", 1, 9_000.0, false))).collect();
        report_samples(&stack, &liar, session, BERLIN, json!(lies)).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ranked = optimal_edges(&stack, &stack.dev, &berlin, json!({ "priority": "speed", "count": 20 })).await;
    assert_eq!(ids(&ranked)[0], "ams", "{ranked}");
    assert!(ids(&ranked).iter().position(|id| *id == "fra").is_none_or(|place| place > 0));
}

#[tokio::test]
async fn completed_upload_is_counted_once_per_edge_and_country() {
    let stack = stack_with_quick_metrics().await;
    let bytes = random_bytes(12_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    for (index, (part, colo)) in bytes.chunks(10_000_000).zip(["FRA", "QQQ"]).enumerate() {
        let cf = json!({ "colo": colo, "country": "DE", "clientAcceptEncoding": "" }).to_string();
        let (status, body) = stack.chunk(&started, u32::try_from(index).unwrap() + 1, part).header("MF-CF-Blob", cf).answer().await;
        assert_eq!((status, &body["edge"]), (200, &json!(if colo == "FRA" { "fra" } else { "QQQ" })), "its id, else the PoP's name");
    }
    let complete = action("complete", &started);
    for _ in 0..2 {
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).header("MF-CF-Blob", BERLIN).json(&complete);
        let (status, body) = request.answer().await;
        assert_eq!((status, &body["edgesUsed"]), (200, &json!(["QQQ", "fra"])), "{body}");
    }
    let rows = stack.sql("SELECT country, edge, uploads, parts, bytes FROM upload_patterns ORDER BY edge").await.remove(0);
    let wanted = |edge: &str, bytes: u64| json!({ "country": "DE", "edge": edge, "uploads": 1, "parts": 1, "bytes": bytes });
    assert_eq!(rows, [wanted("QQQ", 2_000_000), wanted("fra", 10_000_000)], "once, though it was completed twice");
    // What the Worker measured of the parts counts, too.
    eventually(Duration::from_secs(30), async || {
        let samples = row(&stack, "SELECT samples FROM edge_metrics WHERE edge = 'fra'").await;
        done_or(samples["samples"] == 1, samples)
    })
    .await;
}
