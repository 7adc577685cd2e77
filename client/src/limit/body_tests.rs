//! Bodies under a limit, against a stand-in for the server.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::*;
use crate::download::download_to;
use crate::progress::no_progress;
use crate::stand_in::{StandIn, asset_json, json_answer};
use crate::upload::{UploadOptions, upload};

const SIZE: usize = 120_000;

/// Stores anything, and has a file of [`SIZE`] bytes.
async fn server() -> StandIn {
    StandIn::start(|head, body| async move {
        let host = head.headers["host"].to_str().unwrap().to_owned();
        match head.uri.path() {
            "/api/storage/upload" => {
                assert_eq!(body.collect().await.unwrap().to_bytes().len(), SIZE);
                json_answer(201, &json!({ "asset": asset_json("a", SIZE as u64, "none") }))
            }
            "/api/storage/download" => json_answer(200, &json!({ "url": format!("http://{host}/content") })),
            "/content" => {
                let answer = hyper::Response::builder().status(206).header("Content-Range", format!("bytes 0-{}/{SIZE}", SIZE - 1));
                answer.body(Full::from(Bytes::from(vec![7; SIZE]))).unwrap()
            }
            _ => json_answer(200, &json!({ "asset": asset_json("a", SIZE as u64, "none") })),
        }
    })
    .await
}

#[tokio::test]
async fn upload_from_memory_and_file_and_download_take_the_time_that_the_rate_means() {
    let (server, folder) = (server().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("a");
    std::fs::write(&path, vec![7; SIZE]).unwrap();
    let edge = server.edge();
    for rate in ["off", "100K"] {
        edge.limit.set(Rate::parse(rate).unwrap());
        let began = Instant::now();
        upload(&edge, &path, &UploadOptions::default(), no_progress()).await.unwrap();
        let sent = began.elapsed();
        let mut received = Vec::new();
        download_to(&edge, "a", &mut received, &path, no_progress()).await.unwrap();
        assert_eq!(received.len(), SIZE);
        let received = began.elapsed() - sent;
        // The burst, and a last block that is behind its wait, are less than a fifth of it.
        let least = if rate == "off" { Duration::ZERO } else { Duration::from_millis(950) };
        let most = if rate == "off" { Duration::from_millis(900) } else { Duration::from_secs(6) };
        assert!((least..most).contains(&sent), "{rate}: sent in {sent:?}");
        assert!((least..most).contains(&received), "{rate}: received in {received:?}");
    }
}

#[tokio::test]
async fn slices_of_a_file_share_the_rate_and_follow_when_it_is_lifted() {
    use crate::body::{FileSlice, Meter};
    use crate::local_file::LocalFile;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, vec![7; 400_000]).unwrap();
    let file = LocalFile::stat(&path).await.unwrap();
    let limit = Limit::default();
    limit.set(Rate::parse("100K").unwrap());
    let began = Instant::now();
    let mut slices = tokio::task::JoinSet::new();
    for offset in [0, 200_000] {
        let slice = FileSlice::open(&file, offset, 200_000, Meter::new(no_progress(), &limit)).await.unwrap();
        slices.spawn(async move { slice.collect().await.unwrap().to_bytes().len() });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slices.len(), 2, "both would take 4 s together");
    limit.set(Rate::OFF);
    while let Some(length) = slices.join_next().await {
        assert_eq!(length.unwrap(), 200_000);
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
