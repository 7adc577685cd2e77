//! The route table: one row per route, the proof it asks for and what may be named in it. Everything that must hold for every route is derived from this table.

use std::sync::OnceLock;

use matchit::Router;
use percent_encoding::percent_decode_str;

use crate::access::authorize::{AuthScheme, ResourceKind};
use crate::problem::Problem;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Is this deployment in order?
    Health,
    /// What does this error code mean?
    ExplainProblem,
    /// Where the root leads.
    StartPage,
    /// The list of documents.
    Documents,
    /// A document for callers.
    Document,
    /// The API as OpenAPI.
    OpenApi,
    /// Rank edges and plan an upload.
    OptimalEdges,
    /// The edges there are.
    Edges,
    /// What was measured of one.
    EdgeMetrics,
    /// Add an edge.
    CreateEdge,
    /// Change, drain or disable one.
    ChangeEdge,
    /// Delete one.
    DeleteEdge,
    /// The account's uploads.
    Sessions,
    /// Start, progress, complete, fail.
    TrackUpload,
    /// What is there of an upload.
    CacheChunk,
    /// Where to send parts without this service in between.
    ChunkUrls,
    /// What became of such a part.
    RecordChunk,
    /// Send a part.
    Chunk,
    /// Send a file in one request.
    SimpleUpload,
    /// Send many small files in one request.
    BatchUpload,
    /// List files.
    Files,
    /// Delete the files with a prefix.
    DeletePrefix,
    /// Copy a file.
    CopyFile,
    /// One file.
    File,
    /// Delete a file.
    DeleteFile,
    /// Where to get a file.
    Download,
    /// The bytes.
    Content,
    /// Store a file of a video.
    PutVideo,
    /// List videos.
    Videos,
    /// Delete a video.
    DeleteVideo,
    /// Where to play a video.
    Playback,
    /// A file of a video.
    Play,
    /// Did this webhook call arrive as it was sent?
    EchoWebhook,
    /// Create an account, or raise its tier.
    Provision,
    /// Move an account to another tier.
    Upgrade,
    /// New credentials.
    Rotate,
    /// Switch an account off.
    Suspend,
    /// Switch it on again.
    Resume,
    /// What is used of what.
    Quota,
    /// Move an account to another database.
    MoveAccount,
    /// List accounts.
    Accounts,
    /// One account.
    AccountOverview,
    /// Delete an account.
    DeleteAccount,
    /// How calls of provisioning ended.
    ProvisioningFigures,
    /// What a month cost.
    Statement,
    /// All tiers.
    Tiers,
    /// Change a tier.
    ChangeTier,
    /// Create a namespace.
    CreateNamespace,
    /// List namespaces.
    Namespaces,
    /// One namespace.
    Namespace,
    /// Change a namespace.
    ChangeNamespace,
    /// Delete a namespace.
    DeleteNamespace,
    /// Are these bytes there?
    CheckDuplicate,
    /// How much of a namespace comes from the cache.
    NamespaceStats,
    /// Figures of a period.
    Analytics,
    /// Alerts of namespaces.
    Alerts,
    /// What happens to an account, while it does.
    Live,
    /// What an operator watches, as Prometheus reads it.
    Metrics,
    /// Empty a namespace's caches.
    PurgeNamespace,
    /// Put an account into a namespace.
    AddMember,
    /// Take it out.
    RemoveMember,
    /// Keep a model's response.
    SetResponse,
    /// Is there one?
    GetResponse,
    /// Bring a slice of a file into the cache.
    WarmChunk,
    /// Add a webhook endpoint to a namespace.
    CreateWebhook,
    /// List the endpoints.
    Webhooks,
    /// One endpoint.
    Webhook,
    /// Change an endpoint, or its secret.
    ChangeWebhook,
    /// Delete an endpoint.
    DeleteWebhook,
    /// What was sent to an endpoint.
    Deliveries,
    /// Send it again.
    ReplayDelivery,
    /// Send a test event to an endpoint.
    TestWebhook,
    /// A signed receipt of a file.
    Receipt,
    /// Create an account, by an operator.
    CreateAccount,
    /// Change an account, by an operator.
    ChangeAccount,
    /// New credentials for an account, by an operator.
    RotateAccount,
    /// Exchange credentials for a browser's cookie.
    SignIn,
    /// The caller's signed-in browsers.
    BrowserSessions,
    /// End the session of one.
    SignOut,
    /// Who is signed in.
    SignedIn,
    /// The account's keys.
    Keys,
    /// New credentials for the calling account.
    RotateKey,
    /// Jobs that wait, fail, or failed too often.
    Jobs,
    /// Give a file another name.
    RenameFile,
    /// The dashboard.
    Dashboard,
    /// The keys that receipts are signed with.
    ReceiptKeys,
    /// Create an upload by tus or IETF resumable uploads.
    CreateResumable,
    /// Ask for its offset.
    ResumableOffset,
    /// Append to it.
    AppendResumable,
    /// End it.
    EndResumable,
}

