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

/// Media types that Cloudflare compresses on their way to clients that accept it (Cloudflare speed documentation, "Content compression"); the local runtime has
/// the same list.
const COMPRESSED: [&str; 47] = [
    "text/html",
    "text/richtext",
    "text/plain",
    "text/css",
    "text/x-script",
    "text/x-component",
    "text/x-java-source",
    "text/x-markdown",
    "application/javascript",
    "application/x-javascript",
    "text/javascript",
    "text/js",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "application/x-perl",
    "application/x-httpd-cgi",
    "text/xml",
    "application/xml",
    "application/rss+xml",
    "application/vnd.api+json",
    "application/x-protobuf",
    "application/json",
    "multipart/bag",
    "multipart/mixed",
    "application/xhtml+xml",
    "font/ttf",
    "font/otf",
    "font/x-woff",
    "image/svg+xml",
    "application/vnd.ms-fontobject",
    "application/ttf",
    "application/x-ttf",
    "application/otf",
    "application/x-otf",
    "application/truetype",
    "application/opentype",
    "application/x-opentype",
    "application/font-woff",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/wasm",
    "application/javascript-binast",
    "application/manifest+json",
    "application/ld+json",
    "application/graphql+json",
    "application/geo+json",
];

/// Whether the platform would compress an answer of this media type. One without a type it would compress as well.
pub fn is_compressed_by_platform(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.is_empty() || COMPRESSED.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_scripts_and_fonts_are_compressed_by_the_platform() {
        for yes in ["text/plain", "Text/HTML; charset=utf-8", "application/json", "image/svg+xml", "font/ttf", ""] {
            assert!(is_compressed_by_platform(yes), "{yes}");
        }
        for no in
            ["application/octet-stream", "video/mp2t", "application/vnd.apple.mpegurl", "text/csv", "image/png", "multipart/byteranges; boundary=x"]
        {
            assert!(!is_compressed_by_platform(no), "{no}");
        }
    }

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
