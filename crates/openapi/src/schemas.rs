//! Schemas of answers that the service puts together from several types, or whose values may be anything.
//! Only their fields' names and types count: they are never made.
#![allow(dead_code)]

use std::collections::BTreeMap;

use jettyspeed_edge::accounts::browser_session::BrowserSessionView;
use jettyspeed_edge::accounts::overview::Overview;
use jettyspeed_edge::accounts::provisioning::AccountView;
use jettyspeed_edge::accounts::tier::Tier;
use jettyspeed_edge::alerts::alert::AlertView;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::dedup::possession::challenge::ChallengeView;
use jettyspeed_edge::edges::patch::Patch as EdgePatch;
use jettyspeed_edge::files::asset::AssetView;
use jettyspeed_edge::namespaces::namespace::NamespaceView;
use jettyspeed_edge::namespaces::patch::Patch as NamespacePatch;
use jettyspeed_edge::services::accounts::keys::KeyView;
use jettyspeed_edge::uploads::presigned::UrlView;
use jettyspeed_edge::uploads::request::{Complete, OfSession, Progress, Start};
use jettyspeed_edge::uploads::view::{Completed, Progress as UploadProgress, SessionView, Started};
use jettyspeed_edge::webhooks::delivery::DeliveryView;
use jettyspeed_edge::webhooks::endpoint::EndpointView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Body of `POST /api/jetty/track-upload`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum TrackUpload {
    /// Starts an upload.
    Start(Start),
    /// Reads its progress.
    Progress(Progress),
    /// Completes it.
    Complete(Complete),
    /// Aborts it.
    Fail(OfSession),
}

/// The file is stored already.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredAlready {
    /// Always true.
    duplicate: bool,
    /// The caller's file of these bytes.
    asset: AssetView,
}

/// How a session ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndedUpload {
    session_id: Id,
    /// `failed` or `expired`.
    status: String,
}

/// 200 of `track-upload`.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Tracked {
    /// Of `start`.
    Stored(StoredAlready),
    /// Of `complete`.
    Completed(Completed),
    /// Of `progress`.
    Progress(UploadProgress),
    /// Of `fail`.
    Ended(EndedUpload),
}

/// Another namespace stores these bytes: prove that you have them.
#[derive(Serialize, JsonSchema)]
pub struct Challenged {
    challenge: ChallengeView<'static>,
}

/// A page of uploads.
#[derive(Serialize, JsonSchema)]
pub struct Sessions {
    sessions: Vec<SessionView>,
    cursor: Option<String>,
}

/// URLs of parts at the store.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChunkUrlList {
    urls: Vec<UrlView>,
    /// Whether the store verifies hashes of presigned URLs; null: unknown.
    presigned_hash_bound: Option<bool>,
}

/// A file.
#[derive(Serialize, JsonSchema)]
pub struct OneAsset {
    asset: AssetView,
}

/// A page of files.
#[derive(Serialize, JsonSchema)]
pub struct Files {
    files: Vec<AssetView>,
    /// The folders, with their slashes; of a listing by prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefixes: Option<Vec<String>>,
    cursor: Option<String>,
}

/// Files that are deleted with others of their prefix.
#[derive(Serialize, JsonSchema)]
pub struct DeletedPrefix {
    prefix: String,
    /// How many, 100,000 at the most.
    files: u64,
    /// Their bytes.
    bytes: u64,
    /// Whether there are more than were counted.
    more: bool,
}

/// A part whose hash the store has checked.
#[derive(Serialize, JsonSchema)]
pub struct ReceiptChunk {
    /// Bytes.
    size: u64,
    /// SHA-256.
    sha256: String,
}

/// A signed receipt.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    asset: Id,
    /// Bytes.
    size: u64,
    sha256: Option<String>,
    verification: String,
    chunks: Vec<ReceiptChunk>,
    stored_at: String,
    issued_at: String,
    key_id: String,
    /// base64url of Ed25519 over the canonical JSON (RFC 8785) of the other fields.
    signature: String,
}

