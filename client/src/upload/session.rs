//! An upload in parts, from its session to the stored file.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, RwLock};

use super::hashes::{Claim, UploadHashes};
use super::opening::{Foresight, Opened, find_open, foresee, start};
use super::part::Sending;
use super::plan::{Plan, beginning, going_on, pieces, total};
use super::run::Runner;
use super::warm::warm;
use super::{Hashes, UploadOptions, Uploaded, nothing_sent};
use crate::Error;
use crate::api::{Asset, Completed, SessionState, Start};
use crate::edge::Edge;
use crate::lanes::Piece;
use crate::local_file::LocalFile;
use crate::pace::Pace;
use crate::paths::{IfExists, Place};
use crate::progress::{Event, Progress};

/// Timeout of a completion: the server releases the lease of one that died after two minutes.
const COMPLETION_LIMIT: Duration = Duration::from_secs(300);
/// Rounds of "complete, send what is missing": more than one only if the store lost parts.
const ROUNDS: u32 = 4;
/// Maximum number of parts in flight.
const MAX_THREADS: usize = 64;
/// Timeout of giving up a session whose file has changed.
const FAIL_LIMIT: Duration = Duration::from_secs(10);

pub async fn in_session(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let find = async { if options.fresh { Ok(None) } else { find_open(edge, file, name, options).await } };
    let (found, foresight) = tokio::try_join!(find, foresee(edge, file, options))?;
    let resumed = found.is_some();
    match send_and_complete(edge, file, name, options, &progress, &foresight, found).await {
        Err(error) if starts_over(&error, resumed) => {
            progress(Event::Retrying { reason: error.to_string() });
            // What was known is out of date: the file, or parts of it, are stored by now.
            let foresight = foresee(edge, file, options).await?;
            send_and_complete(edge, file, name, options, &progress, &foresight, None).await
        }
        other => other,
    }
}

/// Whether an upload that ended with this error is worth a new session.
fn starts_over(error: &Error, resumed: bool) -> bool {
    match error {
        // Another client completed the session, perhaps with other bytes, because its file matched. The upload starts over in its own session.
        Error::Closed(status) => resumed || matches!(status.as_str(), "completing" | "complete"),
        // The same case, detected during completion.
        error if matches!(error.code(), Some("parts-differ" | "file-hash-mismatch")) => true,
        error => resumed && error.code() == Some("upload-closed"),
    }
}

async fn send_and_complete(
    edge: &Edge,
    file: &LocalFile,
    name: &str,
    options: &UploadOptions,
    progress: &Progress,
    foresight: &Foresight,
    found: Option<(SessionState, Hashes)>,
) -> Result<Uploaded, Error> {
    let resumed = found.is_some();
    let advice = &foresight.advice;
    // Opened while the file is hashed and the session is started; kept until the upload ends.
    let _warm = warm(edge, &advice.edges, options.threads.unwrap_or(advice.strategy.threads as usize));
    let resumed_claim = if options.no_dedup { Claim::Nothing } else { Claim::Computed };
    let Plan { session, token, chunk_size, parts, lanes, threads, known, claim } = match found {
        Some((state, hashes)) => going_on(edge, file, advice, state, hashes, resumed_claim)?,
        None => match start(edge, file, name, options, foresight, progress).await? {
            Opened { start: Start::Duplicate(duplicate), .. } => {
                progress(Event::Planned { total: file.size, already: file.size, session: None });
                return Ok(Uploaded { bytes_saved: file.size, ..nothing_sent(duplicate.asset) });
            }
            Opened { start: Start::Prove(_), .. } => return Err(Error::Unexpected("the server asks again and again".to_owned())),
            Opened { start: Start::Open(started), known, claim } => beginning(edge, file, *started, known, claim)?,
        },
    };
    let already = file.size - total(&parts);
    progress(Event::Planned { total: file.size, already, session: Some(session.clone()) });
    let pace = match options.threads {
        Some(threads) => Pace::fixed(threads.clamp(1, MAX_THREADS)),
        None => Pace::new(threads.clamp(1, MAX_THREADS)),
    };
    let hashes = Arc::new(UploadHashes::new(file, chunk_size, known, claim));
    hashes.begin().await;
    let sending = Arc::new(Sending {
        edge: edge.clone(),
        file: file.clone(),
        session,
        chunk_size,
        token: RwLock::new(token),
        hashes,
        stored: Mutex::default(),
        place: options.place.clone(),
        progress: Arc::clone(progress),
    });
    let ended = rounds(&sending, parts, Runner::new(Arc::clone(&sending), lanes, pace), resumed).await;
    if let Err(Error::FileChanged(_)) = ended
        && !resumed
    {
        // Its parts belong to a file that is gone, but would be paid for until they expire. (A resumed session may be another device's.)
        let _ = tokio::time::timeout(FAIL_LIMIT, edge.fail(&sending.session)).await;
    }
    ended
}

