//! The protocol of IETF resumable uploads, by hand: versions 3 (iOS 17), 5 (iOS 18.0), 6 (iOS 18.1) and 8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use sha2::{Digest, Sha256};

use super::{PART, assert_stored, path_of};
use crate::harness::{Call, header, random_bytes, stack, unique};

#[tokio::test]
async fn every_interop_version_creates_appends_and_completes() {
    let stack = stack().await;
    let account = stack.account(&unique("ietf")).tier("pro").create().await;
    let bytes = random_bytes(300_000);
    for version in ["3", "5", "6", "7", "8"] {
        let (name, more, last) = if version == "3" { ("Upload-Incomplete", "?1", "?0") } else { ("Upload-Complete", "?0", "?1") };
        let request = |method, path: &str| stack.request(method, path, &account).header("Upload-Draft-Interop-Version", version);
        let response = request(Method::POST, "/resumable").header(name, more).header("Upload-Length", bytes.len()).sent().await.unwrap();
        assert!(header(&response, "upload-limit").contains("max-append-size=") && header(&response, "upload-offset") == "0", "{version}");
        let path = path_of(&response);
        let send = |offset: usize, piece: &[u8], is_last| {
            let told = if is_last { last } else { more };
            let request = request(Method::PATCH, &path).header("Content-Type", "application/partial-upload").header("Upload-Offset", offset);
            request.header(name, told).body(piece.to_vec())
        };
        let response = send(0, &bytes[..100_000], false).sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (204, "100000".to_owned()), "{version}");
        let (status, problem) = send(5, &bytes[5..], true).answer().await;
        assert_eq!(status, 409, "{problem}");
        assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#mismatching-upload-offset");
        assert_eq!((&problem["expected-offset"], &problem["provided-offset"]), (&100_000.into(), &5.into()));
        let (status, problem) = send(100_000, &bytes[100_000..200_000], true).answer().await;
        assert_eq!((status, &problem["type"]), (400, &"https://iana.org/assignments/http-problem-types#inconsistent-upload-length".into()));
        let response = request(Method::HEAD, &path).sent().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), header(&response, "upload-offset"), header(&response, name)),
            (204, "100000".to_owned(), more.to_owned())
        );
        let response = send(100_000, &bytes[100_000..], true).sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, name)), (200, last.to_owned()), "{version}");
        assert_stored(stack, &account, &header(&response, "jetty-file-id"), &bytes).await;
        let (status, problem) = send(300_000, b"", true).answer().await;
        assert_eq!((status, &problem["type"]), (400, &"https://iana.org/assignments/http-problem-types#completed-upload".into()), "{problem}");
    }
}

#[tokio::test]
async fn one_request_with_its_digest_stores_the_file_and_one_with_another_keeps_nothing() {
    let stack = stack().await;
    let account = stack.account(&unique("ietf")).tier("pro").create().await;
    let bytes = random_bytes(PART + 100_000);
    let digest = |bytes: &[u8]| format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)));
    let send = |told: String| {
        let request = stack.request(Method::POST, "/resumable", &account).header("Upload-Complete", "?1").header("Content-Digest", told);
        request.body(bytes.clone())
    };
    let (status, problem) = send(digest(b"other")).answer().await;
    assert_eq!((status, &problem["code"]), (400, &"digest-mismatch".into()), "{problem}");
    let response = send(digest(&bytes)).header("Repr-Digest", digest(&bytes)).sent().await.unwrap();
    assert_eq!((response.status().as_u16() / 100, header(&response, "upload-complete")), (2, "?1".to_owned()));
    let file = header(&response, "jetty-file-id");
    assert_stored(stack, &account, &file, &bytes).await;
    assert_eq!(stack.verified(&account, &file).await["verification"], "verified");
}
