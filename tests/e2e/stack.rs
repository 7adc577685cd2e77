//! One stack for all tests that do not kill it, and helpers to talk to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use jettyspeed_client::Edge;
use jettyspeed_devstack::bucket;
use jettyspeed_devstack::net::{self, free_port};
use jettyspeed_devstack::origin::Swift;
use jettyspeed_devstack::proxy::Proxy;
use jettyspeed_devstack::secrets::{folder, given_away, note, of_answer};
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::{AccountAccess, OriginAccess, Secrets};
use jettyspeed_devstack::worker::{self, Build, Runner, Setup, Worker};
use jettyspeed_edge::mac::MacKey;
use jettyspeed_edge::units::EpochMs;
use jettyspeed_edge::upload::token::UploadClaims;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OnceCell};

use crate::bucket::Bucket;
use crate::database;

/// What all Workers of this test run begin with; it outlives them.
struct Origin {
    _swift: Swift,
    access: OriginAccess,
    /// A state folder with nothing but tables.
    template: PathBuf,
    /// See [`Runner::Miniflare`].
    options: PathBuf,
}

/// A Worker with its proxy and its accounts.
pub struct Stack {
    pub worker: Mutex<Worker>,
    pub url: String,
    pub proxy: Proxy,
    pub bucket: Bucket,
    pub secrets: Secrets,
    /// Enterprise.
    pub dev: AccountAccess,
    /// Business, somebody else.
    pub other: AccountAccess,
    pub free: AccountAccess,
    pub starter: AccountAccess,
    pub pro: AccountAccess,
    pub suspended: AccountAccess,
    /// Enterprise; chunks may come without a hash, 5 MiB each.
    pub unsigned: AccountAccess,
    pub http: Client,
}

async fn origin() -> &'static Origin {
    static ORIGIN: OnceCell<Origin> = OnceCell::const_new();
    ORIGIN
        .get_or_init(|| async {
            let folder = folder();
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            let port = free_port().unwrap();
            let access = OriginAccess {
                endpoint: format!("http://127.0.0.1:{port}"),
                region: "us-east-1".into(),
                bucket: "e2e-bucket".into(),
                access_key_id: "jetty:speed".into(),
                secret_access_key: "only-for-this-test-run".into(),
            };
            let swift = Swift::start(&folder.join("swift"), port, &access).await.unwrap();
            let template = Setup { state: folder.join("template"), port: 0, env_file: String::new(), runner: Runner::Wrangler };
            std::fs::create_dir_all(&template.state).unwrap();
            template.migrate().await.unwrap();
            let options = folder.join("options.json");
            worker::options(&options, Build::Release).await.unwrap();
            Origin { _swift: swift, access, template: template.state, options }
        })
        .await
}

/// How to reach the store past the Worker and its proxy.
pub async fn origin_access() -> &'static OriginAccess {
    &origin().await.access
}

/// The shared stack.
pub async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    STACK.get_or_init(|| Stack::start(&[])).await
}

impl Stack {
    /// A stack of its own on the shared store, for tests that break things or need other vars.
    pub async fn start(vars: &[(&str, &str)]) -> Stack {
        Stack::launch(origin_access().await.clone(), vars, true).await
    }

    /// The same with a bucket of its own, for what looks at everything in it.
    pub async fn start_with_bucket(bucket: &str, vars: &[(&str, &str)]) -> Stack {
        let access = OriginAccess { bucket: bucket.to_owned(), ..origin_access().await.clone() };
        bucket::create(&access).await.unwrap();
        Stack::launch(access, vars, true).await
    }

    /// The same on a database without a single table: whatever reads it fails.
    pub async fn without_tables() -> Stack {
        Stack::launch(origin_access().await.clone(), &[], false).await
    }

