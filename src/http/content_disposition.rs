//! Content-Disposition (RFC 6266, RFC 8187).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// attr-char of RFC 8187 section 3.2.1 stays literal.
const ATTR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Maximum length of the field at the origin, bytes: some stores refuse longer ones (Swift answers 503 to 3 KB), and a presigned URL that contains it must stay
/// within the limits of proxies.
const MAX_STORE_FIELD: usize = 1200;

/// The field that is stored with the object at the origin: as [`inline`], but without `filename*` where that would be too long.
pub fn for_store(name: &str) -> String {
    let exact = inline(name);
    if exact.len() <= MAX_STORE_FIELD { exact } else { exact.split("; filename*=").next().unwrap_or("inline").to_owned() }
}

/// `inline` with the file's name: `filename` in ASCII for old clients, and `filename*` with the exact name where the two differ.
pub fn inline(name: &str) -> String {
    // Clients differ in how they decode quotes, backslashes and percent signs (RFC 6266 appendix D).
    let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%');
    let fallback: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if fallback == name {
        format!("inline; filename=\"{name}\"")
    } else {
        format!("inline; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_name_for_the_store_has_the_ascii_form_only() {
        assert_eq!(for_store("é"), inline("é"));
        assert_eq!(for_store(&"🚀".repeat(256)), format!("inline; filename=\"{}\"", "_".repeat(256)));
    }

    #[test]
    fn ascii_name_gives_filename_and_other_names_add_filename_star() {
        assert_eq!(inline("a b.txt"), "inline; filename=\"a b.txt\"");
        assert_eq!(inline("é\"%\r\n.txt"), "inline; filename=\"_____.txt\"; filename*=UTF-8''%C3%A9%22%25%0D%0A.txt");
    }
}
