//! Rate limits: requests per account and minute, unauthenticated requests per address and minute.

use std::time::{Duration, Instant};

use jettyspeed_edge::auth::api_key::{Mode, new_key, new_secret};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::harness::{
    Call, FILES, answer, header, random_bytes, rate_limit, retry_after, sha256, stack, stack_with_changed_tiers, stack_with_two_webhook_secrets,
};
use crate::webhooks::Hook;

/// Sends until one is refused: the refusal. `left` requests, and one more for each `seconds` that pass, must be admitted.
async fn until_refused(left: u64, seconds: u64, mut request: impl FnMut() -> RequestBuilder) -> Response {
    let (started, mut admitted) = (Instant::now(), 0);
    loop {
        let response = request().sent().await.unwrap();
        let back = started.elapsed().as_secs() / seconds + 1;
        if response.status() == 429 {
            assert!(admitted >= left, "{admitted} of {left}");
            return response;
        }
        admitted += 1;
        assert!(admitted <= left + back, "{admitted} of {left}, {back} came back");
    }
}

#[tokio::test]
async fn eleventh_request_of_ten_per_minute_returns_429_with_retry_after() {
    let stack = stack().await;
    let account = stack.account("paced").tier("free").create().await;
    let absent = "/api/storage/files/00000000-0000-4000-8000-000000000000";
    let started = Instant::now();
    for (left, (path, status)) in [(FILES, 200), (absent, 404), ("/api/storage/files?limit=x", 422)].into_iter().enumerate() {
        let response = stack.request(Method::GET, path, &account).sent().await.unwrap();
        let (policy, remaining, seconds) = rate_limit(&response);
        assert_eq!((response.status().as_u16(), policy.as_str()), (status, "\"account\";q=10;w=60"), "{path}");
        let left = 9 - u64::try_from(left).unwrap();
        assert!((left..=left + started.elapsed().as_secs() / 6).contains(&remaining) && (1..=6).contains(&seconds), "{remaining} {seconds}");
    }
    let refused = until_refused(7, 6, || stack.request(Method::GET, FILES, &account)).await;
    let (policy, remaining, seconds) = rate_limit(&refused);
    assert_eq!((policy.as_str(), remaining, seconds), ("\"account\";q=10;w=60", 0, retry_after(&refused)));
    assert!((1..=6).contains(&seconds));
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"], &body["limit"], &body["retryAfter"]), (429, &json!("rate-limited"), &json!(10), &json!(seconds)));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(stack.get(&account, FILES).await.0, 200, "Retry-After is long enough");
}

