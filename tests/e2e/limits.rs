//! What callers are held to: requests per minute, unknown callers per address, tiers as they are changed, bandwidth.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::stack::{Stack, answer, before_its_body, random_bytes, stack};
use crate::webhooks::two_secrets;

const FILES: &str = "/api/storage/files";

/// A stack whose tiers these tests change, each its own, and whose isolate lets more unknown callers in than the platform.
async fn tuned() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    STACK.get_or_init(|| Stack::start(&[("RATE_LIMIT_MAX_REQUESTS", "1000")])).await
}

async fn patch(stack: &Stack, tier: &str, patch: Value) -> Value {
    let (status, body) = answer(stack.operator(Method::PATCH, &format!("/api/portal/tiers/{tier}")).json(&patch).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// `RateLimit-Policy`, and `r` and `t` of `RateLimit`.
fn limit(response: &Response) -> (String, u64, u64) {
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (policy, state) = (header("ratelimit-policy"), header("ratelimit"));
    let number = |key: &str| state.split(';').find_map(|pair| pair.strip_prefix(key)).unwrap().parse().unwrap();
    assert_eq!(state.split(';').next(), policy.split(';').next(), "one policy");
    (policy, number("r="), number("t="))
}

fn retry_after(response: &Response) -> u64 {
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Sends until one is refused, which `left` and those that came back meanwhile, one each `seconds`, must not be. The refusal.
async fn until_refused(left: u64, seconds: u64, mut request: impl FnMut() -> RequestBuilder) -> Response {
    let (started, mut admitted) = (Instant::now(), 0);
    loop {
        let response = request().send().await.unwrap();
        let back = started.elapsed().as_secs() / seconds + 1;
        if response.status() == 429 {
            assert!(admitted >= left, "{admitted} of {left}");
            return response;
        }
        admitted += 1;
        assert!(admitted <= left + back, "{admitted} of {left}, {back} came back");
    }
}

async fn get(stack: &Stack, account: &AccountAccess, path: &str) -> (u16, Value) {
    answer(stack.request(Method::GET, path, account).send().await.unwrap()).await
}

#[tokio::test]
async fn the_eleventh_call_of_ten_per_minute_is_refused_and_every_answer_tells() {
    let stack = stack().await;
    let account = stack.provisioned("paced", "free").await;
    let absent = "/api/storage/files/00000000-0000-4000-8000-000000000000";
    let started = Instant::now();
    for (left, (path, status)) in [(FILES, 200), (absent, 404), ("/api/storage/files?limit=x", 422)].into_iter().enumerate() {
        let response = stack.request(Method::GET, path, &account).send().await.unwrap();
        let (policy, remaining, seconds) = limit(&response);
        assert_eq!((response.status().as_u16(), policy.as_str()), (status, "\"account\";q=10;w=60"), "{path}");
        let left = 9 - u64::try_from(left).unwrap();
        assert!((left..=left + started.elapsed().as_secs() / 6).contains(&remaining) && (1..=6).contains(&seconds), "{remaining} {seconds}");
    }
    let refused = until_refused(7, 6, || stack.request(Method::GET, FILES, &account)).await;
    let (policy, remaining, seconds) = limit(&refused);
    assert_eq!((policy.as_str(), remaining, seconds), ("\"account\";q=10;w=60", 0, retry_after(&refused)));
    assert!((1..=6).contains(&seconds));
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"], &body["limit"], &body["retryAfter"]), (429, &json!("rate-limited"), &json!(10), &json!(seconds)));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(get(stack, &account, FILES).await.0, 200, "Retry-After is long enough");
}

#[tokio::test]
async fn chunks_and_content_do_not_count() {
    let stack = tuned().await;
    patch(stack, "business", json!({ "requests_per_minute": 10 })).await;
    let account = stack.provisioned("chunky", "business").await;
    let begun = Instant::now();
    let bytes = random_bytes(2_000);
    let started = stack.started(&account, bytes.len()).await;
    let session = started["sessionId"].as_str().unwrap();
    for _ in 0..12 {
        let with_account = stack.request(Method::PUT, &format!("/api/jetty-speed/{session}/1"), &account);
        let with_account = with_account.header("X-Chunk-SHA256", crate::stack::sha256(&bytes)).body(bytes.clone());
        for request in [stack.chunk(&started, 1, &bytes), with_account] {
            let response = request.send().await.unwrap();
            assert!(!response.headers().contains_key("ratelimit"));
            assert_eq!(answer(response).await.0, 200);
        }
    }
    let (status, done) = stack.track(&account, json!({ "action": "complete", "sessionId": session })).await;
    assert_eq!(status, 200, "{done}");
    let (_, found) = get(stack, &account, &format!("/api/storage/download?assetId={}", done["asset"]["id"].as_str().unwrap())).await;
    for _ in 0..12 {
        let response = stack.http.get(found["url"].as_str().unwrap()).send().await.unwrap();
        assert!(response.status() == 200 && !response.headers().contains_key("ratelimit"));
        assert!(response.bytes().await.unwrap() == bytes);
    }
    let (policy, remaining, _) = limit(&stack.request(Method::GET, FILES, &account).send().await.unwrap());
    assert_eq!(policy, "\"account\";q=10;w=60");
    let returned = begun.elapsed().as_secs() / 6;
    assert!((6..=6 + returned).contains(&remaining), "four calls of the API: {remaining} are left, {returned} came back");
}

#[tokio::test]
async fn who_obeys_the_headers_is_never_refused() {
    let stack = tuned().await;
    patch(stack, "free", json!({ "requests_per_minute": 120 })).await;
    let account = stack.provisioned("obedient", "free").await;
    let (started, mut passed, mut waits) = (Instant::now(), 0u32, 0);
    while started.elapsed() < Duration::from_secs(15) {
        let response = stack.request(Method::GET, FILES, &account).send().await.unwrap();
        let (policy, remaining, seconds) = limit(&response);
        assert_eq!((response.status().as_u16(), policy.as_str()), (200, "\"account\";q=120;w=60"), "after {passed} calls");
        passed += 1;
        if remaining == 0 {
            waits += 1;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
    // 120 at once, 2 more each second.
    let most = 120.0 + started.elapsed().as_secs_f64() * 2.0;
    assert!(waits > 0 && f64::from(passed) > most - 10.0 && f64::from(passed) <= most + 1.0, "{passed} of {most} passed, {waits} waits");
}

#[tokio::test]
async fn a_changed_tier_counts_at_once() {
    let stack = tuned().await;
    let account = stack.provisioned("changing", "starter").await;
    let policy = async || limit(&stack.request(Method::GET, FILES, &account).send().await.unwrap()).0;
    let upload = async |size: usize| {
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "a");
        answer(request.body(vec![0; size]).send().await.unwrap()).await
    };
    let refused = async |size: usize| {
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "a");
        answer(before_its_body(request, size).send().await.unwrap()).await
    };
    let start = async || stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1_000 })).await;
    let quota = async || get(stack, &account, "/api/agentcache/quota").await.1;
    let row = async || {
        let (status, body) = answer(stack.operator(Method::GET, "/api/portal/tiers").send().await.unwrap()).await;
        assert_eq!(status, 200);
        body["tiers"].as_array().unwrap()[1].clone()
    };
    let before = json!({
        "tier": "starter", "rank": 1, "storage_quota_gb": 2, "bandwidth_quota_gb": 10, "jetty_speed_enabled": false, "requests_per_minute": 60,
        "max_file_mb": 50
    });
    assert_eq!(row().await, before);
    assert_eq!(policy().await, "\"account\";q=60;w=60");
    assert_eq!(start().await.0, 403);
    assert_eq!(upload(1_000_001).await.0, 201);

    let wide = json!({ "requests_per_minute": 120, "max_file_mb": 1, "jetty_speed_enabled": true, "storage_quota_gb": 3, "bandwidth_quota_gb": 11 });
    let after = patch(stack, "starter", wide.clone()).await;
    for (name, value) in wide.as_object().unwrap() {
        assert_eq!(&after[name], value);
    }
    assert_eq!(row().await, after);
    assert_eq!(policy().await, "\"account\";q=120;w=60");
    let (status, body) = refused(1_000_001).await;
    assert_eq!((status, &body["code"], &body["limit"]), (413, &json!("file-too-large"), &json!(1_000_000)));
    assert_eq!(upload(1_000_000).await.0, 201);
    assert_eq!(start().await.0, 201);
    let now = quota().await;
    assert_eq!((&now["storage_quota_gb"], &now["bandwidth_quota_gb"]), (&json!(3), &json!(11)));

    patch(stack, "starter", json!({ "storage_quota_gb": 0, "jetty_speed_enabled": false })).await;
    let (status, body) = upload(1).await;
    assert_eq!((status, &body["limit"], &body["used"], &body["reserved"]), (507, &json!(0), &json!(2_000_001), &json!(1_000)), "{body}");
    assert_eq!(start().await.0, 403);
    assert_eq!((&quota().await["storage_quota_bytes"], &quota().await["warning"]), (&json!(0), &json!("storage")));
    let undo = json!({ "storage_quota_gb": 2, "bandwidth_quota_gb": 10, "requests_per_minute": 60, "max_file_mb": 50 });
    assert_eq!(patch(stack, "starter", undo).await, before);
    assert_eq!(upload(1_000_001).await.0, 201);
}

