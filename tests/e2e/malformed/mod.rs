//! Malformed requests: refused with a clear 4xx, never a 5xx, and without changing anything.

mod headers;
mod json;

use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use tokio::sync::OnceCell;

use crate::harness::{Call, Stack, answer, sha256, unique};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::access::authorize::AuthScheme;
use jettyspeed_edge::access::routes::{Endpoint, ROUTES, Route};
use jettyspeed_edge::problem::explain;

/// A route that takes JSON, and a valid body.
struct Subject {
    route: &'static Route,
    path: String,
    good: Value,
}

/// A stack, an account, and a namespace and a session of it.
struct World {
    stack: &'static Stack,
    account: AccountAccess,
    namespace: String,
    session: String,
}

impl World {
    async fn new() -> World {
        // A stack of its own: the well-formed bodies for edges would misdirect uploads of other tests.
        static STACK: OnceCell<Stack> = OnceCell::const_new();
        let stack = STACK.get_or_init(|| Stack::start(&[])).await;
        let account = stack.account(&unique("malformed-")).tier("enterprise").create().await;
        let session = stack.session(&account).size(25_000_000).start().await["sessionId"].as_str().unwrap().to_owned();
        let namespace = stack.namespace(&unique("jt_customer_malformed-")).create().await;
        World { stack, account, namespace, session }
    }

