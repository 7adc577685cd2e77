//! A gateway that does not work.

use std::time::Duration;

use jettyspeed_client::{UploadOptions, no_progress, upload};
use jettyspeed_devstack::net::port_is_free;

use crate::harness::{WithGateway, done_or, eventually, fetch, random_file, steps_of};

#[tokio::test]
async fn killed_gateway_is_gone_round_until_it_is_back() {
    let mut with = WithGateway::start(super::VARS).await;
    let before = with.stack.file(&with.stack.dev).name("a.bin").size(300_000).store().await;
    with.gateway.kill();
    let (_, _, body) = fetch(with.stack.http.get(&before.url)).await;
    assert!(body.as_ref() == Some(&before.bytes), "read straight from the store, at once");
    let folder = tempfile::tempdir().unwrap();
    // Parts that are kept, and parts that are only streamed, which the client sends again.
    for (account, size) in [(&with.stack.unsigned, 11_000_000), (&with.stack.dev, 25_000_000)] {
        let (path, bytes) = random_file(folder.path(), "b.bin", size);
        let done = upload(&with.stack.edge(account), &path, &UploadOptions::default(), no_progress()).await.unwrap();
        assert!(with.stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes);
    }
    let log = with.edge_log().await;
    assert!(log.contains(r#""event":"gateway""#) && log.contains(r#""repeated":true"#), "it says so");
    let rests = steps_of(&log, "gateway");
    assert!(steps_of(&log, "origin") > 10, "most were not even tried there");

    with.gateway.restart().await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    with.stack.file(&with.stack.dev).name("c.bin").size(300_000).store().await;
    assert!(steps_of(&with.edge_log().await, "gateway") > rests, "it is used again");
}

#[tokio::test]
async fn gateway_with_other_keys_is_gone_round() {
    let with = WithGateway::start(super::VARS).await;
    let mut worker = with.stack.worker.lock().await;
    let mut setup = worker.setup().clone();
    // The edge signs with a key that the gateway does not have.
    setup.env_file = setup.env_file.replace("TOKEN_KEYS='", "TOKEN_KEYS='another-key-of-at-least-32-letters,");
    worker.kill();
    eventually(Duration::from_secs(30), async || done_or(port_is_free(setup.port), "the port is not free yet")).await;
    *worker = setup.start().await.unwrap();
    drop(worker);
    let file = with.stack.file(&with.stack.dev).name("a.bin").size(300_000).store().await;
    assert!(with.stack.bucket.get(&file.key).await.unwrap() == file.bytes);
    eventually(Duration::from_secs(20), async || done_or(with.edge_log().await.contains("the gateway answered by itself"), "not logged yet")).await;
}