#[tokio::test]
async fn tiers_are_the_operators() {
    let stack = stack().await;
    let patch = json!({ "storage_quota_gb": 1 });
    let (tiers, tier) = ("/api/portal/tiers", "/api/portal/tiers/pro");
    for request in [
        stack.anonymous(Method::GET, tiers),
        stack.request(Method::GET, tiers, &stack.dev),
        stack.backend(Method::GET, tiers),
        stack.anonymous(Method::PATCH, tier).json(&patch),
        stack.request(Method::PATCH, tier, &stack.dev).json(&patch),
        stack.backend(Method::PATCH, tier).json(&patch),
    ] {
        assert_eq!(answer(request.send().await.unwrap()).await.0, 401);
    }
    for (path, body, status) in [
        ("/api/portal/tiers/gold", "{\"storage_quota_gb\":1}", 404),
        (tier, "{\"storage_quota_gb\":-1}", 422),
        (tier, "{\"storage_quota_gb\":\"1\"}", 422),
        (tier, "{\"requests_per_minute\":0}", 422),
        (tier, "{\"jetty_speed_enabled\":1}", 422),
        (tier, "{", 400),
        (tier, "{}", 200),
    ] {
        let (got, answer) = answer(stack.operator(Method::PATCH, path).body(body).send().await.unwrap()).await;
        assert_eq!(got, status, "{body} -> {answer}");
        assert!(status != 200 || answer["storage_quota_gb"] == 20, "nothing changed: {answer}");
    }
}

