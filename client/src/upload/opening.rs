//! Selects the session of a file: an open one that matches, or a new one.

use super::plan::asked_chunk_size;
use super::{Hashes, UploadOptions};
use crate::Error;
use crate::api::{SessionState, Start};
use crate::edge::{Edge, StartFile};
use crate::hash;
use crate::hash::FileHashes;
use crate::local_file::LocalFile;
use crate::progress::{Event, Progress};
use crate::resume::{candidates, place};

/// Plans to hash the file for: that of its size, that of its namespace, and one more in case the namespace is changed meanwhile.
const PLANS: u32 = 3;

/// Starts a session with the file's hashes for deduplication; also returns those hashes.
pub async fn start(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: &Progress) -> Result<(Start, Hashes), Error> {
    let params = StartFile {
        name,
        size: file.size,
        content_type: options.content_type.as_deref(),
        namespace: options.namespace.as_deref(),
        chunk_size: None,
        hashes: None,
        proof: None,
    };
    let mut chunk_size = asked_chunk_size(edge.advice(file.size, options.namespace.as_deref()).await?.strategy.chunk_size, file.size);
    let mut plans = 0;
    loop {
        plans += 1;
        let params = StartFile { chunk_size: Some(chunk_size), ..params };
        let (started, hashes) = if options.no_dedup {
            (edge.start(params).await, Hashes::new())
        } else {
            progress(Event::Hashing);
            let hashes = hash::of_file(file, chunk_size).await?;
            file.must_be_unchanged().await?;
            let (started, hashes) = start_with(edge, file, params, hashes).await?;
            (started, (1..).zip(hashes.chunks).collect())
        };
        match started {
            // The namespace may have its own chunk size.
            Err(error) if plans < PLANS && error.strategy().is_some_and(|strategy| strategy.chunk_size != chunk_size) => {
                chunk_size = error.strategy().map_or(chunk_size, |strategy| asked_chunk_size(strategy.chunk_size, file.size));
            }
            started => return Ok((started?, hashes)),
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
    for candidate in candidates(&sessions, name, options.name.is_some(), file.size, options.namespace.as_deref()) {
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
