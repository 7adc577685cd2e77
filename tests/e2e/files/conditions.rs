//! Conditional requests and several ranges in one (RFC 9110 sections 13 and 14).

use crate::harness::{Call, SLICE, StoredFile, header, stack};

#[tokio::test]
async fn conditions_return_304_or_412_and_several_ranges_return_multipart() {
    let stack = stack().await;
    let StoredFile { url, bytes, .. } = stack.file(&stack.dev).name("notes.txt").size(2 * SLICE + 100).store().await;
    let whole = stack.http.head(&url).sent().await.unwrap();
    let (etag, modified) = (header(&whole, "etag"), header(&whole, "last-modified"));
    let status = async |name: &str, value: &str| stack.http.get(&url).header(name, value).header("Range", "bytes=0-0").sent().await.unwrap();
    for (name, value, expected) in [
        ("If-None-Match", etag.as_str(), 304),
        ("If-None-Match", "\"x\", *", 206),
        ("If-None-Match", "*", 304),
        ("If-Modified-Since", modified.as_str(), 304),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("If-Match", etag.as_str(), 206),
        ("If-Match", "\"x\"", 412),
        ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
        ("If-Range", etag.as_str(), 206),
        ("If-Range", "\"x\"", 200),
        ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ] {
        let response = status(name, value).await;
        assert_eq!(response.status().as_u16(), expected, "{name}: {value}");
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
        if expected != 412 {
            assert_eq!(header(&response, "etag"), etag, "{name}: {value}");
        }
    }
    let response = stack.http.get(&url).header("Range", format!("bytes=-5,0-9,{}-{}", SLICE - 3, SLICE + 2)).sent().await.unwrap();
    assert_eq!(response.status(), 206);
    let kind = header(&response, "content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
    let announced = response.content_length().unwrap();
    let body = response.bytes().await.unwrap();
    assert_eq!(body.len() as u64, announced);
    let mut expected = Vec::new();
    for (first, last) in [(bytes.len() - 5, bytes.len() - 1), (0, 9), (SLICE - 3, SLICE + 2)] {
        let head = format!("\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n", bytes.len());
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&bytes[first..=last]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(body == expected, "{}", String::from_utf8_lossy(&body));
}
