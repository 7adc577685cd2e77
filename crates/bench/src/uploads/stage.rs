//! Set-up of the upload benchmarks: the product's Worker with a store, and customers with files.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;

use crate::load::{Answer, Connection, Target};
use crate::miniflare::{NO_LIMIT, Plan, Server, migrations};
use crate::peers::{BUCKET, TOKEN_KEY};
use crate::sink;
use jettyspeed_devstack::Result;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::base::sha256::Sha256Hex;

/// A verified file of a customer.
#[derive(Debug, Clone, Copy)]
pub struct File {
    asset: &'static str,
    object: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Bytes.
    pub size: u64,
}

/// The caller's file.
pub const OWN: File =
    File { asset: "0b0e7c1a-5a4e-4d0e-8f53-000000000001", object: "0b0e7c1a-5a4e-4d0e-8f53-000000000002", name: "own.bin", size: 1_000_000 };
/// The stranger's file, of the same size.
pub const STRANGE: File =
    File { asset: "0b0e7c1a-5a4e-4d0e-8f53-000000000003", object: "0b0e7c1a-5a4e-4d0e-8f53-000000000004", name: "strange.bin", ..OWN };
/// A file with the maximum number of chunks of an upload.
pub const CHUNKED: File = File {
    asset: "0b0e7c1a-5a4e-4d0e-8f53-000000000005",
    object: "0b0e7c1a-5a4e-4d0e-8f53-000000000006",
    name: "chunked.bin",
    size: CHUNK * CHUNKS as u64,
};
/// The smallest part that stores accept; the chunk size of the namespace of [`CHUNKED`].
pub const CHUNK: u64 = 5 * 1024 * 1024;
/// The maximum number of parts of an upload.
pub const CHUNKS: u32 = 10_000;
/// Tier limit of file size and storage, large enough for many times [`CHUNKED`].
const MAX_FILE_MB: u64 = 60_000;
const STORAGE_GB: u64 = 1_000_000;

impl File {
    /// Its hash.
    pub fn hash(&self) -> Sha256Hex {
        Sha256Hex::of(self.name.as_bytes())
    }

    /// Its path for its owner.
    pub fn path(&self) -> String {
        format!("/files/{}/{}", self.asset, self.name)
    }

    /// The path of its record.
    pub fn record(&self) -> String {
        format!("/api/storage/files/{}", self.asset)
    }

    fn sql(&self, of: &AccountAccess) -> String {
        let (File { asset, object, name, size }, AccountAccess { user_id, namespace, .. }, hash) = (self, of, self.hash());
        let hash = hash.as_str();
        format!(
            "INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, sha256, verification, created_at) \
             VALUES ('{object}', '{namespace}', 'users/{user_id}/o/{object}', {size}, 'd41d8cd98f00b204e9800998ecf8427e', '{hash}', '{hash}', 'verified', 0);\n\
             INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
             SELECT '{asset}', id, '{namespace}', '{object}', '{name}', 'application/octet-stream', 'session', 0 FROM accounts \
             WHERE agentcache_user_id = '{user_id}';\n"
        )
    }
}

/// The hash of chunk `index`. D1 computes the same in SQL, because a statement with 10,000 hashes would be too long. Uniformly distributed like real hashes.
pub fn chunk_hash(index: u32) -> String {
    format!("{:08x}", index.wrapping_mul(2_654_435_761)).repeat(8)
}

fn chunks_sql(namespace: &str) -> String {
    format!(
        "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {CHUNKS}), \
         h (i, w) AS (SELECT i, printf('%08x', i * 2654435761 % 4294967296) FROM n) \
         INSERT INTO chunks (namespace, sha256, size, object_id, first) \
         SELECT '{namespace}', w || w || w || w || w || w || w || w, {CHUNK}, '{}', i * {CHUNK} FROM h;\n",
        CHUNKED.object
    )
}

/// The Worker and its callers.
pub struct Stage {
    /// The Worker.
    pub server: Server,
    /// The owner of [`OWN`]. Its namespace takes part in deduplication across namespaces, the stranger's does not: the most expensive case for a stranger's hash.
    pub caller: AccountAccess,
    /// The owner of [`CHUNKED`], in a namespace of that chunk size.
    pub chunked: AccountAccess,
}

