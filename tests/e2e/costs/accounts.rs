//! Calls of the JSON API, provisioning, the daily run.

use std::time::Duration;

use jettyspeed_costs::counts::{Counts, Item};
use jettyspeed_costs::data::Action;
use serde_json::json;

use super::{ALARM, Counter, logging_stack};

#[tokio::test]
async fn calls_and_provisioning_are_billed_what_is_committed() {
    let stack = &logging_stack().await;
    let mut counter = Counter::of(stack).await;
    let account = &stack.dev;
    // What is stored is written to D1 some seconds later, by an alarm that was set once for it.
    counter.is_without_alarms = true;
    let asset = counter.act("stored", &[ALARM], stack.asset(account).bytes("counted").store()).await;
    let alarm = Counts([(Item::ObjectRowsWritten, 1)].into());
    let figures = counter.take("stored").later + alarm;
    let path = format!("/api/storage/files/{}", asset["id"].as_str().unwrap());
    let call = || stack.get(account, &path);
    // The ledger writes calls that follow one within a second together.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(counter.act("api_call", &[], call()).await.0, 200);
    // The ledger writes what follows within a second together.
    let row = async { (call().await, call().await) };
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    counter.act("two", &[], row).await;
    counter.is_without_alarms = false;
    let (two, one) = (counter.take("two").at_once, counter.actions["api_call"].at_once.clone());
    counter.actions.insert("api_in_a_row".to_owned(), Action { at_once: two - one, later: Counts::default() });
    counter.actions.insert("figures".to_owned(), Action { at_once: figures, later: Counts::default() });

    let asked = |model: &str| json!({ "provider": "p", "model": model, "messages": ["Hi"] });
    let cache = async |path: &str, body: serde_json::Value| {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let (status, body) = stack.post(account, path, body).await;
        assert_eq!(status, 200, "{body}");
    };
    // The isolate asks once for the account's membership.
    cache("/api/cache/get", asked("a")).await;
    let mut stored = asked("a");
    stored["response"] = json!("x".repeat(4_000));
    counter.act("response_set", &[], cache("/api/cache/set", stored)).await;
    // After ten seconds the isolate asks KV.
    tokio::time::sleep(Duration::from_secs(11)).await;
    // What the ledger had put off comes with the first call.
    cache("/api/cache/get", asked("c")).await;
    counter.act("response_kv", &[], cache("/api/cache/get", asked("a"))).await;
    counter.act("response_here", &[], cache("/api/cache/get", asked("a"))).await;
    counter.act("response_miss", &[], cache("/api/cache/get", asked("b"))).await;

    let provision = |user: &str| json!({ "user_id": user, "email": format!("{user}@example.com"), "tier": "pro" });
    let path = "/api/webhooks/jetty/provision";
    assert_eq!(stack.webhook(path, provision("first")).await.0, 201);
    counter.is_without_accounts = false;
    let (status, body) = counter.act("provision", &[], stack.webhook(path, provision("counted"))).await;
    assert_eq!(status, 201, "{body}");

    stack.run_daily().await;
    // The first sweep of a bucket marks it, and comes back some seconds later.
    tokio::time::sleep(Duration::from_secs(20)).await;
    // What the first run found out stays known. Its jobs enqueue others.
    let run = async {
        stack.run_daily().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    };
    counter.act("daily", &[], run).await;
    counter.compare();
}
