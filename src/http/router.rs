//! The route table: one row per route and the proof it asks for. Everything that must hold for every route is derived from this table.

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// Who may call (SPEC section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Anybody.
    None,
    /// An account.
    Account,
    /// An upload token, or an account.
    TokenOrAccount,
    /// The token in the path.
    PathToken,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Is this deployment in order?
    Health,
    /// What does this error code mean?
    ExplainProblem,
    /// Rank edges and plan an upload.
    OptimalEdges,
    /// The account's uploads.
    Sessions,
    /// Start, progress, complete, fail.
    TrackUpload,
    /// What is there of an upload.
    CacheChunk,
    /// Send a part.
    Chunk,
    /// Send a file in one request.
    SimpleUpload,
    /// List files.
    Files,
    /// One file.
    File,
    /// Delete a file.
    DeleteFile,
    /// Where to get a file.
    Download,
    /// The bytes.
    Content,
}

/// One row.
#[derive(Debug)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path with `{names}` for single segments.
    pub pattern: &'static str,
    /// See [`Proof`].
    pub proof: Proof,
    /// See [`Endpoint`].
    pub endpoint: Endpoint,
}

const fn route(method: &'static str, pattern: &'static str, proof: Proof, endpoint: Endpoint) -> Route {
    Route { method, pattern, proof, endpoint }
}

/// All routes. The hottest first: matching is linear.
pub const ROUTES: &[Route] = &[
    route("POST", "/api/jetty-speed/chunk", Proof::TokenOrAccount, Endpoint::Chunk),
    route("PUT", "/api/jetty-speed/{sessionId}/{partNumber}", Proof::TokenOrAccount, Endpoint::Chunk),
    route("GET", "/files/{token}/{name}", Proof::PathToken, Endpoint::Content),
    route("HEAD", "/files/{token}/{name}", Proof::PathToken, Endpoint::Content),
    route("POST", "/api/jetty/track-upload", Proof::TokenOrAccount, Endpoint::TrackUpload),
    route("GET", "/api/jetty/cache-chunk", Proof::TokenOrAccount, Endpoint::CacheChunk),
    route("GET", "/api/jetty/sessions", Proof::Account, Endpoint::Sessions),
    route("POST", "/api/jetty/optimal-edges", Proof::Account, Endpoint::OptimalEdges),
    route("POST", "/api/storage/upload", Proof::Account, Endpoint::SimpleUpload),
    route("GET", "/api/storage/files", Proof::Account, Endpoint::Files),
    route("GET", "/api/storage/files/{id}", Proof::Account, Endpoint::File),
    route("DELETE", "/api/storage/files/{id}", Proof::Account, Endpoint::DeleteFile),
    route("GET", "/api/storage/download", Proof::Account, Endpoint::Download),
    route("GET", "/api/health", Proof::None, Endpoint::Health),
    route("GET", "/problems/{code}", Proof::None, Endpoint::ExplainProblem),
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

/// Finds the route of a request. `path` is percent-encoded, as on the wire. HEAD without a row of its own is GET's (RFC 9110 section 9.3.2);
/// the caller leaves out the body.
///
/// # Errors
/// 404, or 405 with the path's methods.
pub fn find(method: &str, path: &str) -> Result<(&'static Route, Params), Problem> {
    for route in ROUTES.iter().filter(|route| route.method == method) {
        if let Some(params) = matches(route.pattern, path) {
            return Ok((route, params));
        }
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
    let mut methods: Vec<_> = ROUTES.iter().filter(|route| matches(route.pattern, path).is_some()).map(|route| route.method).collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    (!methods.is_empty()).then(|| [methods.join(", "), "OPTIONS".to_owned()].join(", "))
}

fn matches(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::default();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(name) => params.0.push((name, percent_decode_str(segment).decode_utf8().ok()?.into_owned())),
            None if segment == expected => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_routes_and_their_params() {
        let (route, params) = find("PUT", "/api/jetty-speed/abc/7").unwrap();
        assert_eq!((route.endpoint, params.get("sessionId"), params.get("partNumber")), (Endpoint::Chunk, Some("abc"), Some("7")));
        let (_, params) = find("GET", "/files/tok/a%20b%2F%C3%BC%3F.txt").unwrap();
        assert_eq!(params.get("name"), Some("a b/ü?.txt"));
    }

    #[test]
    fn head_is_gets_unless_it_has_a_row() {
        assert_eq!(find("HEAD", "/api/health").unwrap().0.endpoint, Endpoint::Health);
        assert_eq!(find("HEAD", "/files/t/n").unwrap().0.method, "HEAD");
        assert_eq!(find("HEAD", "/nowhere").err(), Some(Problem::NotFound));
    }

    #[test]
    fn what_is_not_there_is_404_and_what_cannot_be_done_is_405() {
        for path in ["/", "", "/api", "/api/health/", "/files/t", "/files//n", "/files/t/n/m", "/files/t/%ff", "/api/jetty-speed/a/b/c"] {
            assert_eq!(find("GET", path), Err(Problem::NotFound), "{path}");
        }
        assert_eq!(find("PUT", "/api/storage/files/x").err(), Some(Problem::MethodNotAllowed { allow: "GET, DELETE, HEAD, OPTIONS".into() }));
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
