//! `POST /api/storage/upload`: a file in one request.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::harness::{Call, answer, random_bytes, sha256, stack};

#[tokio::test]
async fn raw_body_and_form_return_201_with_stored_bytes() {
    let stack = stack().await;
    let bytes = random_bytes(300_000);
    let raw = stack.request(Method::POST, "/api/storage/upload", &stack.starter).header("X-File-Name", "r%C3%A9sum%C3%A9.pdf");
    let (status, body) = raw.header("X-Content-SHA256", sha256(&bytes)).body(bytes.clone()).answer().await;
    assert_eq!(status, 201, "{body}");
    let asset = &body["asset"];
    assert_eq!((&asset["name"], &asset["contentType"], &asset["verification"]), (&json!("résumé.pdf"), &json!("application/pdf"), &json!("pending")));
    assert!(asset["s3Key"].as_str().unwrap().starts_with("users/starter/o/"));
    assert!(stack.bucket.get(asset["s3Key"].as_str().unwrap()).await.unwrap() == bytes);

    let form = |bytes: Vec<u8>| Form::new().part("file", Part::bytes(bytes).file_name("say \"hi\".txt").mime_str("text/plain").unwrap());
    let request = stack.request(Method::POST, "/api/storage/upload", &stack.starter).multipart(form(bytes.clone()));
    let (status, body) = request.answer().await;
    assert_eq!((status, &body["asset"]["name"], &body["asset"]["contentType"]), (201, &json!("say \"hi\".txt"), &json!("text/plain")), "{body}");
    assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);

    let large = random_bytes(16_000_000);
    let request = stack.request(Method::POST, "/api/storage/upload", &stack.dev).multipart(form(large.clone()));
    let (status, body) = request.answer().await;
    assert_eq!(status, 201, "{body}");
    assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == large);
}

#[tokio::test]
async fn simple_upload_over_a_limit_returns_its_status_and_limit() {
    let stack = stack().await;
    let post = |account, size: usize| {
        let request = stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.bin");
        if size > 10 { request.without_sending_body(size).sent() } else { request.body(vec![0; size]).sent() }
    };
    for (account, size, status, code) in [
        (&stack.free, 10, 507, "storage-exceeded"),
        (&stack.free, 0, 507, "storage-exceeded"),
        (&stack.free, 10_000_001, 413, "file-too-large"),
        (&stack.starter, 50_000_001, 413, "file-too-large"),
        (&stack.dev, 100_000_001, 413, "body-too-large"),
        (&stack.suspended, 10, 403, "account-suspended"),
    ] {
        let (got, body) = answer(post(account, size).await.unwrap()).await;
        assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{body}");
        assert!(status == 403 || body["limit"].is_u64(), "{body}");
    }
    let no_name = stack.request(Method::POST, "/api/storage/upload", &stack.dev).body("x").sent().await.unwrap();
    assert_eq!(answer(no_name).await.0, 422);
    let wrong_hash =
        stack.request(Method::POST, "/api/storage/upload", &stack.dev).header("X-File-Name", "a").header("X-Content-SHA256", sha256(b"y"));
    let (status, body) = wrong_hash.body("x").answer().await;
    assert_eq!((status, body["code"].as_str().unwrap()), (422, "chunk-hash-mismatch"));
    let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>("x")]);
    let chunked = stack.request(Method::POST, "/api/storage/upload", &stack.dev).header("X-File-Name", "a");
    assert_eq!(chunked.body(reqwest::Body::wrap_stream(stream)).answer().await.0, 411);
    let too_large = Form::new().part("file", Part::bytes(vec![0; 16_000_001]).file_name("a"));
    // Not the account of the largest form above: two of them are more than one account's share of memory.
    let (status, _) = stack.request(Method::POST, "/api/storage/upload", &stack.other).multipart(too_large).answer().await;
    assert_eq!(status, 413);
    let no_file = Form::new().text("file", "not a file");
    let (status, _) = stack.request(Method::POST, "/api/storage/upload", &stack.dev).multipart(no_file).answer().await;
    assert_eq!(status, 422);
}
