use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use serde_json::json;

use super::*;
use crate::stand_in::{StandIn, asset_json, json_answer};

/// Files of these sizes in a folder.
fn files(sizes: &[usize]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = sizes.iter().enumerate().map(|(number, size)| {
        let path = folder.path().join(format!("{number}.bin"));
        std::fs::write(&path, vec![7; *size]).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

/// The paths in an archive.
fn names(archive: &[u8]) -> Vec<String> {
    let mut reader = tar::Archive::new(archive);
    let entries = reader.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        std::io::copy(&mut entry.by_ref(), &mut std::io::sink()).unwrap();
        String::from_utf8(entry.path_bytes().into_owned()).unwrap()
    });
    entries.collect()
}

#[tokio::test]
async fn small_files_go_in_one_request_and_what_may_pass_alone_is_sent_alone() {
    let (_folder, paths) = files(&[5, 0, 300]);
    let alone = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alone);
    let server = StandIn::start(move |head, body| {
        let counted = Arc::clone(&counted);
        async move {
            let bytes = body.collect().await.unwrap().to_bytes();
            if head.uri.path() == "/api/storage/upload" {
                counted.fetch_add(1, Ordering::SeqCst);
                return json_answer(201, &json!({ "asset": asset_json("alone", 300, "pending") }));
            }
            assert_eq!((head.uri.path(), head.headers["content-type"].to_str().unwrap()), ("/api/storage/batch", "application/x-tar"));
            assert!(head.headers.contains_key("idempotency-key") && head.headers.contains_key("content-digest"));
            assert_eq!(names(&bytes), ["0.bin", "1.bin", "2.bin"]);
            let results = json!([
                { "index": 0, "path": "0.bin", "status": 201, "asset": asset_json("first", 5, "pending") },
                { "index": 1, "path": "1.bin", "status": 422, "problem": { "code": "chunk-hash-mismatch", "title": "t" } },
                { "index": 2, "path": "2.bin", "status": 503, "problem": { "code": "origin-unavailable", "title": "t" } },
            ]);
            json_answer(200, &json!({ "stored": 1, "failed": 2, "results": results }))
        }
    })
    .await;
    let outcomes = upload_many(&server.edge(), &paths, &UploadOptions::default(), no_progress()).await;
    assert_eq!(outcomes.iter().map(|outcome| outcome.path.clone()).collect::<Vec<_>>(), paths);
    let told: Vec<_> = outcomes.iter().map(|outcome| outcome.result.as_ref().map(|asset| asset.id.as_str()).map_err(|error| error.code())).collect();
    assert_eq!(told, [Ok("first"), Err(Some("chunk-hash-mismatch")), Ok("alone")]);
    assert_eq!(alone.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn refusal_of_a_request_is_told_of_each_of_its_files_and_what_can_not_be_read_of_itself() {
    let (folder, mut paths) = files(&[5, 6]);
    paths.insert(1, folder.path().join("absent"));
    let server = StandIn::start(|_, _| async { json_answer(507, &json!({ "code": "storage-exceeded" })) }).await;
    let outcomes = upload_many(&server.edge(), &paths, &UploadOptions::default(), no_progress()).await;
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.result.as_ref().err().and_then(|error| error.code().map(str::to_owned))).collect();
    assert_eq!(codes, [Some("storage-exceeded".to_owned()), None, Some("storage-exceeded".to_owned())]);
    assert!(matches!(outcomes[1].result.as_ref().map_err(|error| &**error), Err(Error::File { .. })));
}

#[tokio::test]
async fn files_that_an_answer_leaves_out_are_sent_alone() {
    let (_folder, paths) = files(&[5, 6]);
    let server = StandIn::start(|head, body| async move {
        let _ = body.collect().await;
        if head.uri.path() == "/api/storage/upload" {
            return json_answer(201, &json!({ "asset": asset_json("alone", 6, "pending") }));
        }
        let results = json!([{ "index": 0, "path": "0.bin", "status": 201, "asset": asset_json("first", 5, "pending") }]);
        json_answer(200, &json!({ "stored": 1, "failed": 0, "results": results, "problem": { "code": "busy" } }))
    })
    .await;
    let outcomes = upload_many(&server.edge(), &paths, &UploadOptions::default(), no_progress()).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
}