/// A public key (RFC 7517, RFC 8037).
#[derive(Serialize, JsonSchema)]
pub struct ReceiptKey {
    kty: String,
    crv: String,
    alg: String,
    r#use: String,
    kid: String,
    x: String,
}

/// The keys of receipts.
#[derive(Serialize, JsonSchema)]
pub struct ReceiptKeys {
    keys: Vec<ReceiptKey>,
}

/// A place to get a file from.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadCandidate {
    /// `edge`, `kv` or `origin`.
    provider: String,
    url: String,
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// Where to get a file.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadPlan {
    url: String,
    cached: bool,
    /// `edge` or `kv`.
    provider: String,
    latency_ms: Option<f64>,
    expires_at: String,
    candidates: Vec<DownloadCandidate>,
}

/// A video.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    video_id: Name,
    namespace: Name,
    entry: Option<String>,
    updated_at: Option<String>,
}

/// A page of videos.
#[derive(Serialize, JsonSchema)]
pub struct Videos {
    videos: Vec<Video>,
    cursor: Option<String>,
}

/// A stored file of a video.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoFile {
    video_id: Name,
    path: String,
    namespace: Name,
    /// Bytes.
    size: u64,
    content_type: String,
    s3_key: String,
    etag: String,
}

/// Where to play a video.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybackUrl {
    url: String,
    expires_at: String,
}

/// An account that was provisioned.
#[derive(Serialize, JsonSchema)]
pub struct Provisioned {
    account: AccountView,
    /// Whether the user had it already.
    cached: bool,
}

/// An account.
#[derive(Serialize, JsonSchema)]
pub struct OneAccount {
    account: AccountView,
}

/// An account with new credentials.
#[derive(Serialize, JsonSchema)]
pub struct Rotated {
    account: AccountView,
    old_credentials_expire_at: String,
}

/// Where an account lives.
#[derive(Serialize, JsonSchema)]
pub struct MovedAccount {
    agentcache_user_id: Name,
    shard: Shard,
    moving: bool,
}

/// An account's keys.
#[derive(Serialize, JsonSchema)]
pub struct Keys {
    keys: Vec<KeyView>,
}

/// A caller's signed-in browsers.
#[derive(Serialize, JsonSchema)]
pub struct BrowserSessions {
    sessions: Vec<BrowserSessionView>,
}

/// A page of accounts.
#[derive(Serialize, JsonSchema)]
pub struct Accounts {
    accounts: Vec<Overview>,
    cursor: Option<String>,
}

/// A page of alerts.
#[derive(Serialize, JsonSchema)]
pub struct Alerts {
    alerts: Vec<AlertView<'static>>,
    cursor: Option<String>,
}

/// All tiers.
#[derive(Serialize, JsonSchema)]
pub struct Tiers {
    tiers: Vec<Tier>,
}

/// Body of `POST /api/portal/namespaces`.
#[derive(Deserialize, JsonSchema)]
pub struct CreateNamespace {
    name: Name,
    #[serde(default)]
    shard: Option<Shard>,
    #[serde(flatten)]
    fields: NamespacePatch,
}

/// A page of namespaces.
#[derive(Serialize, JsonSchema)]
pub struct Namespaces {
    namespaces: Vec<NamespaceView>,
    cursor: Option<String>,
}

/// A namespace; for an operator with its members.
#[derive(Serialize, JsonSchema)]
pub struct NamespaceWithMembers {
    #[serde(flatten)]
    namespace: NamespaceView,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managers: Option<Vec<String>>,
}

