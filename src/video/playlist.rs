//! HLS playlist reader (RFC 8216): the files that a player will request next.
//!
//! It parses only the tags needed for that, in one pass and with bounded memory. Available crates build the whole playlist in memory (hundreds of bytes for
//! a two-byte line) and take quadratic time for some malformed input, while isolates are shared between customers. A test compares the result with the
//! crate `m3u8-rs`.

use crate::problem::Problem;
use crate::video::path::VideoPath;

/// Maximum playlist size, bytes: ten thousand segments with long names.
pub const LARGEST: u64 = 2 * 1024 * 1024;

/// Maximum number of references that are looked at, whether they resolve or not: two hours of four-second segments.
pub const MAX_REFERENCES: usize = 2_000;

/// Maximum target duration, s: a longer one is not credible, and what a player waits for is a fraction of it.
const LONGEST_TARGET: f64 = 86_400.0;

/// Target duration of a media playlist whose own is absent or cannot be read, s: live playlists that follow are at most 2 s old.
pub const ASSUMED_TARGET: u64 = 4;

/// A file, or a byte range of one, that a playlist refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Path of the file.
    pub path: VideoPath,
    /// First byte and length, bytes (EXT-X-BYTERANGE); `None`: the whole file.
    pub range: Option<(u64, u64)>,
}

/// The parts of a playlist that caching and warming need.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// Master playlist.
    Master {
        /// Media playlists of the variants, in order.
        variants: Vec<VideoPath>,
        /// Media playlists of separate audio renditions, in order (EXT-X-MEDIA).
        audio: Vec<VideoPath>,
    },
    /// Media playlist.
    Media {
        /// Target duration of a live playlist, s; `None` for a playlist that does not change (RFC 8216 section 6.2.1).
        live_seconds: Option<u64>,
        /// Initialization sections and segments, in playback order.
        files: Vec<Reference>,
    },
}

/// Maximum lines that are looked at: ten thousand segments, each with ten tags. A playlist whose end lies behind them counts as live, which is the safe side.
const MAX_LINES: usize = 100_000;

/// Reads the playlist at `path`; `None` if the text is not a playlist.
pub fn read(path: &VideoPath, text: &str) -> Option<Playlist> {
    let mut lines = text.lines().take(MAX_LINES).map(str::trim_end);
    // Every playlist begins with this tag (RFC 8216 section 4.3.1.1).
    if !lines.next()?.starts_with("#EXTM3U") {
        return None;
    }
    let (mut variants, mut audio, mut files): (Vec<VideoPath>, Vec<VideoPath>, Vec<Reference>) = Default::default();
    let (mut is_master, mut is_over, mut target) = (false, false, ASSUMED_TARGET);
    let (mut is_variant, mut range): (bool, Option<(u64, Option<u64>)>) = (false, None);
    let mut looked_at = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        if let Some(value) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            target = target_duration(value);
        } else if line == "#EXT-X-ENDLIST" || line == "#EXT-X-PLAYLIST-TYPE:VOD" {
            is_over = true;
        } else if line.starts_with("#EXT-X-STREAM-INF:") {
            (is_master, is_variant) = (true, true);
        } else if looked_at >= MAX_REFERENCES {
            // The tags above may still follow.
            is_master |= line.starts_with("#EXT-X-MEDIA:");
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-MEDIA:") {
            is_master = true;
            looked_at += 1;
            if attribute(attributes, "TYPE") == Some("AUDIO") {
                audio.extend(attribute(attributes, "URI").and_then(|uri| path.join(uri)));
            }
        } else if let Some(value) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            range = byte_range(value);
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
            looked_at += 1;
            if let Some(path) = attribute(attributes, "URI").and_then(|uri| path.join(uri)) {
                let range = attribute(attributes, "BYTERANGE").and_then(byte_range).map(|(bytes, first)| (first.unwrap_or_default(), bytes));
                files.push(Reference { path, range });
            }
        } else if !line.starts_with('#') {
            looked_at += 1;
            let (range, path) = (range.take(), path.join(line));
            match (std::mem::take(&mut is_variant), path) {
                (true, Some(path)) => variants.push(path),
                (false, Some(path)) => {
                    // Without an offset the range begins after the previous range of the same file (RFC 8216 section 4.3.2.2).
                    let last = files.last().filter(|last| last.path == path).and_then(|last| last.range);
                    let after = last.map_or(0, |(first, bytes)| first.saturating_add(bytes));
                    files.push(Reference { path, range: range.map(|(bytes, first)| (first.unwrap_or(after), bytes)) });
                }
                (_, None) => {}
            }
        }
    }
    Some(if is_master { Playlist::Master { variants, audio } } else { Playlist::Media { live_seconds: (!is_over).then_some(target), files } })
}

