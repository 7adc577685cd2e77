//! A file's path within its owner's namespace: `a/b/name.ext`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::unicode::Compose;
use crate::problem::Problem;

/// Maximum length of a path in UTF-8, bytes.
pub const MAX_BYTES: usize = 1_024;

/// Room for what goes between the [`Halves`] of a path, bytes: a blank, brackets and the id of a file.
const NUMBER_BYTES: usize = 39;

/// A path: segments that are joined by `/`, in Unicode normalization form C, case kept. No segment is empty, `.` or `..`, and none has a control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(String);

/// A name's two halves, between which a number makes it another one: `a/b` and `.txt` of `a/b.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halves {
    /// What comes before the number.
    pub stem: String,
    /// The extension with its dot, or nothing.
    pub extension: String,
}

/// Why `segment` is none.
fn fault_of(segment: &str) -> Option<&'static str> {
    match segment {
        "" => Some("must not begin or end with a slash or have two in a row"),
        "." | ".." => Some("must not have the segment . or .."),
        _ if segment.chars().any(char::is_control) => Some("must not have control characters"),
        _ => None,
    }
}

impl Path {
    /// The path that `text` is: composed, since clients on macOS send decomposed names and all others composed ones.
    ///
    /// # Errors
    /// [`Problem::Invalid`] that names `field`.
    pub fn check(field: &'static str, text: &str, compose: Compose) -> Result<Path, Problem> {
        let too_long = || Problem::invalid(field, format!("must have 1 to {MAX_BYTES} bytes"));
        // Composed text has a third of the bytes of its decomposed form or more (Unicode Standard Annex #15, section 9): nothing larger than that is normalized.
        if text.is_empty() || text.len() > 3 * MAX_BYTES {
            return Err(too_long());
        }
        let text = compose(text);
        if text.len() > MAX_BYTES {
            return Err(too_long());
        }
        match text.split('/').find_map(fault_of) {
            Some(fault) => Err(Problem::invalid(field, fault)),
            None => Ok(Path(text)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path that `name` has within the folder `prefix`, which is empty or ends with a slash.
    ///
    /// # Errors
    /// As [`Path::check`].
    pub fn within(field: &'static str, prefix: &str, name: &str, compose: Compose) -> Result<Path, Problem> {
        Path::check(field, &format!("{prefix}{name}"), compose)
    }

    /// Where a number goes in: before the extension. The stem is cut if the path would become too long.
    pub fn halves(&self) -> Halves {
        let from = self.0.len() - self.name().len();
        // A name that begins with its only dot has no extension, nor has one of many letters.
        let dot = self.0.rfind('.').filter(|dot| *dot > from && self.0.len() - dot <= 32).unwrap_or(self.0.len());
        let (stem, extension) = self.0.split_at(dot);
        let mut end = stem.len().min(MAX_BYTES.saturating_sub(extension.len() + NUMBER_BYTES));
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        Halves { stem: stem.get(..end).unwrap_or_default().to_owned(), extension: extension.to_owned() }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::unicode::compose;

    fn path(text: &str) -> Result<Path, String> {
        Path::check("path", text, compose).map_err(|problem| match problem {
            Problem::Invalid { field, detail } => format!("{field} {detail}"),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn path_of_segments_is_taken_and_case_is_kept() {
        for text in ["a", "a/b/name.ext", "Ä/ß.TXT", ".hidden", "a b/c\\d", "...", "a/..b"] {
            assert_eq!(path(text).map(|path| path.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn decomposed_text_becomes_composed() {
        assert_eq!(path("e\u{301}/A\u{30a}").unwrap().as_str(), "\u{e9}/\u{c5}");
    }

    #[test]
    fn slashes_at_the_ends_dots_and_control_characters_are_refused() {
        for (text, reason) in [
            ("", "must have 1 to 1024 bytes"),
            ("/a", "must not begin or end with a slash or have two in a row"),
            ("a/", "must not begin or end with a slash or have two in a row"),
            ("a//b", "must not begin or end with a slash or have two in a row"),
            (".", "must not have the segment . or .."),
            ("a/../b", "must not have the segment . or .."),
            ("a\nb", "must not have control characters"),
            ("a\u{7f}", "must not have control characters"),
            ("a\u{85}", "must not have control characters"),
        ] {
            assert_eq!(path(text), Err(format!("path {reason}")), "{text:?}");
        }
    }

    #[test]
    fn path_of_1024_bytes_is_taken_and_one_more_is_refused_as_counted_when_composed() {
        assert!(path(&"x".repeat(1_024)).is_ok());
        assert!(path(&"x".repeat(1_025)).is_err());
        // 1,536 bytes that become 1,024.
        assert!(path(&"e\u{301}".repeat(512)).is_ok());
        // One that becomes three times as long: U+1D160 has no composed form.
        assert!(path(&"\u{1d160}".repeat(100)).is_err());
        assert!(path(&"x".repeat(10_000_000)).is_err());
    }

    #[test]
    fn number_goes_before_the_extension() {
        for (text, stem, extension) in
            [("a/b.txt", "a/b", ".txt"), ("a.b/c", "a.b/c", ""), (".env", ".env", ""), ("a/.env", "a/.env", ""), ("a.tar.gz", "a.tar", ".gz")]
        {
            let halves = path(text).unwrap().halves();
            assert_eq!((halves.stem.as_str(), halves.extension.as_str()), (stem, extension), "{text}");
        }
        let long = path(&format!("{}.txt", "ä".repeat(510))).unwrap().halves();
        assert!(long.stem.len() + long.extension.len() + NUMBER_BYTES <= MAX_BYTES && long.stem.len() > 970, "{}", long.stem.len());
    }

    proptest! {
        #[test]
        fn checked_path_is_taken_again_unchanged(text in "[a-zäé/. \u{301}]{0,40}") {
            if let Ok(first) = path(&text) {
                prop_assert_eq!(path(first.as_str()), Ok(first.clone()));
                prop_assert_eq!(first.as_str().ends_with(first.name()), true);
            }
        }
    }
}
