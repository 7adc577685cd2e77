//! The exact cache of models' responses: who finds what, for how long, and what it refuses.

use std::time::{Duration, Instant};

use jettyspeed_devstack::root;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, done_or, eventually_every, retry_after, stack, unique};

const SET: &str = "/api/cache/set";
const GET: &str = "/api/cache/get";

/// A question that no other test asks.
fn question() -> Value {
    json!({ "provider": "openai", "model": "gpt-4", "messages": [{ "role": "user", "content": unique("question-") }] })
}

fn with(question: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut body = question.clone();
    body[name] = value.into();
    body
}

/// Stores a response.
async fn set(stack: &Stack, account: &AccountAccess, body: Value) {
    let (status, answer) = stack.post(account, SET, body).await;
    assert_eq!((status, &answer["stored"], answer["latency_ms"].is_u64()), (200, &json!(true), true), "{answer}");
}

/// The response that is found.
async fn get(stack: &Stack, account: &AccountAccess, body: &Value) -> Option<Value> {
    let (status, answer) = stack.post(account, GET, body.clone()).await;
    assert!(status == 200 && answer["latency_ms"].is_u64(), "{status} {answer}");
    let fields: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["hit", "latency_ms", "response"]);
    assert_eq!(answer["hit"], !answer["response"].is_null(), "{answer}");
    answer["hit"].as_bool().unwrap().then(|| answer["response"].clone())
}

#[tokio::test]
async fn stored_response_is_a_hit_in_every_spelling_of_its_question_and_others_are_misses() {
    let stack = stack().await;
    let account = stack.account(&unique("responses-")).create().await;
    let asked = question();
    assert_eq!(get(stack, &account, &asked).await, None);
    let response = json!({ "choices": [{ "message": { "content": "Hällo 😀" }, "logprobs": null }], "usage": { "total_tokens": 12 } });
    set(stack, &account, with(&asked, "response", response.clone())).await;
    assert_eq!(get(stack, &account, &asked).await, Some(response.clone()));
    // The account's own namespace is meant where none is named.
    assert_eq!(get(stack, &account, &with(&asked, "namespace", account.namespace.as_str())).await, Some(response.clone()));

    let content: String = asked["messages"][0]["content"].as_str().unwrap().encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let respelt = format!("{{ \"messages\" : [ {{\"content\":\"{content}\",\n\"role\":\"user\"}} ],\"model\":\"gpt-4\",\"provider\":\"openai\" }}");
    let (status, answer) = stack.request(Method::POST, GET, &account).body(respelt).answer().await;
    assert_eq!((status, &answer["response"]), (200, &response));

    for (name, value) in [("provider", json!("anthropic")), ("model", json!("gpt-4o")), ("messages", json!([]))] {
        assert_eq!(get(stack, &account, &with(&asked, name, value)).await, None, "another {name}");
    }
    // A response is answered byte by byte as it was written.
    let raw = format!("{{\"response\": [1.0, \"\\u00e9\" ,1e2],{}", &asked.to_string()[1..]);
    assert_eq!(stack.request(Method::POST, SET, &account).body(raw).answer().await.0, 200);
    let answer = stack.request(Method::POST, GET, &account).json(&asked).sent().await.unwrap();
    assert_eq!(
        (answer.headers()["content-type"].as_bytes(), answer.headers()["cache-control"].as_bytes()),
        (&b"application/json"[..], &b"no-store"[..])
    );
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("{\"hit\":true,\"response\":[1.0, \"\\u00e9\" ,1e2],\"latency_ms\":"), "{text}");
}

#[tokio::test]
async fn purged_or_recreated_namespace_finds_nothing_of_before() {
    let stack = stack().await;
    let account = stack.account(&unique("purged-")).create().await;
    let namespace = stack.namespace(&unique("jt_customer_purged-")).member(&account).create().await;
    let (own, shared) = (question(), with(&question(), "namespace", namespace.as_str()));
    for asked in [&own, &shared] {
        set(stack, &account, with(asked, "response", "before")).await;
        assert_eq!(get(stack, &account, asked).await, Some(json!("before")));
    }
    let path = format!("/api/portal/namespaces/{namespace}");
    let (status, body) = stack.operator(Method::POST, &format!("{path}/purge")).answer().await;
    assert_eq!((status, &body["generation"]), (200, &json!(1)));
    assert_eq!(get(stack, &account, &shared).await, None, "at once");
    assert_eq!(get(stack, &account, &own).await, Some(json!("before")), "another namespace's");
    set(stack, &account, with(&shared, "response", "after")).await;
    assert_eq!(get(stack, &account, &shared).await, Some(json!("after")));

    let recreated = stack.namespace(&unique("jt_customer_again-")).member(&account).create().await;
    let asked = with(&question(), "namespace", recreated.as_str());
    set(stack, &account, with(&asked, "response", "of the first customer")).await;
    let path = format!("/api/portal/namespaces/{recreated}");
    assert_eq!(stack.operator(Method::DELETE, &path).answer().await.0, 204);
    let other = stack.account(&unique("later-")).create().await;
    stack.namespace(&recreated).member(&other).create().await;
    assert_eq!(get(stack, &other, &asked).await, None, "a later customer of that name");
}