/// Starts a fresh Worker with a sink of its own.
pub async fn set(folder: &Path) -> Result<Stage> {
    set_with(folder, &sink::start()?).await
}

/// The same with the store at that address, `127.0.0.1:port`.
pub async fn set_with(folder: &Path, store: &str) -> Result<Stage> {
    let seed = |user: &str| Seed::draw(user, "enterprise");
    let (caller, stranger, chunked) = (seed("bench")?, seed("stranger")?, Seed { chunk_size: Some(CHUNK), ..seed("chunked")? });
    let sql = [
        migrations()?,
        caller.sql(BUCKET) + &stranger.sql(BUCKET) + &chunked.sql(BUCKET),
        OWN.sql(&caller.access) + &STRANGE.sql(&stranger.access) + &CHUNKED.sql(&chunked.access),
        format!("UPDATE namespaces SET cross_namespace_dedup = 1 WHERE name = '{}';\n", caller.access.namespace),
        // As if the daily probe had found that the store verifies payload hashes.
        "INSERT INTO store_facts (name, value, checked_at) VALUES ('payload_hash_enforced', 1, unixepoch() * 1000);\n".to_owned(),
        chunks_sql(&chunked.access.namespace),
    ];
    let server = Plan::ours(folder, &format!("http://{store}"), sql.concat()).await?.start().await?;
    let limits = json!({ "requests_per_minute": NO_LIMIT.parse::<u64>()?, "max_file_mb": MAX_FILE_MB, "storage_quota_gb": STORAGE_GB });
    let headers = vec![("authorization".to_owned(), format!("Bearer {TOKEN_KEY}")), ("content-type".to_owned(), "application/json".to_owned())];
    let change =
        Target { address: server.address.clone(), method: Method::PATCH, path: "/api/portal/tiers/enterprise".into(), headers, part_header: None };
    Connection::open(&server.address).await?.exchange(&change, 0, limits.to_string().into()).await?.of_status(200)?;
    Ok(Stage { server, caller: caller.access, chunked: chunked.access })
}

impl Stage {
    /// A call of a customer.
    pub fn call(&self, access: &AccountAccess, method: Method, path: &str) -> Target {
        let headers = [("x-api-key", access.api_key.as_str()), ("x-api-secret", &access.api_secret), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Target { address: self.server.address.clone(), method, path: path.to_owned(), headers, part_header: None }
    }

    /// A customer with a connection.
    pub async fn customer(&self, access: &AccountAccess) -> Result<Customer<'_>> {
        Ok(Customer { stage: self, access: access.clone(), connection: Connection::open(&self.server.address).await? })
    }
}

/// See [`Stage::customer`].
pub struct Customer<'a> {
    stage: &'a Stage,
    access: AccountAccess,
    connection: Connection,
}

impl Customer<'_> {
    /// Sends a GET.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.connection.exchange(&self.stage.call(&self.access, Method::GET, path), 0, Bytes::new()).await
    }

    /// Sends a POST of JSON.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Answer> {
        self.connection.exchange(&self.stage.call(&self.access, Method::POST, path), 0, body.into()).await
    }

    /// Makes a call.
    pub async fn call(&mut self, target: &Target, part: u32, body: Bytes) -> Result<Answer> {
        self.connection.exchange(target, part, body).await
    }

    /// Sends a `track-upload`.
    pub async fn track(&mut self, body: impl Into<Bytes>) -> Result<Answer> {
        self.post("/api/jetty/track-upload", body).await
    }

    /// Starts an upload of `file_size` bytes, which must be planned in chunks of `chunk_size`; returns the response of `start`.
    pub async fn opens(&mut self, file_size: u64, chunk_size: u64) -> Result<Value> {
        let start = json!({ "action": "start", "fileName": "new.bin", "fileSize": file_size, "chunkSize": chunk_size });
        Ok(serde_json::from_slice(&self.track(start.to_string()).await?.of_status(201)?.body)?)
    }
}

/// A string field of a response.
pub fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    answer[name].as_str().ok_or_else(|| format!("no {name}: {answer}").into())
}
