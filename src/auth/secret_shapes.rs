//! What secrets look like, so that none is written to a log: error texts of the platform may contain a URL, and a URL a token.

use std::borrow::Cow;

use crate::auth::{api_key, browser_cookie, file_token, playback_token, receipt, upload_token, webhook_signature};

/// What every secret that this service issues or accepts begins with, apart from those that are operators' own free texts.
pub const PREFIXES: [&str; 9] = [
    api_key::LIVE_PREFIX,
    api_key::TEST_PREFIX,
    api_key::SECRET_PREFIX,
    upload_token::PREFIX,
    browser_cookie::PREFIX,
    receipt::PREFIX,
    file_token::PREFIX,
    playback_token::PREFIX,
    webhook_signature::PREFIX,
];

/// Fields of presigned URLs and signed requests (AWS Signature Version 4) whose value is a secret or names the store's key.
pub const FIELDS: [&str; 3] = ["X-Amz-Signature=", "X-Amz-Credential=", "Signature="];

const REDACTED: &str = "[redacted]";

/// Whether a secret may contain that byte after its prefix: base62, base64 of both alphabets, dots between its parts, percent-encoding.
fn continues(byte: u8, prefix: &str) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'=' | b'%') || (byte == b'/' && prefix == webhook_signature::PREFIX)
}

/// `text` with every secret in it cut off after its prefix.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut safe = String::new();
    let first = |rest: &str| {
        let found = PREFIXES.iter().chain(&FIELDS).filter_map(|prefix| Some((rest.find(prefix)?, *prefix)));
        // Of two at the same place the longer one.
        found.min_by_key(|(at, prefix)| (*at, std::cmp::Reverse(prefix.len())))
    };
    while let Some((at, prefix)) = first(rest) {
        let (before, after) = rest.split_at(at + prefix.len());
        let length = after.bytes().take_while(|byte| continues(*byte, prefix)).count();
        safe.push_str(before);
        // All of these bytes are ASCII, so this is a character boundary.
        rest = after.get(length..).unwrap_or_default();
        if length > 0 {
            safe.push_str(REDACTED);
        }
    }
    if safe.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(safe + rest) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text literals of a file, without its tests.
    fn literals(source: &str) -> Vec<&str> {
        let code = source.split("#[cfg(test)]").next().unwrap();
        code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
    }

    /// `jtu1.`, `jts_`, `jt_live_`: lowercase letters and digits, and at the end what separates a prefix from the rest.
    fn is_prefix(literal: &str) -> bool {
        let body = literal.strip_suffix(['.', '_']).unwrap_or_default();
        (2..=12).contains(&body.len())
            && body.starts_with(|c: char| c.is_ascii_lowercase())
            && body.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }

    #[test]
    fn every_prefix_in_the_source_of_this_room_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/auth");
        let mut found = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            found.extend(literals(&source).into_iter().filter(|literal| is_prefix(literal)).map(str::to_owned));
        }
        assert_eq!(found, PREFIXES.map(str::to_owned).into());
        assert!(is_prefix("jtx9.") && is_prefix("jt_other_") && !is_prefix("v1,") && !is_prefix("."));
    }

    #[test]
    fn secrets_in_a_text_are_cut_off_and_the_rest_stays() {
        for (text, safe) in [
            ("nothing here", "nothing here"),
            ("GET /v/jtv1.eyJuIjoi-_.abc/720p/a.ts failed", "GET /v/jtv1.[redacted]/720p/a.ts failed"),
            ("/files/jtf1.a.b/n?x=1 and jtu1.c.d", "/files/jtf1.[redacted]/n?x=1 and jtu1.[redacted]"),
            ("key jt_live_Ab12, secret jts_Zz9!", "key jt_live_[redacted], secret jts_[redacted]!"),
            ("{\"secret\":\"whsec_ab+/cd==\"}", "{\"secret\":\"whsec_[redacted]\"}"),
            (
                "https://s/k?X-Amz-Credential=AK%2F2026&X-Amz-Signature=0f1e&x=1",
                "https://s/k?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]&x=1",
            ),
            ("Credential=AK, Signature=00ff", "Credential=AK, Signature=[redacted]"),
            ("jtr1.ü", "jtr1.ü"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_any_text(before in "\\PC{0,20}", index in 0..PREFIXES.len(), secret in "[A-Za-z0-9_-]{16,40}", after in "[ /\"&,]\\PC{0,20}") {
            let text = format!("{before}{}{secret}{after}", PREFIXES[index]);
            prop_assert!(!redacted(&text).contains(&secret));
        }
    }
}