/// Delivery of a namespace since it exists.
#[derive(Serialize, JsonSchema)]
pub struct NamespaceStats {
    hits: u64,
    misses: u64,
    /// Percent.
    hit_rate: f64,
    /// An older name of `hit_rate`.
    #[serde(rename = "hitRate")]
    older_hit_rate: f64,
    bytes_from_cache: u64,
    bytes_from_origin: u64,
    cost_saved_usd: f64,
    /// An older name of `cost_saved_usd`.
    #[serde(rename = "costSaved")]
    older_cost_saved: f64,
    cmcd_requests: u64,
}

/// A namespace whose caches were emptied.
#[derive(Serialize, JsonSchema)]
pub struct Purged {
    namespace: Name,
    generation: u64,
}

/// Body of `POST /api/cache/get`.
#[derive(Deserialize, JsonSchema)]
pub struct GetResponse {
    /// 1 to 256 bytes.
    #[schemars(length(min = 1, max = 256))]
    provider: String,
    /// 1 to 256 bytes.
    #[schemars(length(min = 1, max = 256))]
    model: String,
    messages: Vec<Value>,
    #[serde(default)]
    namespace: Option<Name>,
}

/// Body of `POST /api/cache/set`.
#[derive(Deserialize, JsonSchema)]
pub struct SetResponse {
    #[serde(flatten)]
    question: GetResponse,
    /// Anything but null.
    response: Value,
    /// Seconds.
    #[serde(default)]
    #[schemars(range(min = 60, max = 2_592_000))]
    ttl: Option<u64>,
}

/// What the cache of responses has.
#[derive(Serialize, JsonSchema)]
pub struct CachedResponse {
    hit: bool,
    /// As it was stored; null without a hit.
    response: Value,
    latency_ms: f64,
}

/// A response that was stored.
#[derive(Serialize, JsonSchema)]
pub struct StoredResponse {
    stored: bool,
    expires_at: String,
    latency_ms: f64,
}

/// An endpoint.
#[derive(Serialize, JsonSchema)]
pub struct OneWebhook {
    webhook: EndpointView,
}

/// The endpoints of a namespace.
#[derive(Serialize, JsonSchema)]
pub struct Webhooks {
    webhooks: Vec<EndpointView>,
}

/// What is sent to an endpoint.
#[derive(Serialize, JsonSchema)]
pub struct OneDelivery {
    delivery: DeliveryView,
}

/// A page of deliveries.
#[derive(Serialize, JsonSchema)]
pub struct Deliveries {
    deliveries: Vec<DeliveryView>,
    cursor: Option<String>,
}

/// Body of `POST /api/portal/edges`.
#[derive(Deserialize, JsonSchema)]
pub struct CreateEdge {
    #[serde(default)]
    id: Option<Name>,
    #[serde(flatten)]
    fields: EdgePatch,
}

/// An edge, for an operator.
#[derive(Serialize, JsonSchema)]
pub struct AdministeredEdge {
    #[serde(flatten)]
    edge: jettyspeed_edge::edges::edge::Edge,
    /// Equals `capacityMbps`.
    capacity_mbps: u64,
}

/// A part of the deployment that was tried.
#[derive(Serialize, JsonSchema)]
pub struct HealthPart {
    ok: bool,
    ms: f64,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// Whether the deployment is in order.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, `misconfigured` or `degraded`.
    status: String,
    version: String,
    revision: String,
    /// Number of the newest migration of this build.
    schema: u64,
    colo: Option<String>,
    payload_hash_enforced: Option<bool>,
    presigned_hash_bound: Option<bool>,
    bucket_owner: Option<String>,
    /// Vars and secrets that are missing or malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<BTreeMap<String, HealthPart>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<Vec<String>>,
    /// Null if the database does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_migrations: Option<Value>,
    /// Milliseconds; null if the store does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_skew_ms: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Map<String, Value>>,
}

/// What a problem's code means.
#[derive(Serialize, JsonSchema)]
pub struct ProblemKind {
    code: String,
    status: u16,
    title: String,
    description: String,
}

/// An answer to `start` of an upload that was opened.
pub type Opened = Started;
