//! What no client should send: refused with a clear 4xx, never a 5xx, and the Worker goes on.

use std::ops::RangeInclusive;

use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::http::router::{Endpoint, Proof, ROUTES, Route};
use jettyspeed_edge::problem::explain;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::stack::{Stack, answer, from_elsewhere, sha256, unique};

const DEEP: usize = 10_000;
const KIB: usize = 1024;

/// A route that takes JSON, and a body that it would take.
struct Subject {
    route: &'static Route,
    path: String,
    good: Value,
}

/// Everybody who is needed, and something of theirs.
struct World {
    stack: &'static Stack,
    account: AccountAccess,
    namespace: String,
    session: String,
}

impl World {
    async fn new() -> World {
        // Of its own: what is well-formed of edges would send the uploads of other tests astray.
        static STACK: OnceCell<Stack> = OnceCell::const_new();
        let stack = STACK.get_or_init(|| Stack::start(&[])).await;
        let account = stack.provisioned(&unique("hygiene-"), "enterprise").await;
        let session = stack.started(&account, 25_000_000).await["sessionId"].as_str().unwrap().to_owned();
        let namespace = unique("jt_customer_hygiene-");
        let create = stack.operator(Method::POST, "/api/portal/namespaces").json(&json!({ "name": namespace }));
        assert_eq!(answer(create.send().await.unwrap()).await.0, 201);
        World { stack, account, namespace, session }
    }

    /// The JSON bodies of a route. Without a wildcard: a new endpoint does not compile before it has a line here. What is well-formed in them either
    /// changes nothing or meets nobody.
    fn bodies(&self, endpoint: Endpoint) -> Vec<Value> {
        let (hash, user) = (sha256(b"x"), "hygiene-absent");
        let everything = json!({
            "display_name": "x", "tags": ["a"], "cache_ttl": { "small": 1, "text": 1, "large": 1, "video": 1 },
            "features": { "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": true }, "chunk_size": 5_242_880, "allow_unsigned": false,
            "cross_namespace_dedup": false, "origin_usd_per_gb": 0.5, "expected_hit_rate": 50,
        });
        match endpoint {
            Endpoint::CheckDuplicate => vec![json!({ "fileHash": hash, "fileSize": 5 })],
            Endpoint::OptimalEdges => vec![json!({
                "fileName": "a", "fileSize": 5, "fileHash": hash, "contentType": "a/b", "priority": "speed", "location": { "lat": 1, "lon": 2 }, "count": 3,
            })],
            Endpoint::TrackUpload => vec![
                json!({
                    "action": "start", "fileName": "a", "fileSize": 5, "fileHash": hash, "chunkSize": 10_000_000, "chunkHashes": [hash],
                    "contentType": "a/b", "namespace": "absent", "priority": "cost", "proof": hash,
                }),
                json!({ "action": "progress", "sessionId": self.session, "samples": [{ "edge": "FRA", "bytes": 1, "ms": 1.5, "ok": true }] }),
                json!({ "action": "complete", "sessionId": self.session, "fileHash": hash, "chunkHashes": [hash] }),
                json!({ "action": "fail", "sessionId": "absent" }),
            ],
            Endpoint::RecordChunk => {
                vec![
                    json!({ "sessionId": self.session, "partNumber": 1, "etag": "\"0123\"", "size": 10_000_000, "sha256": hash, "receipt": "jtr1.AAAA" }),
                ]
            }
            Endpoint::ChunkUrls => vec![json!({ "sessionId": self.session, "parts": [{ "partNumber": 1, "sha256": hash }] })],
            Endpoint::Provision => vec![
                json!({ "agentcache_user_id": unique("hygiene-new-"), "agentcache_email": "a@b.c", "tier": "absent" }),
                json!({ "user_id": unique("hygiene-new-"), "email": "a@b.c", "tier": "absent" }),
            ],
            Endpoint::Upgrade => vec![json!({ "agentcache_user_id": user, "tier": "pro", "force": true })],
            Endpoint::Rotate => vec![json!({ "agentcache_user_id": user, "overlap_seconds": 5 })],
            Endpoint::Suspend | Endpoint::Resume => vec![json!({ "agentcache_user_id": user })],
            // What the tier has.
            Endpoint::ChangeTier => vec![
                json!({ "storage_quota_gb": 0, "bandwidth_quota_gb": 0, "jetty_speed_enabled": false, "requests_per_minute": 10, "max_file_mb": 10 }),
            ],
            Endpoint::CreateEdge | Endpoint::ChangeEdge => vec![json!({
                "name": "Oslo", "city": "Oslo", "country": "NO", "continent": "EU", "lat": 60.2, "lon": 11.1, "colo": "OSL", "url": "https://osl.example.com",
                "capacityMbps": 500, "status": "disabled"
            })],
            Endpoint::Playback => vec![json!({ "path": "720p/index.m3u8", "ttl": 60 })],
            Endpoint::CreateNamespace => {
                let mut body = everything;
                body["name"] = json!(unique("jt_customer_hygiene-new-"));
                vec![body]
            }
            Endpoint::ChangeNamespace => vec![everything],
            Endpoint::Health
            | Endpoint::ExplainProblem
            | Endpoint::Edges
            | Endpoint::EdgeMetrics
            | Endpoint::DeleteEdge
            | Endpoint::Sessions
            | Endpoint::CacheChunk
            | Endpoint::Chunk
            | Endpoint::SimpleUpload
            | Endpoint::Files
            | Endpoint::File
            | Endpoint::DeleteFile
            | Endpoint::Download
            | Endpoint::Content
            | Endpoint::Quota
            | Endpoint::Tiers
            | Endpoint::Namespaces
            | Endpoint::Namespace
            | Endpoint::DeleteNamespace
            | Endpoint::NamespaceStats
            | Endpoint::PutVideo
            | Endpoint::DeleteVideo
            | Endpoint::Play
            | Endpoint::PurgeNamespace
            | Endpoint::AddMember
            | Endpoint::RemoveMember => Vec::new(),
        }
    }

