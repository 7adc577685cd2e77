//! The calls of every route that name something, and who makes them.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, sha256, unique};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::access::authorize::AuthScheme;
use jettyspeed_edge::access::routes::{Endpoint, Route};

/// The names that a call can contain.
#[derive(Debug, Clone)]
pub struct Names {
    pub session: String,
    pub upload_id: String,
    pub asset: String,
    pub namespace: String,
    pub user: String,
    pub hash: String,
}

#[derive(Debug, Clone)]
pub enum Sent {
    Nothing,
    Json(Value),
    Bytes(&'static str),
    Form,
}

/// A call without credentials.
#[derive(Debug, Clone)]
pub struct Probe {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Sent,
}

/// The route's calls that name `names`. Without a wildcard: a new endpoint does not compile before it is probed.
pub fn probes(route: &Route, names: &Names) -> Vec<Probe> {
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
            ("webhook", "00000000-0000-4000-8000-000000000000"),
            ("delivery", "00000000-0000-4000-8000-000000000000"),
            ("session", "00000000-0000-4000-8000-000000000000"),
            ("file", "app.js"),
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
        Endpoint::Health
        | Endpoint::ExplainProblem
        | Endpoint::StartPage
        | Endpoint::Documents
        | Endpoint::Dashboard
        | Endpoint::Document
        | Endpoint::OpenApi
        | Endpoint::Tiers => vec![plain()],
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
            let mut probes: Vec<Probe> = [Sent::Bytes("hello"), Sent::Form].map(|body| Probe { headers: headers.clone(), body, ..plain() }).into();
            if route.method == "PUT" {
                let resumable = ("Upload-Complete", "?0".to_owned());
                probes.push(Probe { headers: [headers, vec![resumable]].concat(), body: Sent::Bytes("hello"), ..plain() });
            }
            probes
        }
        Endpoint::BatchUpload => {
            let headers = vec![("X-Namespace", namespace.clone()), ("Content-Type", "application/x-tar".to_owned())];
            vec![Probe { headers, body: Sent::Bytes("hello"), ..plain() }]
        }
        Endpoint::CreateResumable => {
            let headers = [("Tus-Resumable", "1.0.0"), ("Upload-Length", "5"), ("Upload-Complete", "?0"), ("X-Namespace", namespace)];
            let mut probes = vec![Probe { headers: headers.map(|(name, value)| (name, value.to_owned())).into(), ..plain() }];
            if route.pattern == "/tus" {
                let headers = vec![("Tus-Resumable", "1.0.0".to_owned()), ("Upload-Concat", format!("final;/tus/{session}"))];
                probes.push(Probe { headers, ..plain() });
            }
            probes
        }
        Endpoint::ResumableOffset | Endpoint::EndResumable => {
            vec![Probe { headers: vec![("Tus-Resumable", "1.0.0".to_owned())], ..plain() }]
        }
        Endpoint::AppendResumable => {
            let kind = if route.pattern.starts_with("/tus") { "application/offset+octet-stream" } else { "application/partial-upload" };
            let headers = [("Tus-Resumable", "1.0.0"), ("Upload-Offset", "0"), ("Upload-Complete", "?0"), ("Content-Type", kind)];
            vec![Probe { headers: headers.map(|(name, value)| (name, value.to_owned())).into(), body: Sent::Bytes("hello"), ..plain() }]
        }
        Endpoint::Files => vec![
            asked(format!("cursor=9000000000000_{asset}")),
            asked("search=a&sort=name".to_owned()),
            asked("prefix=&delimiter=/".to_owned()),
            asked(format!("prefix=a&namespace={namespace}")),
        ],
        // A trial, so that the caller's own files stay.
        Endpoint::DeletePrefix => vec![asked(format!("prefix=a&dryRun=1&namespace={namespace}"))],
        Endpoint::CopyFile => vec![with(json!({ "path": "copy/mine.txt" }))],
        Endpoint::File | Endpoint::DeleteFile => vec![plain()],
        Endpoint::Download => ["", "&direct=1"].map(|more| asked(format!("assetId={asset}{more}"))).into(),
        Endpoint::Content => {
            vec![
                plain(),
                Probe { headers: vec![("Range", "bytes=0-1".to_owned())], ..plain() },
                Probe { headers: vec![("If-None-Match", "*".to_owned())], ..plain() },
            ]
        }
        Endpoint::EchoWebhook => vec![with(account)],
        Endpoint::SignIn | Endpoint::SignedIn | Endpoint::BrowserSessions | Endpoint::SignOut | Endpoint::Keys | Endpoint::Jobs => vec![plain()],
        // Refused, because the caller's own new key differs each time.
        Endpoint::RotateKey => vec![with(json!({ "overlap_seconds": 10_000_000 }))],
        Endpoint::RotateAccount => vec![with(json!({ "overlap_seconds": 3600 }))],
        Endpoint::ChangeAccount => [json!({ "tier": "enterprise" }), json!({ "status": "suspended" })].map(with).into(),
        Endpoint::RenameFile => vec![with(json!({ "fileName": "mine.txt" }))],
        Endpoint::Provision | Endpoint::CreateAccount => {
            vec![with(json!({ "agentcache_user_id": user, "agentcache_email": "a@b.c", "tier": "pro" }))]
        }
        Endpoint::Upgrade => vec![with(json!({ "agentcache_user_id": user, "tier": "enterprise" }))],
        Endpoint::Rotate | Endpoint::Suspend | Endpoint::Resume => vec![with(account)],
        Endpoint::Quota => vec![asked(format!("agentcache_user_id={user}"))],
        Endpoint::ChangeTier => vec![with(json!({}))],
        Endpoint::MoveAccount => vec![with(json!({ "shard": 0 }))],
        Endpoint::Accounts => vec![plain(), asked(format!("q={user}"))],
        Endpoint::AccountOverview | Endpoint::DeleteAccount | Endpoint::ProvisioningFigures => vec![plain()],
        Endpoint::Statement => ["", "&period=2026-01"].map(|more| asked(format!("agentcache_user_id={user}{more}"))).into(),
        Endpoint::CreateNamespace => vec![with(json!({ "name": namespace }))],
        Endpoint::Namespaces => vec![plain(), asked("limit=500".to_owned())],
        Endpoint::Namespace | Endpoint::DeleteNamespace => vec![plain()],
        Endpoint::ChangeNamespace => {
            [json!({}), json!({ "display_name": "mine" }), json!({ "cache_ttl": { "small": 1 } }), json!({ "tags": [] })].map(with).into()
        }
        Endpoint::PutVideo => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], body: Sent::Bytes("#EXTM3U\n"), ..plain() }],
        Endpoint::Videos => ["", "?cursor=a&limit=500"]
            .map(|query| Probe { path: format!("{}{query}", fill(session)), headers: vec![("X-Namespace", namespace.clone())], ..plain() })
            .into(),
        Endpoint::DeleteVideo => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], ..plain() }],
        Endpoint::Playback => vec![Probe { headers: vec![("X-Namespace", namespace.clone())], ..with(json!({})) }],
        Endpoint::Play | Endpoint::NamespaceStats => vec![plain()],
        Endpoint::SetResponse => {
            vec![with(json!({ "provider": "p", "model": "m", "messages": [], "response": "r", "namespace": namespace }))]
        }
        Endpoint::GetResponse => vec![with(json!({ "provider": "p", "model": "m", "messages": [], "namespace": namespace }))],
        Endpoint::WarmChunk => {
            [json!({ "fileId": asset, "chunkIndex": 0 }), json!({ "fileId": asset, "chunkIndex": 0, "namespace": namespace })].map(with).into()
        }
        Endpoint::Analytics => ["24h", "30d"].map(|period| asked(format!("period={period}&namespace={namespace}"))).into(),
        Endpoint::Alerts => ["true", "false"].map(|open| asked(format!("open={open}&namespace={namespace}"))).into(),
        Endpoint::Live => vec![asked(format!("agentcache_user_id={user}"))],
        Endpoint::Metrics | Endpoint::PurgeNamespace | Endpoint::AddMember | Endpoint::RemoveMember => vec![plain()],
        Endpoint::CreateWebhook => vec![with(json!({ "url": "https://hooks.example.com/", "events": ["upload.completed"] }))],
        Endpoint::ChangeWebhook => vec![with(json!({ "rotate": true }))],
        Endpoint::Webhooks | Endpoint::Webhook | Endpoint::DeleteWebhook | Endpoint::ReplayDelivery | Endpoint::TestWebhook => vec![plain()],
        Endpoint::Deliveries => vec![plain(), asked(format!("cursor=9000000000000_{asset}"))],
        Endpoint::Receipt | Endpoint::ReceiptKeys => vec![plain()],
    }
}