#[tokio::test]
async fn other_namespace_is_404_for_set_and_get_and_a_removed_member_is_one_at_once() {
    let stack = stack().await;
    let (owner, stranger) = (stack.account(&unique("owner-")).create().await, stack.account(&unique("stranger-")).create().await);
    let asked = with(&question(), "namespace", owner.namespace.as_str());
    set(stack, &owner, with(&asked, "response", "secret")).await;
    for namespace in [owner.namespace.as_str(), "jt_user_absent"] {
        let asked = with(&with(&asked, "namespace", namespace), "response", "mine");
        for path in [SET, GET] {
            let (status, body) = stack.post(&stranger, path, asked.clone()).await;
            assert_eq!((status, &body["code"]), (404, &json!("not-found")), "{path} {namespace}: {body}");
        }
    }
    // The same question in the stranger's own namespace.
    assert_eq!(get(stack, &stranger, &with(&asked, "namespace", Value::Null)).await, None);
    assert_eq!(get(stack, &owner, &asked).await, Some(json!("secret")));

    let shared = stack.namespace(&unique("jt_customer_removed-")).member(&stranger).create().await;
    let asked = with(&asked, "namespace", shared.as_str());
    set(stack, &stranger, with(&asked, "response", "shared")).await;
    assert_eq!(get(stack, &stranger, &asked).await, Some(json!("shared")));
    let member = format!("/api/portal/namespaces/{shared}/members/{}", stranger.user_id);
    assert_eq!(stack.operator(Method::DELETE, &member).answer().await.0, 204);
    assert_eq!(stack.post(&stranger, GET, asked).await.0, 404);
}

#[tokio::test]
async fn member_reads_what_others_stored_and_only_its_storer_or_a_manager_replaces_it() {
    let stack = stack().await;
    let [storer, member, manager] = [stack.account(&unique("storer-")), stack.account(&unique("member-")), stack.account(&unique("manager-"))];
    let (storer, member, manager) = (storer.create().await, member.create().await, manager.create().await);
    let namespace = stack.namespace(&unique("jt_customer_roles-")).member(&storer).member(&member).create().await;
    stack.add_manager(&namespace, &manager.user_id).await;
    let asked = with(&question(), "namespace", namespace.as_str());
    set(stack, &storer, with(&asked, "response", 1)).await;
    for account in [&storer, &member, &manager] {
        assert_eq!(get(stack, account, &asked).await, Some(json!(1)), "what the namespace shares");
    }
    let (status, body) = stack.post(&member, SET, with(&asked, "response", 2)).await;
    assert_eq!((status, &body["code"]), (403, &json!("manager-only")), "{body}");
    assert_eq!(get(stack, &member, &asked).await, Some(json!(1)));
    set(stack, &storer, with(&asked, "response", 3)).await;
    assert_eq!(get(stack, &member, &asked).await, Some(json!(3)), "its own");
    set(stack, &manager, with(&asked, "response", 4)).await;
    assert_eq!(get(stack, &storer, &asked).await, Some(json!(4)), "everybody's");
    assert_eq!(stack.post(&storer, SET, with(&asked, "response", 5)).await.0, 403, "it is the manager's now");
}

#[tokio::test]
async fn response_of_1_mb_is_stored_and_a_larger_one_is_refused_by_name() {
    let stack = stack().await;
    let account = stack.account(&unique("large-")).create().await;
    let asked = question();
    // With its quotes.
    let text = |bytes: usize| json!("x".repeat(bytes - 2));
    let largest = text(1_000_000);
    set(stack, &account, with(&asked, "response", largest.clone())).await;
    assert!(get(stack, &account, &asked).await == Some(largest.clone()));
    // The question as well: a body of 2 MB.
    let long = with(&asked, "messages", json!(["y".repeat(1_000_000 - 4)]));
    set(stack, &account, with(&long, "response", largest.clone())).await;
    assert!(get(stack, &account, &long).await == Some(largest));
    for (name, body) in [
        ("response", with(&asked, "response", text(1_000_001))),
        ("messages", with(&with(&asked, "messages", json!(["y".repeat(1_000_000)])), "response", 1)),
        ("ttl", with(&with(&asked, "response", 1), "ttl", 59)),
        ("ttl", with(&with(&asked, "response", 1), "ttl", 2_592_001)),
        ("response", asked.clone()),
    ] {
        let (status, problem) = stack.post(&account, SET, body).await;
        assert_eq!((status, &problem["code"], &problem["field"]), (422, &json!("invalid-value"), &json!(name)), "{problem}");
    }
    let (status, problem) = stack.post(&account, SET, with(&asked, "response", text(2_200_000))).await;
    assert_eq!((status, &problem["limit"]), (413, &json!(2_097_152)), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("messages and response may have 1,000,000 bytes each"), "{problem}");
}

