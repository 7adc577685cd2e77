//! Another customer's things and things that are not there are one: every route of the table, called by a stranger with the names of a victim's
//! things, then with names of the same shape that nothing has.

use std::collections::BTreeMap;

use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::http::router::{Endpoint, Proof, ROUTES, Route};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::stack::{Stack, answer, from_elsewhere, random_bytes, sha256, stack, unique};

/// What a call can name.
#[derive(Debug, Clone)]
struct Names {
    session: String,
    upload_id: String,
    asset: String,
    namespace: String,
    user: String,
    hash: String,
}

#[derive(Debug, Clone)]
enum Sent {
    Nothing,
    Json(Value),
    Bytes(&'static str),
    Form,
}

/// A call but for who makes it.
#[derive(Debug, Clone)]
struct Probe {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Sent,
}

/// The route's calls that name `names`. Without a wildcard: a new endpoint does not compile before it is probed.
fn probes(route: &Route, names: &Names) -> Vec<Probe> {
    let Names { session, upload_id, asset, namespace, user, hash } = names;
    let fill = |session: &str| {
        let values = [("token", asset.as_str()), ("id", asset), ("sessionId", session), ("ns", namespace), ("user", user)];
        let fixed = [
            ("name", "film.bin"),
            ("partNumber", "1"),
            ("tier", "pro"),
            ("code", "not-found"),
            ("path*", "index.m3u8"),
            ("videoId", "film"),
            ("edge", "absent"),
        ];
        let path = values.iter().chain(&fixed).fold(route.pattern.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        assert!(!path.contains('{'), "{path}: say here what it names");
        path
    };
    let plain = || Probe { method: route.method, path: fill(session), headers: Vec::new(), body: Sent::Nothing };
    let asked = |query: String| Probe { path: format!("{}?{query}", fill(session)), ..plain() };
    let with = |body: Value| Probe { body: Sent::Json(body), ..plain() };
    let chunk = |path: String, headers: &[(&'static str, &str)]| {
        let own = [("X-Part-Number", "1".to_owned()), ("X-Chunk-SHA256", sha256(b"hello"))];
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(own).collect();
        Probe { path, headers, body: Sent::Bytes("hello"), ..plain() }
    };
    let start = json!({ "action": "start", "fileName": "a", "fileSize": 5, "namespace": namespace });
    let claim = json!({ "action": "start", "fileName": "a", "fileSize": 700, "fileHash": hash, "chunkSize": 10_000_000, "chunkHashes": [hash] });
    let account = json!({ "agentcache_user_id": user });
    match route.endpoint {
        Endpoint::Health | Endpoint::ExplainProblem | Endpoint::Tiers => vec![plain()],
        Endpoint::Edges | Endpoint::EdgeMetrics | Endpoint::ChangeEdge | Endpoint::DeleteEdge => vec![plain()],
        Endpoint::CreateEdge => vec![with(json!({}))],
        Endpoint::OptimalEdges => vec![with(json!({ "fileSize": 700, "fileHash": hash, "namespace": namespace }))],
        Endpoint::CheckDuplicate => vec![with(json!({ "fileSize": 700, "fileHash": hash }))],
        Endpoint::Sessions => ["open", "complete"].map(|status| asked(format!("status={status}&cursor=9000000000000_{session}"))).into(),
        Endpoint::TrackUpload => [
            start.clone(),
            json!({ "action": "start", "fileName": "a", "fileSize": 5, "namespace": namespace, "chunkSize": 7, "chunkHashes": [sha256(b"hello")] }),
            claim.clone(),
            json!({ "action": "start", "fileName": "a", "fileSize": 700, "fileHash": hash, "proof": sha256(b"proof") }),
            json!({ "action": "progress", "sessionId": session }),
            json!({ "action": "progress", "sessionId": upload_id }),
            json!({ "action": "complete", "sessionId": session }),
            json!({ "action": "complete", "sessionId": session, "fileHash": sha256(b"hello") }),
            json!({ "action": "fail", "sessionId": session }),
        ]
        .map(with)
        .into_iter()
        .chain([Probe { headers: vec![("Idempotency-Key", unique("key-"))], ..with(start.clone()) }])
        .collect(),
        Endpoint::CacheChunk => ["", "&reconcile=1"]
            .map(|more| asked(format!("sessionId={session}{more}")))
            .into_iter()
            .chain([asked(format!("sessionId={upload_id}"))])
            .collect(),
        Endpoint::RecordChunk => [session, upload_id]
            .map(|named| with(json!({ "sessionId": named, "partNumber": 1, "etag": "e", "size": 5, "sha256": sha256(b"hello") })))
            .into_iter()
            .chain([with(json!({ "sessionId": session, "partNumber": 1, "etag": "e", "size": 5, "receipt": "jtr1.AAAA" }))])
            .collect(),
        Endpoint::ChunkUrls => {
            [session, upload_id].map(|named| with(json!({ "sessionId": named, "parts": [{ "partNumber": 1, "sha256": sha256(b"hello") }] }))).into()
        }
        Endpoint::Chunk if route.method == "POST" => vec![
            chunk(fill(session), &[("X-Upload-Id", session)]),
            chunk(fill(session), &[("X-Upload-Id", upload_id)]),
            chunk(fill(session), &[("X-Upload-Id", session), ("X-Namespace", namespace)]),
        ],
        Endpoint::Chunk => vec![
            chunk(fill(session), &[]),
            chunk(fill(upload_id), &[]),
            chunk(fill(session), &[("X-Upload-Id", upload_id), ("X-Namespace", namespace)]),
        ],
        Endpoint::SimpleUpload => {
            let headers = vec![("X-Namespace", namespace.clone()), ("X-File-Name", "a.txt".to_owned())];
            [Sent::Bytes("hello"), Sent::Form].map(|body| Probe { headers: headers.clone(), body, ..plain() }).into()
        }
        Endpoint::Files => vec![asked(format!("cursor=9000000000000_{asset}"))],
        Endpoint::File | Endpoint::DeleteFile => vec![plain()],
        Endpoint::Download => ["", "&direct=0"].map(|more| asked(format!("assetId={asset}{more}"))).into(),
        Endpoint::Content => {
            vec![
                plain(),
                Probe { headers: vec![("Range", "bytes=0-1".to_owned())], ..plain() },
                Probe { headers: vec![("If-None-Match", "*".to_owned())], ..plain() },
            ]
        }
        Endpoint::Provision => vec![with(json!({ "agentcache_user_id": user, "agentcache_email": "a@b.c", "tier": "pro" }))],
        Endpoint::Upgrade => vec![with(json!({ "agentcache_user_id": user, "tier": "enterprise" }))],
        Endpoint::Rotate | Endpoint::Suspend | Endpoint::Resume => vec![with(account)],
        Endpoint::Quota => vec![asked(format!("agentcache_user_id={user}"))],
        Endpoint::ChangeTier => vec![with(json!({}))],
        Endpoint::CreateNamespace => vec![with(json!({ "name": namespace }))],
        Endpoint::Namespaces => vec![plain(), asked("limit=500".to_owned())],
        Endpoint::Namespace | Endpoint::DeleteNamespace => vec![plain()],
        Endpoint::ChangeNamespace => {
            [json!({}), json!({ "display_name": "mine" }), json!({ "cache_ttl": { "small": 1 } }), json!({ "tags": [] })].map(with).into()
        }
        Endpoint::PutVideo => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], body: Sent::Bytes("#EXTM3U\n"), ..plain() }],
        Endpoint::DeleteVideo => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], ..plain() }],
        Endpoint::Playback => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], ..with(json!({})) }],
        Endpoint::Play | Endpoint::NamespaceStats => vec![plain()],
        Endpoint::PurgeNamespace | Endpoint::AddMember | Endpoint::RemoveMember => vec![plain()],
    }
}

