//! What belongs to no resource: health, problem pages, unknown routes, CORS, the switch that turns acceleration off.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, answer, done_or, eventually, origin_access, stack};

#[tokio::test]
async fn health_and_problem_return_200_and_unknown_route_404() {
    let stack = stack().await;
    let blob = r#"{"colo":"FRA","country":"DE","latitude":"50.1","longitude":"8.7","clientAcceptEncoding":""}"#;
    let edges = stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.free).header("MF-CF-Blob", blob);
    let (status, body) = edges.json(&json!({ "fileSize": 20_000_000_000_u64 })).answer().await;
    assert_eq!(status, 200, "tier limits do not apply here: {body}");
    assert_eq!(body["strategy"], json!({ "chunkSize": 100_000_000, "chunkCount": 200, "threads": 32 }));
    assert_eq!(body["client"], json!({ "colo": "FRA", "country": "DE", "lat": 50.1, "lon": 8.7 }));
    assert_eq!((&body["edges"][0]["id"], &body["edges"][0]["url"]), (&json!("fra"), &json!(stack.url)));
    assert_eq!(body["duplicate"], Value::Null);

    let (status, body) = stack.anonymous(Method::GET, "/api/health").answer().await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")));
    assert!(body["schema"].as_u64().unwrap() >= 1 && body["version"].is_string());
    let deep = stack.anonymous(Method::GET, "/api/health?deep=1");
    assert_eq!(deep.try_clone().unwrap().answer().await.0, 401);
    let (status, body) = deep.bearer_auth(&stack.secrets.admin_token).answer().await;
    assert_eq!((status, &body["checks"]), (200, &json!({ "d1": true, "origin": true })));
    let parts = body["parts"].as_object().unwrap();
    let names: Vec<_> = parts.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "accounts",
            "cache",
            "d1",
            "edges",
            "kv",
            "leases",
            "meters",
            "migrations",
            "queue",
            "sessions",
            "store",
            "store_delete",
            "store_get",
            "store_put"
        ]
    );
    assert!(parts.values().all(|part| part["ok"] == true && part["ms"].is_u64() && part.get("code").is_none()), "{body}");
    assert_eq!((&body["failing"], &body["missingMigrations"], &body["clockSkewMs"]), (&json!([]), &json!([]), &json!(0)), "{body}");
    let (status, body) = stack.anonymous(Method::GET, "/problems/parts-missing").answer().await;
    assert_eq!((status, &body["code"]), (200, &json!("parts-missing")));

    assert_eq!(stack.anonymous(Method::GET, "/nowhere").answer().await.0, 404);
    let response = stack.anonymous(Method::DELETE, "/api/jetty/sessions").sent().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(answer(response).await.0, 405);
    let preflight = stack.anonymous(Method::OPTIONS, "/api/jetty-speed/chunk").header("Origin", "https://app.example.com");
    let preflight = preflight.header("Access-Control-Request-Headers", "x-upload-token").sent().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "x-upload-token");
}

/// Status and body of `deep=1`.
async fn deep_health(stack: &Stack) -> (u16, Value) {
    // A 503 of its own form: it is no problem of the request.
    let (status, body) = answer_plain(stack.operator(Method::GET, "/api/health?deep=1").sent().await.unwrap()).await;
    let text = body.to_string();
    for secret in [&stack.secrets.admin_token, &stack.secrets.webhook_secret, &origin_access().await.secret_access_key] {
        assert!(!text.contains(secret.as_str()), "no secret is in it: {text}");
    }
    (status, body)
}

