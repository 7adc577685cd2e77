//! How events are sent: signatures, retries, redirects, slow answers, replays, lost jobs.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::sink::Sink;
use super::{add, deliveries, delivery, path, test};
use crate::harness::{Call, Stack, eventually, stack, unique};

#[tokio::test]
async fn event_refused_with_500_is_sent_again_with_the_same_id_and_a_right_signature() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/failing", sink.url), &["upload.failed"]).await;
    test(stack, &account, &webhook).await;
    let waiting = delivery(stack, &account, &webhook, "pending", 1).await;
    assert_eq!((&waiting["responseStatus"], &waiting["response"], waiting["nextAt"].is_string()), (&json!(500), &json!("not now"), true));
    let done = delivery(stack, &account, &webhook, "delivered", 2).await;
    assert_eq!((&done["responseStatus"], &done["nextAt"], &done["event"]), (&json!(204), &Value::Null, &json!("webhook.test")));
    let payload: Value = serde_json::from_str(done["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["type"], "webhook.test");
    let seen = sink.wait("/failing", 2).await;
    let secret = webhook["secret"].as_str().unwrap();
    assert!(seen.iter().all(|seen| seen.is_signed_with(secret)), "{seen:?}");
    assert_eq!((seen[0].id(), &seen[0].body), (seen[1].id(), &seen[1].body));
    assert_eq!((seen[0].id(), &seen[0].json()["type"]), (done["messageId"].as_str().unwrap(), &json!("webhook.test")));
    let at = |index: usize| seen[index].headers["webhook-timestamp"].to_str().unwrap().parse::<u64>().unwrap();
    assert!((5..60).contains(&(at(1) - at(0))), "{} s", at(1) - at(0));
}

#[tokio::test]
async fn redirect_is_not_followed_and_slow_long_and_odd_answers_are_cut() {
    // A stack of its own: jobs of other tests would wait behind slow answers.
    let stack = &Stack::start(&[]).await;
    let account = stack.account("patient").create().await;
    let sink = Sink::start().await;
    let mut webhooks = Vec::new();
    for kind in ["redirect", "slow", "drip", "long", "odd"] {
        webhooks.push(add(stack, &account, &account.namespace, &format!("{}/{kind}", sink.url), &["upload.failed"]).await);
    }
    let started = Instant::now();
    for webhook in &webhooks {
        test(stack, &account, webhook).await;
    }
    let redirected = delivery(stack, &account, &webhooks[0], "pending", 1).await;
    assert_eq!((&redirected["responseStatus"], &redirected["response"]), (&json!(302), &json!("elsewhere")));
    let odd = delivery(stack, &account, &webhooks[4], "delivered", 1).await;
    assert_eq!(odd["response"], "<script>  [31m\u{fc}</script>");
    let long = delivery(stack, &account, &webhooks[3], "delivered", 1).await;
    assert_eq!(long["response"], "x".repeat(1_024));
    let slow = delivery(stack, &account, &webhooks[1], "pending", 1).await;
    assert_eq!((&slow["error"], &slow["responseStatus"]), (&json!("No answer came within 15 s."), &Value::Null));
    let drip = delivery(stack, &account, &webhooks[2], "delivered", 1).await;
    assert!(drip["response"].as_str().unwrap().starts_with("dripdrip"), "{drip}");
    assert!(started.elapsed() > Duration::from_secs(14), "{:?}", started.elapsed());
    assert!(sink.seen("/stolen").is_empty());
}

#[tokio::test]
async fn delivery_is_replayed_and_listed_in_pages() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/ok", sink.url), &["upload.failed"]).await;
    for count in 1..=3 {
        test(stack, &account, &webhook).await;
        sink.wait("/ok", count).await;
    }
    let first = delivery(stack, &account, &webhook, "delivered", 1).await;
    let replay = format!("/api/portal/namespaces/{}/deliveries/{}/replay", account.namespace, first["id"].as_str().unwrap());
    let (status, again) = stack.request(Method::POST, &replay, &account).answer().await;
    assert_eq!((status, &again["delivery"]["status"], &again["delivery"]["attempts"]), (202, &json!("pending"), &json!(0)), "{again}");
    let seen = sink.wait("/ok", 4).await;
    assert_eq!((seen[3].id(), &seen[3].body), (seen[2].id(), &seen[2].body));
    delivery(stack, &account, &webhook, "delivered", 1).await;
    let listing = format!("{}/{}/deliveries?limit=2", path(&account.namespace), webhook["id"].as_str().unwrap());
    let (_, page) = stack.get(&account, &listing).await;
    let (_, rest) = stack.get(&account, &format!("{listing}&cursor={}", page["cursor"].as_str().unwrap())).await;
    let ids: Vec<_> = [&page, &rest].iter().flat_map(|page| page["deliveries"].as_array().unwrap()).map(|row| row["id"].clone()).collect();
    assert_eq!((ids.len(), &ids[0], &rest["cursor"]), (3, &first["id"], &Value::Null));
    assert_eq!(stack.get(&account, &format!("{listing}&cursor=x")).await.1["field"], "cursor");
    let absent = format!("/api/portal/namespaces/{}/deliveries/{}/replay", account.namespace, webhook["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::POST, &absent, &account).answer().await.0, 404);
}

#[tokio::test]
async fn secret_that_was_replaced_signs_beside_the_new_one() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/ok", sink.url), &["upload.failed"]).await;
    let one = format!("{}/{}", path(&account.namespace), webhook["id"].as_str().unwrap());
    let change = async |body: Value| {
        let (status, answer) = stack.request(Method::PATCH, &one, &account).json(&body).answer().await;
        assert_eq!(status, 200, "{answer}");
        answer["webhook"].clone()
    };
    let rotated = change(json!({ "rotate": true })).await;
    assert!(rotated["oldSecretUntil"].is_string(), "{rotated}");
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    test(stack, &account, &webhook).await;
    let first = sink.wait("/ok", 1).await.remove(0);
    let [old, new] = [&webhook, &rotated].map(|webhook| webhook["secret"].as_str().unwrap());
    assert!(first.is_signed_with(old) && first.is_signed_with(new) && !first.is_signed_with(given));
    assert_eq!(change(json!({ "secret": given })).await["secret"], Value::Null);
    test(stack, &account, &webhook).await;
    let second = sink.wait("/ok", 2).await.remove(1);
    assert!(second.is_signed_with(given) && second.is_signed_with(new) && !second.is_signed_with(old), "the last two");
}

#[tokio::test]
async fn lost_job_is_sent_again_by_the_daily_run_and_a_claimed_one_only_when_its_claim_ends() {
    let stack = &Stack::start(&[]).await;
    let sink = Sink::start().await;
    let webhook = add(stack, &stack.dev, &stack.dev.namespace, &format!("{}/ok", sink.url), &["upload.failed"]).await;
    test(stack, &stack.dev, &webhook).await;
    delivery(stack, &stack.dev, &webhook, "delivered", 1).await;
    // What a job leaves that was lost, and one whose isolate died a moment ago.
    let claimed_until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 12_000;
    stack
        .sql(&format!(
            "UPDATE webhook_outbox SET status = 'pending', due_at = 1, attempts = 1, claim = 'other', claimed_until = {claimed_until}, response_status = NULL"
        ))
        .await;
    stack.run_daily().await;
    let done = delivery(stack, &stack.dev, &webhook, "delivered", 2).await;
    assert_eq!(done["responseStatus"], 204);
    let seen = sink.seen("/ok");
    assert_eq!(seen.len(), 2);
    let at: u128 = seen[1].headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    assert!(at * 1_000 + 1_000 >= claimed_until, "not before the claim has ended");
    // Long over, and older than what is listed.
    stack.sql("UPDATE webhook_outbox SET created_at = 1").await;
    assert!(deliveries(stack, &stack.dev, &webhook).await.is_empty());
    stack.run_daily().await;
    eventually(Duration::from_secs(60), async || {
        let rows = stack.sql("SELECT COUNT(*) AS rows FROM webhook_outbox").await;
        if rows[0][0]["rows"] == 0 { Ok(()) } else { Err(rows[0][0].clone()) }
    })
    .await;
}

#[tokio::test]
async fn deleted_endpoint_gets_nothing_of_what_waited_for_it() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/refusing", sink.url), &["upload.failed"]).await;
    test(stack, &account, &webhook).await;
    delivery(stack, &account, &webhook, "pending", 1).await;
    let one = format!("{}/{}", path(&account.namespace), webhook["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::DELETE, &one, &account).answer().await.0, 204);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(sink.seen("/refusing").len(), 1);
}
