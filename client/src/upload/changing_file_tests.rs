//! Files that change while they are sent, against a stand-in for the server.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use serde_json::json;

use super::*;
use crate::progress::no_progress;
use crate::stand_in::{Answer, StandIn, asset_json, json_answer};

/// What a stand-in saw.
#[derive(Default)]
struct Seen {
    /// Requests to send bytes.
    attempts: AtomicUsize,
    /// Bodies that arrived whole.
    whole: Mutex<Vec<Vec<u8>>>,
    /// Sessions that were given up.
    failed: AtomicUsize,
}

fn append(path: &Path, bytes: &[u8]) {
    std::fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Runs an upload of `size` bytes that `change` alters once the server has the request's head; the first answer is lost if `lose_first`.
async fn upload_while(size: usize, options: UploadOptions, lose_first: bool, change: fn(&Path)) -> (Result<Uploaded, Error>, Arc<Seen>) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.bin");
    std::fs::write(&path, vec![7u8; size]).unwrap();
    let seen = Arc::<Seen>::default();
    let (of_server, file) = (Arc::clone(&seen), path.clone());
    let server =
        StandIn::start(move |head, body| serve(head.uri.path().to_owned(), body, Arc::clone(&of_server), file.clone(), lose_first, change)).await;
    let ended = upload(&server.edge(), &path, &options, no_progress()).await;
    (ended, seen)
}

async fn serve(path: String, body: hyper::body::Incoming, seen: Arc<Seen>, file: PathBuf, lose_first: bool, change: fn(&Path)) -> Answer {
    let plan = json!({ "chunkSize": 50_000_000, "chunkCount": 1, "threads": 1 });
    if path.starts_with("/api/jetty-speed/") || path == "/api/storage/upload" {
        let first = seen.attempts.fetch_add(1, Ordering::SeqCst) == 0;
        change(&file);
        let Ok(body) = body.collect().await else { return json_answer(400, &json!({ "code": "cut" })) };
        let body = body.to_bytes().to_vec();
        let length = body.len() as u64;
        seen.whole.lock().unwrap().push(body);
        return if first && lose_first {
            json_answer(503, &json!({ "code": "origin-unavailable" }))
        } else if path == "/api/storage/upload" {
            json_answer(201, &json!({ "asset": asset_json("a", length, "none") }))
        } else {
            json_answer(200, &json!({ "partNumber": 1, "etag": "e", "size": length, "sha256": null, "receipt": "r" }))
        };
    }
    if path == "/api/jetty/sessions" {
        return json_answer(200, &json!({ "sessions": [], "cursor": null }));
    }
    let said = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if String::from_utf8_lossy(&said).contains("\"fail\"") {
        seen.failed.fetch_add(1, Ordering::SeqCst);
        return json_answer(200, &json!({ "sessionId": "s", "status": "failed" }));
    }
    json_answer(201, &json!({ "sessionId": "s", "uploadToken": "jtu1.t", "strategy": plan, "missingParts": [1] }))
}

#[tokio::test]
async fn small_file_that_grows_while_it_is_sent_is_stored_as_it_was_and_reported_as_stored() {
    for lose_first in [false, true] {
        let (ended, seen) = upload_while(3_000_000, UploadOptions::default(), lose_first, |path| append(path, b"more")).await;
        assert_eq!(ended.unwrap().asset.size, 3_000_000);
        assert!(seen.whole.lock().unwrap().iter().all(|body| *body == vec![7u8; 3_000_000]), "every attempt sent the same bytes");
    }
}

#[tokio::test]
async fn small_file_that_is_truncated_while_it_is_sent_is_stored_as_it_was() {
    let (ended, seen) = upload_while(3_000_000, UploadOptions::default(), true, |path| std::fs::write(path, "").unwrap()).await;
    assert_eq!((ended.unwrap().asset.size, seen.attempts.load(Ordering::SeqCst)), (3_000_000, 2));
}

#[tokio::test]
async fn large_file_that_changes_while_it_is_sent_in_one_request_is_refused_at_once_and_never_arrives_whole() {
    let changes: [fn(&Path); 2] = [|path| append(path, b"more"), |path| std::fs::write(path, "less").unwrap()];
    for change in changes {
        let options = UploadOptions { accelerate: Some(false), ..UploadOptions::default() };
        let (ended, seen) = upload_while(30_000_000, options, false, change).await;
        assert!(matches!(ended, Err(Error::FileChanged(_))), "{ended:?}");
        assert_eq!(
            (seen.attempts.load(Ordering::SeqCst), seen.whole.lock().unwrap().len()),
            (1, 0),
            "one attempt, of which the last block was held back"
        );
    }
}

#[tokio::test]
async fn file_that_changes_while_its_parts_are_sent_is_refused_at_once_and_its_session_is_given_up() {
    let changes: [fn(&Path); 2] = [|path| append(path, b"more"), |path| std::fs::write(path, "less").unwrap()];
    for change in changes {
        let options = UploadOptions { no_dedup: true, ..UploadOptions::default() };
        let (ended, seen) = upload_while(30_000_000, options, false, change).await;
        assert!(matches!(ended, Err(Error::FileChanged(_))), "{ended:?}");
        assert_eq!((seen.attempts.load(Ordering::SeqCst), seen.whole.lock().unwrap().len(), seen.failed.load(Ordering::SeqCst)), (1, 0, 1));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn name_that_is_not_utf_8_is_refused_before_anything_is_sent_unless_another_is_given() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"na\xEFve.txt"));
    std::fs::write(&path, "text").unwrap();
    let server = StandIn::start(|_, body| async move {
        let length = body.collect().await.unwrap().to_bytes().len() as u64;
        json_answer(201, &json!({ "asset": asset_json("a", length, "none") }))
    })
    .await;
    let refused = upload(&server.edge(), &path, &UploadOptions::default(), no_progress()).await;
    assert!(matches!(&refused, Err(Error::Usage(text)) if text.contains("is not UTF-8")), "{refused:?}");
    let named = UploadOptions { name: Some("naïve.txt".to_owned()), ..UploadOptions::default() };
    assert_eq!(upload(&server.edge(), &path, &named, no_progress()).await.unwrap().asset.size, 4);
}

#[test]
fn transfers_can_be_spawned_by_the_programs_that_link_this_crate() {
    fn spawnable<T: Send>(_: T) {}
    let edge = Edge::new("http://127.0.0.1:9", "jt_test_key", "jts_secret").unwrap();
    let path = Path::new("a");
    spawnable(upload(&edge, path, &UploadOptions::default(), no_progress()));
    spawnable(crate::download(&edge, "a", None, &crate::DownloadOptions::default(), no_progress()));
    spawnable(crate::push(&edge, path, &crate::PushOptions::default(), no_progress()));
}
