//! The protocol of tus.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BYTES, PART, assert_stored, created, head, patch, tus};
use crate::harness::{Call, FILES, header, random_bytes, sha256, stack, unique};

#[tokio::test]
async fn upload_in_patches_of_500_kib_is_stored_whole_and_leaves_no_fragment() {
    let stack = stack().await;
    let user = unique("tus");
    let account = stack.account(&user).tier("pro").create().await;
    let bytes = random_bytes(PART + 1_500_000);
    let path = created(stack, &account, bytes.len()).await;
    let (mut offset, mut file) = (0, String::new());
    for piece in bytes.chunks(500 * 1024) {
        let response = patch(stack, &account, &path, offset, piece).sent().await.unwrap();
        assert_eq!(response.status(), 204, "{offset}");
        offset += piece.len();
        assert_eq!(header(&response, "upload-offset"), offset.to_string());
        file = header(&response, "jetty-file-id");
    }
    assert_eq!(head(stack, &account, &path).await, (200, bytes.len().to_string()));
    assert_stored(stack, &account, &file, &bytes).await;
    let (_, asset) = stack.get(&account, &format!("{FILES}/{file}")).await;
    assert_eq!(asset["asset"]["name"], "a.bin");
    let (objects, uploads) = stack.bucket.objects_and_uploads_of(&user).await;
    assert_eq!((objects.len(), uploads.len()), (1, 0), "{objects:?}");
}

#[tokio::test]
async fn creation_with_upload_stores_the_file_and_an_empty_one_needs_no_patch() {
    let stack = stack().await;
    let account = stack.account(&unique("tus")).tier("pro").create().await;
    let bytes = random_bytes(100_000);
    let request = tus(stack, &account, "POST", "/tus").header("Upload-Length", bytes.len()).header("Content-Type", BYTES).body(bytes.clone());
    let response = request.sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (201, bytes.len().to_string()));
    assert_stored(stack, &account, &header(&response, "jetty-file-id"), &bytes).await;
    let response = tus(stack, &account, "POST", "/tus").header("Upload-Length", 0).sent().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(!header(&response, "location").is_empty());
    assert_stored(stack, &account, &header(&response, "jetty-file-id"), b"").await;
}