    async fn launch(access: OriginAccess, vars: &[(&str, &str)], with_tables: bool) -> Stack {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let origin = origin().await;
        let proxy = Proxy::start(access.endpoint.trim_start_matches("http://")).unwrap();
        let state: PathBuf = folder().join(format!("state-{}", NUMBER.fetch_add(1, Ordering::SeqCst)));
        let secrets = Secrets::of(&state).unwrap();
        let through_proxy = OriginAccess { endpoint: proxy.url(), ..access.clone() };
        let draw = |user: &str, tier: &str| Seed::draw(user, tier).unwrap();
        let seeds = [
            Seed::of(secrets.account.clone(), "enterprise"),
            draw("other", "business"),
            draw("free", "free"),
            draw("starter", "starter"),
            draw("pro", "pro"),
            Seed { status: "suspended", ..draw("suspended", "enterprise") },
            Seed { allow_unsigned: true, chunk_size: Some(5 * 1024 * 1024), ..draw("unsigned", "enterprise") },
        ];
        let Secrets { token_keys, credential_key, admin_token, webhook_secret, origin_secret, account: _ } = &secrets;
        let signing_key = webhook_secret.trim_start_matches("whsec_");
        let own = [token_keys, credential_key, admin_token, signing_key, origin_secret, &access.secret_access_key].map(str::to_owned);
        note(own.into_iter().chain(seeds.iter().flat_map(|seed| [seed.access.api_key.clone(), seed.access.api_secret.clone()]))).unwrap();
        let mut more: Vec<_> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if !vars.iter().any(|(name, _)| *name == "LOG_LEVEL") {
            more.push(("LOG_LEVEL".to_owned(), "info".to_owned()));
        }
        if !vars.iter().any(|(name, _)| *name == "DELETE_GRACE_SECONDS") {
            more.push(("DELETE_GRACE_SECONDS".to_owned(), "0".to_owned()));
        }
        let setup = Setup {
            state,
            port: free_port().unwrap(),
            env_file: secrets.env_file(&through_proxy, &more),
            runner: Runner::Miniflare(origin.options.clone()),
        };
        if with_tables {
            database::copy(&origin.template, &setup.state).unwrap();
            let accounts: String = seeds.iter().map(|seed| seed.sql(&access.bucket)).collect();
            database::run(&setup.state, &accounts).unwrap();
        }
        let worker = setup.start().await.unwrap();
        let [dev, other, free, starter, pro, suspended, unsigned] = seeds.map(|seed| seed.access);
        Stack {
            url: worker.url(),
            worker: Mutex::new(worker),
            proxy,
            bucket: Bucket::new(&access),
            secrets,
            dev,
            other,
            free,
            starter,
            pro,
            suspended,
            unsigned,
            http: client(),
        }
    }

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