    fn subjects(&self) -> Vec<Subject> {
        let of = |route: &'static Route| {
            let path =
                route.pattern.replace("{tier}", "free").replace("{videoId}", "hygiene").replace("{edge}", "fra").replace("{ns}", &self.namespace);
            self.bodies(route.endpoint).into_iter().map(move |good| Subject { route, path: path.clone(), good })
        };
        ROUTES.iter().flat_map(of).collect()
    }

    /// A request on the route as somebody it lets in.
    fn request(&self, route: &Route, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        match route.proof {
            Proof::None => from_elsewhere(self.stack.anonymous(method, path)),
            Proof::Account | Proof::TokenOrAccount | Proof::PathToken | Proof::VideoToken => self.stack.request(method, path, &self.account),
            Proof::Webhook | Proof::AccountOrWebhook => self.stack.backend(method, path),
            Proof::Operator | Proof::OperatorOrAccount => self.stack.operator(method, path),
        }
    }

    /// What is wrong with the answer to that body, if anything: it must be one of `statuses`, explained.
    async fn complaint(&self, subject: &Subject, body: impl Into<Body>, statuses: RangeInclusive<u16>, what: &str) -> Option<String> {
        let request = self.request(subject.route, &subject.path).header("Content-Type", "application/json").body(body);
        let complaint = verdict(request, statuses).await?;
        Some(format!("{} {}: {what}: {complaint}", subject.route.method, subject.path))
    }

    async fn is_alive(&self) {
        assert_eq!(answer(from_elsewhere(self.stack.anonymous(Method::GET, "/api/health")).send().await.unwrap()).await.0, 200);
        let tiers = answer(self.stack.operator(Method::GET, "/api/portal/tiers").send().await.unwrap()).await;
        let mut expected = self.bodies(Endpoint::ChangeTier).remove(0);
        (expected["tier"], expected["rank"]) = (json!("free"), json!(0));
        assert_eq!((tiers.0, &tiers.1["tiers"][0]), (200, &expected), "nothing has changed");
    }
}

async fn verdict(request: RequestBuilder, statuses: RangeInclusive<u16>) -> Option<String> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Some(format!("no answer: {error}")),
    };
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let (status, body) = answer(response).await;
    let known = body["code"].as_str().and_then(explain).is_some_and(|kind| kind.status == status);
    let fine = statuses.contains(&status) && content_type.as_deref() == Some("application/problem+json") && known;
    (!fine).then(|| format!("{status} {content_type:?} {}", body.to_string().chars().take(200).collect::<String>()))
}

/// Every way to another leaf of `value`: its JSON pointer.
fn leaves(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| leaves(value, &format!("{at}/{name}"))).collect(),
        Value::Array(values) => values.iter().enumerate().flat_map(|(index, value)| leaves(value, &format!("{at}/{index}"))).collect(),
        _ => vec![at.to_owned()],
    }
}

/// The body with something else at one place.
fn with(good: &Value, pointer: &str, value: Value) -> Value {
    let mut body = good.clone();
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[tokio::test]
async fn what_is_no_json_is_400_and_what_is_no_object_is_422() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let good = subject.good.to_string();
        let broken = [
            "",
            " ",
            "{",
            "}",
            "nul",
            "{'a':1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "<a/>",
            "a=b",
            "\0\0\0\0",
            &format!("{good}x"),
            &good[..good.len() - 1],
        ]
        .map(str::to_owned);
        for body in broken {
            complaints.extend(world.complaint(&subject, body.clone(), 400..=400, &body).await);
        }
        for body in ["1", "\"x\"", "null", "true"] {
            complaints.extend(world.complaint(&subject, body, 422..=422, body).await);
        }
    }
    world.is_alive().await;
    none(&complaints);
}

