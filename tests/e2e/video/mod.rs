//! Videos: trees of playlists and segments, played through one token.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

mod delete;
mod fresh;
mod hostile;
mod list;
mod playback;
mod replace;

use crate::harness::{Call, Stack, header};

pub async fn put_video(stack: &Stack, account: &AccountAccess, target: &str, bytes: impl Into<Vec<u8>>) -> (u16, Value) {
    stack.request(Method::PUT, &format!("/api/video/{target}"), account).body(bytes.into()).answer().await
}

/// The URL of a file of the video, up to the token's slash.
pub async fn playback_base(stack: &Stack, account: &AccountAccess, video: &str, path: &str) -> String {
    let request = stack.request(Method::POST, &format!("/api/video/{video}/playback"), account).json(&json!({ "path": path }));
    let (status, body) = request.answer().await;
    assert_eq!(status, 200, "{body}");
    let url = body["url"].as_str().unwrap();
    assert!(body["expiresAt"].is_string() && url.ends_with(path), "{body}");
    url.strip_suffix(path).unwrap().to_owned()
}

async fn fetch_video(stack: &Stack, url: &str) -> (u16, String, Vec<u8>) {
    let response = stack.http.get(url).sent().await.unwrap();
    let (status, cache) = (response.status().as_u16(), header(&response, "cache-status"));
    (status, cache, response.bytes().await.unwrap().to_vec())
}

pub fn media_playlist(names: &[&str], end: bool) -> String {
    let segments: String = names.iter().map(|name| format!("#EXTINF:4.0,\n{name}\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}{}", if end { "#EXT-X-ENDLIST\n" } else { "" })
}
