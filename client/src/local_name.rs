//! A name that the server gives, as the name of a new local file.

use crate::text::is_unsafe;

/// Longest file name, bytes: that of ext4, XFS, APFS and (in UTF-16 units, which are never more) NTFS.
const MAX_BYTES: usize = 255;
/// Longest extension that a shortened name keeps, bytes with its dot.
const MAX_EXTENSION: usize = 32;

/// A file name that means a new file in the folder it is put into, on every system: no path, no drive (`C:x`), no stream (`a:stream`), no device (`CON`,
/// `NUL.txt`), no trailing dot or space, nothing that a terminal obeys, at most 255 bytes.
///
/// The rules are those of Windows, which are the strictest
/// ([Naming Files, Paths, and Namespaces](https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file)).
pub fn local_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let harmless = |character: char| {
        if matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*') || is_unsafe(character) { '_' } else { character }
    };
    let replaced: String = last.chars().map(harmless).collect();
    let named = if is_device(&replaced) { format!("_{replaced}") } else { replaced };
    let cut = shortened(&named);
    let trimmed = cut.trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { "download".to_owned() } else { trimmed.to_owned() }
}

/// Whether Windows takes the name for a device: with any extension, in any case, with spaces before the dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |port: &str| {
        let number = stem.strip_prefix(port).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

/// The name in at most [`MAX_BYTES`], with its extension.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let extension = name.rfind('.').map(|dot| &name[dot..]).filter(|extension| extension.len() <= MAX_EXTENSION).unwrap_or_default();
    let stem = &name[..name.len() - extension.len()];
    let stem = &stem[..stem.floor_char_boundary(MAX_BYTES - extension.len())];
    format!("{stem}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn path_drive_stream_and_device_names_become_names_of_new_files() {
        for (name, expected) in [
            ("plain.txt", "plain.txt"),
            (".profile", ".profile"),
            ("a/b/c.txt", "c.txt"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\evil.exe", "evil.exe"),
            ("a/..", "download"),
            (".", "download"),
            ("", "download"),
            ("a/", "download"),
            ("C:x", "C_x"),
            ("C:\\Windows\\x.dll", "x.dll"),
            ("a:stream", "a_stream"),
            ("a.txt::$DATA", "a.txt__$DATA"),
            ("CON", "_CON"),
            ("con.tar.gz", "_con.tar.gz"),
            ("NUL.txt", "_NUL.txt"),
            ("nul .txt", "_nul .txt"),
            ("com1", "_com1"),
            ("LPT\u{b9}.log", "_LPT\u{b9}.log"),
            ("CONIN$", "_CONIN$"),
            ("com10", "com10"),
            ("console", "console"),
            ("CON.", "_CON"),
            ("trailing. . ", "trailing"),
            ("... ", "download"),
            ("what?<|>*\".txt", "what______.txt"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("a\u{1b}[2J\n\u{9b}\0", "a_[2J___"),
            ("naïve 文件.mp4", "naïve 文件.mp4"),
        ] {
            assert_eq!(local_name(name), expected, "{name:?}");
        }
    }

    #[test]
    fn long_name_is_cut_between_characters_and_keeps_its_extension() {
        assert_eq!(local_name(&"n".repeat(255)).len(), 255);
        let long = local_name(&format!("{}.tar", "é".repeat(400)));
        assert!(long.len() <= 255 && long.len() >= 254 && long.ends_with("é.tar"), "{long}");
        assert_eq!(local_name(&"x.".repeat(300)).len(), 253, "no dot at the end");
        assert_eq!(local_name(&format!("a.{}", "e".repeat(600))).len(), 255, "what is too long for an extension is none");
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_is_safe_and_stays_as_it_is_then(name in "\\PC{0,40}|[ -~]{0,300}|(\\PC|[./\\\\: ]){0,20}") {
            let local = local_name(&name);
            prop_assert!(!local.is_empty() && local.len() <= 255);
            prop_assert!(!local.contains(['/', '\\', ':']) && !local.ends_with(['.', ' ']) && !is_device(&local));
            prop_assert_eq!(local_name(&local), local);
        }
    }
}
