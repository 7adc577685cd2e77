//! Paths as the server takes them.

use icu_normalizer::ComposingNormalizerBorrowed;

/// Longest path, bytes, composed.
const MAX_BYTES: usize = 1_024;

/// The path as the server has it: in Unicode normalization form C, 1 to 1,024 bytes, of segments that are neither empty nor `.` nor `..`, without control
/// characters.
///
/// # Errors
/// Why the text is no path, with the text.
pub fn check_path(text: &str) -> Result<String, String> {
    let path = ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
    if path.is_empty() || path.len() > MAX_BYTES {
        return Err(format!("'{text}' is no path: it must have 1 to 1,024 bytes"));
    }
    match path.split('/').find_map(fault_of) {
        Some(fault) => Err(format!("'{text}' is no path: it {fault}")),
        None => Ok(path),
    }
}

/// A folder's prefix, with a slash at the end; empty for the outermost folder, which `/` names, too.
///
/// # Errors
/// As [`check_path`].
pub fn check_prefix(text: &str) -> Result<String, String> {
    match text {
        "" | "/" => Ok(String::new()),
        _ => check_path(text.strip_suffix('/').unwrap_or(text)).map(|path| path + "/"),
    }
}

fn fault_of(segment: &str) -> Option<&'static str> {
    match segment {
        "" => Some("must not begin or end with a slash or have two in a row"),
        "." | ".." => Some("must not have the segment . or .."),
        _ if segment.chars().any(char::is_control) => Some("must not have control characters"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_composed_and_what_is_none_is_refused_with_its_text() {
        assert_eq!(check_path("u\u{308}ber/100 %/a b.txt"), Ok("\u{fc}ber/100 %/a b.txt".to_owned()));
        assert_eq!(check_path(&"e\u{301}".repeat(512)).map(|path| path.len()), Ok(1_024), "as long as it is when it is composed");
        for text in ["", "/a", "a/", "a//b", "a/../b", ".", "a/./b", "a\nb", &"x".repeat(1_025)] {
            assert!(check_path(text).unwrap_err().contains(text), "{text:?}");
        }
    }

    #[test]
    fn prefix_ends_with_a_slash_or_is_empty() {
        for (text, prefix) in [("", ""), ("/", ""), ("a", "a/"), ("a/b/", "a/b/"), ("e\u{301}/", "\u{e9}/")] {
            assert_eq!(check_prefix(text), Ok(prefix.to_owned()), "{text}");
        }
        for text in ["//", "/a", "a//", ".."] {
            assert!(check_prefix(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_path_became_stays_as_it_is(text in "(\\PC|[./]){0,40}") {
            if let Ok(path) = check_path(&text) {
                prop_assert_eq!(check_path(&path), Ok(path));
            }
        }
    }
}
