//! One attempt of one part.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Body;
use tokio::sync::{Mutex, RwLock, oneshot};
use tokio::time::Instant;

use super::hashes::UploadHashes;
use super::{ANSWER, watched};
use crate::Error;
use crate::api::Stored;
use crate::body::{FileSlice, Meter};
use crate::edge::{Edge, refused};
use crate::hash;
use crate::lanes::{LaneId, Piece};
use crate::local_file::LocalFile;
use crate::paths::Place;
use crate::progress::{Event, Progress};
use crate::resume::place;

/// State that all parts of an upload share.
pub struct Sending {
    pub edge: Edge,
    pub file: LocalFile,
    pub session: String,
    pub chunk_size: u64,
    pub token: RwLock<String>,
    pub hashes: Arc<UploadHashes>,
    /// Receipts of this run, by part number.
    pub stored: Mutex<BTreeMap<u32, Stored>>,
    pub place: Option<Place>,
    pub progress: Progress,
}

/// Progress of an attempt, for the slowness check.
pub struct Flight {
    pub meter: Meter,
    /// When its body began to be sent.
    pub began: OnceLock<Instant>,
}

impl Flight {
    /// Time since its body began to be sent; zero before.
    pub fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// Parameters of an attempt.
pub struct Try {
    pub lane: LaneId,
    /// The lane's URL.
    pub url: String,
    pub piece: Piece,
    /// The part may be stored although no response came, or the upload may be over: query the session before sending it again.
    pub check_stored: bool,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum End {
    /// The edge stored it.
    Stored,
    /// It was stored already.
    Found,
    /// It was cancelled after this many bytes.
    Left(u64),
    /// The edge, or the path to it, failed.
    Failed(Error),
    /// The upload cannot continue.
    Over(Error),
}

/// Hashes and sends one part once; `leave` cancels it. Also returns the duration of the request.
pub async fn attempt(sending: &Sending, what: &Try, flight: &Flight, leave: oneshot::Receiver<()>) -> (End, Duration) {
    let end = match prepared(sending, what).await {
        Ok(Some((offset, hash))) => {
            let _ = flight.began.set(Instant::now());
            sent(sending, what, (offset, &hash), flight, leave).await
        }
        Ok(None) => End::Found,
        Err(error) => End::Over(error),
    };
    let took = flight.elapsed();
    // After the duration was measured: renewing a token does not count as the edge's time.
    match end {
        End::Failed(error) => (recovered(sending, error).await, took),
        end => (end, took),
    }
}

/// Offset and hash of the part; None if it is stored already.
async fn prepared(sending: &Sending, what: &Try) -> Result<Option<(u64, String)>, Error> {
    let part = what.piece.number;
    let (offset, length) =
        place(part, sending.chunk_size, sending.file.size).ok_or_else(|| Error::Unexpected(format!("part {part} is outside the file")))?;
    let hash = sending.hashes.of_part(part, (offset, length)).await?;
    if what.check_stored && is_stored(sending, part, (offset, length), &hash).await? {
        (sending.progress)(Event::Moved(length));
        return Ok(None);
    }
    Ok(Some((offset, hash)))
}

async fn sent(sending: &Sending, what: &Try, (offset, hash): (u64, &str), flight: &Flight, leave: oneshot::Receiver<()>) -> End {
    let end = tokio::select! {
        result = try_send(sending, what, offset, hash, &flight.meter) => match result {
            Ok(()) => return End::Stored,
            Err(error) => End::Failed(error),
        },
        Ok(()) = leave => End::Left(flight.meter.sent()),
    };
    flight.meter.reset();
    end
}

/// What can be fixed after an error, before the part is sent again.
async fn recovered(sending: &Sending, error: Error) -> End {
    let recovered = match error.code() {
        Some("token-expired") => match sending.edge.session(&sending.session, false).await {
            Ok(state) => {
                *sending.token.write().await = state.upload_token;
                Ok(())
            }
            Err(error) => Err(error),
        },
        // The file changed, or bytes were corrupted in transit: check the file, then hash the part again.
        Some("chunk-hash-mismatch") => sending.file.must_be_unchanged().await,
        Some("upload-closed") => Err(closed(sending).await),
        _ => Ok(()),
    };
    recovered.map_or_else(End::Over, |()| End::Failed(error))
}

async fn closed(sending: &Sending) -> Error {
    match sending.edge.session(&sending.session, false).await {
        Ok(state) => Error::Closed(state.status),
        Err(error) => error,
    }
}

/// Whether the part is stored, according to the server's record or the store. If the store's ETag is the part's MD5, the bytes are the same unless someone
/// crafted a collision; the record therefore marks the hash as claimed by the client.
async fn is_stored(sending: &Sending, part: u32, (offset, length): (u64, u64), hash: &str) -> Result<bool, Error> {
    let Ok(state) = sending.edge.session(&sending.session, true).await else { return Ok(false) };
    if state.status != "uploading" {
        return Err(Error::Closed(state.status));
    }
    let Some(found) = state.completed.iter().find(|found| found.part_number == part) else { return Ok(false) };
    match &found.sha256 {
        Some(known) => Ok(known == hash),
        None if found.etag == hash::md5_of_range(&sending.file, offset, length).await? => {
            // Without its hash in the record the part is sent again; nothing else depends on it.
            Ok(sending.edge.claim(&sending.session, found, hash).await.is_ok())
        }
        None => Ok(false),
    }
}

async fn try_send(sending: &Sending, what: &Try, offset: u64, hash: &str, meter: &Meter) -> Result<(), Error> {
    let Piece { number, bytes } = what.piece;
    let token = sending.token.read().await.clone();
    let body = FileSlice::open(&sending.file, offset, bytes, meter.clone()).await?;
    let request = sending
        .edge
        .part(&what.url, &token)
        .header("X-Part-Number", number.to_string())
        .header("X-Upload-Id", &sending.session)
        .header("X-Chunk-SHA256", hash)
        .body(Body::wrap(body));
    let answer = watched(request.send(), meter, bytes).await?;
    let receipt = async { Ok::<_, Error>(refused(answer).await?.bytes().await?) };
    let body = tokio::time::timeout(ANSWER, receipt).await.map_err(|_| Error::Stalled)??;
    // Any server can answer 200; only ours can send a receipt of this part.
    let stored: Stored = serde_json::from_slice(&body).map_err(|_| Error::Stalled)?;
    if stored.part_number != number {
        return Err(Error::Stalled);
    }
    sending.stored.lock().await.insert(number, stored);
    Ok(())
}