/// JSON is UTF-8 (RFC 8259 section 8.1), also where nobody looks.
#[tokio::test]
async fn what_is_no_utf8_is_400() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        for bytes in [b"\xff".as_slice(), b"\xc3", b"\xed\xa0\x80"] {
            let good = subject.good.to_string();
            let body = [b"{\"unknown\":\"", bytes, b"\",", &good.as_bytes()[1..]].concat();
            complaints.extend(world.complaint(&subject, body, 400..=400, &format!("{bytes:?}")).await);
        }
    }
    world.is_alive().await;
    none(&complaints);
}

/// A list of an object's values is not that object.
#[tokio::test]
async fn a_list_of_values_is_no_object() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let values: Vec<_> = subject.good.as_object().unwrap().values().cloned().collect();
        // In whatever order a reader might take them.
        let mut bodies = vec![Value::from(values.clone()), Value::from(values.iter().rev().cloned().collect::<Vec<_>>())];
        bodies.extend([0, 1, values.len()].map(|length| json!(vec![Value::Null; length])));
        bodies.push(json!(["x"]));
        match subject.route.endpoint {
            Endpoint::Suspend | Endpoint::Resume => bodies.push(json!(["hygiene-absent"])),
            Endpoint::Rotate => bodies.push(json!(["hygiene-absent", 5])),
            Endpoint::Upgrade => bodies.push(json!(["hygiene-absent", "pro", true])),
            Endpoint::Provision => bodies.push(json!(["hygiene-absent", "a@b.c", "absent"])),
            Endpoint::OptimalEdges => bodies.push(json!([null, 5, null, null, "speed", null, null])),
            Endpoint::TrackUpload => bodies.push(json!(["fail", "absent"])),
            _ => {}
        }
        for body in bodies {
            complaints.extend(world.complaint(&subject, body.to_string(), 422..=422, &body.to_string()).await);
        }
    }
    world.is_alive().await;
    none(&complaints);
}

#[tokio::test]
async fn wrong_types_and_huge_numbers_are_422() {
    let world = World::new().await;
    let (mut complaints, mut sent) = (Vec::new(), 0);
    for subject in world.subjects() {
        for leaf in leaves(&subject.good, "") {
            let old = subject.good.pointer(&leaf).unwrap();
            let wrong = match old {
                Value::String(_) => vec![json!(7), json!(true), json!(["x"]), json!({})],
                Value::Number(_) => vec![json!("7"), json!(true), json!([7]), json!({})],
                Value::Bool(_) => vec![json!("true"), json!(1), json!([true])],
                other => panic!("{other}"),
            };
            for value in wrong {
                complaints.extend(
                    world.complaint(&subject, with(&subject.good, &leaf, value.clone()).to_string(), 422..=422, &format!("{leaf} = {value}")).await,
                );
                sent += 1;
            }
            if !old.is_number() {
                continue;
            }
            // serde_json itself writes no number so large.
            for number in ["1e300", "-1e300", "99999999999999999999999", "-99999999999999999999999", "18446744073709551615", "1e400"] {
                let text = with(&subject.good, &leaf, json!("HUGE")).to_string().replace("\"HUGE\"", number);
                // 400: a number no parser holds. 404: a chunkSize that is a number, in a namespace that is not there.
                let statuses = if number == "1e400" {
                    400..=422
                } else if leaf == "/chunkSize" {
                    404..=422
                } else {
                    422..=422
                };
                complaints.extend(world.complaint(&subject, text, statuses, &format!("{leaf} = {number}")).await);
                sent += 1;
            }
        }
    }
    assert!(sent > 300, "{sent}");
    world.is_alive().await;
    none(&complaints);
}

#[tokio::test]
async fn nul_and_endless_texts_are_refused() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        for leaf in leaves(&subject.good, "").into_iter().filter(|leaf| subject.good.pointer(leaf).unwrap().is_string()) {
            for text in ["a\u{0}b".to_owned(), "\u{0}".to_owned(), "x".repeat(5_000), "é".repeat(100_000)] {
                let what = format!("{leaf} = {:?}…", text.chars().take(4).collect::<String>());
                complaints.extend(world.complaint(&subject, with(&subject.good, &leaf, json!(text)).to_string(), 400..=499, &what).await);
            }
        }
    }
    world.is_alive().await;
    none(&complaints);
}

