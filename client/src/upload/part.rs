//! One try of one part.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Body;
use tokio::sync::{Mutex, RwLock, oneshot};
use tokio::time::Instant;

use super::file::LocalFile;
use super::{ANSWER, Hashes, watched};
use crate::Error;
use crate::api::Stored;
use crate::body::{FileSlice, Meter};
use crate::edge::{Edge, refused};
use crate::hash;
use crate::lanes::{LaneId, Piece};
use crate::progress::{Event, Progress};
use crate::resume::place;

/// What all parts of an upload share.
pub struct Sending {
    pub edge: Edge,
    pub file: LocalFile,
    pub session: String,
    pub chunk_size: u64,
    pub token: RwLock<String>,
    pub hashes: Mutex<Hashes>,
    /// What the server confirmed in this run, by part number.
    pub stored: Mutex<BTreeMap<u32, Stored>>,
    pub progress: Progress,
}

/// How far a try is, for whoever watches it.
pub struct Flight {
    pub meter: Meter,
    /// When its bytes began to go.
    pub began: OnceLock<Instant>,
}

impl Flight {
    /// Since its bytes began to go; zero before.
    pub fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }
}

/// What to try.
pub struct Try {
    pub lane: LaneId,
    /// The lane's address.
    pub url: String,
    pub piece: Piece,
    /// The bytes may have arrived although the answer did not, or the upload may be over: ask before sending them again.
    pub ask: bool,
}

/// How a try ended.
#[derive(Debug)]
pub enum End {
    /// The edge has it.
    Stored,
    /// It was there already.
    Found,
    /// It was called off, with so many bytes out.
    Left(u64),
    /// The edge, or the way to it, failed.
    Failed(Error),
    /// The upload cannot go on.
    Over(Error),
}

/// Hashes and sends one part, once; `leave` calls it off. Also how long the sending took.
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
    // After the clock was read: a new token is no part of how fast an edge is.
    match end {
        End::Failed(error) => (recovered(sending, error).await, took),
        end => (end, took),
    }
}

/// Where the part lies and its hash; None if it is there.
async fn prepared(sending: &Sending, what: &Try) -> Result<Option<(u64, String)>, Error> {
    let part = what.piece.number;
    let (offset, length) =
        place(part, sending.chunk_size, sending.file.size).ok_or_else(|| Error::Unexpected(format!("part {part} is outside the file")))?;
    let known = sending.hashes.lock().await.get(&part).cloned();
    let hash = match known {
        Some(hash) => hash,
        None => {
            let hash = hash::of_range(&sending.file.path, offset, length).await?;
            sending.hashes.lock().await.insert(part, hash.clone());
            hash
        }
    };
    if what.ask && is_there(sending, part, (offset, length), &hash).await? {
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

/// What can be done about an error before the part goes again.
async fn recovered(sending: &Sending, error: Error) -> End {
    let recovered = match error.code() {
        Some("token-expired") => match sending.edge.session(&sending.session, false).await {
            Ok(state) => {
                *sending.token.write().await = state.upload_token;
                Ok(())
            }
            Err(error) => Err(error),
        },
        // The file changed, or its bytes did on the way: hashed at the start, they are looked at again.
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

/// Whether the part is there after all, by the server's record or by the store's. A store that has it under its MD5 has these bytes, or bytes that somebody
/// made to collide with them: the record then says that it is the client who says so.
async fn is_there(sending: &Sending, part: u32, (offset, length): (u64, u64), hash: &str) -> Result<bool, Error> {
    let Ok(state) = sending.edge.session(&sending.session, true).await else { return Ok(false) };
    if state.status != "uploading" {
        return Err(Error::Closed(state.status));
    }
    let Some(found) = state.completed.iter().find(|found| found.part_number == part) else { return Ok(false) };
    match &found.sha256 {
        Some(known) => Ok(known == hash),
        None if found.etag == hash::md5_of_range(&sending.file.path, offset, length).await? => {
            // Without its hash in the record the part is sent again: no more than that.
            Ok(sending.edge.claim(&sending.session, found, hash).await.is_ok())
        }
        None => Ok(false),
    }
}

async fn try_send(sending: &Sending, what: &Try, offset: u64, hash: &str, meter: &Meter) -> Result<(), Error> {
    let Piece { number, bytes } = what.piece;
    let token = sending.token.read().await.clone();
    let body = FileSlice::open(&sending.file.path, offset, bytes, meter.clone()).await?;
    let request = sending
        .edge
        .part(&what.url, &token)
        .header("X-Part-Number", number.to_string())
        .header("X-Upload-Id", &sending.session)
        .header("X-Chunk-SHA256", hash)
        .body(Body::wrap(body));
    let answer = watched(request.send(), meter, bytes).await?;
    let told = async { Ok::<_, Error>(refused(answer).await?.bytes().await?) };
    let body = tokio::time::timeout(ANSWER, told).await.map_err(|_| Error::Stalled)??;
    // Any server can say 200. Only ours has a receipt of this very part to show.
    let stored: Stored = serde_json::from_slice(&body).map_err(|_| Error::Stalled)?;
    if stored.part_number != number {
        return Err(Error::Stalled);
    }
    sending.stored.lock().await.insert(number, stored);
    Ok(())
}
