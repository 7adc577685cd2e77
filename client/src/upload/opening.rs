//! Selects the session of a file: an open one that matches, or a new one.

use super::hashes::Claim;
use super::plan::{FIRST_CHUNKS, asked_chunk_size, stored_chunk_size};
use super::{Hashes, UploadOptions, kept_time};
use crate::Error;
use crate::api::{Advice, EdgesQuery, SessionState, Start};
use crate::edge::{Edge, StartFile};
use crate::hash;
use crate::hash::FileHashes;
use crate::local_file::LocalFile;
use crate::progress::{Event, Progress};
use crate::resume::{candidates, place};

/// Plans to hash the file for: that of its size, that of its namespace, and one more in case the namespace is changed meanwhile.
const PLANS: u32 = 3;

/// What is known before a session is started.
pub struct Foresight {
    /// Plan and edges, and whether deduplication may save bytes.
    pub advice: Advice,
    /// Size of the file's first chunk as the server stores it, bytes; None if it does not.
    stored_chunk: Option<u64>,
}

/// Asks for the plan, and whether the file may be stored: its size and the hashes of its beginning tell that before the file is hashed.
pub async fn foresee(edge: &Edge, file: &LocalFile, options: &UploadOptions) -> Result<Foresight, Error> {
    let lengths: Vec<u64> = FIRST_CHUNKS.into_iter().filter(|length| *length <= file.size && !options.no_dedup).collect();
    let chunk_hashes = hash::of_beginnings(file, &lengths).await?;
    let query = EdgesQuery { namespace: options.namespace.clone(), chunk_hashes: chunk_hashes.clone(), ..EdgesQuery::default() };
    let advice = edge.edges(file.size, &query).await?;
    let stored_chunk = stored_chunk_size(&lengths, &chunk_hashes, &advice.stored_chunks);
    Ok(Foresight { advice, stored_chunk })
}

/// A started session.
pub struct Opened {
    /// The server's answer.
    pub start: Start,
    /// The hashes that are computed.
    pub known: Hashes,
    /// What to claim of the whole file at completion.
    pub claim: Claim,
}

/// Starts a session: with the file's hashes if the server may store bytes of it, else at once.
pub async fn start(
    edge: &Edge,
    file: &LocalFile,
    name: &str,
    options: &UploadOptions,
    foresight: &Foresight,
    progress: &Progress,
) -> Result<Opened, Error> {
    let modified_at = kept_time(file, options.place.as_ref());
    let params = StartFile {
        name,
        size: file.size,
        content_type: options.content_type.as_deref(),
        namespace: options.namespace.as_deref(),
        chunk_size: None,
        hashes: None,
        place: options.place.as_ref(),
        modified_at: modified_at.as_deref(),
        proof: None,
    };
    let Foresight { advice, stored_chunk } = foresight;
    let may_be_stored = advice.may_be_stored.unwrap_or(true);
    let mut chunk_size = asked_chunk_size(advice.strategy.chunk_size, file.size, *stored_chunk);
    let mut plans = 0;
    loop {
        plans += 1;
        let params = StartFile { chunk_size: Some(chunk_size), ..params };
        let (started, known, claim) = if options.no_dedup {
            (edge.start(params).await, Hashes::new(), Claim::Nothing)
        } else if !may_be_stored {
            (edge.start(params).await, Hashes::new(), Claim::Computed)
        } else {
            progress(Event::Hashing);
            let hashes = hash::of_file(file, chunk_size).await?;
            file.must_be_unchanged().await?;
            let (started, hashes) = start_with(edge, file, params, hashes).await?;
            (started, (1..).zip(hashes.chunks).collect(), hashes.whole.map_or(Claim::Nothing, Claim::Known))
        };
        match started {
            // The namespace may have its own chunk size.
            Err(error) if plans < PLANS && error.strategy().is_some_and(|strategy| strategy.chunk_size != chunk_size) => {
                chunk_size = error.strategy().map_or(chunk_size, |strategy| asked_chunk_size(strategy.chunk_size, file.size, *stored_chunk));
            }
            started => return Ok(Opened { start: started?, known, claim }),
        }
    }
}

/// Starts with hashes, and proves that the file is at hand if the server asks for that.
async fn start_with(
    edge: &Edge,
    file: &LocalFile,
    params: StartFile<'_>,
    mut hashes: FileHashes,
) -> Result<(Result<Start, Error>, FileHashes), Error> {
    let mut started = edge.start(StartFile { hashes: Some(&hashes), ..params }).await;
    if let Ok(Start::Prove(challenged)) = &started {
        let proof = hash::proof(file, &challenged.challenge).await?;
        started = edge.start(StartFile { hashes: Some(&hashes), proof: Some(&proof), ..params }).await;
        if started.as_ref().is_err_and(|error| error.code() == Some("proof-refused")) {
            // The challenge has expired or another run has used it: send the bytes without claiming a hash.
            hashes.whole = None;
            started = edge.start(StartFile { hashes: Some(&hashes), ..params }).await;
        }
    }
    Ok((started, hashes))
}

/// The open session of this file, if there is one: all recorded hashes match the file, and there is at least one.
/// A session without recorded hashes saves nothing and may belong to another file.
pub async fn find_open(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions) -> Result<Option<(SessionState, Hashes)>, Error> {
    let sessions = edge.open_sessions().await?;
    for candidate in candidates(&sessions, name, options.name.is_some() || options.place.is_some(), file.size, options.namespace.as_deref()) {
        let state = match edge.session(&candidate.session_id, false).await {
            // "completing": an earlier run died during completion; nothing is left to send.
            Ok(state) if matches!(state.status.as_str(), "uploading" | "completing") => state,
            Ok(_) => continue,
            Err(error) if error.status() == Some(404) => continue,
            Err(error) => return Err(error),
        };
        if let Some(hashes) = same_bytes(file, &state).await? {
            return Ok(Some((state, hashes)));
        }
    }
    Ok(None)
}

/// The recorded hashes, if there are any and all match the file.
async fn same_bytes(file: &LocalFile, state: &SessionState) -> Result<Option<Hashes>, Error> {
    let mut hashes = Hashes::new();
    for part in &state.completed {
        let Some(stored) = &part.sha256 else { continue };
        let Some((offset, length)) = place(part.part_number, state.chunk_size, file.size) else { return Ok(None) };
        let hash = hash::of_range(file, offset, length).await?;
        if *stored != hash {
            return Ok(None);
        }
        hashes.insert(part.part_number, hash);
    }
    Ok((!hashes.is_empty()).then_some(hashes))
}
