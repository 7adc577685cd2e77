//! The list of edges and its administration.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ids, optimal_edges};
use crate::harness::{Call, Stack, stack_with_quick_metrics};

async fn listed(stack: &Stack, query: &str) -> Vec<Value> {
    let (status, body) = stack.anonymous(Method::GET, &format!("/api/edges{query}")).with_new_address().answer().await;
    assert_eq!(status, 200, "{body}");
    body.as_array().unwrap().clone()
}

#[tokio::test]
async fn twenty_edges_are_listed_and_operator_creates_changes_and_deletes_one() {
    let stack = &stack_with_quick_metrics().await;
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
    assert_eq!(stack.anonymous(Method::GET, "/api/edges?near=91,0").with_new_address().answer().await.0, 422);

    let oslo =
        json!({ "name": "Oslo", "city": "Oslo", "country": "NO", "continent": "EU", "lat": 60.2, "lon": 11.1, "colo": "OSL", "capacity_mbps": 500 });
    let create = |body: &Value| stack.operator(Method::POST, "/api/portal/edges").json(body);
    for request in [
        stack.anonymous(Method::POST, "/api/portal/edges").with_new_address().json(&oslo),
        stack.request(Method::POST, "/api/portal/edges", &stack.dev).json(&oslo),
        stack.request(Method::DELETE, "/api/portal/edges/fra", &stack.dev),
    ] {
        assert!(matches!(request.answer().await.0, 401 | 403));
    }
    let (status, made) = create(&oslo).answer().await;
    assert_eq!((status, &made["id"], &made["url"], &made["status"]), (201, &json!("osl"), &Value::Null, &json!("active")), "{made}");
    let (status, made) = stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "capacityMbps": 600 })).answer().await;
    assert_eq!((status, &made["capacityMbps"], &made["capacity_mbps"]), (200, &json!(600), &json!(600)), "either spelling: {made}");
    for (region, answered) in [(json!("aws:eu-north-1"), 200), (json!("Oslo"), 422), (Value::Null, 200)] {
        let (status, made) = stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "region": region })).answer().await;
        assert_eq!(status, answered, "{made}");
        let told = listed(stack, "").await.into_iter().find(|edge| edge["id"] == "osl").unwrap();
        assert!(status == 422 && made["field"] == "region" || told.get("region").unwrap_or(&Value::Null) == &region, "{made} {told}");
    }
    assert_eq!(create(&oslo).answer().await.0, 409, "there is one of that id");
    assert_eq!(listed(stack, "").await.len(), 21);
    let from_oslo = json!({ "colo": "OSL", "latitude": "59.9", "longitude": "10.8" });
    assert_eq!(ids(&optimal_edges(stack, &stack.dev, &from_oslo, json!({})).await)[0], "osl");
    for status in ["draining", "disabled"] {
        let (code, changed) = stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "status": status })).answer().await;
        assert_eq!((code, &changed["status"], &changed["city"]), (200, &json!(status), &json!("Oslo")));
        assert!(!ids(&optimal_edges(stack, &stack.dev, &from_oslo, json!({ "count": 100 })).await).contains(&"osl"), "{status}");
    }
    assert_eq!(stack.operator(Method::PATCH, "/api/portal/edges/osl").json(&json!({ "lat": 91 })).answer().await.0, 422);
    assert_eq!(stack.operator(Method::PATCH, "/api/portal/edges/absent").json(&json!({})).answer().await.0, 404);
    assert_eq!(stack.operator(Method::DELETE, "/api/portal/edges/osl").answer().await.0, 204);
    assert_eq!(stack.operator(Method::DELETE, "/api/portal/edges/osl").answer().await.0, 404);
    assert_eq!(listed(stack, "").await.len(), 20);
}