impl Probe {
    fn request(&self, stack: &Stack) -> RequestBuilder {
        let request = stack.anonymous(Method::from_bytes(self.method.as_bytes()).unwrap(), &self.path);
        let request = self.headers.iter().fold(from_elsewhere(request), |request, (name, value)| request.header(*name, value));
        match &self.body {
            Sent::Nothing => request,
            Sent::Json(body) => request.json(body),
            Sent::Bytes(bytes) => request.body(*bytes),
            Sent::Form => request.multipart(Form::new().part("file", Part::bytes(b"hello".as_slice()).file_name("a.txt"))),
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
enum Credentials {
    Nothing,
    Account(AccountAccess),
    /// A good key and another account's secret.
    Mixed(AccountAccess, AccountAccess),
    Token(String),
    Webhook,
    Operator,
}

impl Credentials {
    fn sign(&self, request: RequestBuilder, stack: &Stack) -> RequestBuilder {
        match self {
            Credentials::Nothing => request,
            Credentials::Account(account) => request.bearer_auth(&account.api_key).header("X-API-Secret", &account.api_secret),
            Credentials::Mixed(one, two) => request.bearer_auth(&one.api_key).header("X-API-Secret", &two.api_secret),
            Credentials::Token(token) => request.header("X-Upload-Token", token),
            Credentials::Webhook => request.bearer_auth(&stack.secrets.webhook_secret),
            Credentials::Operator => request.bearer_auth(&stack.secrets.admin_token),
        }
    }

    /// Whether a route with that proof lets them in.
    fn suffice(&self, proof: Proof) -> bool {
        let (account, token) = (matches!(self, Credentials::Account(_)), matches!(self, Credentials::Token(_)));
        let (webhook, operator) = (matches!(self, Credentials::Webhook), matches!(self, Credentials::Operator));
        match proof {
            Proof::None => true,
            Proof::Account | Proof::PathToken => account,
            Proof::VideoToken => false,
            Proof::TokenOrAccount => account || token,
            Proof::Webhook => webhook,
            Proof::AccountOrWebhook => account || webhook,
            Proof::Operator => operator,
            Proof::OperatorOrAccount => account || operator,
        }
    }
}

/// Everything of an answer that the caller can tell apart, with the names taken out that the caller sent: the steps taken are told by Server-Timing.
#[derive(Debug, PartialEq)]
struct Told {
    status: u16,
    headers: BTreeMap<String, String>,
    steps: Vec<String>,
    body: String,
}

async fn told(request: RequestBuilder, names: &Names) -> (Told, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let timing = response.headers()["server-timing"].to_str().unwrap().to_owned();
    // Whether the account is remembered depends on what was asked before.
    let steps = timing.split(", ").map(|step| step.split(';').next().unwrap().to_owned()).filter(|step| step != "auth").collect();
    let varying = ["x-request-id", "server-timing", "date", "ratelimit", "content-length"];
    let mut headers: BTreeMap<_, _> = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.retain(|name, _| !varying.contains(&name.as_str()));
    let text = response.text().await.unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId");
        // What is measured of edges changes while this runs, and is nobody's.
        fields.remove("edges");
        fields.remove("assignments");
        // What is drawn for a new upload differs with every one.
        for drawn in ["sessionId", "uploadId", "uploadToken", "expiresAt"].into_iter().filter(|_| status == 201) {
            assert!(fields.remove(drawn).is_some(), "{drawn} in {text}");
        }
    }
    let body = [&names.session, &names.upload_id, &names.asset, &names.namespace, &names.user]
        .into_iter()
        .fold(body.to_string(), |body, name| body.replace(name.as_str(), "NAME"));
    (Told { status, headers, steps, body }, text)
}

/// A customer with a file and an upload of every kind.
struct Victim {
    account: AccountAccess,
    things: Vec<Names>,
    /// Everything of theirs that nobody else may ever read.
    private: Vec<String>,
}

impl Victim {
    async fn new(stack: &Stack) -> Victim {
        let account = stack.provisioned(&unique("victim-"), "enterprise").await;
        let shared = unique("jt_customer_victims-");
        assert_eq!(
            answer(stack.operator(Method::POST, "/api/portal/namespaces").json(&json!({ "name": shared })).send().await.unwrap()).await.0,
            201
        );
        let member = format!("/api/portal/namespaces/{shared}/members/{}", account.user_id);
        assert_eq!(stack.operator(Method::PUT, &member).send().await.unwrap().status(), 204);
        let mut private = vec![account.user_id.clone(), account.namespace.clone(), shared.clone()];
        let mut things = Vec::new();
        for (ending, namespace) in [("complete", &account.namespace), ("fail", &shared), ("open", &account.namespace)] {
            let bytes = random_bytes(700);
            let name = unique("secret-plans-");
            let start = json!({ "action": "start", "fileName": name, "fileSize": 700, "fileHash": sha256(&bytes), "namespace": namespace });
            let (status, started) = stack.track(&account, start).await;
            assert_eq!(status, 201, "{started}");
            stack.send_all(&started, &bytes).await;
            if ending != "open" {
                let (status, body) = stack.track(&account, json!({ "action": ending, "sessionId": started["sessionId"] })).await;
                assert_eq!(status, 200, "{body}");
                if ending == "complete" {
                    stack.verified(&account, body["asset"]["id"].as_str().unwrap()).await;
                }
            }
            let upload = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", &name).header("X-Namespace", namespace);
            let (status, stored) = answer(upload.body("hello").send().await.unwrap()).await;
            assert_eq!(status, 201, "{stored}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let of = Names {
                session: text(&started["sessionId"]),
                upload_id: text(&started["uploadId"]),
                asset: text(&stored["asset"]["id"]),
                namespace: namespace.clone(),
                user: account.user_id.clone(),
                hash: sha256(&bytes),
            };
            private.extend([of.session.clone(), of.upload_id.clone(), of.asset.clone(), name, text(&stored["asset"]["s3Key"])]);
            things.push(of);
        }
        Victim { account, things, private }
    }

    /// All there is to see of it, for whoever may.
    async fn seen(&self, stack: &Stack) -> Vec<Value> {
        let mut seen = Vec::new();
        for names in &self.things {
            let mut state = stack.state(&self.account, &names.session).await;
            // Every answer has a fresh one.
            state["uploadToken"].take();
            seen.push(state);
            for path in [format!("/api/storage/files/{}", names.asset), format!("/api/portal/namespaces/{}", names.namespace)] {
                seen.push(answer(stack.request(Method::GET, &path, &self.account).send().await.unwrap()).await.1);
            }
            let namespace = stack.operator(Method::GET, &format!("/api/portal/namespaces/{}", names.namespace));
            seen.push(answer(namespace.send().await.unwrap()).await.1);
        }
        for path in ["/api/storage/files", "/api/jetty/sessions?status=open", "/api/jetty/sessions?status=failed", "/api/agentcache/quota"] {
            let (status, body) = answer(stack.request(Method::GET, path, &self.account).send().await.unwrap()).await;
            assert_eq!(status, 200, "the victim's credentials still work");
            seen.push(body);
        }
        seen
    }
}

/// Names in the shape of `names` that nothing has.
fn absent(names: &Names) -> Names {
    let other = |text: &str| {
        let digits: Vec<char> = sha256(text.as_bytes()).chars().collect();
        // The last eight hex digits make names unique (see `unique`); in ids any digit may change but version and variant.
        let at = text.len() - 8;
        text.char_indices().map(|(index, c)| if index >= at && c.is_ascii_alphanumeric() { digits[index % digits.len()] } else { c }).collect()
    };
    Names {
        session: other(&names.session),
        upload_id: other(&names.upload_id),
        asset: other(&names.asset),
        namespace: other(&names.namespace),
        user: other(&names.user),
        hash: other(&names.hash),
    }
}

#[tokio::test]
async fn a_stranger_can_not_tell_a_victims_things_from_absent_ones() {
    let stack = stack().await;
    let victim = Victim::new(stack).await;
    let stranger = stack.provisioned(&unique("stranger-"), "enterprise").await;
    let token = stack.started(&stranger, 5).await["uploadToken"].as_str().unwrap().to_owned();
    let before = victim.seen(stack).await;
    let (mut requests, mut statuses) = (0, BTreeMap::new());
    for names in &victim.things {
        let nothing = absent(names);
        for route in ROUTES {
            for credentials in [Credentials::Account(stranger.clone()), Credentials::Token(token.clone())] {
                for (there, gone) in probes(route, names).into_iter().zip(probes(route, &nothing)) {
                    let (got, text) = told(credentials.sign(there.request(stack), stack), names).await;
                    let (expected, _) = told(credentials.sign(gone.request(stack), stack), &nothing).await;
                    assert_eq!(got, expected, "{credentials:?} {there:?}");
                    requests += 2;
                    *statuses.entry(got.status).or_insert(0) += 1;
                    let asked = format!("{there:?}");
                    let leaked = victim.private.iter().find(|thing| text.contains(*thing) && (got.status < 400 || !asked.contains(*thing)));
                    assert_eq!(leaked, None, "{there:?}: {text}");
                }
            }
        }
    }
    assert!(requests >= 200, "{requests} requests");
    for (status, least) in [(200, 10), (401, 50), (404, 50)] {
        assert!(statuses.get(&status).copied().unwrap_or(0) >= least, "{statuses:?}");
    }
    assert!(statuses.keys().all(|status| [200, 201, 401, 404, 422].contains(status)), "{statuses:?}");
    assert_eq!(victim.seen(stack).await, before, "nothing of the victim's has changed");
}

#[tokio::test]
async fn the_wrong_kind_of_proof_is_no_proof() {
    let stack = stack().await;
    let account = stack.provisioned(&unique("proof-"), "enterprise").await;
    let started = stack.started(&account, 5).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = Names {
        session: text(&started["sessionId"]),
        upload_id: text(&started["uploadId"]),
        asset: "00000000-0000-4000-8000-000000000000".into(),
        namespace: account.namespace.clone(),
        user: account.user_id.clone(),
        hash: sha256(b"hello"),
    };
    let nothing = absent(&names);
    let everyone = [
        Credentials::Nothing,
        Credentials::Account(account.clone()),
        Credentials::Mixed(account.clone(), stack.dev.clone()),
        Credentials::Token(text(&started["uploadToken"])),
        Credentials::Token("jtu1.e30.AAAA".into()),
        Credentials::Webhook,
        Credentials::Operator,
    ];
    let mut refused = 0;
    for route in ROUTES {
        for credentials in &everyone {
            let forged = matches!(credentials, Credentials::Token(token) if token.contains("e30"));
            if credentials.suffice(route.proof) && !(forged && route.proof == Proof::TokenOrAccount) {
                continue;
            }
            for (one, two) in probes(route, &names).into_iter().zip(probes(route, &nothing)) {
                let (got, text) = told(credentials.sign(one.request(stack), stack), &names).await;
                assert_eq!(got.status, 401, "{credentials:?} {one:?}: {text}");
                assert!(got.headers["www-authenticate"].starts_with("Bearer"), "{got:?}");
                assert!(one.method == "HEAD" || text.contains("\"code\":\"unauthenticated\""), "{one:?}: {text}");
                let (other, _) = told(credentials.sign(two.request(stack), stack), &nothing).await;
                assert_eq!(got, other, "whatever is named: {one:?}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 200, "{refused}");
    assert_eq!(stack.state(&account, &names.session).await["status"], "uploading", "nothing has happened to it");
}

/// Tokens name what they are for; nothing else can be had with them, and nothing of them can be changed.
#[tokio::test]
async fn a_content_url_opens_its_file_only() {
    let stack = stack().await;
    let victim = Victim::new(stack).await;
    let stranger = stack.provisioned(&unique("stranger-"), "enterprise").await;
    let upload = stack.request(Method::POST, "/api/storage/upload", &stranger).header("X-File-Name", "own.txt").body("own bytes");
    let (_, stored) = answer(upload.send().await.unwrap()).await;
    let download = format!("/api/storage/download?direct=0&assetId={}", stored["asset"]["id"].as_str().unwrap());
    let (status, body) = answer(stack.request(Method::GET, &download, &stranger).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    let url = body["url"].as_str().unwrap();
    assert_eq!(stack.http.get(url).send().await.unwrap().text().await.unwrap(), "own bytes");
    let token = url.split("/files/").nth(1).unwrap().split('/').next().unwrap();
    let parts: Vec<_> = token.split('.').collect();
    for names in &victim.things {
        // The name in the path is decoration: the token says which file.
        let named = stack.anonymous(Method::GET, &format!("/files/{token}/{}", names.asset));
        assert_eq!(named.send().await.unwrap().text().await.unwrap(), "own bytes");
        let claims = json!({ "n": names.namespace, "a": names.asset, "e": 9_000_000_000_000_u64 }).to_string();
        let claims = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
        for forged in [format!("{}.{claims}.{}", parts[0], parts[2]), format!("{}.{claims}.", parts[0]), format!("{}.{claims}", parts[0])] {
            let request = from_elsewhere(stack.request(Method::GET, &format!("/files/{forged}/a"), &stranger));
            let (status, body) = answer(request.send().await.unwrap()).await;
            assert_eq!((status, body["code"].as_str()), (401, Some("unauthenticated")), "{body}");
        }
        // The stable URL needs the owner.
        let path = format!("/files/{}/a", names.asset);
        assert_eq!(answer(stack.request(Method::GET, &path, &stranger).send().await.unwrap()).await.0, 404);
        assert_eq!(answer(from_elsewhere(stack.anonymous(Method::GET, &path)).send().await.unwrap()).await.0, 401);
        assert_eq!(stack.request(Method::GET, &path, &victim.account).send().await.unwrap().text().await.unwrap(), "hello");
    }
}
