//! What the clients meet: one Worker, accounts with files and a video each, and a sink as store.

use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};

use crate::load::Target;
use crate::miniflare::{Plan, Server, migrations};
use crate::peers::{BUCKET, TOKEN_KEY, WEBHOOK_SECRET};
use crate::sink::objects::{PLAYLIST, SEGMENT, SEGMENTS, playlist, segment};
use crate::uploads::stage::CHUNK;
use jettyspeed_devstack::Result;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::auth::file_token::FileClaims;
use jettyspeed_edge::auth::playback_token::VideoClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::webhooks::secret::{Secret, headers};

/// Accounts that the clients share.
pub const ACCOUNTS: u32 = 4;
/// Files of each account.
pub const FILES: u32 = 20;
/// Sizes of files, in turn, bytes.
const SIZES: [u64; 4] = [10_000, 50_000, 100_000, 500_000];
const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";
const VIDEO: &str = "film";

/// A running Worker with its accounts.
pub struct Stage {
    /// The Worker.
    pub server: Server,
    accounts: Vec<AccountAccess>,
    secret: Secret,
}

fn now() -> Result<EpochMs> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(EpochMs(u64::try_from(now.as_millis())?))
}

/// Id of a thing of an account.
fn id(account: u32, number: u32) -> Id {
    let bytes = (u64::from(account) << 32 | u64::from(number)).to_be_bytes();
    Id::from_random(std::array::from_fn(|at| bytes[at % 8]))
}

fn size(file: u32) -> u64 {
    SIZES[file as usize % SIZES.len()]
}

/// The account with its files and its video.
fn account_sql(number: u32, seed: &Seed) -> String {
    let AccountAccess { user_id, namespace, .. } = &seed.access;
    let account = format!("(SELECT id FROM accounts WHERE agentcache_user_id = '{user_id}')");
    // One statement for all files: D1 takes at most 100 KB of SQL.
    let files = Value::from_iter((0..FILES).map(|file| json!([id(number, file), size(file), file])));
    let segments = (0..SEGMENTS).map(|number| (segment(number), SEGMENT)).chain([(PLAYLIST.to_owned(), playlist().len() as u64)]);
    let rows = segments.zip(FILES..).map(|((path, size), row)| json!([path, id(number, row), size]));
    let rows = Value::from_iter(rows);
    format!(
        "{}INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) \
         SELECT value ->> 0, '{namespace}', 'users/{user_id}/o/' || (value ->> 1) || '-' || (value ->> 2), value ->> 1, '{ETAG}', 'none', 0 FROM json_each('{files}');\n\
         INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
         SELECT value ->> 0, {account}, '{namespace}', value ->> 0, 'load-' || (value ->> 2) || '.bin', 'application/octet-stream', 'session', 0 FROM json_each('{files}');\n\
         INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
         SELECT '{namespace}', '{VIDEO}', value ->> 0, value ->> 1, {account}, 'users/{user_id}/v/{VIDEO}/' || (value ->> 0), value ->> 2, '{ETAG}', 'video/mp2t', 0 \
         FROM json_each('{rows}');\n",
        seed.sql(BUCKET)
    )
}

/// Starts a fresh Worker.
pub async fn set(folder: &Path, store: &str) -> Result<Stage> {
    let draw = |number: u32| Ok(Seed { chunk_size: Some(CHUNK), ..Seed::draw(&format!("load-{number}"), "enterprise")? });
    let seeds = (0..ACCOUNTS).map(draw).collect::<Result<Vec<_>>>()?;
    // As if the daily probe had found that the store verifies payload hashes.
    let facts = "INSERT INTO store_facts (name, value, checked_at) VALUES ('payload_hash_enforced', 1, unixepoch() * 1000);\n";
    let accounts: String = (0..).zip(&seeds).map(|(number, seed)| account_sql(number, seed)).collect();
    let server = Plan::ours(folder, &format!("http://{store}"), migrations()? + facts + &accounts).await?.start().await?;
    let secret = Secret::parse(WEBHOOK_SECRET).ok_or("webhook secret")?;
    Ok(Stage { server, accounts: seeds.into_iter().map(|seed| seed.access).collect(), secret })
}

impl Stage {
    fn account(&self, number: u32) -> Result<&AccountAccess> {
        self.accounts.get(number as usize % self.accounts.len().max(1)).ok_or_else(|| "no account".into())
    }

    fn target(&self, method: Method, path: String, headers: Vec<(String, String)>) -> Target {
        Target { address: self.server.address.clone(), method, path, headers, part_header: None }
    }

    /// A call of an account.
    pub fn call(&self, account: u32, method: Method, path: &str) -> Result<Target> {
        let access = self.account(account)?;
        let headers = [("x-api-key", &access.api_key), ("x-api-secret", &access.api_secret), ("content-type", &"application/json".to_owned())];
        Ok(self.target(method, path.to_owned(), headers.map(|(name, value)| (name.to_owned(), value.clone())).into()))
    }

    /// The path of a file's record.
    pub fn record(account: u32, file: u32) -> String {
        format!("/api/storage/files/{}", id(account % ACCOUNTS, file % FILES))
    }

    /// A part of an upload, with its token and the hash of its body.
    pub fn part(&self, token: &str, hash: &str) -> Target {
        let headers = [("x-upload-token", token), ("x-chunk-sha256", hash)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Target { part_header: Some("x-part-number"), ..self.target(Method::POST, "/api/jetty-speed/chunk".into(), headers.into()) }
    }

    fn namespace(&self, account: u32) -> Result<Name> {
        Name::parse(&self.account(account)?.namespace).ok_or_else(|| "namespace".into())
    }

    /// The content of a file.
    pub fn file(&self, account: u32, file: u32) -> Result<Target> {
        let claims =
            FileClaims { namespace: self.namespace(account)?, asset: id(account % ACCOUNTS, file % FILES), expires: now()?.plus(24 * 3_600_000) };
        let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
        Ok(self.target(Method::GET, format!("/files/{token}/load-{}.bin", file % FILES), vec![]))
    }

    /// A file of the video.
    pub fn video(&self, account: u32, path: &str) -> Result<Target> {
        let claims =
            VideoClaims { namespace: self.namespace(account)?, video: Name::parse(VIDEO).ok_or("video")?, expires: now()?.plus(24 * 3_600_000) };
        let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
        Ok(self.target(Method::GET, format!("/v/{token}/{path}"), vec![]))
    }

    /// A signed webhook of the identity provider.
    pub fn webhook(&self, message: &str, path: &str, body: &str) -> Result<Target> {
        let headers = headers(std::slice::from_ref(&self.secret), message, now()?, body);
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(self.target(Method::POST, path.to_owned(), headers))
    }
}
