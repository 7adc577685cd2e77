//! Forms: refused before they are read where that is possible, within one budget of memory otherwise, and read as clients write them.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::SlowClient;
use crate::harness::{Call, Stack, answer, at_once, random_bytes, retry_after, sha256, stack};
use jettyspeed_devstack::state::AccountAccess;

const UPLOAD: &str = "/api/storage/upload";

/// A form of one file; `disposition` is the value of its field, or rather what follows `form-data`.
fn form(disposition: &[u8], bytes: &[u8]) -> Vec<u8> {
    [b"--bound\r\nContent-Disposition: form-data", disposition, b"\r\nContent-Type: text/plain\r\n\r\n", bytes, b"\r\n--bound--\r\n"].concat()
}

fn request(stack: &Stack, account: &AccountAccess) -> RequestBuilder {
    stack.request(Method::POST, UPLOAD, account).header("Content-Type", "multipart/form-data; boundary=bound")
}

#[tokio::test]
async fn form_that_cannot_be_stored_is_refused_before_a_byte_of_it_is_read() {
    let stack = stack().await;
    let starter = stack.account("formless").tier("starter").create().await;
    // An account for each, because a free one may make ten calls a minute.
    let free = async |user: &str| stack.account(user).tier("free").create().await;
    let (large, long, small) = (free("form-large").await, free("form-long").await, free("form-small").await);
    for (account, size, status, code) in [
        (&large, 31_900_000, 413, "body-too-large"),
        (&stack.dev, 16_065_537, 413, "body-too-large"),
        (&long, 12_000_000, 413, "file-too-large"),
        (&small, 9_000_000, 507, "storage-exceeded"),
        (&stack.suspended, 9_000_000, 403, "account-suspended"),
    ] {
        let requests = (0..4).map(|_| request(stack, account).without_sending_body(size));
        for (got, body) in at_once(requests).await {
            assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{body}");
            assert!(code != "body-too-large" || body["limit"] == json!(16_000_000), "{body}");
        }
    }
    // Nothing of a request that is refused for its fields is read, either.
    let no_boundary = stack.request(Method::POST, UPLOAD, &starter).header("Content-Type", "multipart/form-data").without_sending_body(9_000_000);
    assert_eq!(no_boundary.answer().await.0, 400);
    let wrong_hash = request(stack, &starter).header("X-Content-SHA256", "x").without_sending_body(9_000_000);
    assert_eq!(wrong_hash.answer().await.0, 422);
}

#[tokio::test]
async fn form_without_room_in_memory_gets_503_with_retry_after_and_another_account_its_file() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(15_900_000);
    let whole = form(b"; name=file; filename=a.txt", &bytes);
    let fields = [("Content-Type", "multipart/form-data; boundary=bound")];
    let mut held = SlowClient::send_as(&stack, &stack.dev, "POST", UPLOAD, whole.len(), &fields).await;
    held.body(&whole[..1_000]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = request(&stack, &stack.dev).body(whole.clone()).sent().await.unwrap();
    assert_eq!(retry_after(&refused), 2);
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"]), (503, &json!("busy")));
    let (status, body) = request(&stack, &stack.other).body(whole.clone()).answer().await;
    assert_eq!(status, 201, "{body}");
    assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    // The slow one is given up, and the account can send again.
    let (status, body) = held.answer().await;
    assert!(status == 408 && body.contains("body-too-slow"), "{body}");
    assert_eq!(request(&stack, &stack.dev).body(whole).answer().await.0, 201);
}

#[tokio::test]
async fn form_of_16_mb_is_stored_and_of_one_byte_more_is_413() {
    let stack = stack().await;
    let bytes = random_bytes(16_000_000);
    let (status, body) =
        request(stack, &stack.dev).header("X-Content-SHA256", sha256(&bytes)).body(form(b"; name=file; filename=a.txt", &bytes)).answer().await;
    assert_eq!((status, &body["asset"]["size"]), (201, &json!(16_000_000)), "{body}");
    assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    let (status, body) = request(stack, &stack.dev).body(form(b"; name=file; filename=a.txt", &vec![0; 16_000_001])).answer().await;
    assert_eq!((status, &body["limit"]), (413, &json!(16_000_000)), "{body}");
}

