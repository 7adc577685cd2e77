//! `POST /api/storage/batch`: many small files in one request, as a tar archive.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, random_bytes, sha256, stack};

/// An archive under construction: a file with our records before it, if it has any.
struct Archive(Vec<u8>);

impl Archive {
    fn file(mut self, path: &str, bytes: &[u8], records: &[(&str, &str)]) -> Archive {
        let mut builder = tar::Builder::new(&mut self.0);
        if !records.is_empty() {
            builder.append_pax_extensions(records.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap();
        }
        let mut head = tar::Header::new_ustar();
        head.set_size(bytes.len() as u64);
        head.set_mode(0o644);
        builder.append_data(&mut head, path, bytes).unwrap();
        // The builder ends the archive when it is dropped.
        std::mem::forget(builder);
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

async fn send(stack: &Stack, account: &AccountAccess, archive: Vec<u8>) -> (u16, Value) {
    stack.request(Method::POST, "/api/storage/batch", account).header("Content-Type", "application/x-tar").body(archive).answer().await
}

#[tokio::test]
async fn each_file_of_an_archive_is_stored_and_told() {
    let stack = stack().await;
    let account = stack.account("batch-1").tier("pro").create().await;
    let files: Vec<_> = (0..40_usize).map(|number| (format!("photos/{number}/f{number}.jpg"), random_bytes(number * 2_000))).collect();
    let archive =
        files.iter().fold(Archive(Vec::new()), |archive, (path, bytes)| archive.file(path, bytes, &[("JETTYSPEED.sha256", sha256(bytes).as_str())]));
    let (status, body) = send(stack, &account, archive.end()).await;
    assert_eq!((status, &body["stored"], &body["failed"], body.get("problem")), (200, &40.into(), &0.into(), None), "{body}");
    for (number, (path, bytes)) in files.iter().enumerate() {
        let result = &body["results"][number];
        assert_eq!((&result["index"], &result["path"], &result["status"]), (&number.into(), &path.as_str().into(), &201.into()));
        let asset = &result["asset"];
        assert_eq!((&asset["name"], &asset["contentType"]), (&format!("f{number}.jpg").into(), &"image/jpeg".into()));
        assert_eq!(&stack.bucket.get(asset["s3Key"].as_str().unwrap()).await.unwrap(), bytes);
    }
    let (_, listed) = stack.request(Method::GET, "/api/storage/files?limit=500", &account).answer().await;
    assert_eq!(listed["files"].as_array().unwrap().len(), 40);
    let (_, quota) = stack.request(Method::GET, "/api/agentcache/quota", &account).answer().await;
    let stored: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(quota["storage_used_bytes"].as_u64(), Some(stored as u64), "{quota}");
}

#[tokio::test]
async fn files_that_are_refused_are_told_and_the_others_stored() {
    let stack = stack().await;
    let account = stack.account("batch-2").tier("pro").create().await;
    let archive = Archive(Vec::new())
        .file("good.txt", b"good", &[])
        .file("wrong.txt", b"wrong", &[("JETTYSPEED.sha256", sha256(b"right").as_str())])
        .file("large.bin", &vec![7; 10_000_001], &[])
        .file("typed", b"typed", &[("JETTYSPEED.contentType", "text/markdown"), ("path", &format!("{}/typed", "d".repeat(200)))])
        .file("empty", b"", &[]);
    let (status, body) = send(stack, &account, archive.end()).await;
    assert_eq!((status, &body["stored"], &body["failed"]), (200, &3.into(), &2.into()), "{body}");
    let codes: Vec<_> = body["results"].as_array().unwrap().iter().map(|result| result["problem"]["code"].as_str()).collect();
    assert_eq!(codes, [None, Some("chunk-hash-mismatch"), Some("body-too-large"), None, None]);
    assert_eq!(body["results"][3]["asset"]["contentType"], "text/markdown");
    let (_, listed) = stack.request(Method::GET, "/api/storage/files", &account).answer().await;
    assert_eq!(listed["files"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn archive_that_breaks_off_keeps_the_files_before_and_tells_why() {
    let stack = stack().await;
    let account = stack.account("batch-3").tier("pro").create().await;
    let mut archive = Archive(Vec::new()).file("first", &[1; 700], &[]).file("second", &[2; 700], &[]).0;
    archive.extend([b'x'; 512]);
    archive.extend(Archive(Vec::new()).file("third", &[3; 700], &[]).end());
    let (status, body) = send(stack, &account, archive).await;
    assert_eq!((status, &body["stored"], &body["problem"]["code"]), (200, &2.into(), &"malformed-request".into()), "{body}");
    let cut = Archive(Vec::new()).file("first", &[1; 700], &[]).0;
    let (status, body) = send(stack, &account, cut[..900].to_vec()).await;
    assert_eq!(
        (status, &body["stored"], &body["failed"], &body["results"][0]["problem"]["code"]),
        (200, &0.into(), &1.into(), &"malformed-request".into()),
        "{body}"
    );
    for (body, status, code) in [(vec![b'x'; 2_000], 400, "malformed-request"), (vec![0; 1_024], 200, "")] {
        let (got, answer) = send(stack, &account, body).await;
        assert_eq!((got, answer["code"].as_str().unwrap_or_default()), (status, code), "{answer}");
    }
}

#[tokio::test]
async fn what_is_refused_before_it_is_read_stores_nothing() {
    let stack = stack().await;
    let archive = || Archive(Vec::new()).file("a", b"a", &[]).end();
    let (status, body) = send(stack, &stack.free, archive()).await;
    assert_eq!((status, body["code"].as_str()), (507, Some("storage-exceeded")), "{body}");
    assert_eq!(send(stack, &stack.suspended, archive()).await.0, 403);
    let post = || stack.request(Method::POST, "/api/storage/batch", &stack.starter);
    let (status, body) = post().header("Content-Type", "application/zip").body(archive()).answer().await;
    assert_eq!((status, body["field"].as_str()), (422, Some("Content-Type")), "{body}");
    let (status, body) = post().header("Content-Type", "application/x-tar").without_sending_body(64_000_001).answer().await;
    assert_eq!((status, body["limit"].as_u64()), (413, Some(64_000_000)), "{body}");
    let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>("x")]);
    let chunked = post().header("Content-Type", "application/x-tar").body(reqwest::Body::wrap_stream(stream));
    assert_eq!(chunked.answer().await.0, 411);
}

#[tokio::test]
async fn repeated_archive_under_one_key_is_stored_once() {
    let stack = stack().await;
    let account = stack.account("batch-4").tier("pro").create().await;
    let send = |bytes: &'static [u8]| {
        let archive = Archive(Vec::new()).file("a", bytes, &[]).file("b", bytes, &[]).end();
        let request = stack.request(Method::POST, "/api/storage/batch", &account).header("Content-Type", "application/x-tar");
        request.header("Idempotency-Key", "batch-1").header("Content-Digest", sha256(bytes)).body(archive).answer()
    };
    let first = send(b"bytes").await;
    assert_eq!((first.0, &first.1["stored"]), (200, &2.into()), "{}", first.1);
    assert_eq!(send(b"bytes").await, first);
    // Without room for another file.
    let user = account.user_id.as_str();
    let (status, body) = stack.webhook("/api/agentcache/upgrade", json!({ "agentcache_user_id": user, "tier": "free", "force": true })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(send(b"bytes").await, first);
    assert_eq!(send(b"other").await.0, 422);
    let (_, listed) = stack.request(Method::GET, "/api/storage/files", &account).answer().await;
    assert_eq!(listed["files"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn thousand_files_of_one_request_are_stored_and_one_more_ends_it() {
    let stack = stack().await;
    let account = stack.account("batch-5").tier("pro").create().await;
    let archive = (0..1_001_usize).fold(Archive(Vec::new()), |archive, number| archive.file(&format!("{number}"), &number.to_be_bytes(), &[]));
    let request =
        stack.request(Method::POST, "/api/storage/batch", &account).header("Content-Type", "application/x-tar").timeout(Duration::from_mins(3));
    let (status, body) = request.body(archive.end()).answer().await;
    assert_eq!((status, &body["stored"], &body["problem"]["code"]), (200, &1_000.into(), &"invalid-value".into()), "{}", body["problem"]);
}
