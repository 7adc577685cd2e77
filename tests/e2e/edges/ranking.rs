//! `optimal-edges`: ranked by where the request comes from.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{ids, optimal_edges};
use crate::harness::{Call, Stack, stack_with_quick_metrics};

#[tokio::test]
async fn edges_are_ranked_by_request_location() {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let stack = STACK.get_or_init(stack_with_quick_metrics).await;
    let exact = optimal_edges(stack, &stack.dev, &json!({ "latitude": "1.3", "longitude": "103.8", "country": "SG" }), json!({})).await;
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
    let again = optimal_edges(stack, &stack.dev, &json!({ "latitude": 1.3, "longitude": 103.8 }), json!({})).await;
    assert_eq!(again["edges"], exact["edges"], "equal inputs, equal lists");
    // Missing and malformed fields of `cf`.
    for (cf, first) in [
        (json!({ "country": "AU" }), "syd"),
        (json!({ "country": "T1", "continent": "AF" }), "jnb"),
        (json!({ "latitude": "x", "longitude": 7, "country": "BR", "colo": 5, "asn": "x", "clientTcpRtt": {}, "timezone": [] }), "gru"),
    ] {
        assert_eq!(ids(&optimal_edges(stack, &stack.dev, &cf, json!({})).await)[0], first, "{cf}");
    }
    let nowhere = optimal_edges(stack, &stack.dev, &json!({ "country": "T1" }), json!({ "count": 20 })).await;
    assert_eq!(ids(&nowhere).len(), 20);
    assert!(nowhere["edges"].as_array().unwrap().iter().all(|edge| edge["distanceKm"].is_null() && edge["terms"]["distance"].is_null()));
    let elsewhere = optimal_edges(stack, &stack.dev, &json!({ "country": "AU" }), json!({ "location": { "lat": 48.9, "lon": 2.4 } })).await;
    assert_eq!(ids(&elsewhere)[0], "cdg", "the client's own word wins");
    for (priority, latency) in [("speed", 40), ("cost", 10)] {
        let body = optimal_edges(stack, &stack.dev, &json!({ "country": "DE" }), json!({ "priority": priority })).await;
        assert_eq!(body["edges"][0]["terms"]["weights"]["latency"], latency);
    }
    assert_eq!(stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.dev).json(&json!({ "fileSize": 1, "count": 0 })).answer().await.0, 422);
    // All edges have this Worker's address, so one of them is assigned all parts.
    assert_eq!(exact["assignments"], json!([{ "edge": "sin", "parts": [1, 2, 3] }]));
    let started = stack.session(&stack.dev).size(25_000_000).start().await;
    assert_eq!((started["edges"].as_array().unwrap().len(), &started["assignments"][0]["parts"]), (5, &json!([1, 2, 3])));
}
