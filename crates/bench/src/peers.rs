//! The compared servers: the product's Worker, a bare JavaScript pass-through and nginx, each in its own process.

use super::load::Target;
use hyper::Method;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jettyspeed_devstack::child::Group;
use jettyspeed_devstack::credentials::random;
use jettyspeed_devstack::{Result, net, root};
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::uploads::session::message::Message;
use jettyspeed_edge::uploads::session::state::{Meta, Status};

/// Every secret of the Worker except those of the store and of the identity backend, including the operator's token.
pub const TOKEN_KEY: &str = "a-token-key-for-benchmarks-only-0123456789";
/// The store's bucket.
pub const BUCKET: &str = "bench-bucket";
/// Secret of the identity backend.
pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";
const COMPATIBILITY_DATE: &str = "2026-11-01";

/// A running server.
pub struct Server {
    group: Group,
    /// `127.0.0.1:port`
    pub address: String,
}

impl Server {
    /// Peak resident memory so far, bytes (VmHWM of proc_pid_status(5)).
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.group.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}

fn workerd() -> PathBuf {
    root().join("node_modules/@cloudflare/workerd-linux-64/bin/workerd")
}

async fn listening(server: Server) -> Result<Server> {
    let mut server = server;
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(&server.address).await.is_ok() {
            return Ok(server);
        }
        if !server.group.is_alive() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(server.group.tail().into())
}

async fn serve(name: &str, folder: &Path, config: &str, port: u16) -> Result<Server> {
    let path = folder.join(format!("{name}.capnp"));
    fs::write(&path, config)?;
    let mut command = Command::new(workerd());
    command.arg("serve").arg(&path).current_dir(folder);
    let group = Group::start(name, command, &folder.join(format!("{name}.log")))?;
    listening(Server { group, address: format!("127.0.0.1:{port}") }).await
}

/// The bare JavaScript Worker, forwarding to `sink`.
pub async fn bare(folder: &Path, sink: &str) -> Result<Server> {
    let port = net::free_port()?;
    fs::write(folder.join("bare.js"), include_str!("workers/bare.js"))?;
    let config = format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .bare), (name = "net", network = (allow = ["private", "local"])) ],
  sockets = [ (name = "http", address = "127.0.0.1:{port}", http = (), service = "main") ]
);
const bare :Workerd.Worker = (
  modules = [ (name = "bare.js", esModule = embed "bare.js") ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [ (name = "SINK", text = "http://{sink}/") ],
  globalOutbound = "net"
);
"#
    );
    serve("bare", folder, &config, port).await
}

