//! HTTP client of the server's API.

mod start;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Error;
use crate::api::{
    Advice, Asset, AssetEnvelope, Completed, DownloadAnswer, EdgesQuery, FilePage, Part, Quota, Sample, SessionPage, SessionState, SessionSummary,
    Stored,
};
use crate::limit::Limit;
use crate::pages::Pages;
use crate::paths::IfExists;
use crate::retry::{Retry, retrying};
use crate::tls;
pub use start::StartFile;

/// Timeout of a request without file content. Completing a large upload takes the server up to two minutes.
const CALL_LIMIT: Duration = Duration::from_secs(180);

/// Timeout of an answer's body, once its head has come.
const BODY_LIMIT: Duration = Duration::from_secs(120);
/// Timeout of sending samples, which nothing depends on.
const SAMPLES_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a probe; an edge that exceeds it counts as dead.
pub(crate) const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Retries of API calls are fewer than those of parts, because the user sees no progress meanwhile.
const CALLS: Retry = Retry { attempts: 9, base: Duration::from_millis(250), cap: Duration::from_secs(5) };

/// A server and the credentials of an account. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    client: Client,
    base: String,
    key: String,
    secret: String,
    /// Retries of requests with file content.
    pub retry: Retry,
    /// Bound of the rate at which file content is sent and received; clones share it.
    pub limit: Limit,
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Edge {
    /// The server at `url` (`https://host[:port]`).
    ///
    /// # Errors
    /// [`Error::Usage`] for a malformed URL.
    pub fn new(url: &str, key: &str, secret: &str) -> Result<Edge, Error> {
        let parsed = reqwest::Url::parse(url).map_err(|error| Error::Usage(format!("the server's URL is none: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::Usage("the server's URL must not contain a user name or password".to_owned()));
        }
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(Error::Usage(format!("'{url}' must start with https:// or http://")));
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config()?)
            // One TCP connection per part in flight: each has its own congestion window, which is what makes parallel parts fast.
            .http1_only()
            .connect_timeout(Duration::from_secs(10))
            // reqwest would send our own credential headers along to a redirect's target.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_keepalive(Duration::from_secs(30))
            .user_agent(concat!("jettyspeed-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::from)?;
        Ok(Edge {
            client,
            base: url.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
            retry: Retry::default(),
            limit: Limit::default(),
        })
    }

    /// A request with the account's credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key).header("X-API-Secret", &self.secret)
    }

    /// A request to `url` without credentials.
    pub(crate) fn plain(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// A part for the edge at `url` with an upload token: the edge gets no account credentials.
    pub(crate) fn part(&self, url: &str, token: &str) -> RequestBuilder {
        self.client.request(Method::POST, format!("{url}/api/jetty-speed/chunk")).header("X-Upload-Token", token)
    }

    /// Key and secret of the account; empty without one.
    pub(crate) fn credentials(&self) -> (&str, &str) {
        (&self.key, &self.secret)
    }

    /// The server's URL, without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, build: impl Fn() -> RequestBuilder) -> Result<T, Error> {
        retrying(&CALLS, || async { read(build().timeout(CALL_LIMIT).send().await?).await }).await
    }

    /// The keys that receipts are signed with, as a JSON Web Key Set.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn receipt_keys(&self) -> Result<String, Error> {
        let url = format!("{}/.well-known/jettyspeed-keys.json", self.base);
        self.call::<Value>(|| self.plain(Method::GET, &url)).await.map(|keys| keys.to_string())
    }

    async fn track<T: DeserializeOwned>(&self, body: &Value) -> Result<T, Error> {
        self.call(|| self.request(Method::POST, "/api/jetty/track-upload").json(body)).await
    }

    /// The server's plan and edges for a file of `size` bytes in `namespace`, or in the account's own.
    pub async fn advice(&self, size: u64, namespace: Option<&str>) -> Result<Advice, Error> {
        self.edges(size, &EdgesQuery { namespace: namespace.map(str::to_owned), ..EdgesQuery::default() }).await
    }

    /// The edges for a file of `size` bytes (≥ 1), best first, with parameters.
    ///
    /// # Errors
    /// [`Error::Refused`] for an invalid size, location or priority, and see [`Error`].
    pub async fn edges(&self, size: u64, query: &EdgesQuery) -> Result<Advice, Error> {
        let mut body = json!(query);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("fileSize".to_owned(), size.into());
        }
        self.call(|| self.request(Method::POST, "/api/jetty/optimal-edges").json(&body)).await
    }

    /// Response time of the edge at `url`, for any status; None if it does not answer within two seconds. Sent without credentials.
    pub async fn probe(&self, url: &str) -> Option<Duration> {
        let began = tokio::time::Instant::now();
        let request = self.plain(Method::GET, &format!("{}/api/health", url.trim_end_matches('/'))).timeout(PROBE_LIMIT);
        let answer = request.send().await.ok()?;
        let took = began.elapsed();
        // Read to its end, so that the connection can be reused for a part.
        let _ = answer.bytes().await;
        Some(took)
    }

    /// Reports measurements of edges, at most 1,000 samples. Tried once; errors are ignored.
    pub(crate) async fn send_samples(&self, session: &str, samples: &[Sample]) {
        let body = json!({ "action": "progress", "sessionId": session, "samples": samples });
        let _ = self.request(Method::POST, "/api/jetty/track-upload").json(&body).timeout(SAMPLES_TIMEOUT).send().await;
    }

    /// Completes an upload. With `chunk_hashes` (the SHA-256 of every chunk, in order) the server refuses if a recorded part has another hash, with `file_hash`
    /// if `start` had another one.
    pub async fn complete(&self, session: &str, chunk_hashes: &[String], file_hash: Option<&str>) -> Result<Completed, Error> {
        self.complete_at(session, chunk_hashes, file_hash, None).await
    }

    /// Completes an upload with `if_exists` in place of what `start` had: for a path that was taken meanwhile.
    pub(crate) async fn complete_at(
        &self,
        session: &str,
        chunk_hashes: &[String],
        file_hash: Option<&str>,
        if_exists: Option<IfExists>,
    ) -> Result<Completed, Error> {
        let mut body = json!({ "action": "complete", "sessionId": session });
        if let (Some(if_exists), Some(fields)) = (if_exists, body.as_object_mut()) {
            fields.insert("ifExists".to_owned(), if_exists.as_str().into());
        }
        if let Some(fields) = body.as_object_mut().filter(|_| !chunk_hashes.is_empty()) {
            fields.insert("chunkHashes".to_owned(), chunk_hashes.into());
        }
        if let (Some(hash), Some(fields)) = (file_hash, body.as_object_mut()) {
            fields.insert("fileHash".to_owned(), hash.into());
        }
        self.track(&body).await
    }

    /// Aborts an upload; its parts are deleted.
    pub async fn fail(&self, session: &str) -> Result<(), Error> {
        self.track::<Value>(&json!({ "action": "fail", "sessionId": session })).await.map(|_| ())
    }

    /// State of an upload. With `reconcile` the server compares its record with the store.
    pub async fn session(&self, session: &str, reconcile: bool) -> Result<SessionState, Error> {
        let query = [("sessionId", session), ("reconcile", if reconcile { "1" } else { "0" })];
        self.call(|| self.request(Method::GET, "/api/jetty/cache-chunk").query(&query)).await
    }

    /// Restores the record of a part from its receipt.
    pub async fn remind(&self, session: &str, stored: &Stored) -> Result<(), Error> {
        let Stored { part_number, etag, size, sha256, receipt } = stored;
        let body = json!({ "sessionId": session, "partNumber": part_number, "etag": etag, "size": size, "sha256": sha256, "receipt": receipt });
        self.call::<Value>(|| self.request(Method::POST, "/api/jetty/cache-chunk").json(&body)).await.map(|_| ())
    }

    /// Records the hash of a part that the server found at the store.
    pub async fn claim(&self, session: &str, part: &Part, sha256: &str) -> Result<(), Error> {
        let body = json!({ "sessionId": session, "partNumber": part.part_number, "etag": part.etag, "size": part.size, "sha256": sha256 });
        self.call::<Value>(|| self.request(Method::POST, "/api/jetty/cache-chunk").json(&body)).await.map(|_| ())
    }

    /// The account's open uploads, newest first.
    pub async fn open_sessions(&self) -> Result<Vec<SessionSummary>, Error> {
        let mut list = Pages::new(usize::MAX);
        while let Some((cursor, limit)) = list.wanted() {
            let page = self.sessions("open", cursor.as_deref(), limit).await?;
            list.add(page.sessions, page.cursor)?;
        }
        Ok(list.into_rows())
    }

    /// A page of the account's uploads of that status (`open`, `complete`, `failed`, `expired`), newest first.
    pub async fn sessions(&self, status: &str, cursor: Option<&str>, limit: u32) -> Result<SessionPage, Error> {
        let limit = limit.to_string();
        let query = [("status", status), ("limit", limit.as_str()), ("cursor", cursor.unwrap_or(""))];
        self.call(|| self.request(Method::GET, "/api/jetty/sessions").query(&query)).await
    }

    /// A page of the account's files, newest first.
    pub async fn files(&self, cursor: Option<&str>, limit: u32) -> Result<FilePage, Error> {
        let limit = limit.to_string();
        let query = [("limit", limit.as_str()), ("cursor", cursor.unwrap_or(""))];
        self.call(|| self.request(Method::GET, "/api/storage/files").query(&query)).await
    }

    /// One file.
    pub async fn file(&self, id: &str) -> Result<Asset, Error> {
        let path = format!("/api/storage/files/{}", encode(id));
        self.call::<AssetEnvelope>(|| self.request(Method::GET, &path)).await.map(|envelope| envelope.asset)
    }

    /// Deletes a file, which must belong to the account.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let path = format!("/api/storage/files/{}", encode(id));
        self.remove(|| self.request(Method::DELETE, &path)).await
    }

    /// Sends a DELETE. A repetition that finds nothing is a success: the attempt before it, of which no answer came, has deleted it.
    pub(crate) async fn remove(&self, build: impl Fn() -> RequestBuilder) -> Result<(), Error> {
        let maybe_done = AtomicBool::new(false);
        retrying(&CALLS, || async {
            let answer = async { refused(build().timeout(CALL_LIMIT).send().await?).await.map(|_| ()) };
            match answer.await {
                Err(error) if error.status() == Some(404) && maybe_done.load(Ordering::Relaxed) => Ok(()),
                Err(error) => {
                    maybe_done.fetch_or(error.status().is_none_or(|status| status >= 500), Ordering::Relaxed);
                    Err(error)
                }
                Ok(()) => Ok(()),
            }
        })
        .await
    }

    /// Quota and usage of the account.
    pub async fn quota(&self) -> Result<Quota, Error> {
        self.call(|| self.request(Method::GET, "/api/agentcache/quota")).await
    }

    /// A content URL of the file, valid for an hour. The store's own URL is not requested, because it would be billed immediately.
    pub async fn download_url(&self, id: &str) -> Result<String, Error> {
        let query = [("assetId", id), ("direct", "0")];
        self.call::<DownloadAnswer>(|| self.request(Method::GET, "/api/storage/download").query(&query)).await.map(|answer| answer.url)
    }
}

