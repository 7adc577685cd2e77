//! Path of a file in its video, and its key at the origin.

use crate::base::id::{Name, OWN_NAMESPACE};

/// Maximum path length, bytes: together with the rest of the key it stays within S3's 1,024 (Amazon S3 user guide, "Naming Amazon S3 objects").
const LONGEST: usize = 512;

/// Maximum length of a reference, bytes: the longest path with every byte percent-encoded, and a query as long.
const LONGEST_REFERENCE: usize = 6 * LONGEST;

/// A relative path such as `720p/seg_001.m4s`: no empty segments, no dot segments, no control characters, no backslashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VideoPath(String);

impl VideoPath {
    /// Parses a percent-decoded path; `None` if it is not valid.
    pub fn parse(text: &str) -> Option<VideoPath> {
        let segment = |segment: &str| !matches!(segment, "" | "." | "..");
        let fine = text.len() <= LONGEST && !text.chars().any(|c| c.is_control() || c == '\\') && text.split('/').all(segment);
        fine.then(|| VideoPath(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the file, without the trailing slash; empty at the top level.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether the extension is that of a playlist (RFC 8216 section 4).
    pub fn is_playlist(&self) -> bool {
        self.0.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("m3u8"))
    }

    /// Resolves the reference `uri` in this file. `None` if the target is outside the video (RFC 3986 section 5.2, relative paths only).
    pub fn join(&self, uri: &str) -> Option<VideoPath> {
        if uri.len() > LONGEST_REFERENCE {
            return None;
        }
        let plain = uri.split(['?', '#']).next().unwrap_or_default();
        let has_scheme = plain.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
        if plain.is_empty() || plain.starts_with('/') || has_scheme {
            return None;
        }
        let decoded = percent_encoding::percent_decode_str(plain).decode_utf8().ok()?;
        let mut segments: Vec<&str> = self.folder().split('/').filter(|segment| !segment.is_empty()).collect();
        for segment in decoded.split('/') {
            match segment {
                "." => {}
                ".." => {
                    segments.pop()?;
                }
                segment => segments.push(segment),
            }
        }
        VideoPath::parse(&segments.join("/"))
    }
}

/// The key at the origin: below the user id in an account's own namespace, below the namespace otherwise (docs/uploads.md, Keys at the store).
pub fn key(namespace: &Name, video: &Name, path: &VideoPath) -> String {
    let owner = match namespace.as_str().strip_prefix(OWN_NAMESPACE) {
        Some(user) => format!("users/{user}"),
        None => format!("ns/{namespace}"),
    };
    format!("{owner}/v/{video}/{}", path.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> VideoPath {
        VideoPath::parse(text).unwrap()
    }

    #[test]
    fn paths_with_dots_controls_or_empty_segments_are_refused() {
        for bad in ["", "/a", "a/", "a//b", ".", "a/../b", "..", "a\0", "a\\b", &"x".repeat(513)] {
            assert_eq!(VideoPath::parse(bad), None, "{bad:?}");
        }
        let (name, video) = (Name::parse("jt_user_u1").unwrap(), Name::parse("film").unwrap());
        assert_eq!(key(&name, &video, &path("720p/ä b.ts")), "users/u1/v/film/720p/ä b.ts");
        assert_eq!(key(&Name::parse("jt_customer_x").unwrap(), &video, &path("a")), "ns/jt_customer_x/v/film/a");
        assert!(path("a/INDEX.M3U8").is_playlist() && !path("m3u8").is_playlist());
    }

    #[test]
    fn relative_references_resolve_inside_the_video() {
        let from = path("hls/720p/index.m3u8");
        for (uri, to) in [
            ("seg.ts", Some("hls/720p/seg.ts")),
            ("./a/seg.ts?x=1#y", Some("hls/720p/a/seg.ts")),
            ("../audio/a%20b.m4s", Some("hls/audio/a b.m4s")),
            ("../../top.ts", Some("top.ts")),
            ("../../../out.ts", None),
            ("/abs.ts", None),
            ("https://elsewhere/x.ts", None),
            ("data:text/plain,x", None),
            ("a/b:c.ts", Some("hls/720p/a/b:c.ts")),
            ("?x", None),
            ("", None),
            (&"./".repeat(2_000), None),
            (&format!("{}a", "./".repeat(2_000)), None),
        ] {
            assert_eq!(from.join(uri).as_ref().map(VideoPath::as_str), to, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn any_reference_resolves_to_a_valid_path_or_none(uri in "([a.%2e/:?#]|\\.\\.){0,12}") {
            if let Some(to) = path("a/b/c.m3u8").join(&uri) {
                prop_assert_eq!(VideoPath::parse(to.as_str()), Some(to));
            }
        }
    }
}