/// Sends the parts and completes the upload.
async fn rounds(sending: &Sending, parts: Vec<Piece>, mut runner: Runner, resumed: bool) -> Result<Uploaded, Error> {
    let Sending { file, chunk_size, progress, .. } = sending;
    let already = file.size - total(&parts);
    let (mut parts_sent, mut bytes_sent) = (parts.len(), total(&parts));
    for round in 1..=ROUNDS {
        runner.run().await?;
        file.must_be_unchanged().await?;
        progress(Event::Finishing);
        let again = match complete(sending).await {
            Ok(done) => {
                let asset = match &sending.place {
                    Some(place) if resumed => at_its_place(&sending.edge, done.asset, place).await?,
                    _ => done.asset,
                };
                let (session_id, edges) = (Some(sending.session.clone()), runner.shares());
                let (bytes_resumed, bytes_saved) = if resumed { (already, 0) } else { (0, already) };
                return Ok(Uploaded { asset, session_id, bytes_sent, bytes_resumed, bytes_saved, parts_sent, edges, elapsed_ms: 0 });
            }
            Err(Error::Refused { status: 409, problem, .. }) if round < ROUNDS && problem.code == "parts-missing" => {
                remind(sending, &problem.missing).await
            }
            // A server that lost its record finds the parts at the store, but not who sent them. This run's parts have receipts; others are another client's.
            Err(error) if round < ROUNDS && have_receipts(sending, error.parts()).await => {
                if !remind(sending, error.parts()).await.is_empty() {
                    return Err(error);
                }
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let parts = pieces(&again, *chunk_size, file.size)?;
        parts_sent += parts.len();
        bytes_sent += total(&parts);
        runner.offer(&parts);
    }
    Err(Error::Unexpected("the store keeps losing parts".to_owned()))
}

/// The file at `place`: the session that was resumed may have been started for another path, where it is left for whoever started it.
async fn at_its_place(edge: &Edge, asset: Asset, place: &Place) -> Result<Asset, Error> {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    match asset.path.as_deref() {
        Some(path) if path == place.path => Ok(asset),
        // It has got a number.
        Some(path) if place.if_exists == IfExists::KeepBoth && folder(path) == folder(&place.path) => Ok(asset),
        Some(_) => edge.copy_to(&asset.id, &place.path, place.if_exists).await,
        None => edge.move_to(&asset.id, &place.path, place.if_exists).await,
    }
}

/// Whether this run has receipts of all these parts, and there is at least one.
async fn have_receipts(sending: &Sending, parts: &[u32]) -> bool {
    let stored = sending.stored.lock().await;
    !parts.is_empty() && parts.iter().all(|part| stored.contains_key(part))
}

/// Restores the records of parts from this run's receipts, once each; returns the parts that the server still lacks.
async fn remind(sending: &Sending, parts: &[u32]) -> Vec<u32> {
    let mut others = Vec::new();
    for part in parts {
        let stored = sending.stored.lock().await.remove(part);
        let reminded = match &stored {
            Some(stored) => sending.edge.remind(&sending.session, stored).await.is_ok(),
            None => false,
        };
        if !reminded {
            others.push(*part);
        }
    }
    others
}

/// Completes; waits while another call is completing the same upload, at most for the duration of a lease.
async fn complete(sending: &Sending) -> Result<Completed, Error> {
    let Sending { edge, session, hashes, place, .. } = sending;
    let wanted = place.as_ref().map(|place| place.if_exists).filter(|if_exists| *if_exists != IfExists::Fail);
    let mut if_exists = None;
    let (chunk_hashes, mut file_hash) = (hashes.of_parts().await, hashes.of_file().await?);
    let started = tokio::time::Instant::now();
    loop {
        match edge.complete_at(session, &chunk_hashes, file_hash.as_deref(), if_exists).await {
            // Whoever started the session claimed another hash: the server finds out whether it is that of the parts.
            Err(error) if error.code() == Some("file-hash-mismatch") && file_hash.is_some() && is_open(sending).await => file_hash = None,
            // Whoever started the session said another thing.
            Err(error) if error.code() == Some("path-taken") && if_exists.is_none() && wanted.is_some() => if_exists = wanted,
            Err(error) if error.code() == Some("completion-running") && started.elapsed() < COMPLETION_LIMIT => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => return other,
        }
    }
}

/// Whether the session still takes parts.
async fn is_open(sending: &Sending) -> bool {
    sending.edge.session(&sending.session, false).await.is_ok_and(|state| state.status == "uploading")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;

    #[test]
    fn only_completion_or_other_parts_of_another_client_start_over() {
        let refused =
            |code: &str| Error::Refused { status: 409, problem: Box::new(Problem { code: code.into(), ..Problem::default() }), retry_after: None };
        let closed = |status: &str| Error::Closed(status.to_owned());
        for (error, resumed, fresh) in [
            (closed("completing"), true, true),
            (closed("complete"), true, true),
            (refused("parts-differ"), true, true),
            (refused("file-hash-mismatch"), true, true),
            (closed("failed"), true, false),
            (closed("expired"), true, false),
            (refused("upload-closed"), true, false),
            (refused("parts-missing"), false, false),
            (Error::Stalled, false, false),
        ] {
            assert_eq!((starts_over(&error, true), starts_over(&error, false)), (resumed, fresh), "{error}");
        }
    }
    #[tokio::test]
    async fn file_of_a_session_for_another_path_is_copied_to_its_own_and_one_without_a_path_is_moved() {
        use crate::stand_in::{StandIn, asset_json, json_answer};
        use serde_json::json;
        let server = StandIn::start(|head, _| async move {
            let mut asset = asset_json("new", 1, "pending");
            asset["name"] = json!(format!("{} {}", head.method, head.uri.path()));
            json_answer(200, &json!({ "asset": asset }))
        })
        .await;
        let edge = server.edge();
        let done = async |path: Option<&str>, if_exists| {
            let mut asset: Asset = serde_json::from_value(asset_json("a", 1, "pending")).unwrap();
            asset.path = path.map(str::to_owned);
            let place = Place { path: "x/a.txt".to_owned(), if_exists, keep_time: true };
            at_its_place(&edge, asset, &place).await.unwrap().name
        };
        assert_eq!(done(Some("x/a.txt"), IfExists::Fail).await, "name.bin", "it is there");
        assert_eq!(done(Some("x/a (2).txt"), IfExists::KeepBoth).await, "name.bin");
        assert_eq!(done(Some("y/a.txt"), IfExists::KeepBoth).await, "POST /api/storage/files/a/copy");
        assert_eq!(done(Some("x/a (2).txt"), IfExists::Replace).await, "POST /api/storage/files/a/copy");
        assert_eq!(done(None, IfExists::Replace).await, "PATCH /api/storage/files/a");
    }
}
