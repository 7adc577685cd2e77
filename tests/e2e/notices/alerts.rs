//! Alerts: fired once, told by webhook, listed, and resolved once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use super::add;
use super::sink::Sink;
use crate::harness::{Call, Stack, done_or, eventually, unique};

const HOUR_MS: u64 = 3_600_000;

/// Statements about the last whole hour, and the one that may become it while the test runs.
async fn in_last_hours(stack: &Stack, statement: impl Fn(u64) -> String) {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let hour = now - now % HOUR_MS;
    for hour in [hour - HOUR_MS, hour] {
        stack.sql(&statement(hour)).await;
    }
}

/// The alerts of a query, once there are so many.
async fn listed(stack: &Stack, account: &jettyspeed_devstack::state::AccountAccess, query: &str, count: usize) -> Vec<Value> {
    eventually(Duration::from_secs(60), async || {
        let (status, body) = stack.get(account, &format!("/api/portal/alerts{query}")).await;
        assert_eq!(status, 200, "{body}");
        let alerts = body["alerts"].as_array().unwrap().clone();
        if alerts.len() == count { Ok(alerts) } else { Err(body) }
    })
    .await
}

#[tokio::test]
async fn upload_failures_and_quota_fire_once_are_told_and_resolve_once() {
    let stack = &Stack::start(&[]).await;
    let (account, other) = (stack.account(&unique("alerts-")).tier("starter").create().await, stack.account(&unique("calm-")).create().await);
    let namespace = &account.namespace;
    let sink = Sink::start().await;
    let kinds = ["alert.fired", "alert.resolved", "quota.warning"];
    let webhook = add(stack, &account, namespace, &format!("{}/alerts", sink.url), &kinds).await;
    in_last_hours(stack, |hour| {
        format!(
            "INSERT INTO upload_hourly (namespace, hour, started, completed, failed, expired, bytes, saved_bytes, copied_bytes) \
             VALUES ('{namespace}', {hour}, 20, 18, 1, 1, 0, 0, 0)"
        )
    })
    .await;
    stack
        .sql(&format!(
            "INSERT INTO storage_usage (account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, bandwidth_cost, \
             total_cost, recorded_at) SELECT id, 9000000000000, 9000000000001, 1700000000, 0, 0, 0, 0, 0, 1 FROM accounts \
             WHERE agentcache_user_id = '{}'",
            account.user_id
        ))
        .await;
    // Its own bound beats the deployment's.
    let bound = json!({ "alerts": { "upload_failure_percent": 11 } });
    let (status, body) = stack.request(Method::PATCH, &format!("/api/portal/namespaces/{namespace}"), &account).json(&bound).answer().await;
    assert_eq!((status, &body["alerts"]["upload_failure_percent"]), (200, &json!(11.0)), "{body}");
    stack.run_hourly().await;
    let fired = listed(stack, &account, "?open=true", 1).await;
    assert_eq!((&fired[0]["kind"], &fired[0]["value"], &fired[0]["threshold"]), (&json!("quota_80"), &json!(85.0), &json!(80.0)));
    let bound = json!({ "alerts": { "upload_failure_percent": null } });
    assert_eq!(stack.request(Method::PATCH, &format!("/api/portal/namespaces/{namespace}"), &account).json(&bound).answer().await.0, 200);

    for _ in 0..2 {
        stack.run_hourly().await;
    }
    let fired = listed(stack, &account, &format!("?namespace={namespace}&open=true"), 2).await;
    let failures = fired.iter().find(|alert| alert["kind"] == "upload_failures").unwrap();
    assert_eq!((&failures["value"], &failures["threshold"], &failures["rests_on"]), (&json!(10.0), &json!(5.0), &json!(20)));
    assert!(failures["resolved_at"].is_null() && failures["namespace"] == json!(namespace), "{failures}");
    let told = sink.wait("/alerts", 3).await;
    assert!(told.iter().all(|seen| seen.is_signed_with(webhook["secret"].as_str().unwrap())));
    let events: Vec<Value> = told.iter().map(|seen| seen.json()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).map(|event| event["data"].clone()).collect::<Vec<_>>();
    assert_eq!(of("alert.fired").len(), 2);
    assert!(of("alert.fired").iter().any(|data| data["alert"] == *failures), "{events:?}");
    let warning = json!({ "namespace": namespace, "percent": 80, "storage_used_bytes": 1_700_000_000_u64, "storage_quota_bytes": 2_000_000_000_u64 });
    assert_eq!(of("quota.warning"), [warning]);

    in_last_hours(stack, |hour| {
        format!("UPDATE upload_hourly SET completed = 20, failed = 0, expired = 0 WHERE namespace = '{namespace}' AND hour = {hour}")
    })
    .await;
    for _ in 0..2 {
        stack.run_hourly().await;
    }
    let resolved = listed(stack, &account, "?open=false", 1).await;
    assert_eq!((&resolved[0]["id"], &resolved[0]["resolved_value"]), (&failures["id"], &json!(0.0)));
    let told = sink.wait("/alerts", 4).await;
    assert_eq!((told[3].json()["type"].as_str(), &told[3].json()["data"]["alert"]), (Some("alert.resolved"), &resolved[0]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sink.seen("/alerts").len(), 4, "once each");

    assert!(listed(stack, &other, "", 0).await.is_empty());
    assert_eq!(stack.get(&other, &format!("/api/portal/alerts?namespace={namespace}")).await.0, 404);
    let (status, body) = stack.operator(Method::GET, "/api/portal/alerts?limit=1").answer().await;
    assert!(status == 200 && body["alerts"].as_array().unwrap().len() == 1 && body["cursor"].is_string(), "{body}");
    let next = format!("/api/portal/alerts?cursor={}", body["cursor"].as_str().unwrap());
    let (_, rest) = stack.operator(Method::GET, &next).answer().await;
    done_or(rest["alerts"].as_array().unwrap().len() == 1, &rest).unwrap();
    let (status, body) = stack.get(&account, "/api/portal/alerts?open=maybe").await;
    assert_eq!((status, &body["field"]), (422, &json!("open")));
}

#[tokio::test]
async fn hit_rate_latency_failing_endpoint_and_store_that_is_away_fire_once_and_resolve_once() {
    let stack = &Stack::start(&[]).await;
    let account = stack.account(&unique("figures-")).create().await;
    let namespace = &account.namespace;
    let sink = Sink::start().await;
    add(stack, &account, namespace, &format!("{}/told", sink.url), &["alert.fired", "alert.resolved"]).await;
    // An endpoint that has refused an event four times.
    let refusing = add(stack, &account, namespace, &format!("{}/refusing", sink.url), &["upload.completed"]).await;
    stack.asset(&account).bytes("told").store().await;
    super::delivery(stack, &account, &refusing, "pending", 1).await;
    let of_refusing = format!("WHERE endpoint_id = '{}'", refusing["id"].as_str().unwrap());
    stack.sql(&format!("UPDATE webhook_outbox SET attempts = 4, due_at = 9000000000000 {of_refusing}")).await;
    in_last_hours(stack, |hour| {
        format!(
            "INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, first_500) \
             VALUES ('{namespace}', 'small', {hour}, 100, 40, 0, 0, 100)"
        )
    })
    .await;
    stack.proxy.inject(|_, _| Some(Fault::Answer(503, "ServiceUnavailable")));
    for _ in 0..2 {
        stack.run_hourly().await;
        listed(stack, &account, "?open=true", 4).await;
    }
    let fired = listed(stack, &account, "?open=true", 4).await;
    let figure = |alerts: &[Value], kind: &str, field: &str| {
        let alert = alerts.iter().find(|alert| alert["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {alerts:?}"));
        alert[field].as_f64().unwrap()
    };
    let of_kind = |kind| ["value", "threshold", "rests_on"].map(|field| figure(&fired, kind, field));
    assert_eq!(of_kind("hit_rate"), [40.0, 50.0, 100.0]);
    let [p95, threshold, rests_on] = of_kind("p95_latency");
    assert!((200.0..=500.0).contains(&p95) && (threshold, rests_on) == (100.0, 100.0), "{fired:?}");
    assert_eq!(of_kind("webhook_failing"), [1.0, 0.0, 1.0]);
    let [failed, none, tries] = of_kind("store_unreachable");
    assert!(failed == tries && tries > 1.0 && none == 0.0, "{fired:?}");
    let told = sink.wait("/told", 4).await;
    assert!(told.iter().all(|seen| seen.json()["type"] == "alert.fired" && fired.contains(&seen.json()["data"]["alert"])), "{told:?}");

    stack.proxy.clear_faults();
    stack.sql(&format!("UPDATE webhook_outbox SET status = 'delivered' {of_refusing}")).await;
    in_last_hours(stack, |hour| {
        format!("UPDATE delivery_hourly SET hits = 90, first_500 = 4, first_5 = 96 WHERE namespace = '{namespace}' AND hour = {hour}")
    })
    .await;
    for _ in 0..2 {
        stack.run_hourly().await;
        listed(stack, &account, "?open=false", 4).await;
    }
    let resolved = listed(stack, &account, "?open=false", 4).await;
    assert_eq!(figure(&resolved, "hit_rate", "resolved_value"), 90.0);
    assert!(figure(&resolved, "p95_latency", "resolved_value") <= 5.0, "{resolved:?}");
    assert_eq!(figure(&resolved, "webhook_failing", "resolved_value"), 0.0);
    assert!(figure(&resolved, "store_unreachable", "resolved_value") < tries, "one try was enough, or one after it");
    sink.wait("/told", 8).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = sink.seen("/told");
    let resolutions = told.iter().filter(|seen| seen.json()["type"] == "alert.resolved" && resolved.contains(&seen.json()["data"]["alert"]));
    assert_eq!((told.len(), resolutions.count()), (8, 4), "once each");
}
