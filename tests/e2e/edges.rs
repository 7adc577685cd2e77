//! Edges: listed, administered, ranked by where the request comes from and by what was measured.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::stack::{Stack, answer, from_elsewhere, random_bytes, unique};

/// A stack whose edges publish every second. No other test uploads here: what they send would be measured, too.
async fn quick() -> Stack {
    Stack::start(&[("EDGE_METRICS_SECONDS", "1")]).await
}

async fn told(request: RequestBuilder) -> (u16, Value) {
    answer(request.send().await.unwrap()).await
}

async fn optimal(stack: &Stack, account: &AccountAccess, cf: &Value, more: Value) -> Value {
    let mut body = json!({ "fileSize": 25_000_000 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut cf = cf.clone();
    cf["clientAcceptEncoding"] = json!("");
    let request = stack.request(Method::POST, "/api/jetty/optimal-edges", account).header("MF-CF-Blob", cf.to_string());
    let (status, body) = told(request.json(&body)).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn ids(body: &Value) -> Vec<&str> {
    body["edges"].as_array().unwrap().iter().map(|edge| edge["id"].as_str().unwrap()).collect()
}

async fn listed(stack: &Stack, query: &str) -> Vec<Value> {
    let (status, body) = told(from_elsewhere(stack.anonymous(Method::GET, &format!("/api/edges{query}")))).await;
    assert_eq!(status, 200, "{body}");
    body.as_array().unwrap().clone()
}

#[tokio::test]
async fn twenty_are_there_and_operators_add_change_drain_disable_and_delete() {
    let stack = &quick().await;
    let all = listed(stack, "").await;
    assert_eq!(all.len(), 20);
    for edge in &all {
        let mut fields: Vec<_> = edge.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["capacityMbps", "city", "colo", "continent", "country", "id", "lat", "lon", "name", "status", "url"]);
        assert_eq!((&edge["url"], &edge["status"]), (&Value::Null, &json!("active")));
    }
    let near = listed(stack, "?near=50.1,8.7").await;
    assert_eq!(near[..2].iter().map(|edge| edge["id"].as_str().unwrap()).collect::<Vec<_>>(), ["fra", "ams"]);
    assert_eq!(told(from_elsewhere(stack.anonymous(Method::GET, "/api/edges?near=91,0"))).await.0, 422);

    let oslo =
        json!({ "name": "Oslo", "city": "Oslo", "country": "NO", "continent": "EU", "lat": 60.2, "lon": 11.1, "colo": "OSL", "capacity_mbps": 500 });
    let create = |body: &Value| stack.operator(Method::POST, "/api/portal/edges").json(body);
    for request in [
        from_elsewhere(stack.anonymous(Method::POST, "/api/portal/edges")).json(&oslo),
        stack.request(Method::POST, "/api/portal/edges", &stack.dev).json(&oslo),
        stack.request(Method::DELETE, "/api/portal/edges/fra", &stack.dev),
    ] {
        assert!(matches!(told(request).await.0, 401 | 403));
    }
    let (status, made) = told(create(&oslo)).await;
    assert_eq!((status, &made["id"], &made["url"], &made["status"]), (201, &json!("osl"), &Value::Null, &json!("active")), "{made}");
    let (status, made) = told(stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "capacityMbps": 600 }))).await;
    assert_eq!((status, &made["capacityMbps"], &made["capacity_mbps"]), (200, &json!(600), &json!(600)), "either spelling: {made}");
    assert_eq!(told(create(&oslo)).await.0, 409, "there is one of that id");
    assert_eq!(listed(stack, "").await.len(), 21);
    let from_oslo = json!({ "colo": "OSL", "latitude": "59.9", "longitude": "10.8" });
    assert_eq!(ids(&optimal(stack, &stack.dev, &from_oslo, json!({})).await)[0], "osl");
    for status in ["draining", "disabled"] {
        let (code, changed) = told(stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "status": status }))).await;
        assert_eq!((code, &changed["status"], &changed["city"]), (200, &json!(status), &json!("Oslo")));
        assert!(!ids(&optimal(stack, &stack.dev, &from_oslo, json!({ "count": 100 })).await).contains(&"osl"), "{status}");
    }
    assert_eq!(told(stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "lat": 91 }))).await.0, 422);
    assert_eq!(told(stack.operator(Method::PATCH, "/api/portal/edges/absent").json(&json!({}))).await.0, 404);
    assert_eq!(told(stack.operator(Method::DELETE, "/api/portal/edges/osl")).await.0, 204);
    assert_eq!(told(stack.operator(Method::DELETE, "/api/portal/edges/osl")).await.0, 404);
    assert_eq!(listed(stack, "").await.len(), 20);
}

