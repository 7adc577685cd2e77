//! Listing videos.

use reqwest::Method;
use serde_json::{Value, json};

use super::{media_playlist, put_video};
use crate::harness::{Call, stack, unique};

#[tokio::test]
async fn videos_are_listed_by_id_page_by_page_until_they_are_deleted() {
    let stack = stack().await;
    let account = stack.account(&unique("lister-")).create().await;
    let list = async |query: &str| stack.get(&account, &format!("/api/video{query}")).await;
    assert_eq!(list("").await, (200, json!({ "videos": [], "cursor": null })));
    let playlist = media_playlist(&["0.ts"], true);
    for target in ["b/index.m3u8", "a/0.ts", "a/720p/index.m3u8", "c/index.m3u8", "c/master.m3u8"] {
        assert_eq!(put_video(stack, &account, target, playlist.as_bytes()).await.0, 201, "{target}");
    }
    let (_, all) = list("").await;
    let rows: Vec<_> = all["videos"].as_array().unwrap().iter().map(|row| (row["videoId"].clone(), row["entry"].clone())).collect();
    assert_eq!(rows, [(json!("a"), Value::Null), (json!("b"), json!("index.m3u8")), (json!("c"), json!("master.m3u8"))]);
    assert_eq!(all["videos"][1]["namespace"], json!(format!("jt_user_{}", account.user_id)));
    assert!(all["videos"][1]["updatedAt"].is_string() && all["videos"][0]["updatedAt"].is_null(), "{all}");
    let (_, first) = list("?limit=2").await;
    let (_, second) = list(&format!("?limit=2&cursor={}", first["cursor"].as_str().unwrap())).await;
    assert_eq!((&first["videos"][1], &second["videos"], &second["cursor"]), (&all["videos"][1], &json!([all["videos"][2]]), &Value::Null));
    stack.edge(&account).delete_video("b", None).await.unwrap();
    assert_eq!(list("").await.1["videos"], json!([all["videos"][0], all["videos"][2]]));
    assert_eq!(list("?cursor=a%20b").await.0, 422);
}

#[tokio::test]
async fn videos_of_a_shared_namespace_are_listed_for_its_members_only() {
    let stack = stack().await;
    let (member, stranger) = (stack.account(&unique("lister-in-")).create().await, stack.account(&unique("lister-out-")).create().await);
    let namespace = stack.namespace(&unique("jt_customer_lister-")).member(&member).create().await;
    let put = stack.request(Method::PUT, "/api/video/film/index.m3u8", &member).header("X-Namespace", &namespace);
    assert_eq!(put.body(media_playlist(&["0.ts"], true)).answer().await.0, 201);
    let list = async |account, namespace: &str| stack.request(Method::GET, "/api/video", account).header("X-Namespace", namespace).answer().await;
    assert_eq!(list(&member, &namespace).await.1["videos"][0]["videoId"], "film");
    assert_eq!(stack.get(&member, "/api/video").await.1["videos"], json!([]), "its own namespace has none");
    let (status, body) = list(&stranger, &namespace).await;
    assert_eq!((status, &body["code"]), (404, &json!("not-found")));
}
