//! Malformed headers, paths and queries.

use super::{World, assert_none, verdict};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, sha256, unique};
use jettyspeed_edge::access::routes::ROUTES;

#[tokio::test]
async fn duplicate_header_returns_4xx() {
    let world = World::new().await;
    let World { stack, account, session, namespace, .. } = &world;
    let started = stack.session(account).size(5).start().await;
    let key = format!("Bearer {}", account.api_key);
    let files = |headers: &[(&str, &str)]| {
        let request = stack.anonymous(Method::GET, "/api/storage/files").with_new_address();
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let (secret, others) = (account.api_secret.as_str(), format!("Bearer {}", stack.other.api_key));
    let own = || stack.request(Method::GET, "/api/storage/files", account);
    assert_eq!(own().answer().await.0, 200);
    let chunk = || stack.chunk(&started, 1, b"hello").with_new_address();
    let upload = || stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a").body("hello");
    let track =
        || stack.request(Method::POST, "/api/jetty/track-upload", account).json(&json!({ "action": "start", "fileName": "a", "fileSize": 5 }));
    let provision = json!({ "agentcache_user_id": "hygiene-twice", "agentcache_email": "a@b.c", "tier": "pro" });
    let backend = || stack.anonymous(Method::POST, "/api/agentcache/provision").json(&provision).with_new_address();
    let space = || stack.operator(Method::POST, "/api/portal/namespaces").json(&json!({ "name": unique("jt_customer_twice-") }));
    let operator = || stack.operator(Method::GET, "/api/portal/tiers").with_new_address();
    let hash = sha256(b"hello");
    let (admin, hook) = (format!("Bearer {}", stack.secrets.admin_token), format!("Bearer {}", stack.secrets.webhook_secret));
    let mut complaints = Vec::new();
    for (what, request, status) in [
        ("Authorization, the same", files(&[("Authorization", &key), ("Authorization", &key), ("X-API-Secret", secret)]), 401),
        ("Authorization, another's first", files(&[("Authorization", &others), ("Authorization", &key), ("X-API-Secret", secret)]), 401),
        ("Authorization, another's last", files(&[("Authorization", &key), ("Authorization", &others), ("X-API-Secret", secret)]), 401),
        ("X-API-Secret", files(&[("Authorization", &key), ("X-API-Secret", secret), ("X-API-Secret", secret)]), 401),
        ("X-API-Key", files(&[("X-API-Key", &account.api_key), ("X-API-Key", &account.api_key), ("X-API-Secret", secret)]), 401),
        ("the operator's Authorization", operator().header("Authorization", &admin), 401),
        ("the backend's Authorization", backend().header("Authorization", &hook).header("Authorization", &hook), 401),
        ("X-Upload-Token", chunk().header("X-Upload-Token", started["uploadToken"].as_str().unwrap()), 401),
        ("X-Part-Number", chunk().header("X-Part-Number", "1"), 422),
        ("X-Chunk-SHA256", chunk().header("X-Chunk-SHA256", &hash), 422),
        ("X-Upload-Id", chunk().header("X-Upload-Id", session).header("X-Upload-Id", session), 401),
        ("X-Namespace of a chunk", chunk().header("X-Namespace", &account.namespace).header("X-Namespace", &account.namespace), 422),
        ("X-Namespace of a file", upload().header("X-Namespace", namespace).header("X-Namespace", namespace), 422),
        ("X-Content-SHA256", upload().header("X-Content-SHA256", &hash).header("X-Content-SHA256", &hash), 422),
        ("Content-Type", upload().header("Content-Type", "a/b").header("Content-Type", "c/d"), 422),
        ("Idempotency-Key of a file", upload().header("Idempotency-Key", "a").header("Idempotency-Key", "b"), 400),
        ("Idempotency-Key of a start", track().header("Idempotency-Key", "a").header("Idempotency-Key", "a"), 400),
        ("Idempotency-Key of a namespace", space().header("Idempotency-Key", "a").header("Idempotency-Key", "b"), 400),
        (
            "Idempotency-Key of an account",
            backend().header("Authorization", &hook).header("Idempotency-Key", "a").header("Idempotency-Key", "b"),
            400,
        ),
    ] {
        complaints.extend(verdict(request, status..=status).await.map(|complaint| format!("{what}: {complaint}")));
    }
    assert_eq!(stack.session_state(account, started["sessionId"].as_str().unwrap()).await["completed"], json!([]), "no chunk got through");
    assert_eq!(chunk().answer().await.0, 200, "once each, they are fine");
    world.is_alive().await;
    assert_none(&complaints);
}

/// Nonsense in every parameter of a path and a query, and in every header that is read.
#[tokio::test]
async fn nonsense_in_path_query_or_header_never_returns_5xx() {
    let world = World::new().await;
    let World { stack, account, .. } = &world;
    let long = "x".repeat(4_000);
    let nonsense = [
        "%00",
        "a%00b",
        "%ff",
        "%",
        "%2e%2e%2fx",
        "'%20OR%20'1'='1",
        "%22%3B--",
        "%F0%9F%9A%80",
        "-1",
        "1e400",
        "18446744073709551616",
        "null",
        &long,
    ];
    let mut complaints = Vec::new();
    let mut sent = 0;
    for route in ROUTES {
        for bad in nonsense {
            let path: Vec<_> = route.pattern.split('/').map(|segment| if segment.starts_with('{') { bad } else { segment }).collect();
            let path = path.join("/");
            let query: Vec<_> = ["sessionId", "assetId", "agentcache_user_id", "limit", "cursor", "status", "deep", "reconcile", "direct"]
                .iter()
                .map(|name| format!("{name}={bad}"))
                .collect();
            // The body is malformed, too.
            let path = format!("{path}?{}", query.join("&"));
            let request = || match route.method {
                "GET" | "HEAD" | "DELETE" => world.request(route, &path).with_new_address(),
                _ => world.request(route, &path).with_new_address().body("{}"),
            };
            let response = request().sent().await.unwrap();
            let status = response.status().as_u16();
            if status >= 500 {
                complaints.push(format!("{} {path}: {status} {}", route.method, response.text().await.unwrap()));
            }
            sent += 1;
        }
    }
    assert!(sent > 300, "{sent}");
    for (name, path, method) in [
        ("X-Upload-Id", "/api/jetty-speed/chunk", Method::POST),
        ("X-Part-Number", "/api/jetty-speed/chunk", Method::POST),
        ("X-Chunk-SHA256", "/api/jetty-speed/chunk", Method::POST),
        ("Content-Digest", "/api/jetty-speed/chunk", Method::POST),
        ("X-Namespace", "/api/storage/upload", Method::POST),
        ("X-Content-SHA256", "/api/storage/upload", Method::POST),
        ("X-Upload-Token", "/api/jetty/cache-chunk?sessionId=x", Method::GET),
        ("X-API-Secret", "/api/storage/files", Method::GET),
        ("webhook-id", "/api/agentcache/quota", Method::GET),
    ] {
        for bad in ["", " ", ",", "a, b", "%00", "ü", "'; --", &"é".repeat(500), &long] {
            let request =
                stack.request(method.clone(), path, account).with_new_address().header("X-File-Name", "%00").header(name, bad).body("hello");
            complaints.extend(verdict(request, 400..=499).await.map(|complaint| format!("{name}: {bad:?}: {complaint}")));
        }
    }
    world.is_alive().await;
    assert_none(&complaints);
}

/// They are for the gateway of a deployment, and of those who have its key.
#[tokio::test]
async fn gateway_fields_of_a_stranger_change_nothing() {
    let World { stack, account, .. } = &World::new().await;
    for pass in ["", "x", "1.00", &"9".repeat(8_000)] {
        let with = |path: &str| {
            let request = stack.request(Method::GET, path, account);
            request.header("X-JettySpeed-Gateway", pass).header("X-JettySpeed-Kept", "0 9 60 https://a k e")
        };
        assert_eq!(with("/api/storage/files").answer().await.0, 200, "{pass}");
        assert_eq!(with("/bucket/key").answer().await.0, 404, "{pass}");
    }
}