    /// The valid JSON bodies of a route. Without a wildcard: a new endpoint does not compile before it has a line here. A valid body either
    /// changes nothing or names nothing that exists.
    fn bodies(&self, endpoint: Endpoint) -> Vec<Value> {
        let (hash, user) = (sha256(b"x"), "malformed-absent");
        let everything = json!({
            "display_name": "x", "tags": ["a"], "cache_ttl": { "small": 1, "text": 1, "large": 1, "video": 1 },
            "features": { "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": true, "compress_text": false }, "chunk_size": 5_242_880, "allow_unsigned": false,
            "cross_namespace_dedup": false, "origin_usd_per_gb": 0.5, "expected_hit_rate": 50, "alerts": { "hit_rate": 1.5, "p95_ms": 5, "upload_failure_percent": 2 },
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
            Endpoint::Provision | Endpoint::CreateAccount => vec![
                json!({ "agentcache_user_id": unique("malformed-new-"), "agentcache_email": "a@b.c", "tier": "absent" }),
                json!({ "user_id": unique("malformed-new-"), "email": "a@b.c", "tier": "absent" }),
            ],
            Endpoint::Upgrade => vec![json!({ "agentcache_user_id": user, "tier": "pro", "force": true })],
            Endpoint::Rotate => vec![json!({ "agentcache_user_id": user, "overlap_seconds": 5 })],
            Endpoint::RotateKey | Endpoint::RotateAccount => vec![json!({ "overlap_seconds": 5 })],
            Endpoint::ChangeAccount => vec![json!({ "tier": "pro", "force": true, "status": "active" })],
            Endpoint::RenameFile => vec![json!({ "fileName": "a.txt" }), json!({ "path": "a/b.txt", "ifExists": "replace" })],
            Endpoint::CopyFile => vec![json!({ "path": "a/c.txt", "fileName": "c.txt", "ifExists": "keep-both" })],
            // To where it is.
            Endpoint::MoveAccount => vec![json!({ "shard": 0, "restart": false })],
            Endpoint::Suspend | Endpoint::Resume => vec![json!({ "agentcache_user_id": user })],
            // The values that the tier has.
            Endpoint::ChangeTier => vec![json!({
                "storage_quota_gb": 0, "bandwidth_quota_gb": 0, "jetty_speed_enabled": false, "requests_per_minute": 10, "max_file_mb": 10,
                "max_objects": 100, "max_open_uploads": 2
            })],
            Endpoint::CreateEdge | Endpoint::ChangeEdge => vec![json!({
                "name": "Oslo", "city": "Oslo", "country": "NO", "continent": "EU", "lat": 60.2, "lon": 11.1, "colo": "OSL", "url": "https://osl.example.com",
                "capacityMbps": 500, "status": "disabled"
            })],
            Endpoint::Playback => vec![json!({ "path": "720p/index.m3u8", "ttl": 60 })],
            Endpoint::CreateNamespace => {
                let mut body = everything;
                body["name"] = json!(unique("jt_customer_malformed-new-"));
                vec![body]
            }
            Endpoint::ChangeNamespace => vec![everything],
            // A message and a response may be any JSON: they have no leaf that could be of a wrong type.
            Endpoint::SetResponse => vec![json!({
                "provider": "p", "model": "m", "messages": [], "namespace": "absent", "response": {}, "ttl": 60
            })],
            Endpoint::GetResponse => vec![json!({ "provider": "p", "model": "m", "messages": [], "namespace": "absent" })],
            Endpoint::WarmChunk => vec![json!({ "fileId": "absent", "chunkIndex": 0, "namespace": "absent" })],
            Endpoint::CreateWebhook => vec![json!({
                "url": "https://hooks.example.com/", "events": ["alert.fired"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            })],
            Endpoint::ChangeWebhook => vec![
                json!({ "url": "https://hooks.example.com/", "events": ["alert.fired"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }),
                json!({ "rotate": true }),
            ],
            Endpoint::Health
            | Endpoint::ExplainProblem
            | Endpoint::StartPage
            | Endpoint::Documents
            | Endpoint::Dashboard
            | Endpoint::SignIn
            | Endpoint::SignedIn
            | Endpoint::BrowserSessions
            | Endpoint::SignOut
            | Endpoint::Keys
            | Endpoint::Jobs
            | Endpoint::Document
            | Endpoint::OpenApi
            | Endpoint::Edges
            | Endpoint::EdgeMetrics
            | Endpoint::DeleteEdge
            | Endpoint::Sessions
            | Endpoint::CacheChunk
            | Endpoint::Chunk
            | Endpoint::SimpleUpload
            | Endpoint::BatchUpload
            | Endpoint::CreateResumable
            | Endpoint::ResumableOffset
            | Endpoint::AppendResumable
            | Endpoint::EndResumable
            | Endpoint::Files
            | Endpoint::DeletePrefix
            | Endpoint::File
            | Endpoint::DeleteFile
            | Endpoint::Download
            | Endpoint::Content
            | Endpoint::Quota
            | Endpoint::Tiers
            | Endpoint::Accounts
            | Endpoint::AccountOverview
            | Endpoint::DeleteAccount
            | Endpoint::ProvisioningFigures
            | Endpoint::Statement
            | Endpoint::Namespaces
            | Endpoint::Namespace
            | Endpoint::DeleteNamespace
            | Endpoint::NamespaceStats
            | Endpoint::Analytics
            | Endpoint::Alerts
            | Endpoint::Live
            | Endpoint::PutVideo
            | Endpoint::Videos
            | Endpoint::DeleteVideo
            | Endpoint::Play
            // It reads no JSON: every body is as good as any other.
            | Endpoint::EchoWebhook
            | Endpoint::PurgeNamespace
            | Endpoint::Webhooks
            | Endpoint::Webhook
            | Endpoint::DeleteWebhook
            | Endpoint::Deliveries
            | Endpoint::ReplayDelivery
            | Endpoint::TestWebhook
            | Endpoint::Receipt
            | Endpoint::ReceiptKeys
            | Endpoint::AddMember
            | Endpoint::Metrics
            | Endpoint::RemoveMember => Vec::new(),
        }
    }

    fn subjects(&self) -> Vec<Subject> {
        let of = |route: &'static Route| {
            let path = route
                .pattern
                .replace("{tier}", "free")
                .replace("{videoId}", "hygiene")
                .replace("{edge}", "fra")
                .replace("{ns}", &self.namespace)
                .replace("{webhook}", "00000000-0000-4000-8000-000000000000")
                .replace("{user}", &self.account.user_id);
            self.bodies(route.endpoint).into_iter().map(move |good| Subject { route, path: path.clone(), good })
        };
        ROUTES.iter().flat_map(of).collect()
    }

    /// A request on the route with credentials that it accepts.
    fn request(&self, route: &Route, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        match route.scheme {
            AuthScheme::None => self.stack.anonymous(method, path).with_new_address(),
            AuthScheme::Account | AuthScheme::TokenOrAccount | AuthScheme::PathToken | AuthScheme::VideoToken => {
                self.stack.request(method, path, &self.account)
            }
            AuthScheme::Webhook | AuthScheme::AccountOrWebhook => self.stack.backend(method, path),
            AuthScheme::Operator | AuthScheme::OperatorOrAccount => self.stack.operator(method, path),
        }
    }

    /// What is wrong with the answer to that body, if anything: it must be a documented problem with one of `statuses`.
    async fn complaint(&self, subject: &Subject, body: impl Into<Body>, statuses: RangeInclusive<u16>, what: &str) -> Option<String> {
        let request = self.request(subject.route, &subject.path).header("Content-Type", "application/json").body(body);
        let complaint = verdict(request, statuses).await?;
        Some(format!("{} {}: {what}: {complaint}", subject.route.method, subject.path))
    }

    async fn is_alive(&self) {
        assert_eq!(self.stack.anonymous(Method::GET, "/api/health").with_new_address().answer().await.0, 200);
        let tiers = self.stack.operator(Method::GET, "/api/portal/tiers").answer().await;
        let mut expected = self.bodies(Endpoint::ChangeTier).remove(0);
        (expected["tier"], expected["rank"]) = (json!("free"), json!(0));
        assert_eq!((tiers.0, &tiers.1["tiers"][0]), (200, &expected), "nothing has changed");
    }
}

async fn verdict(request: RequestBuilder, statuses: RangeInclusive<u16>) -> Option<String> {
    let response = match request.sent().await {
        Ok(response) => response,
        Err(error) => return Some(format!("no answer: {error}")),
    };
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let (status, body) = answer(response).await;
    let known = body["code"].as_str().and_then(explain).is_some_and(|kind| kind.status == status);
    let fine = statuses.contains(&status) && content_type.as_deref() == Some("application/problem+json") && known;
    (!fine).then(|| format!("{status} {content_type:?} {}", body.to_string().chars().take(200).collect::<String>()))
}

/// The JSON pointers of all leaves of `value`.
fn leaves(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| leaves(value, &format!("{at}/{name}"))).collect(),
        Value::Array(values) => values.iter().enumerate().flat_map(|(index, value)| leaves(value, &format!("{at}/{index}"))).collect(),
        _ => vec![at.to_owned()],
    }
}

/// The body with another value at one pointer.
fn with_value(good: &Value, pointer: &str, value: Value) -> Value {
    let mut body = good.clone();
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
