//! The media type that a file's name suggests.

/// HLS (RFC 8216 section 4, ISO/IEC 23000-19), for which the table of `mime_guess` has others or none.
const STREAMING: [(&str, &str); 3] = [("m3u8", "application/vnd.apple.mpegurl"), ("ts", "video/mp2t"), ("m4s", "video/iso.segment")];

/// The media type of the name's extension, case-insensitive; None if the extension is unknown.
pub fn of_name(name: &str) -> Option<&'static str> {
    // Not `mime_guess::from_path`, which reads the name as a path of whatever system this is compiled for.
    let (stem, extension) = name.rsplit_once('.')?;
    if stem.is_empty() {
        // ".bashrc" has no extension.
        return None;
    }
    let streaming = STREAMING.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension)).map(|(_, media_type)| *media_type);
    streaming.or_else(|| mime_guess::from_ext(extension).first_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_gives_media_type_in_any_case() {
        for (name, expected) in [
            ("film.mp4", Some("video/mp4")),
            ("FILM.MP4", Some("video/mp4")),
            ("a.tar.gz", Some("application/gzip")),
            ("notes.txt", Some("text/plain")),
            ("page.html", Some("text/html")),
            ("data.json", Some("application/json")),
            ("photo.jpeg", Some("image/jpeg")),
            ("index.m3u8", Some("application/vnd.apple.mpegurl")),
            ("INDEX.M3U8", Some("application/vnd.apple.mpegurl")),
            ("0001.ts", Some("video/mp2t")),
            ("0001.m4s", Some("video/iso.segment")),
            ("a/.hidden/b.ZIP", Some("application/zip")),
            ("noextension", None),
            (".bashrc", None),
            ("x.", None),
            ("x.y z", None),
            ("ende.ünbekannt", None),
        ] {
            assert_eq!(of_name(name), expected, "{name}");
        }
    }
}