#[tokio::test]
async fn requests_that_are_wrong_get_the_status_of_the_specification_and_store_nothing() {
    let stack = stack().await;
    let account = stack.account(&unique("tus")).tier("pro").create().await;
    let path = created(stack, &account, 10).await;
    let of = |method: &str, headers: &[(&str, &str)]| {
        let request = stack.request(Method::from_bytes(method.as_bytes()).unwrap(), &path, &account);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body("hello")
    };
    let (version, kind, start) = (("Tus-Resumable", "1.0.0"), ("Content-Type", BYTES), ("Upload-Offset", "0"));
    for (headers, expected) in [
        (&[kind, start] as &[_], 412),
        (&[version, start], 415),
        (&[version, kind], 400),
        (&[version, kind, ("Upload-Offset", "-1")], 400),
        (&[version, kind, ("Upload-Offset", "3")], 409),
        (&[version, kind, start, ("Upload-Checksum", "md5 x")], 400),
        (&[version, kind, start, ("Upload-Checksum", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=")], 460),
        (&[version, kind, ("Upload-Offset", "8")], 413),
    ] {
        let response = of("PATCH", headers).sent().await.unwrap();
        assert_eq!(response.status(), expected, "{headers:?}");
        assert_eq!(header(&response, "tus-resumable"), "1.0.0", "{headers:?}");
        assert_eq!(header(&response, "content-type"), "application/problem+json", "{headers:?}");
    }
    assert_eq!(head(stack, &account, &path).await, (200, "0".to_owned()));
    // The same bytes with their checksum, by way of a POST.
    let sum = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    let request = tus(stack, &account, "POST", &path).header("X-HTTP-Method-Override", "PATCH").header("Upload-Offset", 0);
    let response = request.header("Content-Type", BYTES).header("Upload-Checksum", sum).body("hello").sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (204, "5".to_owned()));
}

#[tokio::test]
async fn deleted_upload_is_gone_and_frees_its_reservation_and_objects() {
    let stack = stack().await;
    let user = unique("tus");
    let account = stack.account(&user).tier("pro").create().await;
    let path = created(stack, &account, 1_000_000).await;
    assert_eq!(patch(stack, &account, &path, 0, &random_bytes(1_000)).sent().await.unwrap().status(), 204);
    assert_eq!(stack.used_and_reserved(&account).await, (0, 1_000_000));
    assert_eq!(tus(stack, &account, "DELETE", &path).sent().await.unwrap().status(), 204);
    assert_eq!(head(stack, &account, &path).await.0, 410);
    assert_eq!(stack.used_and_reserved(&account).await, (0, 0));
    let (objects, uploads) = stack.bucket.objects_and_uploads_of(&user).await;
    assert!(objects.is_empty() && uploads.is_empty(), "{objects:?}");
}

#[tokio::test]
async fn connection_that_dies_costs_at_most_a_part_and_the_upload_goes_on() {
    let stack = stack().await;
    let account = stack.account(&unique("tus")).tier("pro").create().await;
    let bytes = random_bytes(2 * PART + 1_000_000);
    let path = created(stack, &account, bytes.len()).await;
    let address = stack.url.strip_prefix("http://").unwrap();
    let cut = PART + 3_000_000;
    {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nX-API-Secret: {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
             Content-Type: {BYTES}\r\nContent-Length: {}\r\n\r\n",
            account.api_key,
            account.api_secret,
            bytes.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&bytes[..cut]).await.unwrap();
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), connection.read(&mut [0; 1])).await;
    }
    let offset: usize = crate::harness::eventually(std::time::Duration::from_secs(30), async || {
        let (status, offset) = head(stack, &account, &path).await;
        let offset: usize = offset.parse().map_err(|_| format!("{status}"))?;
        if offset + PART >= cut { Ok(offset) } else { Err(format!("{offset}")) }
    })
    .await;
    let mut last = None;
    for _ in 0..20 {
        let (_, at) = head(stack, &account, &path).await;
        let at: usize = at.parse().unwrap();
        assert!(at >= offset, "the offset fell from {offset} to {at}");
        let response = patch(stack, &account, &path, at, &bytes[at..]).sent().await.unwrap();
        if response.status() == 204 {
            last = Some(header(&response, "jetty-file-id"));
            break;
        }
        assert!(matches!(response.status().as_u16(), 409 | 423), "{}", response.status());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_stored(stack, &account, &last.unwrap(), &bytes).await;
}

#[tokio::test]
async fn upload_of_tus_is_seen_and_completed_by_the_api_and_one_of_the_api_by_tus() {
    let stack = stack().await;
    let account = stack.account(&unique("tus")).tier("pro").create().await;
    let bytes = random_bytes(PART + 1_000);
    let path = created(stack, &account, bytes.len()).await;
    assert_eq!(patch(stack, &account, &path, 0, &bytes[..PART]).sent().await.unwrap().status(), 204);
    let session = path.rsplit('/').next().unwrap();
    let state = stack.session_state(&account, session).await;
    assert_eq!((&state["completed"][0]["sha256"], &state["missing"]), (&sha256(&bytes[..PART]).into(), &serde_json::json!([2])), "{state}");
    let part = stack.request(Method::PUT, &format!("/api/jetty-speed/{session}/2"), &account).header("X-Chunk-SHA256", sha256(&bytes[PART..]));
    assert_eq!(part.body(bytes[PART..].to_vec()).answer().await.0, 200);
    // The client asks, as after a lost answer, and the file is there.
    assert_eq!(head(stack, &account, &path).await, (200, bytes.len().to_string()));
    let (status, done) = stack.track(&account, serde_json::json!({ "action": "complete", "sessionId": session })).await;
    assert_eq!(status, 200, "{done}");
    let file = done["asset"]["id"].as_str().or(done["assetId"].as_str()).unwrap().to_owned();
    assert_stored(stack, &account, &file, &bytes).await;

    let started = stack.session(&account).size(100_000).start().await;
    let token = started["uploadToken"].as_str().unwrap();
    let path = format!("/tus/{}", started["sessionId"].as_str().unwrap());
    let request = stack.anonymous(Method::PATCH, &path).header("Tus-Resumable", "1.0.0").header("X-Upload-Token", token);
    let response = request.header("Upload-Offset", 0).header("Content-Type", BYTES).body(bytes[..100_000].to_vec()).sent().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_stored(stack, &account, &header(&response, "jetty-file-id"), &bytes[..100_000]).await;
}

#[tokio::test]
async fn options_tell_extensions_and_errors_have_cors_headers() {
    let stack = stack().await;
    let response = stack.anonymous(Method::OPTIONS, "/tus").sent().await.unwrap();
    let told = ["tus-version", "tus-extension", "tus-checksum-algorithm"].map(|name| header(&response, name));
    assert_eq!(told, ["1.0.0", "creation,creation-defer-length,creation-with-upload,expiration,checksum,termination,concatenation", "sha1,sha256"]);
    let response = stack.anonymous(Method::HEAD, "/tus/x").header("Origin", "https://page.example").sent().await.unwrap();
    assert_eq!(response.status(), 401);
    let (vary, origin) = (header(&response, "vary"), header(&response, "access-control-allow-origin"));
    assert!(vary.contains("Origin") || origin == "*", "{vary} {origin}");
}
