//! Listing by prefix: files and folders in the order of their paths, page by page.

use crate::files::paths::path::MAX_BYTES;
use crate::problem::Problem;

/// What a caller wants to see of the files that have paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixListing {
    /// What the paths begin with; may be empty.
    pub prefix: String,
    /// Whether what has a further slash is shown as a folder only.
    pub folders: bool,
    /// The entry behind which the page begins: a path, or a folder with its slash.
    pub behind: Option<String>,
}

/// The first text behind all that begin with `prefix`, in the order of their bytes; None: there is no such text.
///
/// That order is the one of SQLite's `BINARY` collation, and in UTF-8 the one of the code points.
pub fn end_of(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Behind U+D7FF come the surrogates, which are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { u32::from(last).checked_add(1).and_then(char::from_u32) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

impl PrefixListing {
    /// Reads the query parameters `prefix`, `delimiter`, `cursor`.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn read(prefix: &str, delimiter: Option<&str>, cursor: Option<&str>) -> Result<PrefixListing, Problem> {
        let prefix = check_prefix(prefix)?;
        let folders = match delimiter {
            None | Some("") => false,
            Some("/") => true,
            Some(_) => return Err(Problem::invalid("delimiter", "must be /")),
        };
        let behind = cursor.filter(|text| !text.is_empty()).map(str::to_owned);
        if behind.as_ref().is_some_and(|text| !text.starts_with(&prefix) || text.len() > MAX_BYTES || (text.ends_with('/') && !folders)) {
            return Err(Problem::invalid("cursor", "must be the cursor of a previous page of the same listing"));
        }
        Ok(PrefixListing { prefix, folders, behind })
    }

    /// Where the page begins: the smallest path that may be on it.
    pub fn from(&self) -> String {
        match &self.behind {
            None => self.prefix.clone(),
            // All in the folder has been shown by its name.
            Some(folder) if folder.ends_with('/') => end_of(folder).unwrap_or_default(),
            // No path has a character that is smaller.
            Some(path) => format!("{path}\u{1}"),
        }
    }
}

/// A prefix of paths. It is compared as it is: of decomposed characters only whole segments can be normalized, so clients send what listings gave them.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn check_prefix(text: &str) -> Result<String, Problem> {
    if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
        return Err(Problem::invalid("prefix", format!("must have at most {MAX_BYTES} bytes and no control characters")));
    }
    Ok(text.to_owned())
}

/// The entry of a listing that `path` belongs to: the folder, with its slash, that it is in behind the prefix; the path itself if there is none.
pub fn entry_of<'a>(path: &'a str, prefix: &str) -> &'a str {
    let rest = path.get(prefix.len()..).unwrap_or_default();
    match rest.find('/') {
        Some(slash) => path.get(..prefix.len() + slash + 1).unwrap_or(path),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn end_is_the_next_text_and_there_is_none_behind_the_last_characters() {
        for (prefix, end) in
            [("a", Some("b")), ("a/", Some("a0")), ("a\u{d7ff}", Some("a\u{e000}")), ("a\u{10ffff}", Some("b")), ("\u{10ffff}", None), ("", None)]
        {
            assert_eq!(end_of(prefix).as_deref(), end, "{prefix:?}");
        }
    }

    #[test]
    fn page_begins_behind_a_file_or_behind_all_of_a_folder() {
        let from = |cursor| PrefixListing::read("a/", Some("/"), Some(cursor)).unwrap().from();
        assert_eq!((from(""), from("a/b"), from("a/b/")), ("a/".to_owned(), "a/b\u{1}".to_owned(), "a/b0".to_owned()));
    }

    #[test]
    fn other_delimiters_cursors_and_long_prefixes_are_refused() {
        let field = |listing: Result<PrefixListing, Problem>| match listing {
            Err(Problem::Invalid { field, .. }) => field.into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(field(PrefixListing::read("", Some(","), None)), "delimiter");
        assert_eq!(field(PrefixListing::read("b/", None, Some("a"))), "cursor");
        assert_eq!(field(PrefixListing::read("a/", None, Some("a/b/"))), "cursor");
        assert_eq!(field(PrefixListing::read(&"x".repeat(1_025), None, None)), "prefix");
        assert_eq!(field(PrefixListing::read("a\n", None, None)), "prefix");
    }

    #[test]
    fn entry_is_the_folder_behind_the_prefix_or_the_file() {
        assert_eq!((entry_of("a/b/c", ""), entry_of("a/b/c", "a/"), entry_of("a/b/c", "a/b/"), entry_of("a/b", "a")), ("a/", "a/b/", "a/b/c", "a/"));
    }

    proptest! {
        #[test]
        fn texts_with_the_prefix_are_before_its_end_and_others_are_not(prefix in "\\PC{1,4}", rest in "\\PC{0,4}", other in "\\PC{0,6}") {
            if let Some(end) = end_of(&prefix) {
                let with = format!("{prefix}{rest}");
                prop_assert!(with >= prefix && with < end);
                prop_assert_eq!(other.starts_with(&prefix), other >= prefix && other < end);
            }
        }
    }
}