#[tokio::test]
async fn a_key_that_comes_twice_is_refused() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let fields = subject.good.as_object().unwrap();
        for (name, value) in fields {
            let body = subject.good.to_string();
            let twice = format!("{{\"{name}\":{value},{}", &body[1..]);
            complaints.extend(world.complaint(&subject, twice, 400..=422, &format!("{name} twice")).await);
        }
    }
    let both = json!({ "agentcache_user_id": "hygiene-one", "user_id": "hygiene-two", "email": "a@b.c", "tier": "pro" });
    let aliases = world.stack.backend(Method::POST, "/api/agentcache/provision").json(&both);
    complaints.extend(verdict(aliases, 422..=422).await);
    world.is_alive().await;
    none(&complaints);
}

#[tokio::test]
async fn what_is_too_deep_too_long_or_of_unknown_length_is_refused() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let first = subject.good.as_object().unwrap().keys().next().unwrap().clone();
        let nested = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
        let objects = format!("{}1{}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP));
        for (body, what) in [
            ("[".repeat(DEEP), "open brackets"),
            ("{\"a\":".repeat(DEEP), "open braces"),
            (nested.clone(), "brackets"),
            (format!("{{\"{first}\":{nested}}}"), "brackets in a field"),
            (format!("{{\"{first}\":{objects}}}"), "objects in a field"),
            (format!("{{\"unknown\":{}", "[".repeat(DEEP)), "open brackets in an unknown field"),
        ] {
            complaints.extend(world.complaint(&subject, body, 400..=422, what).await);
        }
        let limit = if subject.route.endpoint == Endpoint::TrackUpload { 2 * KIB * KIB } else { 256 * KIB };
        let padded = |length: usize| {
            let body = subject.good.to_string();
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        complaints.extend(world.complaint(&subject, padded(limit + 1), 413..=413, "one byte too many").await);
        // Exactly as long as it may be, and no JSON at that: read, then refused for what it is.
        complaints.extend(world.complaint(&subject, "x".repeat(limit), 400..=400, "the longest body").await);
        let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(subject.good.to_string())]);
        complaints.extend(world.complaint(&subject, Body::wrap_stream(stream), 411..=411, "chunked").await);
    }
    world.is_alive().await;
    none(&complaints);
}

#[tokio::test]
async fn a_header_that_comes_twice_is_refused() {
    let world = World::new().await;
    let World { stack, account, session, namespace, .. } = &world;
    let started = stack.started(account, 5).await;
    let key = format!("Bearer {}", account.api_key);
    let files = |headers: &[(&str, &str)]| {
        let request = from_elsewhere(stack.anonymous(Method::GET, "/api/storage/files"));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let (secret, others) = (account.api_secret.as_str(), format!("Bearer {}", stack.other.api_key));
    let own = || stack.request(Method::GET, "/api/storage/files", account);
    assert_eq!(answer(own().send().await.unwrap()).await.0, 200);
    let chunk = || from_elsewhere(stack.chunk(&started, 1, b"hello"));
    let upload = || stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a").body("hello");
    let track =
        || stack.request(Method::POST, "/api/jetty/track-upload", account).json(&json!({ "action": "start", "fileName": "a", "fileSize": 5 }));
    let provision = json!({ "agentcache_user_id": "hygiene-twice", "agentcache_email": "a@b.c", "tier": "pro" });
    let backend = || from_elsewhere(stack.anonymous(Method::POST, "/api/agentcache/provision").json(&provision));
    let space = || stack.operator(Method::POST, "/api/portal/namespaces").json(&json!({ "name": unique("jt_customer_twice-") }));
    let operator = || from_elsewhere(stack.operator(Method::GET, "/api/portal/tiers"));
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
    assert_eq!(stack.state(account, started["sessionId"].as_str().unwrap()).await["completed"], json!([]), "no chunk got through");
    assert_eq!(answer(chunk().send().await.unwrap()).await.0, 200, "once each, they are fine");
    world.is_alive().await;
    none(&complaints);
}

/// Nonsense in every place of a path, a query and the header fields that are read.
#[tokio::test]
async fn nonsense_names_are_never_our_fault() {
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
            // Where there is a body, it is nonsense, too.
            let path = format!("{path}?{}", query.join("&"));
            let request = || match route.method {
                "GET" | "HEAD" | "DELETE" => from_elsewhere(world.request(route, &path)),
                _ => from_elsewhere(world.request(route, &path)).body("{}"),
            };
            let response = request().send().await.unwrap();
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
            let request = from_elsewhere(stack.request(method.clone(), path, account)).header("X-File-Name", "%00").header(name, bad).body("hello");
            complaints.extend(verdict(request, 400..=499).await.map(|complaint| format!("{name}: {bad:?}: {complaint}")));
        }
    }
    world.is_alive().await;
    none(&complaints);
}