/// What a call with an account's credentials counts against (docs/api.md, Rate limits). A call by upload token counts against its session instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// Nothing.
    None,
    /// The tier's requests per minute.
    Requests,
    /// Ten times as many files of videos per minute.
    VideoFiles,
}

impl Endpoint {
    /// The rate limit of its calls.
    pub fn rate_limit(self) -> RateLimit {
        match self {
            Endpoint::Chunk | Endpoint::Content | Endpoint::Play => RateLimit::None,
            // Clients of tus take a 429 for the end of the upload.
            Endpoint::ResumableOffset | Endpoint::AppendResumable => RateLimit::None,
            Endpoint::PutVideo => RateLimit::VideoFiles,
            _ => RateLimit::Requests,
        }
    }
}

/// One row.
#[derive(Debug)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path with `{names}` for single segments, and `{name*}` for all that are left.
    pub pattern: &'static str,
    /// See [`AuthScheme`].
    pub scheme: AuthScheme,
    /// See [`Endpoint`].
    pub endpoint: Endpoint,
    /// What callers may name in it; nothing else can be looked up by it.
    pub resources: &'static [ResourceKind],
}

const fn route(method: &'static str, pattern: &'static str, scheme: AuthScheme, endpoint: Endpoint, resources: &'static [ResourceKind]) -> Route {
    Route { method, pattern, scheme, endpoint, resources }
}

const NOTHING: &[ResourceKind] = &[];

const ASSET: &[ResourceKind] = &[ResourceKind::Asset];

const VIDEO: &[ResourceKind] = &[ResourceKind::VideoFile];

const SESSION: &[ResourceKind] = &[ResourceKind::Session];

/// A new upload is in a namespace, and its session is read at once.
const NEW_UPLOAD: &[ResourceKind] = &[ResourceKind::Session, ResourceKind::Namespace];
const NAMESPACE: &[ResourceKind] = &[ResourceKind::Namespace];

const USER: &[ResourceKind] = &[ResourceKind::User];