/// The request from another address: wrangler lets it be told, the platform sets it.
fn from(address: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("CF-Connecting-IP", address)
}

#[tokio::test]
async fn a_flood_of_unknown_callers_is_held_to_its_address() {
    let stack = two_secrets().await;
    let account = stack.provisioned("neighbour", "pro").await;
    let own = || from("192.0.2.1", stack.request(Method::GET, FILES, &account));
    assert_eq!(own().send().await.unwrap().status(), 200);
    let problem = |address: &str| from(address, stack.anonymous(Method::GET, "/problems/not-found"));
    let wrong = |address: &str| from(address, stack.anonymous(Method::GET, FILES).bearer_auth("jt_live_x").header("X-API-Secret", "jts_x"));
    for (address, status, request) in [("192.0.2.1", 200, &problem as &dyn Fn(&str) -> RequestBuilder), ("192.0.2.2", 401, &wrong)] {
        let first = request(address).send().await.unwrap();
        assert_eq!((first.status().as_u16(), limit(&first).0.as_str(), limit(&first).1), (status, "\"address\";q=50;w=60", 49));
        let refused = until_refused(49, 1, || request(address)).await;
        assert_eq!((limit(&refused).1, limit(&refused).2), (0, retry_after(&refused)));
        assert!((1..=2).contains(&retry_after(&refused)));
        assert_eq!(answer(refused).await.1["code"], "rate-limited");
    }
    assert_eq!(own().send().await.unwrap().status(), 200, "an account on that address");
    assert_eq!(problem("192.0.2.3").send().await.unwrap().status(), 200, "another address");
}

