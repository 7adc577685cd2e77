//! Uploads whose length is not known when they begin, and uploads at a path.

use reqwest::Method;
use serde_json::json;

use super::{BYTES, PART, assert_stored, head, patch, path_of, tus};
use crate::harness::{Call, FILES, Stack, header, random_bytes, stack, unique};
use jettyspeed_devstack::state::AccountAccess;

async fn deferred(stack: &Stack, account: &AccountAccess) -> String {
    path_of(&tus(stack, account, "POST", "/tus").header("Upload-Defer-Length", "1").sent().await.unwrap())
}

#[tokio::test]
async fn length_that_is_told_with_the_last_bytes_or_behind_them_gives_the_file() {
    let stack = stack().await;
    let user = unique("deferred");
    let account = stack.account(&user).tier("pro").create().await;
    // Behind a part; within the first one; at the end of one.
    for (size, is_told_behind) in [(PART + 1_000_000, false), (PART + 1_000_000, true), (900_000, true), (PART, true), (2 * PART, false)] {
        let bytes = random_bytes(size);
        let path = deferred(stack, &account).await;
        let half = size / 2;
        assert_eq!(patch(stack, &account, &path, 0, &bytes[..half]).sent().await.unwrap().status(), 204);
        let response = tus(stack, &account, "HEAD", &path).sent().await.unwrap();
        assert_eq!([header(&response, "upload-defer-length"), header(&response, "upload-length")], ["1", ""]);
        let last = patch(stack, &account, &path, half, &bytes[half..]);
        let response = if is_told_behind {
            assert_eq!(last.sent().await.unwrap().status(), 204);
            patch(stack, &account, &path, size, b"").header("Upload-Length", size)
        } else {
            last.header("Upload-Length", size)
        };
        let response = response.sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (204, size.to_string()), "{size} {is_told_behind}");
        assert_stored(stack, &account, &header(&response, "jetty-file-id"), &bytes).await;
    }
    let stored = 4 * PART as u64 + 2_900_000;
    assert_eq!(stack.used_and_reserved(&account).await, (stored + PART as u64, 0), "what was reserved is given back");
    let (objects, uploads) = stack.bucket.objects_and_uploads_of(&user).await;
    assert_eq!((objects.len(), uploads.len()), (5, 0), "{objects:?}");
}

#[tokio::test]
async fn ietf_upload_of_unknown_length_has_that_of_its_end() {
    let stack = stack().await;
    let account = stack.account(&unique("deferred")).tier("pro").create().await;
    let bytes = random_bytes(PART + 70_000);
    let response = stack.request(Method::POST, "/resumable", &account).header("Upload-Complete", "?0").sent().await.unwrap();
    let path = path_of(&response);
    let send = |offset: usize, piece: &[u8], is_last: bool| {
        let request = stack.request(Method::PATCH, &path, &account).header("Content-Type", "application/partial-upload");
        request.header("Upload-Offset", offset).header("Upload-Complete", if is_last { "?1" } else { "?0" }).body(piece.to_vec())
    };
    let response = send(0, &bytes[..60_000], false).sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "upload-length")), (204, String::new()));
    let response = send(60_000, &bytes[60_000..], true).sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "upload-complete")), (200, "?1".to_owned()));
    assert_stored(stack, &account, &header(&response, "jetty-file-id"), &bytes).await;
}

#[tokio::test]
async fn wrong_length_changes_nothing() {
    let stack = stack().await;
    let account = stack.account(&unique("deferred")).tier("pro").create().await;
    let path = deferred(stack, &account).await;
    assert_eq!(patch(stack, &account, &path, 0, &[1; 1_000]).sent().await.unwrap().status(), 204);
    for length in ["999", "0", "9007199254740991", "x"] {
        let (status, problem) = patch(stack, &account, &path, 1_000, &[2; 10]).header("Upload-Length", length).answer().await;
        assert_eq!(status, 400, "{length}: {problem}");
    }
    assert_eq!(head(stack, &account, &path).await, (200, "1000".to_owned()));
}

#[tokio::test]
async fn upload_at_a_path_is_created_by_put_with_upload_complete_and_by_metadata() {
    let stack = stack().await;
    let account = stack.account(&unique("placed")).tier("pro").create().await;
    let bytes = random_bytes(200_000);
    let put = |path: &str, complete| stack.request(Method::PUT, &format!("/api/storage/upload/{path}"), &account).header("Upload-Complete", complete);
    let response = put("a/b%20c.bin", "?0").header("Upload-Length", bytes.len()).sent().await.unwrap();
    assert_eq!(response.status(), 201);
    let path = path_of(&response);
    assert!(path.starts_with("/resumable/"), "{path}");
    let request = stack.request(Method::PATCH, &path, &account).header("Content-Type", "application/partial-upload").header("Upload-Offset", 0);
    let response = request.header("Upload-Complete", "?1").body(bytes.clone()).sent().await.unwrap();
    assert_eq!(response.status(), 200);
    let (_, asset) = stack.get(&account, &format!("{FILES}/{}", header(&response, "jetty-file-id"))).await;
    assert_eq!((&asset["asset"]["path"], &asset["asset"]["name"]), (&json!("a/b c.bin"), &json!("b c.bin")), "{asset}");
    let (status, problem) = put("a/b%20c.bin", "?1").body(bytes.clone()).answer().await;
    assert_eq!((status, &problem["code"]), (409, &json!("path-taken")), "{problem}");
    // "a/c.bin" and "replace".
    let created = || {
        let request = tus(stack, &account, "POST", "/tus").header("Upload-Length", bytes.len()).header("Content-Type", BYTES);
        request.header("Upload-Metadata", "path YS9jLmJpbg==,ifExists cmVwbGFjZQ==").body(bytes.clone())
    };
    for _ in 0..2 {
        let response = created().sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (201, bytes.len().to_string()));
        let (_, asset) = stack.get(&account, &format!("{FILES}/{}", header(&response, "jetty-file-id"))).await;
        assert_eq!(asset["asset"]["path"], "a/c.bin");
    }
    let (_, listed) = stack.get(&account, &format!("{FILES}?prefix=a/")).await;
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(2), "{listed}");
}