    /// A call of the identity backend.
    pub async fn tell(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.backend(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    /// A new account of `tier`.
    pub async fn provisioned(&self, user: &str, tier: &str) -> AccountAccess {
        let body = json!({ "user_id": user, "email": format!("{user}@example.com"), "tier": tier });
        let (status, body) = self.tell("/api/webhooks/jetty/provision", body).await;
        assert_eq!(status, 201, "{body}");
        access(&body)
    }

    /// A stored file of that account: its asset.
    pub async fn stored(&self, account: &AccountAccess, bytes: Vec<u8>) -> Value {
        let request = self.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.bin").body(bytes);
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, 201, "{body}");
        body["asset"].clone()
    }

    /// The rows of each of one or several statements on the Worker's database, past the Worker.
    pub async fn sql(&self, statements: &str) -> Vec<Vec<Value>> {
        let state = self.worker.lock().await.setup().state.clone();
        database::run(&state, statements).unwrap()
    }

    /// `track-upload` as `account`.
    pub async fn track(&self, account: &AccountAccess, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, "/api/jetty/track-upload", account).json(&body).send().await.unwrap()).await
    }

    /// A started session of `size` bytes: its answer.
    pub async fn started(&self, account: &AccountAccess, size: usize) -> Value {
        let (status, body) = self.track(account, json!({ "action": "start", "fileName": "raw.bin", "fileSize": size })).await;
        assert_eq!(status, 201, "{body}");
        body
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
    pub async fn send_all(&self, started: &Value, bytes: &[u8]) {
        let size = usize::try_from(started["strategy"]["chunkSize"].as_u64().unwrap()).unwrap();
        for (index, piece) in bytes.chunks(size).enumerate() {
            let (status, body) = answer(self.chunk(started, u32::try_from(index).unwrap() + 1, piece).send().await.unwrap()).await;
            assert_eq!(status, 200, "{body}");
        }
    }

    /// Aborts the session's upload at the store, past the Worker.
    pub async fn abort_behind_our_back(&self, started: &Value) {
        let claims = UploadClaims::open(started["uploadToken"].as_str().unwrap(), &self.token_keys(), EpochMs(0)).unwrap();
        self.bucket.abort(&claims.key, &claims.upload_id).await;
    }

    /// `cache-chunk` of a session.
    pub async fn state(&self, account: &AccountAccess, session: &str) -> Value {
        let path = format!("/api/jetty/cache-chunk?sessionId={session}");
        let (status, body) = answer(self.request(Method::GET, &path, account).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The account's asset once its bytes were looked at.
    pub async fn verified(&self, account: &AccountAccess, asset: &str) -> Value {
        for _ in 0..240 {
            let (status, body) = answer(self.request(Method::GET, &format!("/api/storage/files/{asset}"), account).send().await.unwrap()).await;
            assert_eq!(status, 200, "{body}");
            if body["asset"]["verification"] != "pending" {
                return body["asset"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        panic!("{asset} is not verified");
    }

    /// The keys the Worker signs tokens with.
    pub fn token_keys(&self) -> Vec<MacKey> {
        vec![MacKey::new(self.secrets.token_keys.as_bytes())]
    }
}

/// The credentials in an answer of `provision` or `rotate`.
pub fn access(body: &Value) -> AccountAccess {
    let text = |name: &str| body["account"][name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
    let (user_id, namespace) = (text("agentcache_user_id"), text("namespace"));
    AccountAccess { user_id, api_key: text("api_key"), api_secret: text("api_secret"), namespace }
}

/// Sends all of them at once.
pub async fn at_once(requests: impl IntoIterator<Item = RequestBuilder>) -> Vec<(u16, Value)> {
    join_all(requests.into_iter().map(|request| async { answer(request.send().await.unwrap()).await })).await
}

/// The same request from an address that nobody used: the guard against floods counts by address. (On Cloudflare's network no client can name its own.)
pub fn from_elsewhere(request: RequestBuilder) -> RequestBuilder {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let [a, b, c, d] = NUMBER.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    request.header("CF-Connecting-IP", format!("{}.{b}.{c}.{d}", a + 10))
}

/// The same request with a body of `size` bytes, none of which comes: for refusals that do not wait for it. (A server that has answered closes the connection on
/// the rest of a large body, and a client that still writes may not get to read the answer.)
pub fn before_its_body(request: RequestBuilder, size: usize) -> RequestBuilder {
    request.header("Content-Length", size).body(reqwest::Body::wrap_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>()))
}

/// A name that no other test uses.
pub fn unique(prefix: &str) -> String {
    let bytes: [u8; 4] = random_bytes(4).try_into().unwrap();
    format!("{prefix}{:08x}", u32::from_be_bytes(bytes))
}

/// Without kept connections: each test has a runtime of its own, and a connection dies with the runtime that opened it.
pub fn client() -> Client {
    net::http().pool_max_idle_per_host(0).timeout(std::time::Duration::from_secs(240)).build().unwrap()
}

/// Status and JSON of an answer; every one must carry a request id.
pub async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let (identified, shared) = ("x-request-id", "access-control-allow-origin");
    let [identified, shared] = [identified, shared].map(|name| response.headers().contains_key(name));
    let body = response.bytes().await.unwrap();
    assert!(identified && shared, "every answer has a request id and CORS: {status} {}", String::from_utf8_lossy(&body));
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status >= 400 {
        assert_eq!(value["status"], status, "errors are problem+json: {}", String::from_utf8_lossy(&body));
        assert!(value["type"].as_str().unwrap().starts_with("/problems/") && value["requestId"].is_string(), "{value}");
        assert_eq!(given_away(&value.to_string()), None, "errors tell no secrets");
    }
    note(of_answer(&value)).unwrap();
    (status, value)
}

/// Lowercase hex SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that differ from test to test and do not compress.
pub fn random_bytes(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A file of random bytes.
pub fn random_file(folder: &std::path::Path, name: &str, size: usize) -> (PathBuf, Vec<u8>) {
    let bytes = random_bytes(size);
    let path = folder.join(name);
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}