#[tokio::test]
async fn deep_health_names_the_steps_that_a_store_refuses_and_leaves_no_object() {
    let stack = Stack::start_with_bucket("health-bucket", &[]).await;
    // The object of this check; other probes have theirs.
    let probes = async || {
        let keys = stack.bucket.objects_and_uploads_of("jettyspeed-probe").await.0;
        keys.into_iter().filter(|key| key.contains("/o/03030303-")).collect::<Vec<_>>()
    };
    let (status, body) = deep_health(&stack).await;
    assert_eq!((status, &body["failing"]), (200, &json!([])), "{body}");
    assert_eq!(probes().await, Vec::<String>::new());

    let is_probe = |target: &str| target.contains("/jettyspeed-probe/");
    for (fault, of, failing, code) in [
        // Down altogether.
        (Fault::ResetBefore, None, json!(["store", "store_put", "store_get", "store_delete"]), "origin-unreachable"),
        (Fault::Answer(403, "AccessDenied"), Some(Method::PUT), json!(["store_put", "store_get"]), "origin-credentials"),
        (Fault::Answer(503, "SlowDown"), Some(Method::GET), json!(["store_get"]), "origin-unavailable"),
        (Fault::Answer(500, "InternalError"), Some(Method::DELETE), json!(["store_delete"]), "origin-unavailable"),
        // Stored, although nobody hears of it.
        (Fault::LoseAnswer, Some(Method::PUT), json!(["store_put", "store_get"]), "origin-unreachable"),
    ] {
        let what = format!("{fault:?} {of:?}");
        let wanted = of.clone();
        stack.proxy.inject(move |method, target| match &wanted {
            None => Some(fault),
            Some(wanted) => (is_probe(target) && method == wanted).then_some(fault),
        });
        let (status, body) = deep_health(&stack).await;
        stack.proxy.clear_faults();
        assert_eq!((status, &body["status"], &body["failing"]), (503, &json!("degraded"), &failing), "{what}: {body}");
        let part = |name: &str| &body["parts"][name];
        assert_eq!(part(failing[0].as_str().unwrap())["code"], code, "{what}: {body}");
        for other in ["d1", "kv", "queue", "accounts", "sessions"] {
            assert_eq!((&part(other)["ok"], part(other)["ms"].is_u64()), (&json!(true), true), "{what}: {body}");
        }
        if failing.as_array().unwrap().contains(&json!("store_put")) {
            assert_eq!(part("store_get"), &json!({ "ok": false, "ms": 0, "code": "not-tried" }), "{what}: {body}");
        }
        eventually(Duration::from_secs(20), async || {
            let left = probes().await;
            done_or(left.is_empty(), format!("{what}: {left:?}"))
        })
        .await;
    }
    let (status, body) = deep_health(&stack).await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")), "{body}");
}

#[tokio::test]
async fn acceleration_off_returns_503_and_cors_lists_only_allowed_origins() {
    let off = Stack::start(&[("JETTYSPEED_ENABLED", "false"), ("CORS_ORIGINS", "https://app.example.com")]).await;
    let (status, body) = answer_plain(
        off.request(Method::POST, "/api/jetty/track-upload", &off.dev)
            .json(&json!({ "action": "start", "fileName": "a.bin", "fileSize": 1 }))
            .sent()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, body["code"].as_str().unwrap()), (503, "acceleration-off"));
    let asked = |origin: &'static str| off.anonymous(Method::GET, "/api/health").header("Origin", origin).sent();
    assert_eq!(asked("https://app.example.com").await.unwrap().headers()["access-control-allow-origin"], "https://app.example.com");
    assert!(!asked("https://evil.example.com").await.unwrap().headers().contains_key("access-control-allow-origin"));
    drop(off);
}

/// An answer that is not asked for what every other one has, such as that of a deployment whose CORS list does not name the caller's origin.
async fn answer_plain(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn browser_gets_html_pages_and_program_gets_json() {
    let stack = stack().await;
    let get = async |path: &str, accept: &str| {
        let response = stack.anonymous(Method::GET, path).header("Accept", accept).sent().await.unwrap();
        let field = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let (status, kind, vary, policy) = (response.status().as_u16(), field("content-type"), field("vary"), field("content-security-policy"));
        assert!(response.headers().contains_key("x-request-id"));
        (status, kind, vary, policy, response.text().await.unwrap())
    };
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    let (status, kind, _, policy, page) = get("/dashboard", BROWSER).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    let own = |name: &str| policy.split("; ").any(|one| one.starts_with(&format!("{name} http://")) && one.ends_with("/dashboard/"));
    assert!(policy.starts_with("default-src 'none'") && own("script-src") && own("style-src"), "{policy}");
    // Its files are beside it, and nothing else is.
    let files: Vec<&str> = page.split(['"', '=', '>']).filter(|text| text.starts_with("/dashboard/")).collect();
    assert!(files.len() > 1, "{page}");
    for file in files {
        assert_eq!(get(file, BROWSER).await.0, 200, "{file}");
    }
    for path in ["/dashboard/absent.js", "/dashboard/..%2Fopenapi.json", "/dashboard/index.txt"] {
        assert_eq!(get(path, BROWSER).await.0, 404, "{path}");
    }
    let (status, kind, _, policy, page) = get("/docs", BROWSER).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    // Every link of the page leads somewhere.
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.contains(&"/api/health") && links.contains(&"/docs/api.md"), "{page}");
    for link in links {
        assert_eq!(get(link, BROWSER).await.0, 200, "{link}");
    }
    assert_eq!(get("/docs/api.md", BROWSER).await.1, "text/markdown; charset=utf-8");
    // Documents for operators are not served, nor is anything by another path than that of its route.
    for path in ["/docs/secret.md", "/docs/deploying.md", "/docs/openapi.json", "/docs/..%2Fopenapi.json", "/.gitignore"] {
        assert_eq!(get(path, BROWSER).await.0, 404, "{path}");
    }

    let (status, kind, vary, _, page) = get("/problems/parts-missing", BROWSER).await;
    assert_eq!((status, kind.as_str(), vary.as_str()), (200, "text/html; charset=utf-8", "Accept"));
    assert!(page.contains("<code>parts-missing</code>"), "{page}");
    for program in ["*/*", "application/json"] {
        let (status, kind, vary, _, body) = get("/problems/parts-missing", program).await;
        assert_eq!((status, kind.as_str(), vary.as_str()), (200, "application/json", "Accept"));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], "parts-missing");
    }
}

