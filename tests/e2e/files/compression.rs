//! Compressed answers: only where a namespace and the client ask for them.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::harness::{Call, header, stack, unique};

#[tokio::test]
async fn compress_text_compresses_whole_texts_for_clients_that_ask_and_nothing_else() {
    let stack = stack().await;
    let user = unique("texts");
    let account = stack.account(&user).tier("pro").create().await;
    let text = "the quick brown fox jumps over the lazy dog\n".repeat(5_000);
    let compressed = stack.namespace(&unique("jt_customer_z")).field("features", json!({ "compress_text": true })).member(&account).create().await;
    let plain = stack.namespace(&unique("jt_customer_p")).member(&account).create().await;
    let url_of = async |namespace: &str, name: &str| {
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", name).header("X-Namespace", namespace);
        let (status, body) = request.body(text.clone()).answer().await;
        assert_eq!(status, 201, "{body}");
        stack.edge(&account).download_url(body["asset"]["id"].as_str().unwrap()).await.unwrap()
    };
    let asks = |request: RequestBuilder| request.header("Accept-Encoding", "deflate, gzip;q=0.8");
    let field = |response: &Response, names: [&str; 4]| names.map(|name| header(response, name));
    let fields = ["content-encoding", "content-length", "vary", "etag"];
    let size = text.len().to_string();

    for name in ["fox.txt", "fox.csv"] {
        let url = url_of(&compressed, name).await;
        let whole = stack.http.get(&url).header("Accept-Encoding", "identity").sent().await.unwrap();
        let [encoding, length, vary, strong] = field(&whole, fields);
        assert!(strong.starts_with('"') && vary == "Accept-Encoding" && length == size && encoding != "gzip", "{encoding} {length} {vary} {strong}");
        assert!(header(&whole, "cache-control").ends_with(", no-transform"));
        assert!(whole.text().await.unwrap() == text);
        for request in [stack.http.get(&url), stack.http.get(&url)] {
            let packed = asks(request).sent().await.unwrap();
            let [encoding, length, vary, weak] = field(&packed, fields);
            assert_eq!((packed.status().as_u16(), encoding.as_str(), length.as_str(), vary.as_str()), (200, "gzip", "", "Accept-Encoding"), "{name}");
            assert_eq!(weak, format!("W/{strong}"));
            let bytes = packed.bytes().await.unwrap();
            // RFC 1952: two magic bytes at the beginning, the length of the content at the end.
            assert!(bytes.len() < text.len() / 10 && bytes.starts_with(&[0x1f, 0x8b]), "{} bytes", bytes.len());
            assert_eq!(bytes[bytes.len() - 4..], u32::try_from(text.len()).unwrap().to_le_bytes());
        }
        for tag in [&strong, &format!("W/{strong}")] {
            let same = asks(stack.http.get(&url)).header("If-None-Match", tag).sent().await.unwrap();
            assert_eq!((same.status().as_u16(), header(&same, "vary").as_str()), (304, "Accept-Encoding"), "{tag}");
        }
        let part = asks(stack.http.get(&url)).header("Range", "bytes=4-8").sent().await.unwrap();
        let [encoding, length, _, etag] = field(&part, fields);
        assert!(part.status() == 206 && encoding != "gzip" && length == "5" && etag == strong, "{encoding} {length} {etag}");
        assert_eq!(part.text().await.unwrap(), "quick");
        let head = asks(stack.http.head(&url)).sent().await.unwrap();
        assert_eq!((header(&head, "content-encoding").as_str(), header(&head, "etag")), ("gzip", format!("W/{strong}")));
    }
    let url = url_of(&compressed, "fox.bin").await;
    let other = asks(stack.http.get(&url)).sent().await.unwrap();
    let [encoding, length, vary, _] = field(&other, fields);
    assert_eq!((encoding.as_str(), length, vary.as_str()), ("", size.clone(), ""), "not of the text class");
    let url = url_of(&plain, "fox.txt").await;
    let other = asks(stack.http.get(&url)).sent().await.unwrap();
    let [encoding, length, vary, etag] = field(&other, fields);
    assert_eq!((encoding.as_str(), length, vary.as_str(), etag.starts_with('"')), ("identity", size, "", true), "not asked for by its namespace");
    assert!(header(&other, "cache-control").ends_with(", no-transform"));
}
