//! The pass: what proves to the gateway that a request comes from an edge of the same deployment. A service binding's target may have a public address, too.

use crate::base::hmac::MacKey;
use crate::base::time::EpochMs;

/// For how long a pass is valid, ms; clocks of the platform differ by less.
pub const VALID_MS: u64 = 60_000;

/// Tokens of other kinds under the same keys begin otherwise.
const PURPOSE: &[u8] = b"jettyspeed gateway\n";

/// What a pass is for.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// The store's URL.
    pub url: &'a str,
    /// What the gateway may keep of the answer, see [`crate::gateway::shield::Kept`]; empty: nothing.
    pub kept: &'a str,
}

impl Passage<'_> {
    /// None of the parts holds a line feed: methods and URLs cannot, header fields may not.
    fn parts<'a>(&'a self, time: &'a str) -> [&'a [u8]; 8] {
        [PURPOSE, time.as_bytes(), b"\n", self.method.as_bytes(), b"\n", self.url.as_bytes(), b"\n", self.kept.as_bytes()]
    }

    /// The pass, signed with the first key: `<epoch ms>.<HMAC-SHA-256, hex>`. None without a key.
    pub fn issue(&self, keys: &[MacKey], now: EpochMs) -> Option<String> {
        let time = now.0.to_string();
        let tag = hex::encode(keys.first()?.sign(&self.parts(&time)));
        Some([&time, ".", &tag].concat())
    }

    /// Whether `pass` is one for this, of any of the keys, not older than [`VALID_MS`], nor from the future by more; compares in constant time.
    pub fn admits(&self, keys: &[MacKey], pass: &str, now: EpochMs) -> bool {
        let (time, tag) = pass.split_once('.').unwrap_or_default();
        let (at, mut given) = (EpochMs(time.parse().unwrap_or_default()), [0; 32]);
        let is_timely = now.since(at).max(at.since(now)) <= VALID_MS;
        is_timely && hex::decode_to_slice(tag, &mut given).is_ok() && keys.iter().any(|key| key.verify(&self.parts(time), &given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_800_000_000_000);
    const ASKED: Passage<'_> = Passage { method: "PUT", url: "https://s3.example.com/bucket/key?partNumber=1", kept: "" };

    fn key(text: &str) -> MacKey {
        MacKey::new(text.as_bytes())
    }

    #[test]
    fn pass_admits_what_it_was_issued_for_with_any_of_the_keys() {
        let pass = ASKED.issue(&[key("new"), key("old")], NOW).unwrap();
        assert_eq!(
            pass, "1800000000000.933c5f44cdecb06158cdc658bc3c519a4f47c6cbba3bbae19a102278646b390f",
            "edges and gateways of two versions must agree"
        );
        assert!(ASKED.admits(&[key("new")], &pass, NOW) && ASKED.admits(&[key("newer"), key("new")], &pass, NOW));
        assert!(!ASKED.admits(&[key("old")], &pass, NOW) && !ASKED.admits(&[], &pass, NOW));
        assert_eq!(ASKED.issue(&[], NOW), None);
    }

    #[test]
    fn pass_for_another_method_url_or_entry_is_refused() {
        let (keys, others) =
            ([key("key")], [Passage { method: "GET", ..ASKED }, Passage { url: "https://s3.example.com/", ..ASKED }, Passage { kept: "1", ..ASKED }]);
        let pass = ASKED.issue(&keys, NOW).unwrap();
        for other in others {
            assert!(!other.admits(&keys, &pass, NOW), "{other:?}");
        }
    }

    #[test]
    fn pass_is_valid_for_a_minute_around_its_time() {
        let keys = [key("key")];
        let pass = ASKED.issue(&keys, NOW).unwrap();
        let admits = |ms: u64| ASKED.admits(&keys, &pass, EpochMs(ms));
        assert!(admits(NOW.0 - VALID_MS) && admits(NOW.0 + VALID_MS));
        assert!(!admits(NOW.0 - VALID_MS - 1) && !admits(NOW.0 + VALID_MS + 1));
    }

    #[test]
    fn malformed_pass_is_refused() {
        let keys = [key("key")];
        let pass = ASKED.issue(&keys, NOW).unwrap();
        let (time, tag) = pass.split_once('.').unwrap();
        for bad in [
            "",
            ".",
            tag,
            &format!("{time}."),
            &format!("{time}.{}", &tag[2..]),
            &format!("{time}.{tag}00"),
            &format!("-{time}.{tag}"),
            &format!("x.{tag}"),
        ] {
            assert!(!ASKED.admits(&keys, bad, NOW), "{bad}");
        }
    }
}
