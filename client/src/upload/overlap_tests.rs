//! Whether a file is hashed before or while it is sent, against a stand-in for the server.

use std::path::Path;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::progress::no_progress;
use crate::stand_in::{Answer, StandIn, asset_json, json_answer};

const CHUNK: usize = 10_000_000;

/// What the server says of a file before it is started.
#[derive(Clone)]
struct Says {
    may_be_stored: Value,
    /// Whether it stores the first 5 MiB as a chunk.
    first_stored: bool,
    /// The status of the session, in which `complete` is refused while it names a hash of the file.
    refuses_hash_while: Option<&'static str>,
}

type Told = Arc<Mutex<Vec<Value>>>;

async fn serve(path: String, number: String, body: hyper::body::Incoming, says: Says, told: Told) -> Answer {
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if path == "/api/jetty-speed/chunk" {
        let number: u32 = number.parse().unwrap();
        return json_answer(200, &json!({ "partNumber": number, "etag": "e", "size": body.len(), "sha256": null, "receipt": "r" }));
    }
    let mut said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    said["path"] = path.clone().into();
    let (size, chunk) = (said["fileSize"].as_u64().unwrap_or(1), said["chunkSize"].as_u64().unwrap_or(CHUNK as u64));
    let plan = json!({ "chunkSize": chunk, "chunkCount": size.div_ceil(chunk), "threads": 2 });
    let answer = match (path.as_str(), said["action"].as_str()) {
        ("/api/jetty/sessions", _) => json!({ "sessions": [], "cursor": null }),
        ("/api/jetty/optimal-edges", _) => {
            let stored: Vec<Value> = says.first_stored.then(|| said["chunkHashes"][0].clone()).into_iter().collect();
            json!({ "strategy": plan, "mayBeStored": says.may_be_stored, "storedChunks": stored })
        }
        ("/api/jetty/cache-chunk", _) => json!({
            "sessionId": "s", "status": says.refuses_hash_while, "fileName": "a.bin", "fileSize": 1, "chunkSize": 1, "chunkCount": 1, "completed": [], "missing": [],
            "bytesUploaded": 0, "percent": 0, "uploadToken": "jtu1.t", "expiresAt": "t",
        }),
        (_, Some("start")) => {
            let missing: Vec<u64> = (1..=size.div_ceil(chunk)).collect();
            json!({ "sessionId": "s", "uploadToken": "jtu1.t", "strategy": plan, "missingParts": missing })
        }
        _ => json!({ "asset": asset_json("a", 1, "none"), "chunks": 1, "bytesSent": 1, "bytesSaved": 0 }),
    };
    let refused = said["action"] == "complete" && says.refuses_hash_while.is_some() && said["fileHash"].is_string();
    told.lock().unwrap().push(said);
    if refused { json_answer(422, &json!({ "code": "file-hash-mismatch" })) } else { json_answer(200, &answer) }
}

/// The result of an upload of `bytes`, the bodies of `start` and of `complete` in the order in which they came, and the chunk hashes of the question before.
async fn run(bytes: &[u8], options: &UploadOptions, says: Says) -> (Result<Uploaded, Error>, Vec<Value>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    std::fs::write(&path, bytes).unwrap();
    let told = Told::default();
    let of_server = Arc::clone(&told);
    let server = StandIn::start(move |head, body| {
        let number = head.headers.get("x-part-number").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        serve(head.uri.path().to_owned(), number, body, says.clone(), Arc::clone(&of_server))
    })
    .await;
    let ended = upload(&server.edge(), Path::new(&path), options, no_progress()).await;
    let told = told.lock().unwrap();
    let asked =
        told.iter().find(|said| said["path"] == "/api/jetty/optimal-edges").and_then(|said| said["chunkHashes"].as_array()).map_or(0, Vec::len);
    (ended, told.iter().filter(|said| said["action"].is_string()).cloned().collect(), asked)
}

fn says(may_be_stored: Value) -> Says {
    Says { may_be_stored, first_stored: false, refuses_hash_while: None }
}

#[tokio::test]
async fn file_that_is_not_stored_is_started_without_hashes_and_completed_with_them() {
    let bytes = vec![7u8; 25_000_000];
    let (done, told, asked) = run(&bytes, &UploadOptions::default(), says(json!(false))).await;
    assert_eq!((done.unwrap().parts_sent, told.len(), asked), (3, 2, 3));
    assert!(told[0]["fileHash"].is_null() && told[0]["chunkHashes"].is_null(), "{}", told[0]);
    let whole = hash::of_bytes(bytes.clone().into()).await.unwrap();
    let last = hash::of_bytes(bytes[..5_000_000].to_vec().into()).await.unwrap();
    assert_eq!((&told[1]["fileHash"], told[1]["chunkHashes"].as_array().unwrap().len()), (&json!(whole), 3));
    assert_eq!(told[1]["chunkHashes"][2], json!(last));
}

#[tokio::test]
async fn file_that_may_be_stored_is_hashed_first_and_so_is_any_file_for_an_older_server() {
    for may in [json!(true), json!(null)] {
        let (done, told, _) = run(&vec![7u8; 25_000_000], &UploadOptions::default(), says(may)).await;
        done.unwrap();
        assert!(told[0]["fileHash"].is_string(), "{}", told[0]);
        assert_eq!((told[0]["chunkHashes"].as_array().unwrap().len(), &told[0]["fileHash"]), (3, &told[1]["fileHash"]));
    }
}

#[tokio::test]
async fn chunk_size_of_the_stored_beginning_is_asked_for() {
    let (done, told, _) = run(&vec![7u8; 25_000_000], &UploadOptions::default(), Says { first_stored: true, ..says(json!(true)) }).await;
    assert_eq!((done.unwrap().parts_sent, &told[0]["chunkSize"]), (5, &json!(5_242_880)));
}

#[tokio::test]
async fn upload_without_deduplication_claims_and_asks_nothing() {
    let options = UploadOptions { no_dedup: true, ..UploadOptions::default() };
    let (done, told, asked) = run(&vec![7u8; 25_000_000], &options, says(json!(true))).await;
    done.unwrap();
    assert!(told.iter().all(|said| said["fileHash"].is_null()) && asked == 0);
    assert_eq!(told[1]["chunkHashes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn session_that_claims_another_hash_is_completed_without_one_and_left_if_it_is_complete() {
    let refuses = |status| Says { refuses_hash_while: Some(status), ..says(json!(false)) };
    let (done, told, _) = run(&vec![7u8; 25_000_000], &UploadOptions::default(), refuses("uploading")).await;
    done.unwrap();
    assert_eq!(told.iter().map(|said| said["fileHash"].is_string()).collect::<Vec<_>>(), [false, true, false]);
    let (ended, told, _) = run(&vec![7u8; 25_000_000], &UploadOptions::default(), refuses("complete")).await;
    assert_eq!((ended.unwrap_err().code(), told.len()), (Some("file-hash-mismatch"), 4), "started over once");
}