/// All routes. Two of one method must not match the same path.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    route("POST", "/api/jetty-speed/chunk", AuthScheme::TokenOrAccount, Endpoint::Chunk, SESSION),
    route("PUT", "/api/jetty-speed/{sessionId}/{partNumber}", AuthScheme::TokenOrAccount, Endpoint::Chunk, SESSION),
    route("GET", "/files/{token}/{name}", AuthScheme::PathToken, Endpoint::Content, ASSET),
    route("HEAD", "/files/{token}/{name}", AuthScheme::PathToken, Endpoint::Content, ASSET),
    route("GET", "/v/{token}/{path*}", AuthScheme::VideoToken, Endpoint::Play, VIDEO),
    route("HEAD", "/v/{token}/{path*}", AuthScheme::VideoToken, Endpoint::Play, VIDEO),
    route("POST", "/api/jetty/track-upload", AuthScheme::TokenOrAccount, Endpoint::TrackUpload, &[ResourceKind::Session, ResourceKind::Namespace]),
    route("GET", "/api/jetty/cache-chunk", AuthScheme::TokenOrAccount, Endpoint::CacheChunk, SESSION),
    route("POST", "/api/jetty/cache-chunk", AuthScheme::TokenOrAccount, Endpoint::RecordChunk, SESSION),
    route("POST", "/api/jetty/chunk-urls", AuthScheme::TokenOrAccount, Endpoint::ChunkUrls, SESSION),
    route("GET", "/api/jetty/sessions", AuthScheme::Account, Endpoint::Sessions, NOTHING),
    route("POST", "/api/jetty/optimal-edges", AuthScheme::Account, Endpoint::OptimalEdges, NAMESPACE),
    route("POST", "/api/jetty/check-duplicate", AuthScheme::Account, Endpoint::CheckDuplicate, NOTHING),
    route("POST", "/api/storage/upload", AuthScheme::Account, Endpoint::SimpleUpload, NEW_UPLOAD),
    route("PUT", "/api/storage/upload/{path*}", AuthScheme::Account, Endpoint::SimpleUpload, NEW_UPLOAD),
    route("POST", "/api/storage/batch", AuthScheme::Account, Endpoint::BatchUpload, NAMESPACE),
    route("POST", "/tus", AuthScheme::Account, Endpoint::CreateResumable, NEW_UPLOAD),
    route("HEAD", "/tus/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::ResumableOffset, SESSION),
    route("PATCH", "/tus/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::AppendResumable, SESSION),
    route("DELETE", "/tus/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::EndResumable, SESSION),
    route("POST", "/resumable", AuthScheme::Account, Endpoint::CreateResumable, NEW_UPLOAD),
    route("GET", "/resumable/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::ResumableOffset, SESSION),
    route("PATCH", "/resumable/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::AppendResumable, SESSION),
    route("DELETE", "/resumable/{sessionId}", AuthScheme::TokenOrAccount, Endpoint::EndResumable, SESSION),
    route("GET", "/api/storage/files/{id}", AuthScheme::Account, Endpoint::File, ASSET),
    route("GET", "/api/storage/files", AuthScheme::Account, Endpoint::Files, NAMESPACE),
    route("DELETE", "/api/storage/files", AuthScheme::Account, Endpoint::DeletePrefix, NAMESPACE),
    route("POST", "/api/storage/files/{id}/copy", AuthScheme::Account, Endpoint::CopyFile, ASSET),
    route("GET", "/api/storage/files/{id}/receipt", AuthScheme::Account, Endpoint::Receipt, ASSET),
    route("PATCH", "/api/storage/files/{id}", AuthScheme::Account, Endpoint::RenameFile, ASSET),
    route("DELETE", "/api/storage/files/{id}", AuthScheme::Account, Endpoint::DeleteFile, ASSET),
    route("GET", "/api/storage/download", AuthScheme::Account, Endpoint::Download, ASSET),
    route("PUT", "/api/video/{videoId}/{path*}", AuthScheme::Account, Endpoint::PutVideo, NAMESPACE),
    route("GET", "/api/video", AuthScheme::Account, Endpoint::Videos, NAMESPACE),
    route("DELETE", "/api/video/{videoId}", AuthScheme::Account, Endpoint::DeleteVideo, NAMESPACE),
    route("POST", "/api/video/{videoId}/playback", AuthScheme::Account, Endpoint::Playback, NAMESPACE),
    route("GET", "/api/agentcache/quota", AuthScheme::AccountOrWebhook, Endpoint::Quota, USER),
    route("POST", "/api/webhooks/echo", AuthScheme::Webhook, Endpoint::EchoWebhook, NOTHING),
    route("POST", "/api/agentcache/provision", AuthScheme::Webhook, Endpoint::Provision, USER),
    route("POST", "/api/webhooks/jettythunder/provision", AuthScheme::Webhook, Endpoint::Provision, USER),
    route("POST", "/api/webhooks/jetty/provision", AuthScheme::Webhook, Endpoint::Provision, USER),
    route("POST", "/api/agentcache/upgrade", AuthScheme::Webhook, Endpoint::Upgrade, USER),
    route("POST", "/api/webhooks/jettythunder/upgrade", AuthScheme::Webhook, Endpoint::Upgrade, USER),
    route("POST", "/api/webhooks/jetty/upgrade", AuthScheme::Webhook, Endpoint::Upgrade, USER),
    route("POST", "/api/agentcache/rotate", AuthScheme::Webhook, Endpoint::Rotate, USER),
    route("POST", "/api/agentcache/suspend", AuthScheme::Webhook, Endpoint::Suspend, USER),
    route("POST", "/api/agentcache/resume", AuthScheme::Webhook, Endpoint::Resume, USER),
    route("POST", "/api/portal/accounts/{user}/move", AuthScheme::Operator, Endpoint::MoveAccount, USER),
    route("GET", "/api/portal/accounts", AuthScheme::Operator, Endpoint::Accounts, NOTHING),
    route("GET", "/api/portal/accounts/{user}", AuthScheme::Operator, Endpoint::AccountOverview, USER),
    route("DELETE", "/api/portal/accounts/{user}", AuthScheme::Operator, Endpoint::DeleteAccount, USER),
    route("POST", "/api/portal/accounts", AuthScheme::Operator, Endpoint::CreateAccount, USER),
    route("PATCH", "/api/portal/accounts/{user}", AuthScheme::Operator, Endpoint::ChangeAccount, USER),
    route("POST", "/api/portal/accounts/{user}/rotate", AuthScheme::Operator, Endpoint::RotateAccount, USER),
    route("POST", "/api/portal/sessions", AuthScheme::OperatorOrAccount, Endpoint::SignIn, NOTHING),
    route("GET", "/api/portal/sessions", AuthScheme::OperatorOrAccount, Endpoint::BrowserSessions, NOTHING),
    route("DELETE", "/api/portal/sessions/{session}", AuthScheme::OperatorOrAccount, Endpoint::SignOut, NOTHING),
    route("GET", "/api/portal/session", AuthScheme::OperatorOrAccount, Endpoint::SignedIn, NOTHING),
    route("GET", "/api/portal/keys", AuthScheme::Account, Endpoint::Keys, NOTHING),
    route("POST", "/api/portal/keys/rotate", AuthScheme::Account, Endpoint::RotateKey, NOTHING),
    route("GET", "/api/portal/jobs", AuthScheme::Operator, Endpoint::Jobs, NOTHING),
    route("GET", "/api/portal/provisioning", AuthScheme::Operator, Endpoint::ProvisioningFigures, NOTHING),
    route("GET", "/api/agentcache/statement", AuthScheme::OperatorOrAccount, Endpoint::Statement, USER),
    route("GET", "/api/portal/tiers", AuthScheme::Operator, Endpoint::Tiers, NOTHING),
    route("PATCH", "/api/portal/tiers/{tier}", AuthScheme::Operator, Endpoint::ChangeTier, NOTHING),
    route("POST", "/api/portal/namespaces", AuthScheme::Operator, Endpoint::CreateNamespace, NOTHING),
    route("GET", "/api/portal/namespaces", AuthScheme::OperatorOrAccount, Endpoint::Namespaces, NOTHING),
    route("GET", "/api/portal/namespaces/{ns}", AuthScheme::OperatorOrAccount, Endpoint::Namespace, NAMESPACE),
    route("PATCH", "/api/portal/namespaces/{ns}", AuthScheme::OperatorOrAccount, Endpoint::ChangeNamespace, NAMESPACE),
    route("DELETE", "/api/portal/namespaces/{ns}", AuthScheme::Operator, Endpoint::DeleteNamespace, NAMESPACE),
    route("GET", "/api/portal/namespaces/{ns}/stats", AuthScheme::OperatorOrAccount, Endpoint::NamespaceStats, NAMESPACE),
    route("GET", "/api/portal/analytics", AuthScheme::OperatorOrAccount, Endpoint::Analytics, NAMESPACE),
    route("GET", "/api/live", AuthScheme::OperatorOrAccount, Endpoint::Live, USER),
    route("GET", "/api/portal/alerts", AuthScheme::OperatorOrAccount, Endpoint::Alerts, NAMESPACE),
    route("POST", "/api/portal/namespaces/{ns}/purge", AuthScheme::Operator, Endpoint::PurgeNamespace, NAMESPACE),
    route("PUT", "/api/portal/namespaces/{ns}/members/{user}", AuthScheme::Operator, Endpoint::AddMember, &[ResourceKind::Namespace, ResourceKind::User]),
    route("DELETE", "/api/portal/namespaces/{ns}/members/{user}", AuthScheme::Operator, Endpoint::RemoveMember, &[ResourceKind::Namespace, ResourceKind::User]),
    route("POST", "/api/cache/get", AuthScheme::Account, Endpoint::GetResponse, NAMESPACE),
    route("POST", "/api/cache/set", AuthScheme::Account, Endpoint::SetResponse, NAMESPACE),
    route("POST", "/api/cache/chunk", AuthScheme::Account, Endpoint::WarmChunk, ASSET),
    route("POST", "/api/portal/namespaces/{ns}/webhooks", AuthScheme::OperatorOrAccount, Endpoint::CreateWebhook, NAMESPACE),
    route("GET", "/api/portal/namespaces/{ns}/webhooks", AuthScheme::OperatorOrAccount, Endpoint::Webhooks, NAMESPACE),
    route("GET", "/api/portal/namespaces/{ns}/webhooks/{webhook}", AuthScheme::OperatorOrAccount, Endpoint::Webhook, NAMESPACE),
    route("PATCH", "/api/portal/namespaces/{ns}/webhooks/{webhook}", AuthScheme::OperatorOrAccount, Endpoint::ChangeWebhook, NAMESPACE),
    route("DELETE", "/api/portal/namespaces/{ns}/webhooks/{webhook}", AuthScheme::OperatorOrAccount, Endpoint::DeleteWebhook, NAMESPACE),
    route("GET", "/api/portal/namespaces/{ns}/webhooks/{webhook}/deliveries", AuthScheme::OperatorOrAccount, Endpoint::Deliveries, NAMESPACE),
    route("POST", "/api/portal/namespaces/{ns}/webhooks/{webhook}/test", AuthScheme::OperatorOrAccount, Endpoint::TestWebhook, NAMESPACE),
    route("POST", "/api/portal/namespaces/{ns}/deliveries/{delivery}/replay", AuthScheme::OperatorOrAccount, Endpoint::ReplayDelivery, NAMESPACE),
    route("GET", "/api/edges", AuthScheme::None, Endpoint::Edges, NOTHING),
    route("GET", "/api/edges/{edge}/metrics", AuthScheme::OperatorOrAccount, Endpoint::EdgeMetrics, NOTHING),
    route("POST", "/api/portal/edges", AuthScheme::Operator, Endpoint::CreateEdge, NOTHING),
    route("PATCH", "/api/portal/edges/{edge}", AuthScheme::Operator, Endpoint::ChangeEdge, NOTHING),
    route("DELETE", "/api/portal/edges/{edge}", AuthScheme::Operator, Endpoint::DeleteEdge, NOTHING),
    route("GET", "/api/health", AuthScheme::None, Endpoint::Health, NOTHING),
    route("GET", "/.well-known/jettyspeed-keys.json", AuthScheme::None, Endpoint::ReceiptKeys, NOTHING),
    route("GET", "/problems/{code}", AuthScheme::None, Endpoint::ExplainProblem, NOTHING),
    route("GET", "/metrics", AuthScheme::Operator, Endpoint::Metrics, NOTHING),
    route("GET", "/", AuthScheme::None, Endpoint::StartPage, NOTHING),
    route("GET", "/dashboard", AuthScheme::None, Endpoint::Dashboard, NOTHING),
    route("GET", "/dashboard/{file}", AuthScheme::None, Endpoint::Dashboard, NOTHING),
    route("GET", "/docs", AuthScheme::None, Endpoint::Documents, NOTHING),
    route("GET", "/docs/{name}", AuthScheme::None, Endpoint::Document, NOTHING),
    route("GET", "/openapi.json", AuthScheme::None, Endpoint::OpenApi, NOTHING),
];

/// The decoded `{names}` of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(&'static str, String)>);

impl Params {
    /// The segment of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// A router for each method, whose values are indices of [`ROUTES`]. One for all methods would let `POST /api/video/{videoId}/playback` hide the catch-all of PUT.
/// Built at the isolate's first request; plain data, so that requests may share it.
static ROUTERS: OnceLock<Vec<(&'static str, Router<usize>)>> = OnceLock::new();

fn build_routers() -> Vec<(&'static str, Router<usize>)> {
    let mut routers: Vec<(&'static str, Router<usize>)> = Vec::new();
    for (index, route) in ROUTES.iter().enumerate() {
        // The router writes `{*path}`. The table keeps its own form, which stored idempotency fingerprints hold.
        let pattern = match route.pattern.strip_suffix("*}").and_then(|rest| rest.rsplit_once('{')) {
            Some((head, name)) => format!("{head}{{*{name}}}"),
            None => route.pattern.to_owned(),
        };
        let known = routers.iter().position(|(method, _)| *method == route.method).unwrap_or_else(|| {
            routers.push((route.method, Router::new()));
            routers.len() - 1
        });
        if let Some((_, router)) = routers.get_mut(known) {
            // Fails on rows that contradict each other; a test finds every row by its path.
            let _ = router.insert(pattern, index);
        }
    }
    routers
}

/// The path's row of that router, and its params. `path` is percent-encoded: an encoded slash separates nothing.
fn lookup(router: &'static Router<usize>, path: &str) -> Option<(usize, Params)> {
    let found = router.at(path).ok()?;
    let pattern = ROUTES.get(*found.value)?.pattern;
    let mut params = Params::default();
    for (name, value) in found.params.iter() {
        let is_rest = pattern.strip_suffix("*}").and_then(|rest| rest.rsplit_once('{')).is_some_and(|(_, rest)| rest == name);
        let value = if is_rest { decoded_rest(value)? } else { decoded(value)? };
        params.0.push((name, value));
    }
    Some((*found.value, params))
}

/// Finds the route of a request. `path` is percent-encoded, as on the wire. HEAD without a row of its own is GET's (RFC 9110 section 9.3.2);
/// the caller leaves out the body.
///
/// # Errors
/// 404, or 405 with the path's methods.
pub fn find(method: &str, path: &str) -> Result<(&'static Route, Params), Problem> {
    let routers = ROUTERS.get_or_init(build_routers);
    let found = routers.iter().find(|(known, _)| *known == method).and_then(|(_, router)| lookup(router, path));
    if let Some((index, params)) = found
        && let Some(route) = ROUTES.get(index)
    {
        return Ok((route, params));
    }
    if method == "HEAD" {
        return find("GET", path);
    }
    match allowed(path) {
        Some(allow) => Err(Problem::MethodNotAllowed { allow }),
        None => Err(Problem::NotFound),
    }
}

/// The methods of a path as `Allow` lists them, or None if there is no such path.
pub fn allowed(path: &str) -> Option<String> {
    let routers = ROUTERS.get_or_init(build_routers);
    let mut found: Vec<(usize, &str)> =
        routers.iter().filter_map(|(method, router)| lookup(router, path).map(|(index, _)| (index, *method))).collect();
    // In the order of the table.
    found.sort_unstable();
    let mut methods: Vec<&str> = found.into_iter().map(|(_, method)| method).collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    (!methods.is_empty()).then(|| [methods.join(", "), "OPTIONS".to_owned()].join(", "))
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A catch-all: no empty segment, and none with an encoded slash, which is no separator and has no other meaning here.
fn decoded_rest(path: &str) -> Option<String> {
    let segments: Vec<String> = path.split('/').map(decoded).collect::<Option<_>>()?;
    segments.iter().all(|segment| !segment.is_empty() && !segment.contains('/')).then(|| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_and_content_are_not_paced_by_account_and_video_files_apart() {
        let limits = [Endpoint::Chunk, Endpoint::Content, Endpoint::Play, Endpoint::PutVideo, Endpoint::AddMember].map(Endpoint::rate_limit);
        assert_eq!(limits, [RateLimit::None, RateLimit::None, RateLimit::None, RateLimit::VideoFiles, RateLimit::Requests]);
    }

    #[test]
    fn finds_routes_and_their_params() {
        let (route, params) = find("PUT", "/api/jetty-speed/abc/7").unwrap();
        assert_eq!((route.endpoint, params.get("sessionId"), params.get("partNumber")), (Endpoint::Chunk, Some("abc"), Some("7")));
        let (_, params) = find("GET", "/files/tok/a%20b%2F%C3%BC%3F.txt").unwrap();
        assert_eq!(params.get("name"), Some("a b/ü?.txt"));
        let (_, params) = find("GET", "/v/tok/720p/a%20b.ts").unwrap();
        assert_eq!((params.get("token"), params.get("path")), (Some("tok"), Some("720p/a b.ts")));
    }

    #[test]
    fn params_are_decoded_once_and_only_separators_separate() {
        for (path, name, expected) in [
            ("/files/t/a%2Fb", "name", "a/b"),
            ("/files/t/%252F", "name", "%2F"),
            ("/files/t/.", "name", "."),
            ("/files/t/..", "name", ".."),
            ("/files/t/%2E%2E", "name", ".."),
            ("/files/t/a+b", "name", "a+b"),
            ("/files/t/a%", "name", "a%"),
            ("/files/t/{name}", "name", "{name}"),
            ("/files/t/*", "name", "*"),
            ("/files/%2F/n", "token", "/"),
            ("/v/t/a", "path", "a"),
            ("/v/t/a/../b", "path", "a/../b"),
            ("/v/t/%2E%2E/b", "path", "../b"),
            ("/v/t/a%20b/c%3F", "path", "a b/c?"),
            ("/api/edges/metrics/metrics", "edge", "metrics"),
        ] {
            assert_eq!(find("GET", path).unwrap().1.get(name), Some(expected), "{path}");
        }
    }

    #[test]
    fn catch_all_is_not_hidden_by_a_route_of_another_method() {
        let (route, params) = find("PUT", "/api/video/film/playback").unwrap();
        assert_eq!((route.endpoint, params.get("videoId"), params.get("path")), (Endpoint::PutVideo, Some("film"), Some("playback")));
        assert_eq!(find("POST", "/api/video/film/playback").unwrap().0.endpoint, Endpoint::Playback);
        assert_eq!(find("GET", "/api/video/film/playback").err(), Some(Problem::MethodNotAllowed { allow: "PUT, POST, OPTIONS".into() }));
        assert_eq!(find("POST", "/api/video/film/a/b").err(), Some(Problem::MethodNotAllowed { allow: "PUT, OPTIONS".into() }));
        assert_eq!(find("PUT", "/api/video/film").err(), Some(Problem::MethodNotAllowed { allow: "DELETE, OPTIONS".into() }));
    }

    #[test]
    fn allow_lists_the_methods_in_the_order_of_the_table() {
        for (path, allow) in [
            ("/files/t/n", Some("GET, HEAD, OPTIONS")),
            ("/v/t/a/b", Some("GET, HEAD, OPTIONS")),
            ("/api/jetty/cache-chunk", Some("GET, POST, HEAD, OPTIONS")),
            ("/api/portal/namespaces", Some("POST, GET, HEAD, OPTIONS")),
            ("/api/portal/namespaces/n", Some("GET, PATCH, DELETE, HEAD, OPTIONS")),
            ("/api/jetty-speed/chunk", Some("POST, OPTIONS")),
            ("/api/jetty-speed/a/1", Some("PUT, OPTIONS")),
            ("/files/t/%ff", None),
            ("/v/t/a%2Fb", None),
            ("/API/health", None),
            ("//api/health", None),
            ("/api//health", None),
            ("/api/./health", None),
            ("/api/%68ealth", None),
        ] {
            assert_eq!(allowed(path).as_deref(), allow, "{path}");
        }
    }

    #[test]
    fn head_is_gets_unless_it_has_a_row() {
        assert_eq!(find("HEAD", "/api/health").unwrap().0.endpoint, Endpoint::Health);
        assert_eq!(find("HEAD", "/files/t/n").unwrap().0.method, "HEAD");
        assert_eq!(find("HEAD", "/nowhere").err(), Some(Problem::NotFound));
        assert_eq!(find("HEAD", "/api/agentcache/rotate").err(), Some(Problem::MethodNotAllowed { allow: "POST, OPTIONS".into() }));
        assert_eq!(find("head", "/api/health").err(), Some(Problem::MethodNotAllowed { allow: "GET, HEAD, OPTIONS".into() }));
    }

    #[test]
    fn unknown_path_is_404_and_unknown_method_is_405() {
        for path in [
            "//",
            "",
            "/api",
            "/api/health/",
            "/files/t",
            "/files//n",
            "/files/t/n/m",
            "/files/t/%ff",
            "/v/t",
            "/v/t/",
            "/v/t/a//b",
            "/v/t/a%2Fb",
            "/v/t/%ff",
            "/api/jetty-speed/a/b/c",
        ] {
            assert_eq!(find("GET", path), Err(Problem::NotFound), "{path}");
        }
        assert_eq!(find("PUT", "/api/storage/files/x").err(), Some(Problem::MethodNotAllowed { allow: "GET, PATCH, DELETE, HEAD, OPTIONS".into() }));
    }

    impl PartialEq for Route {
        fn eq(&self, other: &Route) -> bool {
            std::ptr::eq(self, other)
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_every_row_is_reachable(path in "(/[a-z{}%0-9.]{0,6}){0,6}", index in 0..ROUTES.len()) {
            let _ = find("GET", &path);
            let route = &ROUTES[index];
            let concrete = route.pattern.replace('{', "x").replace('}', "y");
            prop_assert_eq!(find(route.method, &concrete).unwrap().0.endpoint, route.endpoint);
        }
    }
}