#[tokio::test]
async fn parts_and_content_are_not_rate_limited() {
    let stack = stack_with_changed_tiers().await;
    stack.patch_tier("business", json!({ "requests_per_minute": 10 })).await;
    let account = stack.account("chunky").tier("business").create().await;
    let begun = Instant::now();
    let bytes = random_bytes(2_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let session = started["sessionId"].as_str().unwrap();
    for _ in 0..12 {
        let with_account = stack.request(Method::PUT, &format!("/api/jetty-speed/{session}/1"), &account);
        let with_account = with_account.header("X-Chunk-SHA256", sha256(&bytes)).body(bytes.clone());
        for request in [stack.chunk(&started, 1, &bytes), with_account] {
            let response = request.sent().await.unwrap();
            assert!(!response.headers().contains_key("ratelimit"));
            assert_eq!(answer(response).await.0, 200);
        }
    }
    let (status, done) = stack.track(&account, json!({ "action": "complete", "sessionId": session })).await;
    assert_eq!(status, 200, "{done}");
    let (_, found) = stack.get(&account, &format!("/api/storage/download?assetId={}", done["asset"]["id"].as_str().unwrap())).await;
    for _ in 0..12 {
        let response = stack.http.get(found["url"].as_str().unwrap()).sent().await.unwrap();
        assert!(response.status() == 200 && !response.headers().contains_key("ratelimit"));
        assert!(response.bytes().await.unwrap() == bytes);
    }
    let (policy, remaining, _) = rate_limit(&stack.request(Method::GET, FILES, &account).sent().await.unwrap());
    assert_eq!(policy, "\"account\";q=10;w=60");
    let returned = begun.elapsed().as_secs() / 6;
    assert!((6..=6 + returned).contains(&remaining), "four calls of the API: {remaining} are left, {returned} came back");
}

#[tokio::test]
async fn client_obeying_ratelimit_headers_never_gets_429() {
    let stack = stack_with_changed_tiers().await;
    stack.patch_tier("free", json!({ "requests_per_minute": 120 })).await;
    let account = stack.account("obedient").tier("free").create().await;
    let (started, mut passed, mut waits) = (Instant::now(), 0u32, 0);
    while started.elapsed() < Duration::from_secs(15) {
        let response = stack.request(Method::GET, FILES, &account).sent().await.unwrap();
        let (policy, remaining, seconds) = rate_limit(&response);
        assert_eq!((response.status().as_u16(), policy.as_str()), (200, "\"account\";q=120;w=60"), "after {passed} calls");
        passed += 1;
        if remaining == 0 {
            waits += 1;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
    // A burst of 120, then 2 per second.
    let most = 120.0 + started.elapsed().as_secs_f64() * 2.0;
    assert!(waits > 0 && f64::from(passed) > most - 10.0 && f64::from(passed) <= most + 1.0, "{passed} of {most} passed, {waits} waits");
}

/// The request from that address. Locally the header is taken from the client; Cloudflare's network sets it.
fn from_address(address: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("CF-Connecting-IP", address)
}

#[tokio::test]
async fn unauthenticated_flood_returns_429_for_its_address_only() {
    let stack = stack_with_two_webhook_secrets().await;
    let account = stack.account("neighbour").tier("pro").create().await;
    let own = || from_address("192.0.2.1", stack.request(Method::GET, FILES, &account));
    assert_eq!(own().sent().await.unwrap().status(), 200);
    let problem = |address: &str| from_address(address, stack.anonymous(Method::GET, "/problems/not-found"));
    let wrong = |address: &str| from_address(address, stack.anonymous(Method::GET, FILES).bearer_auth("jt_live_x").header("X-API-Secret", "jts_x"));
    for (address, status, request) in [("192.0.2.1", 200, &problem as &dyn Fn(&str) -> RequestBuilder), ("192.0.2.2", 401, &wrong)] {
        let first = request(address).sent().await.unwrap();
        assert_eq!((first.status().as_u16(), rate_limit(&first).0.as_str(), rate_limit(&first).1), (status, "\"address\";q=50;w=60", 49));
        let refused = until_refused(49, 1, || request(address)).await;
        assert_eq!((rate_limit(&refused).1, rate_limit(&refused).2), (0, retry_after(&refused)));
        assert!((1..=2).contains(&retry_after(&refused)));
        assert_eq!(answer(refused).await.1["code"], "rate-limited");
    }
    assert_eq!(own().sent().await.unwrap().status(), 200, "an account on that address");
    assert_eq!(problem("192.0.2.3").sent().await.unwrap().status(), 200, "another address");
}

#[tokio::test]
async fn of_130_wrong_keys_from_one_address_at_most_the_limit_is_looked_up() {
    let stack = stack_with_two_webhook_secrets().await;
    let mut draw = random_bytes(130 * 256).into_iter();
    let mut random = || draw.next().unwrap();
    let keys: Vec<_> = (0..130).map(|_| (new_key(Mode::Live, &mut random), new_secret(&mut random))).collect();
    // One after the other, then all at once, each from an address of its own.
    for (address, at_once) in [("192.0.2.21", false), ("192.0.2.22", true)] {
        let started = Instant::now();
        let request = |(key, secret): &(String, String)| {
            from_address(address, stack.anonymous(Method::GET, FILES).bearer_auth(key).header("X-API-Secret", secret)).sent()
        };
        let responses: Vec<Response> = if at_once {
            futures_util::future::join_all(keys.iter().map(request)).await.into_iter().map(Result::unwrap).collect()
        } else {
            let mut responses = Vec::new();
            for key in &keys {
                responses.push(request(key).await.unwrap());
            }
            responses
        };
        let looked_up = |response: &Response| header(response, "server-timing").contains("auth;");
        let lookups = responses.iter().filter(|response| looked_up(response)).count() as u64;
        let most = 50 + started.elapsed().as_secs() * 50 / 60 + 1;
        assert!((50..=most).contains(&lookups), "{lookups} of 130 reached D1, {most} may");
        let refused: Vec<_> = responses.iter().filter(|response| response.status() == 429).collect();
        assert!(refused.len() as u64 >= 130 - most && refused.iter().all(|response| rate_limit(response).0 == "\"address\";q=50;w=60"));
        assert!(refused.iter().filter(|response| looked_up(response)).count() <= 1, "what is refused was not looked up");
    }
    // A call that succeeds costs its address nothing, and a body is not read for an address that has failed too often.
    let account = stack.account("many-calls").tier("pro").create().await;
    for _ in 0..60 {
        let (status, body) = from_address("192.0.2.23", stack.request(Method::GET, "/api/agentcache/quota", &account)).answer().await;
        assert_eq!(status, 200, "{body}");
    }
    let wrong = || from_address("192.0.2.21", stack.anonymous(Method::GET, FILES).bearer_auth("jt_live_x").header("X-API-Secret", "jts_x"));
    let mut answers = Vec::new();
    // One failure more is allowed every 1.2 s, so that one of the signed calls may come just then.
    while answers.len() < 5 && !answers.contains(&429) {
        while wrong().sent().await.unwrap().status() != 429 {}
        let signed = from_address("192.0.2.21", Hook::new("flooded").post(stack, "/api/agentcache/rotate", "{}"));
        answers.push(signed.sent().await.unwrap().status().as_u16());
    }
    assert!(answers.contains(&429), "signatures are looked at: {answers:?}");
}

#[tokio::test]
async fn calls_by_upload_token_are_paced_per_session_and_not_against_the_account() {
    let stack = stack().await;
    let account = stack.account("delegating").tier("pro").create().await;
    let (one, other) = (stack.session(&account).size(1).start().await, stack.session(&account).size(1).start().await);
    let by_token = |started: &serde_json::Value| {
        let path = format!("/api/jetty/cache-chunk?sessionId={}", started["sessionId"].as_str().unwrap());
        stack.anonymous(Method::GET, &path).header("X-Upload-Token", started["uploadToken"].as_str().unwrap()).sent()
    };
    for call in 0..330 {
        let response = by_token(&one).await.unwrap();
        assert_eq!((response.status().as_u16(), rate_limit(&response).0.as_str()), (200, "\"session\";q=600;w=60"), "call {call}");
    }
    let own = stack.request(Method::GET, FILES, &account).sent().await.unwrap();
    let (policy, remaining, _) = rate_limit(&own);
    assert!(own.status() == 200 && policy == "\"account\";q=300;w=60" && remaining > 290, "{policy} {remaining}");
    let mut calls = 0;
    let refused = loop {
        let response = by_token(&one).await.unwrap();
        if response.status() == 429 {
            break response;
        }
        calls += 1;
        assert!(calls < 2_000, "a session's calls are never refused");
    };
    assert_eq!((rate_limit(&refused).0.as_str(), retry_after(&refused)), ("\"session\";q=600;w=60", 1));
    assert_eq!(by_token(&other).await.unwrap().status(), 200, "another session of the account");
    assert_eq!(stack.get(&account, FILES).await.0, 200);
}

#[tokio::test]
async fn uncached_account_from_flooded_address_returns_200() {
    let stack = stack_with_two_webhook_secrets().await;
    let account = stack.account("newcomer").tier("pro").create().await;
    until_refused(50, 1, || from_address("192.0.2.9", stack.anonymous(Method::GET, "/problems/not-found"))).await;
    let (status, body) = from_address("192.0.2.9", stack.request(Method::GET, FILES, &account)).answer().await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn platform_rate_limit_returns_429_below_the_isolate_limit() {
    let stack = stack_with_changed_tiers().await;
    let mut admitted = 0;
    let refused = loop {
        let response = from_address("192.0.2.4", stack.anonymous(Method::GET, "/problems/not-found")).sent().await.unwrap();
        if response.status() == 429 {
            break response;
        }
        admitted += 1;
        // The platform's windows are whole minutes: one may end meanwhile.
        assert!(admitted <= 200, "{admitted}");
    };
    assert!(admitted >= 100, "{admitted}");
    let (policy, remaining, seconds) = rate_limit(&refused);
    assert_eq!((policy.as_str(), remaining, seconds, retry_after(&refused)), ("\"address\";q=1000;w=60", 0, 60, 60));
    assert_eq!(answer(refused).await.1["code"], "rate-limited");
}
