//! Starts upload sessions.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Edge, new_idempotency_key};
use crate::Error;
use crate::api::Start;
use crate::hash::FileHashes;
use crate::paths::Place;

/// Parameters of `start`.
#[derive(Debug, Clone, Copy)]
pub struct StartFile<'a> {
    /// File name.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// Media type; guessed by the server if None.
    pub content_type: Option<&'a str>,
    /// Namespace; the account's own if None.
    pub namespace: Option<&'a str>,
    /// Bytes of a chunk, at most those of the plan; the plan's if None.
    pub chunk_size: Option<u64>,
    /// Hashes of its bytes, for deduplication; of chunks of `chunk_size` bytes.
    pub hashes: Option<&'a FileHashes>,
    /// Where the file is to lie.
    pub place: Option<&'a Place>,
    /// When it was last changed, RFC 3339.
    pub modified_at: Option<&'a str>,
    /// The proof of possession, after the server's challenge (docs/uploads.md, "Proof of possession").
    pub proof: Option<&'a str>,
}

impl Edge {
    /// Starts an upload session.
    pub async fn start(&self, file: StartFile<'_>) -> Result<Start, Error> {
        let mut body = json!({ "action": "start", "fileName": file.name, "fileSize": file.size });
        let whole = file.hashes.and_then(|hashes| hashes.whole.as_deref());
        let (path, if_exists) = (file.place.map(|place| place.path.as_str()), file.place.map(|place| place.if_exists.as_str()));
        let texts = [("contentType", file.content_type), ("namespace", file.namespace), ("fileHash", whole), ("proof", file.proof)];
        for (name, value) in texts.into_iter().chain([("path", path), ("ifExists", if_exists), ("modifiedAt", file.modified_at)]) {
            if let (Some(value), Some(fields)) = (value, body.as_object_mut()) {
                fields.insert(name.to_owned(), value.into());
            }
        }
        if let (Some(hashes), Some(fields)) = (file.hashes, body.as_object_mut()) {
            fields.insert("chunkHashes".to_owned(), hashes.chunks.as_slice().into());
        }
        if let (Some(bytes), Some(fields)) = (file.chunk_size, body.as_object_mut()) {
            fields.insert("chunkSize".to_owned(), bytes.into());
        }
        // Idempotent: if a response is lost, the repeated call gets the same session.
        match self.start_once(&body).await {
            // Still running after all retries: the first request has died. Start again under a new key.
            Err(error) if error.code() == Some("request-running") => self.start_once(&body).await,
            started => started,
        }
    }

    async fn start_once(&self, body: &Value) -> Result<Start, Error> {
        let key = new_idempotency_key();
        self.call(|| self.request(Method::POST, "/api/jetty/track-upload").header("Idempotency-Key", &key).json(body)).await
    }
}