/// Checks the body of a playlist at `path` and returns the target duration of a live one, s (see [`Playlist::Media`]).
///
/// # Errors
/// [`Problem::Invalid`] with the reason.
pub fn check(path: &VideoPath, body: &[u8]) -> Result<Option<u64>, Problem> {
    let refused = |reason: &'static str| Problem::invalid("body", reason);
    // RFC 8216 section 4.1: UTF-8 without a byte order mark.
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(refused("begins with a byte order mark (BOM), which a playlist must not contain: store it as UTF-8 without BOM"));
    }
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        return Err(refused("begins with a byte order mark (BOM) of UTF-16: a playlist must be UTF-8 without BOM"));
    }
    let text = std::str::from_utf8(body).map_err(|_| refused("is not a playlist: it must be UTF-8"))?;
    match read(path, text) {
        Some(Playlist::Media { live_seconds, .. }) => Ok(live_seconds),
        Some(Playlist::Master { .. }) => Ok(None),
        None => Err(refused("is not a playlist: it must begin with #EXTM3U")),
    }
}

/// The target duration, whole seconds, rounded down. RFC 8216 section 4.3.3.1 asks for an integer; some packagers write a fraction.
fn target_duration(value: &str) -> u64 {
    let value = value.trim();
    let is_decimal = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match value.parse::<f64>() {
        // Within the bounds the conversion is exact.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(seconds) if is_decimal && seconds <= LONGEST_TARGET => (seconds as u64).max(1),
        _ => ASSUMED_TARGET,
    }
}

/// Parses `n[@o]` into length and offset, bytes.
fn byte_range(value: &str) -> Option<(u64, Option<u64>)> {
    match value.trim().split_once('@') {
        Some((bytes, first)) => Some((bytes.parse().ok()?, Some(first.parse().ok()?))),
        None => Some((value.trim().parse().ok()?, None)),
    }
}