#[tokio::test]
async fn form_as_dotnet_writes_it_returns_201_with_its_name() {
    let stack = stack().await;
    for (disposition, name) in [
        ("; name=file; filename=a.txt".to_owned(), "a.txt"),
        ("; name=file; filename=a.txt; filename*=utf-8''a.txt".to_owned(), "a.txt"),
        ("; name=file; filename=\"=?utf-8?B?bmHDr3ZlLnR4dA==?=\"; filename*=utf-8''na%C3%AFve.txt".to_owned(), "na\u{ef}ve.txt"),
        ("; name=\"file\"; filename=\"na\u{ef}ve %22x%22.txt\"".to_owned(), "na\u{ef}ve \"x\".txt"),
    ] {
        let bytes = random_bytes(1_000);
        let (status, body) = request(stack, &stack.starter).body(form(disposition.as_bytes(), &bytes)).answer().await;
        assert_eq!(
            (status, &body["asset"]["name"], &body["asset"]["contentType"]),
            (201, &json!(name), &json!("text/plain")),
            "{disposition}: {body}"
        );
        assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    }
    // .NET quotes the boundary.
    let quoted = stack.request(Method::POST, UPLOAD, &stack.starter).header("Content-Type", "multipart/form-data; boundary=\"bound\"");
    assert_eq!(quoted.body(form(b"; name=file; filename=a.txt", b"x")).answer().await.0, 201);
    let empty = request(stack, &stack.starter).body(form(b"; name=file; filename=a.txt", b"")).answer().await;
    assert_eq!((empty.0, &empty.1["asset"]["size"]), (201, &json!(0)));
}

#[tokio::test]
async fn file_name_that_is_not_utf8_returns_422_with_the_field() {
    let stack = stack().await;
    let latin1 = b"na\xefve.txt".as_slice();
    let shift_jis = b"\x93\xfa\x96\x7b.txt".as_slice();
    for name in [latin1, shift_jis] {
        for disposition in [[b"; name=file; filename=", name].concat(), [b"; name=\"file\"; filename=\"", name, b"\""].concat()] {
            let (status, body) = request(stack, &stack.starter).body(form(&disposition, b"x")).answer().await;
            assert_eq!((status, &body["field"]), (422, &json!("file")), "{name:?}: {body}");
        }
        let header = reqwest::header::HeaderValue::from_bytes(name).unwrap();
        let raw = stack.request(Method::POST, UPLOAD, &stack.starter).header("X-File-Name", header).body("x");
        let (status, body) = raw.answer().await;
        assert_eq!((status, &body["field"]), (422, &json!("X-File-Name")), "{name:?}: {body}");
    }
    let percent = stack.request(Method::POST, UPLOAD, &stack.starter).header("X-File-Name", "na%EFve").body("x").answer().await;
    assert_eq!((percent.0, &percent.1["field"]), (422, &json!("X-File-Name")));
    // UTF-8 as it is, and encoded.
    for name in ["na\u{ef}ve", "na%C3%AFve"] {
        let header = reqwest::header::HeaderValue::from_bytes(name.as_bytes()).unwrap();
        let (status, body) = stack.request(Method::POST, UPLOAD, &stack.starter).header("X-File-Name", header).body("x").answer().await;
        assert_eq!((status, &body["asset"]["name"]), (201, &json!("na\u{ef}ve")), "{body}");
    }
}

#[tokio::test]
async fn body_with_content_encoding_returns_415_on_every_route_that_takes_one() {
    let stack = stack().await;
    let account = &stack.dev;
    let bytes = random_bytes(1_000);
    let started = stack.session(account).size(bytes.len()).start().await;
    let start = json!({ "action": "start", "fileName": "a", "fileSize": 5 });
    let provision = json!({ "user_id": "encoded", "email": "a@b.c", "tier": "pro" });
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";
    let requests = || {
        [
            stack.request(Method::POST, UPLOAD, account).header("X-File-Name", "a").body("hello"),
            request(stack, account).body(form(b"; name=file; filename=a.txt", b"x")),
            stack.request(Method::POST, "/api/jetty/track-upload", account).json(&start),
            stack.chunk(&started, 1, &bytes),
            stack.request(Method::PUT, "/api/video/encoded/a.ts", account).body("hello"),
            stack.request(Method::PUT, "/api/video/encoded/a.m3u8", account).body(playlist),
            stack.backend(Method::POST, "/api/webhooks/jetty/provision").json(&provision),
            stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{}", account.namespace)).json(&json!({ "display_name": "x" })),
        ]
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        for request in requests() {
            let (status, body) = request.header("Content-Encoding", coding).answer().await;
            assert_eq!((status, &body["code"]), (415, &json!("encoded-body")), "{coding}: {body}");
        }
    }
    for request in requests() {
        let (status, body) = request.header("Content-Encoding", "identity").answer().await;
        assert!((200..300).contains(&status), "{status} {body}");
    }
}
