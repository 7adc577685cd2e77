//! The gateway: the store's requests go through a second Worker beside it.

mod failing;
mod passage;
mod shield;

use crate::harness::{WithGateway, sha256, steps_of};

/// Parts of 5 MiB are kept while they are sent, those of 10 MB only streamed.
const VARS: &[(&str, &str)] = &[("LOG_LEVEL", "debug"), ("REPLAY_MAX_BYTES", "6000000")];

#[tokio::test]
async fn files_go_through_the_gateway_byte_for_byte_and_the_store_hears_only_of_it() {
    let with = WithGateway::start(VARS).await;
    let stack = &with.stack;
    for (account, size) in [(&stack.unsigned, 21_000_000), (&stack.dev, 25_000_000), (&stack.dev, 70_000), (&stack.dev, 0)] {
        let file = stack.file(account).name("a.txt").size(size).store().await;
        assert!(stack.bucket.get(&file.key).await.unwrap() == file.bytes, "stored: {size}");
        let answer = stack.http.get(&file.url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(&file.bytes), "{size}");
        if size > 0 {
            let range = stack.http.get(&file.url).header("range", "bytes=10-1999").send().await.unwrap();
            assert_eq!((range.status().as_u16(), &range.bytes().await.unwrap()[..]), (206, &file.bytes[10..2_000]));
        }
        let id = file.id.clone();
        assert_eq!(stack.request(reqwest::Method::DELETE, &format!("/api/storage/files/{id}"), account).send().await.unwrap().status(), 204);
    }
    let (edge, gateway) = (with.edge_log().await, with.gateway_log().await);
    let asked = stack.proxy.seen("").len();
    assert!(asked > 20, "{asked}");
    assert_eq!((steps_of(&edge, "origin"), steps_of(&gateway, "origin")), (0, asked));
    assert!(!edge.contains(r#""event":"gateway""#), "no request failed on its way");
}