#[tokio::test]
async fn an_account_that_the_isolate_does_not_remember_is_let_in_from_a_flooded_address() {
    let stack = two_secrets().await;
    let account = stack.provisioned("newcomer", "pro").await;
    until_refused(50, 1, || from("192.0.2.9", stack.anonymous(Method::GET, "/problems/not-found"))).await;
    let (status, body) = answer(from("192.0.2.9", stack.request(Method::GET, FILES, &account)).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn the_platform_holds_unknown_callers_where_the_isolate_would_not() {
    let stack = tuned().await;
    let mut admitted = 0;
    let refused = loop {
        let response = from("192.0.2.4", stack.anonymous(Method::GET, "/problems/not-found")).send().await.unwrap();
        if response.status() == 429 {
            break response;
        }
        admitted += 1;
        // Its windows are whole minutes: one may end meanwhile.
        assert!(admitted <= 200, "{admitted}");
    };
    assert!(admitted >= 100, "{admitted}");
    let (policy, remaining, seconds) = limit(&refused);
    assert_eq!((policy.as_str(), remaining, seconds, retry_after(&refused)), ("\"address\";q=1000;w=60", 0, 60, 60));
    assert_eq!(answer(refused).await.1["code"], "rate-limited");
}

#[tokio::test]
async fn bandwidth_is_what_content_announces_and_what_presigned_urls_may_cost() {
    let stack = stack().await;
    let account = stack.provisioned("reader", "pro").await;
    let size = 100_000u64;
    let asset = stack.stored(&account, random_bytes(usize::try_from(size).unwrap())).await;
    let used = async || {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        get(stack, &account, "/api/agentcache/quota").await.1["bandwidth_used_bytes"].as_u64().unwrap()
    };
    let path = format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap());
    let (_, found) = get(stack, &account, &format!("{path}&direct=0")).await;
    assert_eq!(found["candidates"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(used().await, 0, "a URL of ours costs when it is used");
    let url = found["url"].as_str().unwrap();
    let etag = stack.http.head(url).send().await.unwrap().headers()["etag"].clone();
    let free = [
        (200, stack.http.head(url)),
        (304, stack.http.get(url).header("If-None-Match", &etag)),
        (416, stack.http.get(url).header("Range", "bytes=100000-")),
    ];
    for (status, request) in free {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    assert_eq!(stack.request(Method::HEAD, &path, &account).send().await.unwrap().status(), 200);
    assert_eq!(used().await, 0, "HEAD, 304 and 416");
    let mut sum = 0;
    for range in [None, Some("bytes=0-0"), Some("bytes=500-1499"), Some("bytes=-7"), None, Some("bytes=0-99999")] {
        let request = stack.http.get(url);
        let response = range.map_or(request.try_clone().unwrap(), |range| request.header("Range", range)).send().await.unwrap();
        assert_eq!(response.status(), if range.is_some() { 206 } else { 200 });
        let length: u64 = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert_eq!(u64::try_from(response.bytes().await.unwrap().len()).unwrap(), length);
        sum += length;
    }
    assert_eq!((sum, used().await), (3 * size + 1_008, sum));
    for _ in 0..2 {
        assert_eq!(get(stack, &account, &path).await.1["candidates"].as_array().unwrap().len(), 2);
        sum += size;
    }
    assert_eq!(used().await, sum, "the store's own URL is paid when it is issued");
    let own = format!("/files/{}/a.bin", asset["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::GET, &own, &account).send().await.unwrap().bytes().await.unwrap().len(), 100_000);
    assert_eq!(used().await, sum + size, "the stable URL as well");
    let backend = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=reader").send().await.unwrap();
    let (status, quota) = answer(backend).await;
    assert_eq!((status, &quota["bandwidth_used_bytes"], &quota["storage_used_bytes"]), (200, &json!(sum + size), &json!(size)));
    let left = &quota["bandwidth_remaining_bytes"];
    assert_eq!((left, &quota["warning"], &quota["bandwidth_quota_gb"]), (&json!(50_000_000_000 - sum - size), &Value::Null, &json!(50)));
}

#[tokio::test]
async fn used_up_bandwidth_stops_content_within_a_minute() {
    let stack = tuned().await;
    let (warm, cold) = (stack.provisioned("warm", "pro").await, stack.provisioned("cold", "pro").await);
    let mut urls = Vec::new();
    for account in [&warm, &cold] {
        let asset = stack.stored(account, random_bytes(1_000)).await;
        let path = format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap());
        let (status, found) = get(stack, account, &path).await;
        assert_eq!(status, 200, "{found}");
        urls.push((path, found["url"].as_str().unwrap().to_owned()));
    }
    let [(warm_path, warm_url), (cold_path, cold_url)] = urls.try_into().unwrap();
    assert_eq!(stack.http.get(&warm_url).send().await.unwrap().status(), 200);
    patch(stack, "pro", json!({ "bandwidth_quota_gb": 0 })).await;
    let changed = Instant::now();
    for (account, path) in [(&warm, &warm_path), (&cold, &cold_path)] {
        for path in [path.clone(), format!("{path}&direct=0")] {
            let response = stack.request(Method::GET, &path, account).send().await.unwrap();
            let seconds = retry_after(&response);
            let (status, body) = answer(response).await;
            assert_eq!((status, &body["code"], &body["limit"]), (429, &json!("bandwidth-exceeded"), &json!(0)), "{body}");
            assert!(body["used"].as_u64().unwrap() >= 1_000, "{body}");
            let resets = chrono::DateTime::parse_from_rfc3339(body["resets"].as_str().unwrap()).unwrap();
            assert!(resets.format("%d %T").to_string() == "01 00:00:00" && resets.offset().local_minus_utc() == 0, "{body}");
            let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
            assert!(
                resets.timestamp() - now < 31 * 86_400 + 1 && (resets.timestamp() - now).abs_diff(i64::try_from(seconds).unwrap()) <= 2,
                "{body}"
            );
        }
    }
    let (status, body) = answer(stack.http.get(&cold_url).send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (429, &json!("bandwidth-exceeded")), "whose standing nobody remembers");
    while stack.http.get(&warm_url).send().await.unwrap().status() != 429 {
        assert!(changed.elapsed() < Duration::from_secs(60), "an old URL still works");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    patch(stack, "pro", json!({ "bandwidth_quota_gb": 50 })).await;
    assert_eq!(get(stack, &cold, &cold_path).await.0, 200, "more bandwidth counts at once");
}