impl Probe {
    pub fn request(&self, stack: &Stack) -> RequestBuilder {
        let request = stack.anonymous(Method::from_bytes(self.method.as_bytes()).unwrap(), &self.path);
        let request = self.headers.iter().fold(request.with_new_address(), |request, (name, value)| request.header(*name, value));
        match &self.body {
            Sent::Nothing => request,
            Sent::Json(body) => request.json(body),
            Sent::Bytes(bytes) => request.body(*bytes),
            Sent::Form => request.multipart(Form::new().part("file", Part::bytes(b"hello".as_slice()).file_name("a.txt"))),
        }
    }
}

/// The credentials of a call.
#[derive(Debug, Clone)]
pub enum Credentials {
    Nothing,
    Account(AccountAccess),
    /// An account's key with another account's secret.
    Mixed(AccountAccess, AccountAccess),
    Token(String),
    Webhook,
    Operator,
}

impl Credentials {
    pub fn sign(&self, request: RequestBuilder, stack: &Stack) -> RequestBuilder {
        match self {
            Credentials::Nothing => request,
            Credentials::Account(account) => request.bearer_auth(&account.api_key).header("X-API-Secret", &account.api_secret),
            Credentials::Mixed(one, two) => request.bearer_auth(&one.api_key).header("X-API-Secret", &two.api_secret),
            Credentials::Token(token) => request.header("X-Upload-Token", token),
            Credentials::Webhook => request.bearer_auth(&stack.secrets.webhook_secret),
            Credentials::Operator => request.bearer_auth(&stack.secrets.admin_token),
        }
    }

    /// Whether a route that asks for `proof` accepts them.
    pub fn suffice(&self, proof: AuthScheme) -> bool {
        let (account, token) = (matches!(self, Credentials::Account(_)), matches!(self, Credentials::Token(_)));
        let (webhook, operator) = (matches!(self, Credentials::Webhook), matches!(self, Credentials::Operator));
        match proof {
            AuthScheme::None => true,
            AuthScheme::Account | AuthScheme::PathToken => account,
            AuthScheme::VideoToken => false,
            AuthScheme::TokenOrAccount => account || token,
            AuthScheme::Webhook => webhook,
            AuthScheme::AccountOrWebhook => account || webhook,
            AuthScheme::Operator => operator,
            AuthScheme::OperatorOrAccount => account || operator,
        }
    }
}
