//! The server's own check of stored bytes (docs/uploads.md, Deduplication): a job reads them back and compares their SHA-256 with the claimed one.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::Error;
use crate::api::Asset;
use crate::edge::Edge;
use crate::progress::{Event, Progress};

/// First and longest pause between two questions. An account has at least ten calls a minute; 30 s take seven.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// The pause after one of this length.
fn next(pause: Duration) -> Duration {
    (pause * 2).min(PAUSES.1)
}

/// Waits up to `limit` until the server has checked the bytes: the asset as it is then, which may still be `pending`.
///
/// # Errors
/// [`Error::Mismatch`] if the stored bytes are others; 404 if the file is gone. That the server cannot be asked is no error: the file is stored.
pub async fn verified(edge: &Edge, asset: Asset, limit: Duration, progress: &Progress) -> Result<Asset, Error> {
    let deadline = Instant::now() + limit;
    let (mut asset, mut pause) = (asset, PAUSES.0);
    while asset.verification == "pending" && Instant::now() + pause < deadline {
        progress(Event::Verifying);
        sleep(pause).await;
        pause = next(pause);
        match timeout_at(deadline, edge.file(&asset.id)).await {
            Ok(Ok(now)) => asset = now,
            Ok(Err(error)) if error.status() == Some(404) => return Err(error),
            Ok(Err(_)) | Err(_) => {}
        }
    }
    if asset.verification == "mismatch" { Err(Error::Mismatch(Box::new(asset))) } else { Ok(asset) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::progress::no_progress;
    use crate::stand_in::{StandIn, asset_json, json_answer};

    /// What `verified` makes of a server that says these one after the other, the last one for ever; and how often it asked.
    async fn after(said: &'static [&'static str], limit: Duration) -> (Result<Asset, Error>, usize) {
        let asked = std::sync::Arc::new(AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&asked);
        let server = StandIn::start(move |_, _| {
            let index = count.fetch_add(1, Ordering::SeqCst).min(said.len() - 1);
            async move { json_answer(200, &serde_json::json!({ "asset": asset_json("a", 3, said[index]) })) }
        })
        .await;
        let asset = serde_json::from_value(asset_json("a", 3, "pending")).unwrap();
        let ended = verified(&server.edge(), asset, limit, &no_progress()).await;
        (ended, asked.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn mismatch_is_an_error_and_verified_none_or_still_pending_are_told_as_they_are() {
        let limit = Duration::from_secs(20);
        let (ended, _) = after(&["pending", "mismatch"], limit).await;
        assert!(matches!(&ended, Err(Error::Mismatch(asset)) if asset.id == "a"), "{ended:?}");
        assert!(ended.unwrap_err().to_string().contains("jetty rm a"));
        for said in ["verified", "none"] {
            let (ended, _) = after(if said == "none" { &["none"] } else { &["pending", "verified"] }, limit).await;
            assert_eq!(ended.unwrap().verification, said);
        }
        let (ended, asked) = after(&["pending"], Duration::from_secs(1)).await;
        assert_eq!(ended.unwrap().verification, "pending");
        assert!(asked <= 2, "after 250 and 750 ms: {asked}");
    }

    #[test]
    fn thirty_seconds_of_waiting_are_fewer_than_ten_calls() {
        let (mut calls, mut at, mut pause) = (0, Duration::ZERO, PAUSES.0);
        while at + pause < Duration::from_secs(30) {
            at += pause;
            pause = next(pause);
            calls += 1;
        }
        assert_eq!(calls, 7);
    }
}
