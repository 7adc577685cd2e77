//! The bytes of one version of a stored file, range by range.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use tokio::sync::{Mutex, RwLock};

use crate::Error;
use crate::api::Asset;
use crate::edge::{Edge, encode, refused};
use crate::limit::Limit;
use crate::progress::{Event, Progress};

/// A range that receives no bytes for this long is requested again.
const STALL: Duration = Duration::from_secs(60);

/// A stored file that is being received.
pub struct Source {
    edge: Edge,
    pub asset: Asset,
    pub progress: Progress,
    /// None: the file's own, for which the account's credentials are sent.
    url: RwLock<Option<String>>,
    /// ETag of the version that all ranges must belong to.
    etag: Mutex<Option<String>>,
}

/// A range that is being received.
pub struct Range {
    response: Response,
    /// Bytes that are still to come.
    left: u64,
    limit: Limit,
}

impl Source {
    /// The file's bytes.
    pub async fn new(edge: &Edge, asset: Asset, progress: Progress) -> Result<Source, Error> {
        let url = RwLock::new(Some(edge.download_url(&asset.id).await?));
        Ok(Source { edge: edge.clone(), asset, progress, url, etag: Mutex::default() })
    }

    /// The same without a call for its URL, of which an account has a limited number per minute: for many files.
    pub fn of_owner(edge: &Edge, asset: Asset, progress: Progress) -> Source {
        Source { edge: edge.clone(), asset, progress, url: RwLock::default(), etag: Mutex::default() }
    }

    /// Requests the bytes from `first` to `last`.
    pub async fn range(&self, first: u64, last: u64) -> Result<Range, Error> {
        let request = match self.url.read().await.as_deref() {
            Some(url) => self.edge.plain(Method::GET, url),
            None => self.edge.request(Method::GET, &format!("/files/{}/{}", encode(&self.asset.id), encode(&self.asset.name))),
        };
        let request = request.header("Range", format!("bytes={first}-{last}")).header("Accept-Encoding", "identity");
        let answer = tokio::time::timeout(STALL, request.send()).await.map_err(|_| Error::Stalled)??;
        let response = refused(answer).await?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let answered = header("content-range").is_some_and(|range| range.starts_with(&format!("bytes {first}-")));
        if response.status() != StatusCode::PARTIAL_CONTENT || !answered {
            return Err(Error::Unreachable("the server answered another range".to_owned()));
        }
        self.must_be_same_version(header("etag")).await?;
        Ok(Range { response, left: last - first + 1, limit: self.edge.limit.clone() })
    }

    /// Ranges of different versions must not be mixed.
    async fn must_be_same_version(&self, etag: Option<&str>) -> Result<(), Error> {
        let mut known = self.etag.lock().await;
        match (known.as_deref(), etag) {
            (Some(known), Some(etag)) if known != etag => Err(Error::FileChanged(PathBuf::from(&self.asset.name))),
            (None, Some(etag)) => {
                *known = Some(etag.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Waits until a range is worth another attempt after failed attempt number `attempt` (from 1).
    ///
    /// # Errors
    /// The given one, if none is.
    pub async fn recover(&self, error: Error, attempt: u32) -> Result<(), Error> {
        let expired = error.code() == Some("token-expired");
        if expired {
            *self.url.write().await = Some(self.edge.download_url(&self.asset.id).await?);
        }
        let judged = if expired { Error::Stalled } else { error };
        let Some(wait) = self.edge.retry.wait(attempt, &judged, rand::random()) else { return Err(judged) };
        Arc::clone(&self.progress)(Event::Retrying { reason: judged.to_string() });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl Range {
    /// The next bytes; None behind the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = tokio::time::timeout(STALL, self.response.chunk()).await.map_err(|_| Error::Stalled)??;
        match next {
            Some(block) if block.len() as u64 > self.left => Err(Error::Unexpected("more bytes than were asked for".to_owned())),
            Some(block) => {
                self.limit.pass(block.len()).await;
                self.left -= block.len() as u64;
                Ok(Some(block))
            }
            None if self.left > 0 => Err(Error::Unreachable("the answer was cut short".to_owned())),
            None => Ok(None),
        }
    }
}