/// The product's variables and secrets.
pub fn vars(endpoint: &str) -> [(&'static str, String); 9] {
    [
        ("LYVE_ENDPOINT", endpoint),
        ("LYVE_REGION", "us-east-1"),
        ("LYVE_BUCKET_NAME", BUCKET),
        ("LYVE_ACCESS_KEY_ID", "bench"),
        ("LYVE_SECRET_ACCESS_KEY", "bench-secret"),
        ("TOKEN_KEYS", TOKEN_KEY),
        ("CREDENTIAL_KEY", TOKEN_KEY),
        ("ADMIN_TOKEN", TOKEN_KEY),
        ("WEBHOOK_SECRETS", WEBHOOK_SECRET),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

/// The product's Worker as built by `script/build`, with `sink` as its store.
pub struct Ours {
    /// The Worker.
    pub server: Server,
    seed: String,
}

/// The folder of the build that is measured: that of `script/build`, or JETTYSPEED_BUILD for a comparison with another one (`script/bench compare`).
pub fn build_folder() -> PathBuf {
    std::env::var_os("JETTYSPEED_BUILD").map_or_else(|| root().join("build"), PathBuf::from)
}

/// Starts the product's Worker.
pub async fn ours(folder: &Path, sink: &str) -> Result<Ours> {
    let (port, seed_port) = (net::free_port()?, net::free_port()?);
    for file in ["index.js", "index_bg.wasm"] {
        fs::copy(build_folder().join(file), folder.join(file)).map_err(|error| format!("build/{file}: {error}; run script/build"))?;
    }
    fs::write(folder.join("seed.js"), include_str!("workers/seed.js"))?;
    let state = folder.join("objects");
    fs::create_dir_all(&state)?;
    let vars: String =
        vars(&format!("http://{sink}")).iter().map(|(name, value)| format!("    (name = \"{name}\", text = \"{value}\"),\n")).collect();
    let config = format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .edge), (name = "seed", worker = .seed),
    (name = "disk", disk = (path = "{}", writable = true)), (name = "net", network = (allow = ["private", "local"]))
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:{port}", http = (), service = "main"),
    (name = "seed", address = "127.0.0.1:{seed_port}", http = (), service = "seed")
  ]
);
const edge :Workerd.Worker = (
  modules = [ (name = "index.js", esModule = embed "index.js"), (name = "./index_bg.wasm", wasm = embed "index_bg.wasm") ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [
{vars}    (name = "SESSIONS", durableObjectNamespace = "UploadSession")
  ],
  durableObjectNamespaces = [ (className = "UploadSession", uniqueKey = "bench-sessions", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "net"
);
const seed :Workerd.Worker = (
  modules = [ (name = "seed.js", esModule = embed "seed.js") ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  bindings = [ (name = "SESSIONS", durableObjectNamespace = (className = "UploadSession", serviceName = "main")) ]
);
"#,
        state.display()
    );
    let server = serve("ours", folder, &config, port).await?;
    Ok(Ours { server, seed: format!("http://127.0.0.1:{seed_port}/") })
}

impl Ours {
    /// Opens a session of `file_size` bytes in parts of `chunk_size`; returns the target for its parts. Every body must hash to `hash`
    /// (the sink does not check it, a real store would).
    pub async fn open_session(&self, file_size: u64, chunk_size: u64, hash: &Sha256Hex) -> Result<Target> {
        let session = Id::from_random(random()?);
        let now = EpochMs(u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?);
        let namespace = Name::parse("jt_user_bench").ok_or("name")?;
        let meta = Meta {
            session,
            account: session,
            namespace: namespace.clone(),
            asset: session,
            object: session,
            key: format!("users/bench/o/{session}"),
            // As long as an upload id of AWS.
            upload_id: "u".repeat(90),
            file_name: "bench.bin".into(),
            file_size,
            chunk_size,
            content_type: "application/octet-stream".into(),
            file_hash: None,
            allow_unsigned: false,
            created: now,
            ttl_ms: 3_600_000,
            status: Status::Uploading,
            lease: None,
            outcome: None,
            suspended: false,
            suspended_as_of: EpochMs(0),
            unchecked: false,
            cleaned_up: false,
            direct: false,
            ambiguous: std::collections::BTreeSet::new(),
            forget_at: None,
            active_at: None,
            urls_at: None,
            appending: None,
            placement: None,
        };
        let claims = UploadClaims {
            account: session,
            namespace,
            session,
            key: meta.key.clone(),
            upload_id: meta.upload_id.clone(),
            file_size,
            chunk_size,
            allow_unsigned: false,
            generation: 0,
            expires: now.plus(3_600_000),
        };
        let message = serde_json::to_string(&Message::Open { meta: Box::new(meta), is_heard: false })?;
        let client = net::http().build()?;
        let answer = client.post(&self.seed).query(&[("session", session.to_string())]).body(message).send().await?;
        if !answer.status().is_success() {
            return Err(format!("opening a session: HTTP {}: {}", answer.status(), answer.text().await?).into());
        }
        let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
        Ok(Target {
            address: self.server.address.clone(),
            method: Method::POST,
            path: "/api/jetty-speed/chunk".into(),
            headers: vec![("x-upload-token".into(), token), ("x-chunk-sha256".into(), hash.as_str().into())],
            part_header: Some("x-part-number"),
        })
    }
}

/// A target that takes any PUT.
pub fn plain(server: &Server) -> Target {
    Target { address: server.address.clone(), method: Method::PUT, path: "/".into(), headers: vec![], part_header: None }
}

/// nginx as a pass-through, if it is installed.
pub async fn nginx(folder: &Path, sink: &str) -> Result<Option<Server>> {
    nginx_with(folder, sink, "", "proxy_request_buffering off;\n      proxy_buffering off;").await
}

/// nginx as a cache, if it is installed.
pub async fn nginx_cache(folder: &Path, store: &str) -> Result<Option<Server>> {
    let zone = format!("proxy_cache_path {}/cache levels=1:2 keys_zone=content:10m max_size=2g;", folder.display());
    nginx_with(folder, store, &zone, "proxy_cache content;\n      proxy_cache_valid 200 1h;\n      proxy_cache_lock on;").await
}

async fn nginx_with(folder: &Path, sink: &str, http: &str, location: &str) -> Result<Option<Server>> {
    let Some(program) = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists()) else {
        return Ok(None);
    };
    let port = net::free_port()?;
    let config = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx-error.log;\nevents {{ worker_connections 512; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000;\n  {http}\n  client_max_body_size 0;\n  client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  \
         fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         upstream sink {{ server {sink}; keepalive 64; }}\n  server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://sink;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      {location}\n    }}\n  }}\n}}\n",
        folder = folder.display()
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, config)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&path).arg("-p").arg(folder);
    let group = Group::start("nginx", command, &folder.join("nginx.log"))?;
    listening(Server { group, address: format!("127.0.0.1:{port}") }).await.map(Some)
}