#[tokio::test]
async fn they_are_ranked_by_where_the_request_comes_from() {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let stack = STACK.get_or_init(quick).await;
    let exact = optimal(stack, &stack.dev, &json!({ "latitude": "1.3", "longitude": "103.8", "country": "SG" }), json!({})).await;
    assert_eq!((ids(&exact).len(), ids(&exact)[0]), (5, "sin"));
    let scores: Vec<f64> = exact["edges"].as_array().unwrap().iter().map(|edge| edge["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
    let best = &exact["edges"][0];
    assert!(best["distanceKm"].as_f64().unwrap() < 50.0 && best["latencyMs"].as_f64().unwrap() < 20.0, "{best}");
    assert_eq!((&best["loadPercent"], &best["bandwidthMbps"], &best["errorRate"]), (&Value::Null, &Value::Null, &Value::Null), "nobody has measured");
    assert_eq!(best["terms"]["weights"], json!({ "distance": 20, "latency": 20, "load": 20, "bandwidth": 20, "errors": 20 }));
    for term in ["distance", "latency", "load", "bandwidth", "errors"] {
        assert!((0.0..=1.0).contains(&best["terms"][term].as_f64().unwrap()), "{term}: {best}");
    }
    let again = optimal(stack, &stack.dev, &json!({ "latitude": 1.3, "longitude": 103.8 }), json!({})).await;
    assert_eq!(again["edges"], exact["edges"], "equal inputs, equal lists");
    // Everything that can be missing or wrong.
    for (cf, first) in [
        (json!({ "country": "AU" }), "syd"),
        (json!({ "country": "T1", "continent": "AF" }), "jnb"),
        (json!({ "latitude": "x", "longitude": 7, "country": "BR", "colo": 5, "asn": "x", "clientTcpRtt": {}, "timezone": [] }), "gru"),
    ] {
        assert_eq!(ids(&optimal(stack, &stack.dev, &cf, json!({})).await)[0], first, "{cf}");
    }
    let nowhere = optimal(stack, &stack.dev, &json!({ "country": "T1" }), json!({ "count": 20 })).await;
    assert_eq!(ids(&nowhere).len(), 20);
    assert!(nowhere["edges"].as_array().unwrap().iter().all(|edge| edge["distanceKm"].is_null() && edge["terms"]["distance"].is_null()));
    let elsewhere = optimal(stack, &stack.dev, &json!({ "country": "AU" }), json!({ "location": { "lat": 48.9, "lon": 2.4 } })).await;
    assert_eq!(ids(&elsewhere)[0], "cdg", "the client's own word wins");
    for (priority, latency) in [("speed", 40), ("cost", 10)] {
        let body = optimal(stack, &stack.dev, &json!({ "country": "DE" }), json!({ "priority": priority })).await;
        assert_eq!(body["edges"][0]["terms"]["weights"]["latency"], latency);
    }
    assert_eq!(told(stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.dev).json(&json!({ "fileSize": 1, "count": 0 }))).await.0, 422);
    // All edges have this Worker's address: one of them gets all parts.
    assert_eq!(exact["assignments"], json!([{ "edge": "sin", "parts": [1, 2, 3] }]));
    let started = stack.started(&stack.dev, 25_000_000).await;
    assert_eq!((started["edges"].as_array().unwrap().len(), &started["assignments"][0]["parts"]), (5, &json!([1, 2, 3])));
}

/// Tells what the account measured of edges. The session is one of its own.
async fn tell(stack: &Stack, account: &AccountAccess, session: &str, cf: &str, samples: Value) {
    let body = json!({ "action": "progress", "sessionId": session, "samples": samples });
    let request = stack.request(Method::POST, "/api/jetty/track-upload", account).header("MF-CF-Blob", cf).json(&body);
    let (status, body) = told(request).await;
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
async fn what_is_measured_is_counted_exactly_and_changes_the_ranking() {
    let stack = quick().await;
    let berlin: Value = serde_json::from_str(BERLIN).unwrap();
    assert_eq!(ids(&optimal(&stack, &stack.dev, &berlin, json!({ "priority": "speed" })).await)[0], "fra");
    for user in ["one", "two", "three"] {
        let account = stack.provisioned(&unique(user), "pro").await;
        let started = stack.started(&account, 6_000_000).await;
        let session = started["sessionId"].as_str().unwrap();
        let slow = [
            sample("fra", 0, 400.0, true),
            sample("fra", 0, 400.0, true),
            sample("fra", 8_000_000, 6_400.0, true),
            sample("fra", 8_000_000, 1.0, false),
        ];
        tell(&stack, &account, session, BERLIN, json!(slow)).await;
        tell(&stack, &account, session, BERLIN, json!([sample("ams", 0, 20.0, true), sample("nowhere", 0, 1.0, true)])).await;
    }
    let mut waited = 0;
    while row(&stack, "SELECT SUM(samples) AS samples FROM edge_metrics").await["samples"] != 15 {
        waited += 1;
        assert!(waited < 60, "the hours are not written");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let hour =
        row(&stack, "SELECT samples, failures, bytes, busy_ms, probes, probe_ms, hour % 3600000 AS rest FROM edge_metrics WHERE edge = 'fra'").await;
    assert_eq!(hour, json!({ "samples": 12, "failures": 3, "bytes": 24_000_000, "busy_ms": 19_200.0, "probes": 6, "probe_ms": 2_400.0, "rest": 0 }));
    let view = row(&stack, "SELECT * FROM edge_performance_24h WHERE edge = 'fra'").await;
    assert_eq!(
        view,
        json!({ "edge": "fra", "name": "Frankfurt", "city": "Frankfurt", "country": "DE", "samples": 12, "failures": 3, "error_rate": 0.25,
            "bytes": 24_000_000, "mbps": 10.0, "latency_ms": 400.0 })
    );
    let top = stack.sql("SELECT edge, bytes, samples, place FROM top_edges ORDER BY place, edge").await.remove(0);
    assert_eq!(top[0], json!({ "edge": "fra", "bytes": 24_000_000, "samples": 12, "place": 1 }));
    assert_eq!(top.len(), 2, "of an edge that does not exist nothing is kept: {top:?}");
    let (status, metrics) = told(stack.request(Method::GET, "/api/edges/fra/metrics?period=7d", &stack.dev)).await;
    assert_eq!((status, &metrics["edge"], &metrics["period"]), (200, &json!("fra"), &json!("7d")), "{metrics}");
    assert_eq!((&metrics["total"]["samples"], &metrics["total"]["mbps"], &metrics["total"]["latencyMs"]), (&json!(12), &json!(10.0), &json!(400.0)));
    assert_eq!((metrics["series"].as_array().unwrap().len(), &metrics["now"]["latencyMs"]), (1, &json!(400.0)), "{metrics}");
    assert_eq!(told(stack.operator(Method::GET, "/api/edges/fra/metrics?period=1h")).await.0, 422);
    assert_eq!(told(from_elsewhere(stack.anonymous(Method::GET, "/api/edges/fra/metrics"))).await.0, 401);
    assert_eq!(told(stack.operator(Method::GET, "/api/edges/absent/metrics")).await.0, 404);

    let mut ranked = json!({});
    for _ in 0..40 {
        ranked = optimal(&stack, &stack.dev, &berlin, json!({ "priority": "speed", "count": 20 })).await;
        if ids(&ranked)[0] == "ams" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(ids(&ranked)[0], "ams", "three accounts found Frankfurt slow");
    let frankfurt = ranked["edges"].as_array().unwrap().iter().find(|edge| edge["id"] == "fra").unwrap();
    assert!(frankfurt["latencyMs"].as_f64().unwrap() > 200.0 && frankfurt["errorRate"].as_f64().unwrap() > 0.1, "{frankfurt}");

    // One liar against three: neither does it bring Frankfurt back, nor Amsterdam down.
    let liar = stack.provisioned(&unique("liar"), "enterprise").await;
    let started = stack.started(&liar, 6_000_000).await;
    let session = started["sessionId"].as_str().unwrap();
    for _ in 0..3 {
        let lies: Vec<_> = (0..300).map(|_| sample("fra", 0, 0.0, true)).chain((0..300).map(|_| sample("ams", 1, 9_000.0, false))).collect();
        tell(&stack, &liar, session, BERLIN, json!(lies)).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ranked = optimal(&stack, &stack.dev, &berlin, json!({ "priority": "speed", "count": 20 })).await;
    assert_eq!(ids(&ranked)[0], "ams", "{ranked}");
    assert!(ids(&ranked).iter().position(|id| *id == "fra").is_none_or(|place| place > 0));
}

#[tokio::test]
async fn uploads_leave_their_pattern() {
    let stack = quick().await;
    let bytes = random_bytes(12_000_000);
    let started = stack.started(&stack.dev, bytes.len()).await;
    for (index, (part, colo)) in bytes.chunks(10_000_000).zip(["FRA", "QQQ"]).enumerate() {
        let cf = json!({ "colo": colo, "country": "DE", "clientAcceptEncoding": "" }).to_string();
        let (status, body) = told(stack.chunk(&started, u32::try_from(index).unwrap() + 1, part).header("MF-CF-Blob", cf)).await;
        assert_eq!((status, &body["edge"]), (200, &json!(if colo == "FRA" { "fra" } else { "QQQ" })), "its id, else the PoP's name");
    }
    let complete = json!({ "action": "complete", "sessionId": started["sessionId"] });
    for _ in 0..2 {
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).header("MF-CF-Blob", BERLIN).json(&complete);
        let (status, body) = told(request).await;
        assert_eq!((status, &body["edgesUsed"]), (200, &json!(["QQQ", "fra"])), "{body}");
    }
    let rows = stack.sql("SELECT country, edge, uploads, parts, bytes FROM upload_patterns ORDER BY edge").await.remove(0);
    let wanted = |edge: &str, bytes: u64| json!({ "country": "DE", "edge": edge, "uploads": 1, "parts": 1, "bytes": bytes });
    assert_eq!(rows, [wanted("QQQ", 2_000_000), wanted("fra", 10_000_000)], "once, though it was completed twice");
    // What the Worker saw of the parts is measured, too.
    for _ in 0..60 {
        if row(&stack, "SELECT samples FROM edge_metrics WHERE edge = 'fra'").await["samples"] == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("the Worker's own measurement is not written");
}
