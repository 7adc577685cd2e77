//! How long clients may keep what they have of a video, and which playlists are refused.

use serde_json::json;

use super::{playback_base, put_video};
use crate::harness::{Call, Stack, header, random_bytes, stack, unique};

#[tokio::test]
async fn fractional_or_unreadable_target_duration_gives_max_age_2() {
    let stack = stack().await;
    let video = unique("live");
    for (value, seconds) in [("4.000", 2), ("4", 2), ("four", 2), ("9.96", 4)] {
        let path = format!("{}.m3u8", unique("list"));
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:{value}\n#EXTINF:4.0,\n0.ts\n");
        assert_eq!(put_video(stack, &stack.dev, &format!("{video}/{path}"), text).await.0, 201);
        let url = playback_base(stack, &stack.dev, &video, &path).await + &path;
        let response = stack.http.get(&url).sent().await.unwrap();
        assert_eq!(header(&response, "cache-control"), format!("private, max-age={seconds}, no-transform"), "{value}");
    }
}

#[tokio::test]
async fn playlist_with_a_bom_or_of_other_bytes_is_refused_with_the_reason() {
    let stack = stack().await;
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n0.ts\n";
    let utf16: Vec<u8> = playlist.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, reason) in [
        (format!("\u{feff}{playlist}").into_bytes(), "byte order mark (BOM)"),
        ([b"\xff\xfe".to_vec(), utf16].concat(), "UTF-16"),
        ([playlist.as_bytes(), b"\xf0\x90\x80.ts\n"].concat(), "must be UTF-8"),
        (b"<html>".to_vec(), "#EXTM3U"),
    ] {
        let (status, body) = put_video(stack, &stack.dev, &format!("{}/index.m3u8", unique("bom")), bytes).await;
        assert_eq!((status, &body["code"]), (422, &json!("invalid-value")), "{body}");
        assert!(body["detail"].as_str().unwrap().contains(reason), "{reason}: {body}");
    }
}

#[tokio::test]
async fn segment_of_a_young_video_has_max_age_60_and_of_an_old_one_the_classs_ttl() {
    let stack = &Stack::start(&[]).await;
    let video = unique("aging");
    for path in ["young.ts", "old.ts"] {
        assert_eq!(put_video(stack, &stack.dev, &format!("{video}/{path}"), random_bytes(1_000)).await.0, 201);
    }
    stack.sql(&format!("UPDATE video_files SET created_at = created_at - 86400000 WHERE video_id = '{video}' AND path = 'old.ts'")).await;
    let base = playback_base(stack, &stack.dev, &video, "young.ts").await;
    let cache_control = async |path: &str| header(&stack.http.get(format!("{base}{path}")).sent().await.unwrap(), "cache-control");
    assert_eq!(cache_control("young.ts").await, "private, max-age=60, no-transform");
    // The class's TTL is 6 h, and no answer is kept longer than its URL works: 1 h.
    let seconds: u64 = cache_control("old.ts").await.trim_start_matches("private, max-age=").trim_end_matches(", no-transform").parse().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
}