/// A new Idempotency-Key: repeating a request with it has no second effect.
pub(crate) fn new_idempotency_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// What is encoded: not the hyphens of ids, which mean the same (RFC 3986 section 2.3) but not to whoever compares segments as they are. The dot is, or `..` would be
/// more than a name.
const ENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-');

/// Percent-encodes one path segment or header value.
pub(crate) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ENCODED).to_string()
}

/// The response if it is a success, otherwise the server's problem as an error.
#[expect(clippy::disallowed_methods, reason = "this crate is never compiled to wasm32")]
pub(crate) async fn refused(response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get("retry-after").and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
    let problem = body_of(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    Err(Error::Refused { status: status.as_u16(), problem: Box::new(problem), retry_after })
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let seconds = || value.trim().parse().ok().map(Duration::from_secs);
    let date = || httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default());
    seconds().or_else(date)
}

/// The body of a response whose head has come. It is short, and a server that stops in the middle of it must not be waited for without end.
async fn body_of(response: Response) -> Result<Bytes, Error> {
    Ok(tokio::time::timeout(BODY_LIMIT, response.bytes()).await.map_err(|_| Error::Stalled)??)
}

/// The JSON of a successful response.
pub(crate) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    let body = body_of(refused(response).await?).await?;
    serde_json::from_slice(&body).map_err(|error| Error::malformed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    use crate::stand_in::{StandIn, json_answer};

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 09 Sep 2001 01:47:10 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 09 Sep 2001 01:46:00 GMT", now), Some(Duration::ZERO), "in the past");
        assert_eq!(retry_after("soon", now), None);
    }

    /// The result of a deletion that is answered with these statuses, one after the other.
    async fn deletion(statuses: &'static [u16]) -> Result<(), Error> {
        let asked = AtomicUsize::new(0);
        let server = StandIn::start(move |_, _| {
            let status = statuses[asked.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1)];
            async move { json_answer(status, &json!({ "code": "c" })) }
        })
        .await;
        server.edge().delete("a").await
    }

    #[tokio::test]
    async fn nothing_found_is_a_success_only_after_an_attempt_that_may_have_deleted_it() {
        assert!(deletion(&[503, 404]).await.is_ok());
        assert_eq!(deletion(&[404]).await.unwrap_err().status(), Some(404));
        assert_eq!(deletion(&[429, 404]).await.unwrap_err().status(), Some(404), "a call that was not admitted deleted nothing");
    }
}
