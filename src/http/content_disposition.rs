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

/// Longer fields make stores fail (Swift answers 503 to 3 KB), and a URL that carries them outgrows proxies.
const MAX_STORE: usize = 1200;

/// The same for the store's own copy of the name: the plain form alone where the exact one is too long.
pub fn for_store(name: &str) -> String {
    let exact = inline(name);
    if exact.len() <= MAX_STORE { exact } else { exact.split("; filename*=").next().unwrap_or("inline").to_owned() }
}

/// `inline` with the file's name: a plain form that old clients read, and the exact one where they differ.
pub fn inline(name: &str) -> String {
    // Quotes, backslashes and percent signs are read differently by different clients (RFC 6266 appendix D).
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
    fn the_store_gets_no_endless_names() {
        assert_eq!(for_store("é"), inline("é"));
        assert_eq!(for_store(&"🚀".repeat(256)), format!("inline; filename=\"{}\"", "_".repeat(256)));
    }

    #[test]
    fn plain_and_exact_names() {
        assert_eq!(inline("a b.txt"), "inline; filename=\"a b.txt\"");
        assert_eq!(inline("é\"%\r\n.txt"), "inline; filename=\"_____.txt\"; filename*=UTF-8''%C3%A9%22%25%0D%0A.txt");
    }
}
