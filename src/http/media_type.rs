//! The media type that a file's name suggests.

/// HLS (RFC 8216 section 4, ISO/IEC 23000-19), for which the tables below have others or none.
const STREAMING: &str = "application/vnd.apple.mpegurl m3u8\nvideo/mp2t ts\nvideo/iso.segment m4s";

/// A line for each type: the type, then the extensions it has. Written by build.rs from the tables of the crate `mime_guess`.
const TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/media_types.txt"));

/// The media type of the name's extension, whatever its case; None for one that nobody registered.
pub fn of_name(name: &str) -> Option<&'static str> {
    let (stem, extension) = name.rsplit_once('.')?;
    if stem.is_empty() {
        // ".bashrc" has no extension.
        return None;
    }
    STREAMING.lines().chain(TYPES.lines()).find_map(|line| {
        let (media_type, extensions) = line.split_once(' ')?;
        extensions.split(' ').any(|known| known.eq_ignore_ascii_case(extension)).then_some(media_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_in_any_case() {
        for (name, expected) in [
            ("film.mp4", Some("video/mp4")),
            ("FILM.MP4", Some("video/mp4")),
            ("a.tar.gz", Some("application/gzip")),
            ("notes.txt", Some("text/plain")),
            ("page.html", Some("text/html")),
            ("data.json", Some("application/json")),
            ("photo.jpeg", Some("image/jpeg")),
            ("index.m3u8", Some("application/vnd.apple.mpegurl")),
            ("noextension", None),
            (".bashrc", None),
            ("x.", None),
            ("x.y z", None),
            ("ende.ünbekannt", None),
        ] {
            assert_eq!(of_name(name), expected, "{name}");
        }
    }

    #[test]
    fn every_line_is_a_type_and_its_extensions() {
        assert!(TYPES.lines().count() > 500);
        assert!(TYPES.lines().all(|line| line.split_once(' ').is_some_and(|(kind, rest)| kind.contains('/') && !rest.is_empty())));
    }
}
