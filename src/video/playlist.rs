//! What a playlist (RFC 8216) says of the files that will be asked for next.

use m3u8_rs::{MediaPlaylist, MediaPlaylistType, Playlist as Parsed};

use super::path::VideoPath;

/// The largest playlist that is read, bytes: ten thousand segments of long names.
pub const LARGEST: u64 = 2 * 1024 * 1024;

/// A file that a playlist names, or a range of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The file.
    pub path: VideoPath,
    /// First byte and number of bytes (EXT-X-BYTERANGE); None: all of it.
    pub range: Option<(u64, u64)>,
}

/// A playlist, as far as it matters here.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// Of variants: their playlists, in order.
    Master(Vec<VideoPath>),
    /// Of segments.
    Media {
        /// Seconds of a target duration, of one that is still being written (section 6.2.1).
        live_seconds: Option<u64>,
        /// Initialization sections and segments, in the order of playing.
        files: Vec<Reference>,
    },
}

/// Reads the playlist at `path`; None for what is none.
pub fn read(path: &VideoPath, text: &str) -> Option<Playlist> {
    // The format begins with this line (section 4.3.1.1); the parser finds playlists elsewhere, too.
    if !text.trim_start_matches('\u{feff}').starts_with("#EXTM3U") {
        return None;
    }
    match m3u8_rs::parse_playlist_res(text.as_bytes()).ok()? {
        Parsed::MasterPlaylist(master) => Some(Playlist::Master(master.variants.iter().filter_map(|variant| path.join(&variant.uri)).collect())),
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
        // Without an offset it goes on where the last one of the same file ended (section 4.3.2.2).
        let after =
            || files.iter().rev().find(|file| file.path == path).and_then(|file| file.range).map_or(0, |(first, bytes)| first.saturating_add(bytes));
        let range = segment.byte_range.as_ref().map(|range| (range.offset.unwrap_or_else(after), range.length));
        files.push(Reference { path, range });
    }
    files
}

/// The two files after `path` in `files`, which are in the order of playing.
pub fn next_two<'a>(files: &'a [String], path: &str) -> impl Iterator<Item = &'a String> {
    let at = files.iter().rposition(|file| file == path).map_or(files.len(), |at| at + 1);
    files.iter().skip(at).take(2)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn masters_name_their_variants() {
        let text =
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\n360p/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\n720p/index.m3u8\n";
        assert_eq!(read(&path("master.m3u8"), text), Some(Playlist::Master(vec![path("360p/index.m3u8"), path("720p/index.m3u8")])));
    }

    #[test]
    fn media_playlists_in_their_forms() {
        let vod = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.0,\na.m4s\n#EXTINF:4.0,\nb.m4s\n#EXT-X-ENDLIST\n";
        assert_eq!(files_of(vod), [("v/init.mp4".to_owned(), None), ("v/a.m4s".to_owned(), None), ("v/b.m4s".to_owned(), None)]);
        let ranges = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@0\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:50\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:70\nall.ts\n#EXT-X-ENDLIST\n";
        let all = |first, bytes| ("v/all.ts".to_owned(), Some((first, bytes)));
        assert_eq!(files_of(ranges), [all(0, 100), all(100, 50), all(150, 70)]);
    }

    #[test]
    fn what_is_still_being_written_is_live() {
        let of = |end: &str| match read(&path("i.m3u8"), &format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{end}")) {
            Some(Playlist::Media { live_seconds, .. }) => live_seconds,
            other => panic!("{other:?}"),
        };
        assert_eq!(of("#EXTINF:6,\na.ts\n"), Some(6));
        assert_eq!(of("#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"), None);
        assert_eq!(of("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6,\na.ts\n"), None);
        assert_eq!(of("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:6,\na.ts\n"), Some(6));
    }

    #[test]
    fn what_is_no_playlist_is_none() {
        for text in ["", "hello", "<html>", "\0\u{1}\u{2}"] {
            assert_eq!(read(&path("i.m3u8"), text), None, "{text:?}");
        }
    }

    #[test]
    fn the_next_two() {
        let files: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let next = |path| next_two(&files, path).cloned().collect::<Vec<_>>().join("");
        assert_eq!([next("a"), next("b"), next("c"), next("x")], ["bc", "c", "", ""]);
    }
}