#[tokio::test]
async fn wrong_type_names_its_field_and_null_is_absent() {
    let stack = stack().await;
    let call = async |path: &str, body: Value| stack.request(Method::POST, path, &stack.dev).json(&body).answer().await;
    const TRACK: &str = "/api/jetty/track-upload";
    for (path, body, field) in [
        (TRACK, json!({ "action": "start", "fileName": "a.bin", "fileSize": "1" }), "fileSize"),
        (TRACK, json!({ "action": "start", "fileSize": 1 }), "fileName"),
        (TRACK, json!({ "action": "start", "fileName": "a.bin", "fileSize": 1, "chunkSize": 1, "chunkHashes": ["x", 7] }), "chunkHashes[1]"),
        (TRACK, json!({ "action": "start", "fileName": "a.bin", "fileSize": 1, "priority": "fast" }), "priority"),
        (TRACK, json!({ "action": "progress", "sessionId": "x", "samples": [{ "edge": "fra", "bytes": 1, "ms": 1, "ok": "yes" }] }), "samples[0].ok"),
        (TRACK, json!({ "action": "leave" }), "action"),
        (TRACK, json!({ "fileName": "a.bin" }), "action"),
        ("/api/jetty/optimal-edges", json!({ "fileSize": 1, "location": { "lat": "north", "lon": 0 } }), "location.lat"),
        ("/api/jetty/check-duplicate", json!({ "fileHash": 1, "fileSize": 1 }), "fileHash"),
    ] {
        let (status, problem) = call(path, body.clone()).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{body} {problem}");
    }
    let operator = async |body: Value| stack.operator(Method::POST, "/api/portal/namespaces").json(&body).answer().await;
    let (status, problem) = operator(json!({ "name": "jt_customer_x", "features": { "video_streaming": 1 } })).await;
    assert_eq!((status, &problem["field"]), (422, &json!("features.video_streaming")), "{problem}");

    let nulls = json!({
        "action": "start", "fileName": "a.bin", "fileSize": 1, "fileHash": null, "chunkHashes": null, "chunkSize": null, "contentType": null, "namespace": null,
        "priority": null, "proof": null,
    });
    let (status, started) = call(TRACK, nulls).await;
    assert_eq!(status, 201, "{started}");
    let progress = json!({ "action": "progress", "sessionId": started["sessionId"], "samples": null });
    assert_eq!(call(TRACK, progress).await.0, 200);
    let complete = json!({ "action": "complete", "sessionId": started["sessionId"], "fileHash": null, "chunkHashes": null });
    let (status, problem) = call(TRACK, complete).await;
    assert_eq!((status, &problem["code"]), (409, &json!("parts-missing")), "{problem}");
    assert_eq!(call("/api/jetty/optimal-edges", json!({ "fileSize": 1, "priority": null, "location": null, "count": null })).await.0, 200);
}

#[tokio::test]
async fn description_of_the_api_is_the_committed_one_and_304_for_who_has_it() {
    let stack = stack().await;
    let response = stack.anonymous(Method::GET, "/openapi.json").sent().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/json"));
    let etag = response.headers()["etag"].clone();
    let committed = std::fs::read_to_string(jettyspeed_devstack::root().join("docs/openapi.json")).unwrap();
    assert!(response.json::<Value>().await.unwrap() == serde_json::from_str::<Value>(&committed).unwrap(), "another document");
    let again = stack.anonymous(Method::GET, "/openapi.json").header("If-None-Match", &etag).sent().await.unwrap();
    assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &etag));
    let head = stack.anonymous(Method::HEAD, "/openapi.json").sent().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["etag"]), (200, &etag));
}