/// The value of an attribute (RFC 8216 section 4.2). Quoted values may contain commas.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        let (key, value) = rest.split_once('=')?;
        let is_it = key.trim_start_matches(',').trim() == name;
        let (value, after) = match value.strip_prefix('"') {
            Some(inner) => inner.split_once('"')?,
            None => value.split_at(value.find(',').unwrap_or(value.len())),
        };
        if is_it {
            return Some(value);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{AlternativeMediaType, MediaPlaylist, MediaPlaylistType, Playlist as Parsed};
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::thread_cpu_ms;

    fn path(text: &str) -> VideoPath {
        VideoPath::parse(text).unwrap()
    }

    fn files_of(text: &str) -> Vec<(String, Option<(u64, u64)>)> {
        match read(&path("v/index.m3u8"), text) {
            Some(Playlist::Media { files, .. }) => files.into_iter().map(|file| (file.path.as_str().to_owned(), file.range)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn playlist_whose_first_media_tag_follows_2000_references_is_a_master() {
        let text = format!("#EXTM3U\n{}#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\"\n", "a.ts\n".repeat(MAX_REFERENCES));
        assert!(matches!(read(&path("i.m3u8"), &text), Some(Playlist::Master { .. })));
        let text = format!("{text}#EXTINF:4,\na.ts\n");
        assert!(matches!(read(&path("i.m3u8"), &text), Some(Playlist::Master { .. })), "and stays one");
    }

    #[test]
    fn end_of_a_playlist_behind_100000_lines_is_not_seen() {
        let path = VideoPath::parse("a/index.m3u8").unwrap();
        let is_live = |lines: usize| {
            let text = format!("#EXTM3U\n#EXTINF:4,\na.ts\n{}#EXT-X-ENDLIST\n", "#\n".repeat(lines - 4));
            match read(&path, &text) {
                Some(Playlist::Media { live_seconds, .. }) => live_seconds.is_some(),
                other => panic!("{other:?}"),
            }
        };
        assert!(!is_live(MAX_LINES) && is_live(MAX_LINES + 1));
    }

    #[test]
    fn master_playlist_gives_variants_and_audio() {
        let text =
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"a,b\"\n360p/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\r\n720p/index.m3u8\r\n";
        let variants = vec![path("360p/index.m3u8"), path("720p/index.m3u8")];
        assert_eq!(read(&path("master.m3u8"), text), Some(Playlist::Master { variants, audio: vec![] }));
    }

    #[test]
    fn media_playlist_gives_files_and_byte_ranges() {
        let vod = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:BYTERANGE=\"7@3\",URI=\"init,1.mp4\"\n#EXTINF:4.0,\na.m4s\n#EXTINF:4.0,\nb.m4s\n#EXT-X-ENDLIST\n";
        assert_eq!(files_of(vod), [("v/init,1.mp4".to_owned(), Some((3, 7))), ("v/a.m4s".to_owned(), None), ("v/b.m4s".to_owned(), None)]);
        let ranges = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@0\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:50\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:70\nall.ts\n#EXT-X-ENDLIST\n";
        let all = |first, bytes| ("v/all.ts".to_owned(), Some((first, bytes)));
        assert_eq!(files_of(ranges), [all(0, 100), all(100, 50), all(150, 70)]);
    }

    #[test]
    fn playlist_without_endlist_or_vod_type_is_live() {
        let live_seconds_of = |end: &str| match read(&path("i.m3u8"), &format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{end}")) {
            Some(Playlist::Media { live_seconds, .. }) => live_seconds,
            other => panic!("{other:?}"),
        };
        assert_eq!(live_seconds_of("#EXTINF:6,\na.ts\n"), Some(6));
        assert_eq!(live_seconds_of("#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"), None);
        assert_eq!(live_seconds_of("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6,\na.ts\n"), None);
        assert_eq!(live_seconds_of("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:6,\na.ts\n"), Some(6));
    }

    #[test]
    fn fractional_target_is_rounded_down_and_an_unreadable_one_is_4_s() {
        let target_of = |line: &str| match read(&path("i.m3u8"), &format!("#EXTM3U\n{line}\n#EXTINF:6,\na.ts\n")) {
            Some(Playlist::Media { live_seconds, .. }) => live_seconds.unwrap(),
            other => panic!("{other:?}"),
        };
        for (value, seconds) in [("4.000", 4), (" 2.5 ", 2), ("5.999", 5), ("0.4", 1), ("0", 1), ("86400", 86_400), ("4.", 4)] {
            assert_eq!(target_of(&format!("#EXT-X-TARGETDURATION:{value}")), seconds, "{value:?}");
        }
        for value in ["", ".", "4,5", "4s", "-9", "+9", "1e3", "inf", "NaN", "4.0.0", "86401", "18446744073709551616", &"9".repeat(400), "\u{664}"] {
            assert_eq!(target_of(&format!("#EXT-X-TARGETDURATION:{value}")), ASSUMED_TARGET, "{value:?}");
        }
        assert_eq!(target_of("#EXT-X-VERSION:3"), ASSUMED_TARGET, "no target duration at all");
    }

    #[test]
    fn refused_body_is_told_the_true_reason() {
        let reason = |body: &[u8]| match check(&path("i.m3u8"), body) {
            Err(Problem::Invalid { detail, .. }) => detail,
            other => panic!("{other:?}"),
        };
        let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\na.ts\n";
        assert!(reason(format!("\u{feff}{playlist}").as_bytes()).contains("byte order mark (BOM)"));
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(playlist.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert!(reason(&utf16).contains("UTF-16"));
        assert!(reason(b"#EXTM3U\n\xff").contains("must be UTF-8"));
        // Decoded with replacement characters, this one keeps its length.
        assert!(reason(b"#EXTM3U\n\xf0\x90\x80").contains("must be UTF-8"));
        assert!(reason(b"<html>").contains("#EXTM3U") && reason(b"").contains("#EXTM3U"));
        assert_eq!(check(&path("i.m3u8"), playlist.as_bytes()), Ok(Some(4)));
        assert_eq!(check(&path("i.m3u8"), b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n"), Ok(None));
    }

    #[test]
    fn end_of_a_playlist_of_30000_segments_is_seen() {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}#EXT-X-ENDLIST\n", "#EXTINF:4,\na\n".repeat(30_000));
        match read(&path("i.m3u8"), &text) {
            Some(Playlist::Media { live_seconds: None, files }) => assert_eq!(files.len(), MAX_REFERENCES),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_text_gives_none() {
        for text in ["", "hello", "<html>", "\0\u{1}\u{2}"] {
            assert_eq!(read(&path("i.m3u8"), text), None, "{text:?}");
        }
    }

    /// The worst bodies of the maximum size: many lines, deep folders, references that resolve to nothing, one endless line.
    #[test]
    fn any_line_repeated_to_2_mib_costs_at_most_2000_references() {
        let deep = format!("{}i.m3u8", "a/".repeat(250));
        let endless = format!("{}\n", "a/".repeat(1_000_000));
        for line in [
            "a\n",
            "a\\\n",
            "..\n",
            "#EXT-X-KEY:x\n",
            "#EXT-X-MAP:x\n",
            "#EXT-X-MAP:URI=\"a\"\n",
            "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n",
            "#EXT-X-BYTERANGE:1\na\n",
            &endless,
        ] {
            let text = format!("#EXTM3U\n{}", line.repeat(2_000_000 / line.len()));
            let before = thread_cpu_ms();
            let found = read(&path(&deep), &text);
            let spent = thread_cpu_ms() - before;
            let count = match &found {
                Some(Playlist::Media { files, .. }) => files.len(),
                Some(Playlist::Master { variants, audio }) => variants.len() + audio.len(),
                None => panic!("{line:?}"),
            };
            assert!(count <= MAX_REFERENCES, "{count} for {:.20}", line);
            // Without optimisation; release builds take a tenth.
            assert!(spent < 1_000, "{spent} ms for {:.20}", line);
        }
    }

    /// The same result, computed with the crate `m3u8-rs`.
    fn by_crate(path: &VideoPath, text: &str) -> Option<Playlist> {
        match m3u8_rs::parse_playlist_res(text.as_bytes()).ok()? {
            Parsed::MasterPlaylist(master) => {
                let sound = master.alternatives.iter().filter(|media| media.media_type == AlternativeMediaType::Audio);
                Some(Playlist::Master {
                    variants: master.variants.iter().filter_map(|variant| path.join(&variant.uri)).collect(),
                    audio: sound.filter_map(|media| path.join(media.uri.as_ref()?)).collect(),
                })
            }
            Parsed::MediaPlaylist(media) => {
                let over = media.end_list || media.playlist_type == Some(MediaPlaylistType::Vod);
                let live_seconds = (!over).then_some(media.target_duration.max(1));
                Some(Playlist::Media { live_seconds, files: files(path, &media) })
            }
        }
    }

    fn files(path: &VideoPath, media: &MediaPlaylist) -> Vec<Reference> {
        let mut files: Vec<Reference> = Vec::new();
        for segment in &media.segments {
            if let Some(map) = &segment.map {
                let range = map.byte_range.as_ref().map(|range| (range.offset.unwrap_or_default(), range.length));
                files.extend(path.join(&map.uri).map(|path| Reference { path, range }));
            }
            let Some(path) = path.join(&segment.uri) else { continue };
            let after = files.last().filter(|last| last.path == path).and_then(|last| last.range).map_or(0, |(first, bytes)| first + bytes);
            let range = segment.byte_range.as_ref().map(|range| (range.offset.unwrap_or(after), range.length));
            files.push(Reference { path, range });
        }
        files
    }

    fn segment() -> impl Strategy<Value = String> {
        let name = prop_oneof!["[a-c]{1,2}\\.ts", "\\.\\./[a-c]\\.ts", Just("https://x/y.ts".to_owned()), "[a-c]/%20[a-c]\\.m4s\\?q=1"];
        let range = prop_oneof![
            Just(String::new()),
            (1u32..99).prop_map(|n| format!("#EXT-X-BYTERANGE:{n}\n")),
            (1u32..99, 0u32..99).prop_map(|(n, o)| format!("#EXT-X-BYTERANGE:{n}@{o}\n"))
        ];
        let map = prop_oneof![5 => Just(String::new()), 1 => Just("#EXT-X-MAP:URI=\"i,n.mp4\",BYTERANGE=\"5@6\"\n".to_owned()), 1 => Just("#EXT-X-MAP:URI=\"init.mp4\"\n".to_owned())];
        let other = prop_oneof![3 => Just(""), 1 => Just("#EXT-X-KEY:METHOD=AES-128,URI=\"k.key\",IV=0x1\n"), 1 => Just("#EXT-X-DISCONTINUITY\n"), 1 => Just("# a comment\n")];
        (map, other, range, 0u32..9, name).prop_map(|(map, other, range, seconds, name)| format!("{map}{other}#EXTINF:{seconds}.5,\n{range}{name}\n"))
    }

    proptest! {
        #[test]
        fn media_playlist_equals_m3u8_rs(target in 1u32..20, segments in proptest::collection::vec(segment(), 1..12), end in any::<bool>(), vod in any::<bool>()) {
            let kind = if vod { "#EXT-X-PLAYLIST-TYPE:VOD\n" } else { "" };
            let text = format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n{kind}{}{}", segments.concat(), if end { "#EXT-X-ENDLIST\n" } else { "" });
            let at = path("v/w/index.m3u8");
            prop_assert_eq!(read(&at, &text), by_crate(&at, &text), "{}", text);
        }

        #[test]
        fn master_playlist_equals_m3u8_rs(names in proptest::collection::vec("[a-c]{1,3}/[a-c]{1,3}\\.m3u8", 1..6)) {
            let variants: String = names.iter().map(|name| format!("#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1,mp4a\",RESOLUTION=1x1\n{name}\n")).collect();
            let text = format!("#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"e\",URI=\"s.m3u8\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"e, f\",URI=\"a/s.m3u8\"\n{variants}");
            prop_assert_eq!(read(&path("m.m3u8"), &text), by_crate(&path("m.m3u8"), &text));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "(#EXTM3U\n)?((#EXT-X-(MAP|BYTERANGE|STREAM-INF|TARGETDURATION|KEY):?)?[a-z0-9=\",@:.#/]{0,12}\n){0,12}") {
            let _ = read(&path("a/b.m3u8"), &text);
        }
    }
}
