use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::*;
use crate::stand_in::{Answer, StandIn, asset_json, json_answer};

fn at(path: &str) -> Value {
    let mut asset = asset_json(path, 1, "pending");
    asset["path"] = path.into();
    asset
}

/// Lists `a` as the first page of two, and refuses anything that it should not be asked.
async fn two_pages(head: Parts, _: Incoming) -> Answer {
    let query = head.uri.query().unwrap_or_default().to_owned();
    let (page, cursor) = if query.contains("cursor=next") { ("a b/2", None) } else { ("a b/1", Some("next")) };
    if !query.starts_with("prefix=a+b%2F") {
        return json_answer(422, &json!({ "code": "invalid-value" }));
    }
    let prefixes = if query.contains("delimiter=%2F") { json!(["a b/c/"]) } else { json!([]) };
    json_answer(200, &json!({ "files": [at(page)], "prefixes": prefixes, "cursor": cursor }))
}

#[tokio::test]
async fn listing_goes_through_all_pages_and_has_folders_only_if_it_is_flat() {
    let edge = StandIn::start(two_pages).await.edge();
    let paths = |listing: &Listing| listing.files.iter().filter_map(|file| file.path.clone()).collect::<Vec<_>>();
    let deep = edge.list("a b/", true, usize::MAX, None).await.unwrap();
    assert_eq!((paths(&deep), deep.prefixes.len()), (vec!["a b/1".to_owned(), "a b/2".to_owned()], 0));
    let flat = edge.list("a b/", false, usize::MAX, None).await.unwrap();
    assert_eq!((paths(&flat).len(), flat.prefixes.len()), (2, 2));
    let most = edge.list("a b/", true, 1, None).await.unwrap();
    assert_eq!(paths(&most), ["a b/1"]);
}

#[tokio::test]
async fn path_that_is_only_the_beginning_of_another_is_not_found() {
    let server = StandIn::start(|_, _| async { json_answer(200, &json!({ "files": [at("a.txt")], "cursor": null })) }).await;
    assert_eq!(server.edge().file_at("a.txt", None).await.unwrap().id, "a.txt");
    assert!(matches!(server.edge().file_at("a", None).await, Err(Error::NotFound(_))));
    assert!(matches!(server.edge().file_at("a//b", None).await, Err(Error::Usage(_))));
}
