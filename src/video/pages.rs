//! What a PoP keeps of a video: its state, one row that is read again every minute, and pages of its files, which are good for as long as the state has the
//! same version (docs/video.md, Look-ups).

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::delivery::content_descriptor::HOLDS_MS;

/// Files of one page at most: a hundred segments, with what lies beside each. Typically 25 KB, at the longest names 700 KB.
pub const MAX_FILES: u64 = 250;

/// Largest page that is kept, bytes of JSON.
pub const MAX_PAGE_BYTES: usize = 512_000;

/// How long a page stays in the PoP's cache, s.
pub const PAGE_SECONDS: u64 = 86_400;

/// Time since the last change after which a video is looked up by pages, ms. Until then, while it is uploaded or live, each file is looked up for itself: every
/// change would make all pages worthless.
const SETTLED_MS: u64 = 300_000;

/// Digits at the end of a file's name that the files of a page differ in.
const DIGITS: usize = 2;

/// A video with the settings of its namespace: one row of [`crate::video::repository::state`]. Kept as JSON: new fields need a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoState {
    /// Number of changes of its files so far.
    pub version: u64,
    /// When the last one was.
    pub changed_at: EpochMs,
    /// Whose the video is.
    pub account_id: Id,
    /// `active` or `suspended`.
    pub owner_status: String,
    /// The namespace's TTL of videos, s.
    pub ttl_video: Option<u64>,
    /// The namespace's cache generation.
    pub generation: u64,
    /// The namespace's price of a GB from the store, US dollars.
    pub origin_usd_per_gb: Option<f64>,
    /// Whether the namespace has video streaming enabled; SQLite's 0 or 1.
    #[serde(deserialize_with = "flag", serialize_with = "as_number")]
    pub video_streaming: bool,
}

impl VideoState {
    /// Whether `other`, of the same video, is later.
    pub fn is_before(&self, other: &VideoState) -> bool {
        (self.version, self.generation) < (other.version, other.generation) || self.generation < other.generation
    }
}

fn as_number<S: serde::Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8((*flag).into())
}

impl VideoState {
    /// How long it is kept, ms. That of a suspended account is not, so that resuming takes effect at once.
    pub fn holds_ms(&self) -> u64 {
        if self.owner_status == "active" { HOLDS_MS } else { 0 }
    }

    /// Whether its files are looked up by pages.
    pub fn has_pages(&self, now: EpochMs) -> bool {
        self.owner_status == "active" && self.video_streaming && now.since(self.changed_at) >= SETTLED_MS
    }

    /// Cache name of a page. With the time of the change, because a video that is deleted and stored again counts from 0.
    pub fn page_name(&self, namespace: &Name, video: &Name, prefix: &str) -> String {
        format!("page/{}/{}.{}/{prefix}", group(namespace, video), self.version, self.changed_at.0)
    }
}

/// Invalidation group of all files of a video.
pub fn group(namespace: &Name, video: &Name) -> String {
    format!("video/{namespace}/{video}")
}

/// Cache name of a video's state.
pub fn state_name(namespace: &Name, video: &Name) -> String {
    format!("state/{}", group(namespace, video))
}

/// A file as a page has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageFile {
    /// Path.
    pub path: String,
    /// Version id.
    pub id: Id,
    /// The account that is charged for it.
    pub account_id: Id,
    /// Key at the origin.
    pub s3_key: String,
    /// Size, bytes.
    pub size: u64,
    /// ETag at the origin.
    pub etag: String,
    /// Media type.
    pub content_type: String,
    /// Target duration of a live playlist, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_seconds: Option<u64>,
    /// When it was stored.
    pub created_at: EpochMs,
}

/// The file of that path, unless it has to be looked up for itself: because it is not in this page, which ends at [`MAX_FILES`], because it is a live playlist,
/// which is kept for less than a state, or because another account than the video's pays for it, whose status the state does not tell.
pub fn file_in<'a>(files: &'a [PageFile], path: &str, state: &VideoState) -> Option<&'a PageFile> {
    let at = files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
    files.get(at).filter(|file| file.live_seconds.is_none() && file.account_id == state.account_id)
}