#[tokio::test]
async fn entry_is_a_miss_when_its_lifetime_has_ended() {
    let stack = stack().await;
    let account = stack.account(&unique("ended-")).create().await;
    let (short, long) = (question(), question());
    let began = Instant::now();
    set(stack, &account, with(&with(&short, "response", 1), "ttl", 60)).await;
    set(stack, &account, with(&long, "response", 2)).await;
    tokio::time::sleep(Duration::from_secs(57).saturating_sub(began.elapsed())).await;
    assert_eq!(get(stack, &account, &short).await, Some(json!(1)), "it is in the isolate's memory now");
    eventually_every(Duration::from_millis(500), Duration::from_secs(10), async || {
        done_or(get(stack, &account, &short).await.is_none(), format!("there after {:?}", began.elapsed()))
    })
    .await;
    assert!(began.elapsed() >= Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(get(stack, &account, &long).await, Some(json!(2)));
}

#[tokio::test]
async fn write_refused_once_is_repeated_and_one_refused_again_is_503_and_changes_nothing() {
    let stack = Stack::start_with_entry(&root().join("tests/e2e/response_cache/entry.mjs")).await;
    let asked = question();
    let write = |response: u32, refused: u32| {
        let request = stack.request(Method::POST, SET, &stack.dev).header("X-Refuse-Writes", refused);
        request.json(&with(&asked, "response", response)).sent()
    };
    assert_eq!(write(1, 1).await.unwrap().status(), 200);
    assert_eq!(get(&stack, &stack.dev, &asked).await, Some(json!(1)));
    let response = write(2, 2).await.unwrap();
    assert_eq!(retry_after(&response), 1);
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(503), &json!("cache-busy")), "{problem}");
    assert_eq!(get(&stack, &stack.dev, &asked).await, Some(json!(1)), "what there was of it");
    assert_eq!(write(3, 0).await.unwrap().status(), 200);
    assert_eq!(get(&stack, &stack.dev, &asked).await, Some(json!(3)));
}

/// Median and 95th percentile, ms.
fn percentiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

/// The figures of docs/benchmarks.md ("Cache of responses"): what a hit takes the client, from KV and from the isolate's memory.
#[tokio::test]
async fn hits_outlive_the_isolate_and_take_milliseconds() {
    const ENTRIES: usize = 200;
    let stack = Stack::start(&[]).await;
    let response = json!("x".repeat(4_000));
    let mut asked = Vec::new();
    for _ in 0..ENTRIES {
        let question = question();
        set(&stack, &stack.dev, with(&question, "response", response.clone())).await;
        asked.push(question);
    }
    stack.worker.lock().await.kill_and_restart().await.unwrap();
    // Credentials and membership are known from here on, as where there is traffic.
    assert_eq!(get(&stack, &stack.dev, &question()).await, None);
    let mut figures = Vec::new();
    for from in ["KV", "the isolate's memory"] {
        let mut times = Vec::new();
        for question in &asked {
            // The last ones only: the isolate keeps them for ten seconds.
            let began = Instant::now();
            let found = get(&stack, &stack.dev, question).await;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
            assert!(found.as_ref() == Some(&response), "from {from}");
        }
        let (median, p95) = percentiles(times);
        println!("{ENTRIES} hits of 4 KB from {from}: median {median:.1} ms, p95 {p95:.1} ms");
        figures.push(median);
    }
    assert!(figures.iter().all(|median| *median < 100.0), "{figures:?}: far beyond what a quiet machine shows");
}

#[tokio::test]
async fn account_keeps_as_many_bytes_as_it_may_and_another_one_is_not_concerned() {
    let stack = Stack::start(&[("RESPONSE_CACHE_BYTES", "10000")]).await;
    let (account, other) = (stack.account(&unique("keeps-")).create().await, stack.account(&unique("keeps-")).create().await);
    let asked: Vec<Value> = (0..4).map(|_| question()).collect();
    // 2,500 bytes and 1,000 for each entry: two fit.
    let response = "x".repeat(2_498);
    for question in &asked[..2] {
        set(&stack, &account, with(question, "response", response.clone())).await;
    }
    let (status, body) = stack.post(&account, SET, with(&asked[2], "response", response.clone())).await;
    assert_eq!((status, &body["code"], &body["limit"], &body["used"]), (507, &json!("storage-exceeded"), &json!(10_000), &json!(7_000)), "{body}");
    assert_eq!(get(&stack, &account, &asked[2]).await, None);
    assert_eq!(get(&stack, &account, &asked[1]).await, Some(response.clone().into()), "what is kept stays");
    set(&stack, &account, with(&asked[2], "response", "short")).await;
    set(&stack, &other, with(&asked[3], "response", response)).await;
    assert_eq!(stack.used_and_reserved(&account).await, (0, 0), "in no quota of files");
}
