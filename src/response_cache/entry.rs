//! An entry of the cache: its key, what is kept beside it, its answer, and for how long an isolate may have it.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;

/// Lifetime in the isolate, ms: how long another one's newer response may be missed, beside the minute that KV takes.
pub const HERE_MS: u64 = 10_000;

/// Maximum size of a response that is kept in the isolate, bytes: larger ones would leave room for few.
pub const MAX_HERE_BYTES: usize = 262_144;

/// How long to wait before a write that KV refused is repeated, ms: it takes one a second for each key (Cloudflare KV documentation, "Limits").
pub const RETRY_MS: u64 = 1_100;

/// How often a write is tried.
pub const ATTEMPTS: u32 = 2;

/// A namespace's state of its cache. A purge makes it another one, and so does deleting the namespace and creating it anew: a later customer of that name finds
/// nothing of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    /// When the namespace was created.
    pub created_at: EpochMs,
    /// How often it was purged.
    pub purges: u64,
}

/// The key in KV, at most 246 bytes. Every part has an alphabet without slashes.
pub fn key(namespace: &Name, generation: Generation, hash: &str) -> String {
    let Generation { created_at, purges } = generation;
    format!("r1/{namespace}/{}/{purges}/{hash}", created_at.0)
}

/// What is kept beside a response, as the metadata of its key (at most 1,024 bytes: Cloudflare KV documentation, "Limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The account that stored it.
    pub by: Id,
    /// Length of the response, bytes.
    pub bytes: u64,
    /// When its lifetime ends.
    pub until: EpochMs,
}

impl Head {
    /// Whether it is still there at `now`: KV may forget it later than it was told to.
    pub fn is_alive(&self, now: EpochMs) -> bool {
        now < self.until
    }

    /// Until when an isolate that has read or written it at `now` may use it without asking.
    pub fn until_here(&self, now: EpochMs) -> EpochMs {
        self.until.min(now.plus(HERE_MS))
    }
}

/// Whether KV refused a write because the key was written less than a second ago, by what it threw.
pub fn is_too_often(error: &str) -> bool {
    error.contains("429")
}

/// The body of the answer of `get`: `response` is JSON, as it was stored; None: there is none.
pub fn answer(response: Option<&[u8]>, latency_ms: u64) -> Vec<u8> {
    let (hit, response) = (response.is_some(), response.unwrap_or(b"null"));
    let begin = format!("{{\"hit\":{hit},\"response\":");
    let end = format!(",\"latency_ms\":{latency_ms}}}");
    [begin.as_bytes(), response, end.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn head() -> Head {
        Head { by: Id::from_random([1; 16]), bytes: 5, until: EpochMs(100_000) }
    }

    #[test]
    fn key_and_metadata_are_pinned() {
        let generation = Generation { created_at: EpochMs(1_700_000_000_000), purges: 3 };
        assert_eq!(key(&name("ns"), generation, "ab"), "r1/ns/1700000000000/3/ab");
        let text = serde_json::to_string(&head()).unwrap();
        assert_eq!(text, r#"{"by":"01010101-0101-4101-8101-010101010101","bytes":5,"until":100000}"#);
        assert_eq!(serde_json::from_str::<Head>(&text).unwrap(), head());
    }

    #[test]
    fn namespace_purge_and_creation_make_other_keys_and_the_longest_fits() {
        let generation = Generation { created_at: EpochMs(1), purges: 0 };
        let keys = [
            key(&name("a"), generation, "h"),
            key(&name("b"), generation, "h"),
            key(&name("a"), Generation { purges: 1, ..generation }, "h"),
            key(&name("a"), Generation { created_at: EpochMs(2), ..generation }, "h"),
            key(&name("a"), generation, "i"),
        ];
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
        let longest =
            key(&name(&format!("jt_user_{}", "x".repeat(128))), Generation { created_at: EpochMs(u64::MAX), purges: u64::MAX }, &"0".repeat(64));
        assert_eq!(longest.len(), 246);
    }

    #[test]
    fn entry_is_there_until_its_lifetime_ends_and_in_the_isolate_for_ten_seconds_at_most() {
        assert!(head().is_alive(EpochMs(99_999)) && !head().is_alive(EpochMs(100_000)));
        assert_eq!([0, 89_999, 95_000, 200_000].map(|now| head().until_here(EpochMs(now)).0), [10_000, 99_999, 100_000, 100_000]);
    }

    #[test]
    fn only_a_429_of_kv_is_a_write_too_often() {
        assert!(is_too_often("Error: KV PUT failed: 429 Too Many Requests"));
        assert!(!is_too_often("Error: KV PUT failed: 500 Internal Server Error") && !is_too_often(""));
    }

    #[test]
    fn answer_holds_the_response_as_it_was_stored_or_null() {
        let text = |response: Option<&[u8]>| String::from_utf8(answer(response, 7)).unwrap();
        assert_eq!(text(Some(b"{ \"a\": 1.0 }")), r#"{"hit":true,"response":{ "a": 1.0 },"latency_ms":7}"#);
        assert_eq!(text(None), r#"{"hit":false,"response":null,"latency_ms":7}"#);
    }
}
