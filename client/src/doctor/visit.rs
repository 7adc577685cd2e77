//! One examination of a deployment: how it asks, what it may use, and what it has used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::report::Verdict;
use crate::Error;
use crate::api::{Asset, AssetEnvelope, DownloadAnswer};
use crate::edge::{Edge, encode};
use crate::retry::{Retry, retrying};

/// Largest answer that is read into memory, bytes.
const MAX_ANSWER: usize = 8_000_000;

/// Repetitions of what only prepares a check. What a check looks at is asked for once.
const PREPARING: Retry = Retry { attempts: 4, base: Duration::from_millis(250), cap: Duration::from_secs(2) };

/// What an examination may use.
#[derive(Clone, Default)]
pub struct DoctorOptions {
    /// Whether the [`Edge`] has credentials of an account.
    pub has_account: bool,
    /// The operator's token.
    pub admin_token: Option<String>,
    /// A webhook secret.
    pub webhook_secret: Option<String>,
    /// The origin of an application in browsers, `https://host`.
    pub origin: Option<String>,
    /// Size of the file for the check of large files, bytes; without that check if None.
    pub large: Option<u64>,
    /// A file to which the deployment's log is being written.
    pub logs: Option<PathBuf>,
}

/// See the module.
pub struct Visit {
    pub edge: Edge,
    pub options: DoctorOptions,
    /// Drawn for this examination; too short to be taken for a token by what redacts tokens in logs.
    pub id: String,
    /// What `GET /api/health?deep=1` says, or why it says nothing.
    pub deep: OnceCell<Result<Value, Verdict>>,
    used: Mutex<Used>,
}

/// What was used.
#[derive(Default)]
struct Used {
    /// Secrets, and what they are.
    secrets: BTreeMap<String, &'static str>,
    requests: BTreeSet<String>,
}

impl Visit {
    /// An examination that begins.
    pub fn new(edge: Edge, options: DoctorOptions) -> Visit {
        let id = format!("{:012x}", rand::random::<u64>() >> 16);
        let visit = Visit { edge, options, id, deep: OnceCell::new(), used: Mutex::default() };
        let (key, secret) = visit.edge.credentials();
        visit.note("API key", key);
        visit.note("API secret", secret);
        for (kind, secret) in [("operator's token", &visit.options.admin_token), ("webhook secret", &visit.options.webhook_secret)] {
            if let Some(secret) = secret {
                visit.note(kind, secret);
            }
        }
        visit
    }

    /// Begins the name of everything that this examination stores.
    pub fn prefix(&self) -> String {
        format!("jetty-doctor-{}", self.id)
    }

    /// The deployment's URL with this path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.edge.base())
    }

    /// A request without credentials.
    pub fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.edge.plain(method, &self.at(path))
    }

    /// Sends a request once.
    ///
    /// # Errors
    /// No answer, or one that is too long.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Error> {
        self.read(request.send().await?).await
    }

    /// Reads an answer to its end.
    ///
    /// # Errors
    /// As [`Visit::send`].
    pub async fn read(&self, mut response: Response) -> Result<Answer, Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(id) = headers.get("x-request-id").and_then(|id| id.to_str().ok()) {
            self.used().requests.insert(id.to_owned());
        }
        let mut body = BytesMut::new();
        while let Some(block) = response.chunk().await? {
            body.extend_from_slice(&block);
            if body.len() > MAX_ANSWER {
                return Err(Error::Unexpected(format!("an answer of more than {MAX_ANSWER} bytes")));
            }
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }

    /// Sends a request that prepares a check, again if that may help: its success.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn prepare(&self, build: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
        retrying(&PREPARING, || async { self.send(build()).await?.success() }).await
    }

    /// Stores a file whose name is this examination's prefix and `rest`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn store(&self, rest: &str, content_type: &str, bytes: &Bytes) -> Result<Asset, Error> {
        let name = format!("{}{rest}", self.prefix());
        let request = || {
            let request = self.edge.request(Method::POST, "/api/storage/upload");
            request.header("X-File-Name", encode(&name)).header("Content-Type", content_type).body(bytes.clone())
        };
        Ok(self.prepare(request).await?.json::<AssetEnvelope>()?.asset)
    }

    /// A content URL of a file.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn content_url(&self, asset: &Asset) -> Result<String, Error> {
        let query = [("assetId", asset.id.as_str()), ("direct", "0")];
        let answer = self.prepare(|| self.edge.request(Method::GET, "/api/storage/download").query(&query)).await?;
        let url = answer.json::<DownloadAnswer>()?.url;
        if let Some((token, _)) = url.split_once("/files/").and_then(|(_, rest)| rest.split_once('/')) {
            self.note("content token", token);
        }
        Ok(url)
    }

    /// Remembers a secret that is being used.
    pub fn note(&self, kind: &'static str, secret: &str) {
        if !secret.is_empty() {
            self.used().secrets.insert(secret.to_owned(), kind);
        }
    }

    /// The secrets that were used: what each is, and its text.
    pub fn secrets(&self) -> Vec<(&'static str, String)> {
        self.used().secrets.iter().map(|(secret, kind)| (*kind, secret.clone())).collect()
    }

    /// The ids of the requests that were answered.
    pub fn requests(&self) -> Vec<String> {
        self.used().requests.iter().cloned().collect()
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