/// What the paths of the page that has `path` begin with: the path without extension and without the last two digits before it. A player asks for segments in the
/// order of their numbers, so it finds the next hundred in the same page.
pub fn prefix(path: &str) -> &str {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    let stem = match path.get(name_at..).and_then(|name| name.rfind('.')) {
        Some(dot) => path.get(..name_at + dot).unwrap_or(path),
        None => path,
    };
    let digits = stem.get(name_at..).map_or(0, |name| name.bytes().rev().take(DIGITS).take_while(u8::is_ascii_digit).count());
    stem.get(..stem.len().saturating_sub(digits)).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> VideoState {
        VideoState {
            version: 7,
            changed_at: EpochMs(1_000),
            account_id: Id::from_random([1; 16]),
            owner_status: "active".into(),
            ttl_video: None,
            generation: 2,
            origin_usd_per_gb: None,
            video_streaming: true,
        }
    }

    #[test]
    fn state_is_before_one_of_a_later_version_or_generation() {
        let of = |version, generation| VideoState { version, generation, ..state() };
        assert!(of(6, 2).is_before(&state()) && of(7, 1).is_before(&state()) && of(8, 1).is_before(&state()));
        assert!(!state().is_before(&state()) && !of(8, 2).is_before(&state()) && !of(7, 3).is_before(&state()));
    }

    fn file(path: &str) -> PageFile {
        PageFile {
            path: path.into(),
            id: Id::from_random([2; 16]),
            account_id: Id::from_random([1; 16]),
            s3_key: "k".into(),
            size: 1,
            etag: "e".into(),
            content_type: "video/mp2t".into(),
            live_seconds: None,
            created_at: EpochMs(3),
        }
    }

    #[test]
    fn segments_that_differ_in_the_last_two_digits_share_a_page() {
        for (path, expected) in [
            ("720p/seg_00123.ts", "720p/seg_001"),
            ("720p/seg_00199.m4s", "720p/seg_001"),
            ("720p/seg_00200.ts", "720p/seg_002"),
            ("seg_1234.ts", "seg_12"),
            ("seg_7.ts", "seg_"),
            ("a/7.ts", "a/"),
            ("a/123.ts", "a/1"),
            ("a/12", "a/"),
            ("v2/index.m3u8", "v2/index"),
            ("master.m3u8", "master"),
            ("film-720p.mp4", "film-720p"),
            ("a.b/c", "a.b/c"),
            ("12/x", "12/x"),
            ("a/.key", "a/"),
            ("é12.ts", "é"),
        ] {
            assert_eq!(prefix(path), expected, "{path}");
            assert!(path.starts_with(prefix(path)));
        }
    }

    #[test]
    fn video_has_pages_five_minutes_after_its_last_change_while_it_may_be_played() {
        let has = |state: VideoState, now| state.has_pages(EpochMs(now));
        assert_eq!((has(state(), 300_999), has(state(), 301_000)), (false, true));
        assert!(!has(VideoState { owner_status: "suspended".into(), ..state() }, 900_000));
        assert!(!has(VideoState { video_streaming: false, ..state() }, 900_000));
        assert_eq!((state().holds_ms(), VideoState { owner_status: "suspended".into(), ..state() }.holds_ms()), (HOLDS_MS, 0));
    }

    #[test]
    fn live_playlist_and_file_of_another_account_are_not_taken_from_a_page() {
        let other = PageFile { account_id: Id::from_random([9; 16]), ..file("b") };
        let live = PageFile { live_seconds: Some(4), ..file("c") };
        let files = [file("a"), other, live, file("d")];
        let found = |path| file_in(&files, path, &state()).map(|file| file.path.as_str());
        assert_eq!([found("a"), found("b"), found("c"), found("d"), found("e")], [Some("a"), None, None, Some("d"), None]);
    }

    /// Entries outlive deployments.
    #[test]
    fn names_and_json_of_cached_state_and_page_are_pinned() {
        let (namespace, video) = (Name::parse("ns").unwrap(), Name::parse("film").unwrap());
        assert_eq!(state_name(&namespace, &video), "state/video/ns/film");
        assert_eq!(state().page_name(&namespace, &video, "720p/seg_"), "page/video/ns/film/7.1000/720p/seg_");
        let text = r#"{"version":7,"changed_at":1000,"account_id":"01010101-0101-4101-8101-010101010101","owner_status":"active","ttl_video":null,"generation":2,"origin_usd_per_gb":null,"video_streaming":1}"#;
        assert_eq!(serde_json::to_string(&state()).unwrap(), text);
        assert_eq!(serde_json::from_str::<VideoState>(text).unwrap(), state());
        let text = r#"{"path":"a","id":"02020202-0202-4202-8202-020202020202","account_id":"01010101-0101-4101-8101-010101010101","s3_key":"k","size":1,"etag":"e","content_type":"video/mp2t","created_at":3}"#;
        assert_eq!(serde_json::to_string(&file("a")).unwrap(), text);
        assert_eq!(serde_json::from_str::<PageFile>(text).unwrap(), file("a"));
    }
}
