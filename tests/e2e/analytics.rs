//! Figures of delivery and uploads, against the client's own count.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Call, SLICE, Stack, action, answer, done_or, eventually_every, header, random_bytes, sha256, stack, unique};
use crate::video::put_video;

/// A request that comes from a country by a PoP.
fn from(country: &str, colo: &str) -> String {
    json!({ "country": country, "colo": colo, "clientAcceptEncoding": "" }).to_string()
}

async fn analytics(stack: &Stack, account: &AccountAccess, query: &str) -> Value {
    let (status, body) = stack.get(account, &format!("/api/portal/analytics{query}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Waits until what is told is right: counters are written some seconds after they change.
async fn told(stack: &Stack, account: &AccountAccess, query: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    eventually_every(Duration::from_millis(500), Duration::from_secs(30), async || {
        let body = analytics(stack, account, query).await;
        if is_right(&body) { Ok(body) } else { Err(body) }
    })
    .await
}

/// What the client itself saw of a country.
#[derive(Default)]
struct Seen {
    requests: u64,
    bytes: u64,
}

fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn counters_of_delivery_are_the_clients_own_to_the_byte() {
    let stack = Stack::start(&[]).await;
    let small = stack.file(&stack.dev).name("small.bin").size(90_000).store().await;
    let large = stack.file(&stack.dev).name("large.bin").size(2 * SLICE + 1_000_000).store().await;
    let (mut germany, mut france) = (Seen::default(), Seen::default());
    let mut get = async |url: &str, country: &str, range: Option<&str>| {
        let request = stack.http.get(url).header("MF-CF-Blob", from(country, "FRA"));
        let request = match range {
            Some(range) => request.header("Range", range),
            None => request,
        };
        let response = request.sent().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        let seen = if country == "DE" { &mut germany } else { &mut france };
        seen.requests += 1;
        seen.bytes += response.bytes().await.unwrap().len() as u64;
    };
    // Each is read from the store once, as the proxy before it counts, too.
    let reads = [stack.store_reads(&small.key), stack.store_reads(&large.key)];
    get(&small.url, "DE", None).await;
    get(&large.url, "DE", None).await;
    for _ in 0..3 {
        get(&small.url, "FR", None).await;
        get(&large.url, "DE", None).await;
    }
    get(&large.url, "FR", Some("bytes=100-5999999")).await;
    get(&large.url, "FR", Some("bytes=0-9,6000000-6000009")).await;
    assert_eq!([stack.store_reads(&small.key) - reads[0], stack.store_reads(&large.key) - reads[1]], [1, 3], "slices of 5 MiB");
    // Without content: counted by status only.
    let etag = header(&stack.http.get(&small.url).header("MF-CF-Blob", from("FR", "FRA")).sent().await.unwrap(), "etag");
    france.requests += 1;
    france.bytes += 90_000;
    let unchanged = stack.http.get(&small.url).header("If-None-Match", etag).sent().await.unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(stack.http.get(&small.url).header("Range", "bytes=90000-").sent().await.unwrap().status(), StatusCode::RANGE_NOT_SATISFIABLE);

    let requests = germany.requests + france.requests;
    let (small_bytes, large_bytes) = (5 * 90_000, germany.bytes + france.bytes - 5 * 90_000);
    let is_whole = |body: &Value| body["total_requests"] == requests && body["statuses"]["4xx"] == 1 && body["statuses"]["3xx"] == 1;
    let body = told(&stack, &stack.dev, "?period=24h", is_whole).await;
    assert_eq!((&body["period"], &body["namespace"], &body["cache_hits"]), (&json!("24h"), &Value::Null, &json!(requests - 2)), "{body}");
    assert_eq!(body["statuses"], json!({ "2xx": requests, "3xx": 1, "4xx": 1, "5xx": 0 }));
    let rate = |hits: u64, requests: u64| json!((hits as f64 * 10_000.0 / requests as f64).round() / 100.0);
    assert_eq!(body["hit_rate"], rate(requests - 2, requests));
    let mut countries =
        [("DE", &germany), ("FR", &france)].map(|(country, seen)| json!({ "country": country, "requests": seen.requests, "bytes": seen.bytes }));
    countries.sort_by_key(|row| std::cmp::Reverse(row["bytes"].as_u64()));
    assert_eq!(body["by_country"], json!(countries));
    assert_eq!(body["breakdown"]["small_files"], json!({ "requests": 5, "hits": 4, "hit_rate": 80.0, "bytes": small_bytes }));
    let large_requests = requests - 5;
    let expected =
        json!({ "requests": large_requests, "hits": large_requests - 1, "hit_rate": rate(large_requests - 1, large_requests), "bytes": large_bytes });
    assert_eq!(body["breakdown"]["large_files"], expected);
    assert_eq!((&body["breakdown"]["text_files"]["requests"], &body["breakdown"]["video_streams"]["bytes"]), (&json!(0), &json!(0)));
    // From the store came each file once; what else left came from the cache, but for the frame around the two ranges.
    let from_store = 90_000 + large.bytes.len() as u64;
    assert_eq!(body["bytes_from_origin"], from_store);
    let whole = 4 * 90_000 + 3 * large.bytes.len() as u64;
    assert_eq!(body["bytes_from_cache"], whole + 5_999_900 + 20);
    let saved = (whole + 5_999_900 + 20) as f64 / 1e9 * 0.02;
    assert!((body["cost_saved_usd"].as_f64().unwrap() - saved).abs() < 1e-9, "{body}");
    let latency = ["avg_latency_ms", "p50_latency_ms", "p95_latency_ms"].map(|name| body[name].as_f64().unwrap());
    assert!(latency.iter().all(|ms| (0.0..=5_000.0).contains(ms)) && latency[1] <= latency[2], "{latency:?}");
    let series = &body["series"];
    assert_eq!((series.as_array().unwrap().len(), sum(series, "requests"), sum(series, "bytes_from_origin")), (24, requests, from_store));
    assert_eq!(body["previous"]["total_requests"], 0);

    // The same numbers by the day, and since the namespace exists.
    let week = analytics(&stack, &stack.dev, "").await;
    assert_eq!((&week["period"], &week["total_requests"], &week["by_country"]), (&json!("7d"), &json!(requests), &body["by_country"]));
    assert_eq!((week["series"].as_array().unwrap().len(), sum(&week["series"], "requests")), (7, requests));
    let (_, stats) = stack.get(&stack.dev, &format!("/api/portal/namespaces/{}/stats", stack.dev.namespace)).await;
    assert_eq!((&stats["hits"], &stats["misses"], &stats["bytes_from_origin"]), (&json!(requests - 2), &json!(2), &json!(from_store)));
    assert!(
        stats["hit_rate"] == stats["hitRate"] && stats["hit_rate"] == body["hit_rate"] && stats["cost_saved_usd"] == stats["costSaved"],
        "{stats}"
    );

    // The daily run sums up no day that is not over, and loses nothing.
    stack.run_daily().await;
    assert_eq!(analytics(&stack, &stack.dev, "").await["total_requests"], requests);
}

#[tokio::test]
async fn counters_of_uploads_are_the_clients_own_by_edge_and_tell_what_was_not_sent() {
    let stack = Stack::start(&[]).await;
    let account = stack.account(&unique("uploader-")).tier("pro").create().await;
    let bytes = random_bytes(12_000_000);
    let hash = sha256(&bytes);
    let started = stack.session(&account).name("a.bin").size(bytes.len()).hash(&hash).start().await;
    for (number, (part, colo)) in (1..).zip(bytes.chunks(10_000_000).zip(["FRA", "QQQ"])) {
        let (status, body) = stack.chunk(&started, number, part).header("MF-CF-Blob", from("DE", colo)).answer().await;
        assert_eq!(status, 200, "{body}");
    }
    let mut asset = Value::Null;
    for _ in 0..2 {
        let (status, body) = stack.track(&account, action("complete", &started)).await;
        assert_eq!(status, 200, "{body}");
        asset = body["asset"].clone();
    }
    stack.verified(&account, asset["id"].as_str().unwrap()).await;
    // Known: under another name nothing is sent or stored.
    let again = json!({ "action": "start", "fileName": "b.bin", "fileSize": bytes.len(), "fileHash": hash });
    assert_eq!(stack.track(&account, again).await.0, 200);
    // Given up, with a part over Frankfurt.
    let failed = stack.session(&account).size(12_000_000).start().await;
    let first = stack.chunk(&failed, 1, &bytes[..10_000_000]).header("MF-CF-Blob", from("DE", "FRA"));
    assert_eq!(first.answer().await.0, 200);
    for _ in 0..2 {
        assert_eq!(stack.track(&account, action("fail", &failed)).await.0, 200);
    }
    // One that is open, and one in a single request.
    stack.session(&account).size(6_000_000).start().await;
    stack.asset(&account).bytes(random_bytes(1_000)).store().await;

    let body = analytics(&stack, &account, "?period=24h").await;
    let uploads = &body["uploads"];
    let told = ["started", "completed", "failed", "expired"].map(|name| uploads[name].as_u64().unwrap());
    assert_eq!(told, [4, 2, 1, 0], "without waiting: they are in the batches that record the uploads");
    assert_eq!(uploads["reasons"], json!({ "client": 1 }));
    assert!(uploads["p50_mbps"].as_f64().unwrap() > 0.0 && uploads["p95_mbps"].as_f64() >= uploads["p50_mbps"].as_f64(), "{uploads}");
    assert_eq!(body["dedup"]["bytes_saved"], 12_000_000);
    assert!((body["dedup"]["usd_saved"].as_f64().unwrap() - 0.0012).abs() < 1e-9, "{body}");
    let edges: Vec<Value> =
        body["by_edge"].as_array().unwrap().iter().map(|row| json!([row["edge"], row["uploads"], row["bytes"], row["errors"]])).collect();
    assert_eq!(edges, [json!(["fra", 1, 10_000_000, 1]), json!(["QQQ", 1, 2_000_000, 0])]);
    let origins: Vec<Value> = body["by_origin"].as_array().unwrap().iter().map(|row| json!([row["edge"], row["bytes"]])).collect();
    assert_eq!(origins, [json!(["fra", 10_000_000]), json!(["QQQ", 2_000_000])]);
    assert!(body["by_edge"][0]["p50_mbps"].as_f64().unwrap() > 0.0);
    assert_eq!((body["series"].as_array().unwrap().len(), sum(&body["series"], "uploads")), (24, 2));
}

#[tokio::test]
async fn account_sees_its_own_namespaces_only_and_the_operator_all() {
    let stack = stack().await;
    let (one, other) = (stack.account(&unique("seen-")).create().await, stack.account(&unique("unseen-")).create().await);
    let shared = stack.namespace(&unique("jt_customer_figures-")).member(&one).create().await;
    stack.asset(&one).bytes("own").store().await;
    stack.asset(&other).bytes("another's").store().await;
    stack.asset(&other).bytes("another's second").store().await;
    let completed = |body: &Value| body["uploads"]["completed"].as_u64().unwrap();
    assert_eq!(completed(&analytics(stack, &one, "").await), 1, "its namespaces together");
    assert_eq!(completed(&analytics(stack, &other, "?period=30d").await), 2);
    let own = analytics(stack, &one, &format!("?namespace={}&period=24h", one.namespace)).await;
    assert_eq!((completed(&own), &own["namespace"]), (1, &json!(one.namespace)));
    assert_eq!(completed(&analytics(stack, &one, &format!("?namespace={shared}")).await), 0);
    for foreign in [&other.namespace, &shared, &"absent".to_owned(), &"..".to_owned(), &String::new()] {
        let (status, body) = stack.get(if *foreign == shared { &other } else { &one }, &format!("/api/portal/analytics?namespace={foreign}")).await;
        assert_eq!((status, &body["code"]), (404, &json!("not-found")), "{foreign}");
    }
    let operator = async |query: &str| {
        let (status, body) = stack.operator(Method::GET, &format!("/api/portal/analytics{query}")).answer().await;
        assert_eq!(status, 200, "{body}");
        body
    };
    assert_eq!(completed(&operator(&format!("?namespace={}", other.namespace)).await), 2);
    let all = operator("?period=24h").await;
    assert!(completed(&all) >= 3 && all["namespace"].is_null(), "{all}");
    assert_eq!(stack.operator(Method::GET, "/api/portal/analytics?namespace=absent").answer().await.0, 404);
    assert_eq!(stack.anonymous(Method::GET, "/api/portal/analytics").answer().await.0, 401);
}

#[tokio::test]
async fn period_that_there_is_not_is_refused_by_name_and_csv_is_the_series() {
    let stack = stack().await;
    let account = stack.account(&unique("figures-")).create().await;
    stack.asset(&account).bytes("x").store().await;
    for bad in ["1d", "", "24H", "7d%20", "-1"] {
        let (status, body) = stack.get(&account, &format!("/api/portal/analytics?period={bad}")).await;
        assert_eq!((status, &body["code"], &body["field"]), (422, &json!("invalid-value"), &json!("period")), "{bad}: {body}");
    }
    let request = |accept: &str| stack.request(Method::GET, "/api/portal/analytics?period=30d", &account).header("Accept", accept.to_owned()).sent();
    let response = request("text/csv").await.unwrap();
    assert_eq!((header(&response, "content-type").as_str(), header(&response, "vary").as_str()), ("text/csv; charset=utf-8", "Accept"));
    let text = response.text().await.unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!((lines.len(), lines[0]), (31, "day,requests,hits,bytes_from_cache,bytes_from_origin,p95_latency_ms,uploads"));
    let (_, body) = answer(request("application/json, text/csv;q=0.9").await.unwrap()).await;
    let today = &body["series"][29];
    assert_eq!(lines[30], format!("{},0,0,0,0,,1", today["day"].as_str().unwrap()));
    done_or(today["uploads"] == 1, today).unwrap();
}

#[tokio::test]
async fn refused_uploads_files_of_videos_and_merged_bytes_are_counted() {
    let stack = &Stack::start(&[]).await;
    let simple = |account: &AccountAccess, bytes: Vec<u8>, hash: &str| {
        let request = stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.bin");
        request.header("X-Content-SHA256", hash).body(bytes)
    };
    let full = stack.account("full").tier("starter").create().await;
    let room = stack.patch_tier("starter", json!({ "storage_quota_gb": 0 })).await;
    assert_eq!(room["storage_quota_gb"], 0, "{room}");
    let bytes = random_bytes(70_000);
    assert_eq!(simple(&full, bytes.clone(), &sha256(&bytes)).answer().await.0, 507);
    let refused = told(stack, &full, "?period=24h", |body| body["uploads"]["failed"] == 1).await;
    assert_eq!((&refused["uploads"]["started"], &refused["uploads"]["reasons"]), (&json!(1), &json!({ "refused": 1 })), "{refused}");

    // Two of the same bytes, whose objects become one, and one with a wrong hash.
    for _ in 0..2 {
        let (status, body) = simple(&stack.dev, bytes.clone(), &sha256(&bytes)).answer().await;
        assert_eq!(status, 201, "{body}");
        stack.verified(&stack.dev, body["asset"]["id"].as_str().unwrap()).await;
    }
    assert_eq!(simple(&stack.dev, bytes.clone(), &sha256(b"other")).answer().await.0, 422);
    assert_eq!(put_video(stack, &stack.dev, "film/0.ts", random_bytes(30_000)).await.0, 201);
    stack.proxy.inject(|method, _| (method == Method::PUT).then_some(Fault::Answer(403, "AccessDenied")));
    assert!(simple(&stack.dev, bytes.clone(), &sha256(&bytes)).answer().await.0 >= 500);
    assert!(put_video(stack, &stack.dev, "film/1.ts", random_bytes(30_000)).await.0 >= 500);
    stack.proxy.clear_faults();
    let seen = told(stack, &stack.dev, "?period=24h", |body| body["uploads"]["failed"] == 3 && body["dedup"]["bytes_saved"] == 70_000).await;
    let uploads = &seen["uploads"];
    assert_eq!((&uploads["started"], &uploads["completed"]), (&json!(6), &json!(3)), "{seen}");
    assert_eq!(uploads["reasons"], json!({ "client": 1, "store": 2 }));
}
