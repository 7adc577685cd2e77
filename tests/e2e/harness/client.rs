//! Calls of a stack: as an account, with an upload token, as the identity backend, as the operator, as nobody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::pending;
use jettyspeed_client::Edge;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Stack, answer_to, eventually, seen, sha256};

/// The list of an account's files.
pub const FILES: &str = "/api/storage/files";

/// Calls.
impl Stack {
    /// The client library as `account`.
    pub fn edge(&self, account: &AccountAccess) -> Edge {
        Edge::new(&self.url, &account.api_key, &account.api_secret).unwrap()
    }

    /// A request as `account`.
    pub fn request(&self, method: Method, path: &str, account: &AccountAccess) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&account.api_key).header("X-API-Secret", &account.api_secret)
    }

    /// A request as nobody.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request as the identity backend, with its bearer secret.
    pub fn backend(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.secrets.webhook_secret)
    }

    /// A request as the operator.
    pub fn operator(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.secrets.admin_token)
    }

    /// GET as `account`.
    pub async fn get(&self, account: &AccountAccess, path: &str) -> (u16, Value) {
        self.request(Method::GET, path, account).answer().await
    }

    /// POST of JSON as `account`.
    pub async fn post(&self, account: &AccountAccess, path: &str, body: Value) -> (u16, Value) {
        self.request(Method::POST, path, account).json(&body).answer().await
    }

    /// POST of JSON as the identity backend.
    pub async fn webhook(&self, path: &str, body: Value) -> (u16, Value) {
        self.backend(Method::POST, path).json(&body).answer().await
    }

    /// `track-upload` as `account`.
    pub async fn track(&self, account: &AccountAccess, body: Value) -> (u16, Value) {
        self.post(account, "/api/jetty/track-upload", body).await
    }

    /// A chunk with the session's token and the right hash.
    pub fn chunk(&self, started: &Value, part: u32, bytes: &[u8]) -> RequestBuilder {
        self.anonymous(Method::POST, "/api/jetty-speed/chunk")
            .header("X-Upload-Token", started["uploadToken"].as_str().unwrap())
            .header("X-Part-Number", part.to_string())
            .header("X-Chunk-SHA256", sha256(bytes))
            .body(bytes.to_vec())
    }

    /// Sends every part of `bytes`.
    pub async fn send_all_parts(&self, started: &Value, bytes: &[u8]) {
        let size = usize::try_from(started["strategy"]["chunkSize"].as_u64().unwrap()).unwrap();
        for (index, piece) in bytes.chunks(size).enumerate() {
            let (status, body) = self.chunk(started, u32::try_from(index).unwrap() + 1, piece).answer().await;
            assert_eq!(status, 200, "{body}");
        }
    }

    /// `cache-chunk` of a session.
    pub async fn session_state(&self, account: &AccountAccess, session: &str) -> Value {
        let (status, body) = self.get(account, &format!("/api/jetty/cache-chunk?sessionId={session}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The account's asset once its bytes are verified or found to be others.
    pub async fn verified(&self, account: &AccountAccess, asset: &str) -> Value {
        eventually(Duration::from_secs(120), async || {
            let (status, body) = self.get(account, &format!("{FILES}/{asset}")).await;
            assert_eq!(status, 200, "{body}");
            if body["asset"]["verification"] == "pending" { Err(body) } else { Ok(body["asset"].clone()) }
        })
        .await
    }

    /// The account's quota.
    pub async fn quota(&self, account: &AccountAccess) -> Value {
        let (status, body) = self.get(account, "/api/agentcache/quota").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Bytes of storage that the account uses, and that its open uploads reserve.
    pub async fn used_and_reserved(&self, account: &AccountAccess) -> (u64, u64) {
        let quota = self.quota(account).await;
        (quota["storage_used_bytes"].as_u64().unwrap(), quota["storage_reserved_bytes"].as_u64().unwrap())
    }

    /// Deletes a file of the account.
    pub async fn delete(&self, account: &AccountAccess, asset: &Value) {
        let path = format!("{FILES}/{}", asset["id"].as_str().unwrap());
        assert_eq!(self.request(Method::DELETE, &path, account).answer().await.0, 204);
    }

    /// Adds a member to a namespace.
    pub async fn add_member(&self, namespace: &str, user: &str) {
        let path = format!("/api/portal/namespaces/{namespace}/members/{user}");
        assert_eq!(self.operator(Method::PUT, &path).answer().await, (204, Value::Null));
    }

    /// Makes an account a manager of a namespace.
    pub async fn add_manager(&self, namespace: &str, user: &str) {
        let path = format!("/api/portal/namespaces/{namespace}/members/{user}");
        assert_eq!(self.operator(Method::PUT, &path).json(&json!({ "role": "manager" })).answer().await, (204, Value::Null));
    }

    /// Changes a tier: the tier afterwards.
    pub async fn patch_tier(&self, tier: &str, patch: Value) -> Value {
        let (status, body) = self.operator(Method::PATCH, &format!("/api/portal/tiers/{tier}")).json(&patch).answer().await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The daily run, now.
    pub async fn run_daily(&self) {
        self.run_cron("17+3+*+*+*").await;
    }

    /// The hourly run, now.
    pub async fn run_hourly(&self) {
        self.run_cron("7+*+*+*+*").await;
    }

    async fn run_cron(&self, cron: &str) {
        let url = format!("{}/cdn-cgi/local/scheduled?cron={cron}", self.url);
        assert_eq!(self.http.get(url).sent().await.unwrap().status(), 200);
    }
}

/// Of every request.
pub trait Call: Sized {
    /// Sends it: see [`answer`].
    async fn answer(self) -> (u16, Value);

    /// Sends it, for what the answer's JSON does not tell. Asserts that docs/openapi.json has the answer's status: see [`seen`].
    async fn sent(self) -> reqwest::Result<Response>;

    /// The same request from an address that nobody used: unauthenticated calls are limited by address. (On Cloudflare's network no client can name its own.)
    fn with_new_address(self) -> Self;

    /// The same request with a body of `size` bytes, none of which is sent: for refusals that do not wait for it. (A server that has answered closes the
    /// connection on the rest of a large body, and a client that still writes may not get to read the answer.)
    fn without_sending_body(self, size: usize) -> Self;

    /// The same request with another value of a header.
    fn replace_header(self, name: &'static str, value: &str) -> Self;

    /// The same request without a header.
    fn remove_header(self, name: &'static str) -> Self;
}

impl Call for RequestBuilder {
    async fn answer(self) -> (u16, Value) {
        let (client, request) = self.build_split();
        let request = request.unwrap();
        let method = request.method().clone();
        answer_to(Some(method), client.execute(request).await.unwrap()).await
    }

    async fn sent(self) -> reqwest::Result<Response> {
        let (client, request) = self.build_split();
        let request = request?;
        let method = request.method().clone();
        let response = client.execute(request).await?;
        seen(&method, &response);
        Ok(response)
    }

    fn with_new_address(self) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let [a, b, c, d] = NUMBER.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        self.header("CF-Connecting-IP", format!("{}.{b}.{c}.{d}", a + 10))
    }

    fn without_sending_body(self, size: usize) -> Self {
        self.header("Content-Length", size).body(reqwest::Body::wrap_stream(pending::<std::io::Result<Vec<u8>>>()))
    }

    fn replace_header(self, name: &'static str, value: &str) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        RequestBuilder::from_parts(client, request)
    }

    fn remove_header(self, name: &'static str) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.unwrap();
        request.headers_mut().remove(name).unwrap();
        RequestBuilder::from_parts(client, request)
    }
}

/// Sends all of them at once.
pub async fn at_once(requests: impl IntoIterator<Item = RequestBuilder>) -> Vec<(u16, Value)> {
    join_all(requests.into_iter().map(Call::answer)).await
}

/// `fail`, `complete` or `progress` of a started session, for [`Stack::track`].
pub fn action(action: &str, started: &Value) -> Value {
    json!({ "action": action, "sessionId": started["sessionId"] })
}

/// Without kept connections: each test has a runtime of its own, and a connection dies with the runtime that opened it.
pub fn client() -> Client {
    jettyspeed_devstack::net::http().pool_max_idle_per_host(0).timeout(Duration::from_secs(240)).build().unwrap()
}
