//! The product's Worker with a store of files and a video.

use super::SEGMENTS;
use super::origin::{ETAG, PLAYLIST};
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;

use crate::load::Target;
use crate::miniflare::{Plan, Server, migrations};
use crate::peers::{BUCKET, TOKEN_KEY};
use jettyspeed_devstack::Result;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::auth::file_token::FileClaims;
use jettyspeed_edge::auth::playback_token::VideoClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::time::EpochMs;

/// Size of a small file, bytes.
pub const ONE_MB: u64 = 1_000_000;
/// Size of a large file, bytes.
pub const HUNDRED_MB: u64 = 100_000_000;
/// Size of a very large file, bytes.
pub const FIVE_GB: u64 = 5_000_000_000;
const SIZES: [u64; 3] = [ONE_MB, HUNDRED_MB, FIVE_GB];
/// Size of a segment, bytes: four seconds at 2 Mbit/s.
const SEGMENT: u64 = 1_000_000;
const VIDEO: &str = "film";

/// A running Worker with its URLs.
pub struct Stage {
    /// The Worker.
    pub server: Server,
    namespace: Name,
}

/// Name of a segment; it begins with the size.
pub fn segment(number: u32) -> String {
    format!("{SEGMENT}-{number:04}.ts")
}

/// The playlist of all segments.
pub fn playlist() -> String {
    let segments: String = (0..SEGMENTS).map(|number| format!("#EXTINF:4.0,\n{}\n", segment(number))).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n")
}

fn asset(size: u64) -> Id {
    Id::from_random(std::array::from_fn(|at| size.to_be_bytes()[at % 8]))
}

/// Starts a fresh Worker with the video of [`playlist`].
pub async fn set(folder: &Path, store: &str) -> Result<Stage> {
    let files = (0..SEGMENTS).map(|number| (segment(number), SEGMENT)).chain([(PLAYLIST.to_owned(), playlist().len() as u64)]);
    set_with(folder, store, files).await
}

/// Starts a fresh Worker with a video of these files: path and size.
pub async fn set_with(folder: &Path, store: &str, files: impl IntoIterator<Item = (String, u64)>) -> Result<Stage> {
    let access = AccountAccess::draw("bench")?;
    let AccountAccess { user_id, namespace, .. } = &access;
    let account = format!("(SELECT id FROM accounts WHERE agentcache_user_id = '{user_id}')");
    let mut sql = migrations()? + &Seed::of(access.clone(), "enterprise").sql(BUCKET);
    for size in SIZES {
        let id = asset(size);
        sql.push_str(&format!(
            "INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) VALUES ('{id}', '{namespace}', 'users/bench/o/{size}', {size}, '{ETAG}', 'none', 0);\n\
             INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
             VALUES ('{id}', {account}, '{namespace}', '{id}', 'bench.bin', 'application/octet-stream', 'session', 0);\n"
        ));
    }
    // One statement for all: D1 takes at most 100 KB of SQL.
    let files = files.into_iter().enumerate().map(|(number, (path, size))| json!([path, asset(number as u64 + 1), size]));
    let files = Value::from_iter(files);
    sql.push_str(&format!(
        "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
         SELECT '{namespace}', '{VIDEO}', value ->> 0, value ->> 1, {account}, 'users/bench/v/{VIDEO}/' || (value ->> 0), value ->> 2, '{ETAG}', 'video/mp2t', 0 \
         FROM json_each('{files}');\n"
    ));
    // A benchmark exceeds the tier's 5 TB per month.
    sql.push_str("UPDATE tier_configs SET bandwidth_quota_gb = 1000000 WHERE tier = 'enterprise';\n");
    let server = Plan::ours(folder, &format!("http://{store}"), sql).await?.start().await?;
    Ok(Stage { server, namespace: Name::parse(namespace).ok_or("namespace")? })
}

impl Stage {
    fn get(&self, path: String) -> Target {
        Target { address: self.server.address.clone(), method: Method::GET, path, headers: vec![], part_header: None }
    }

    /// A content URL of the file of that size.
    pub fn file(&self, size: u64) -> Result<Target> {
        let claims = FileClaims { namespace: self.namespace.clone(), asset: asset(size), expires: far()? };
        let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
        Ok(self.get(format!("/files/{token}/bench.bin")))
    }

    /// A file of the video.
    pub fn video(&self, path: &str) -> Result<Target> {
        let claims = VideoClaims { namespace: self.namespace.clone(), video: Name::parse(VIDEO).ok_or("video")?, expires: far()? };
        let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
        Ok(self.get(format!("/v/{token}/{path}")))
    }
}

/// A day from now, when tokens expire.
pub fn far() -> Result<EpochMs> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    Ok(EpochMs(u64::try_from(now)?).plus(24 * 3_600_000))
}
