//! A cache entry: its key, its freshness, and what the client is told of both.

use crate::base::id::{Id, Name};
use crate::base::percent;
use crate::base::time::EpochMs;

/// How long an entry may be served after its time while it is looked after, or while the store is down, ms.
pub const STALE_MS: u64 = 24 * 3600 * 1000;

/// How long after a look at the store that failed the next one waits, ms.
pub const REVALIDATE_INTERVAL_MS: u64 = 5_000;

/// Where in the cache a slice lies. The host is never asked: keys of the Cache API are URLs. Every part is percent-encoded or of a closed alphabet without
/// slashes, so that no two lists of parts make one key.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The namespace.
    pub namespace: &'a Name,
    /// Its generation: a purge begins the next.
    pub generation: u64,
    /// The object.
    pub object: Id,
    /// Its version at the store.
    pub etag: &'a str,
    /// Bytes of its slices: entries of another size are others.
    pub slice_bytes: u64,
    /// The slice.
    pub index: u64,
}

impl Key<'_> {
    /// The key.
    pub fn url(&self) -> String {
        format!("{}/{}/{}", self.version(), self.slice_bytes, self.index)
    }

    /// Where it is told under which name the whole object lies in one piece: no number, so no slice.
    pub fn joined(&self) -> String {
        format!("{}/joined", self.version())
    }

    fn version(&self) -> String {
        let Key { namespace, generation, object, etag, .. } = self;
        format!("https://cache.jettyspeed.invalid/1/{namespace}/{generation}/{object}/{}", percent::component(etag))
    }
}

/// How fresh an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// For so many ms more.
    Fresh(u64),
    /// Since so many ms.
    Stale(u64),
}

impl Freshness {
    /// Of an entry that is fresh until `until`; None if the entry does not say.
    pub fn of(until: Option<&str>, now: EpochMs) -> Option<Freshness> {
        let until = EpochMs(until?.parse().ok()?);
        Some(if now < until { Freshness::Fresh(until.since(now)) } else { Freshness::Stale(now.since(until)) })
    }
}

/// Where the bytes of an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cache of this PoP.
    Cache(Freshness),
    /// The store, into the cache.
    Filled,
    /// KV, into the cache.
    Kv,
    /// Somebody else's read of the store, which was waited for.
    Collapsed,
    /// The store, past the cache.
    Passed,
}

impl Origin {
    /// Whether the store was not asked for it.
    pub fn is_hit(self) -> bool {
        matches!(self, Origin::Cache(_))
    }

    /// `Cache-Status` (RFC 9211).
    pub fn cache_status(self) -> String {
        match self {
            Origin::Cache(Freshness::Fresh(ms)) => format!("JettySpeed; hit; ttl={}", ms / 1000),
            Origin::Cache(Freshness::Stale(ms)) => format!("JettySpeed; fwd=stale; ttl=-{}", ms / 1000 + 1),
            Origin::Filled => "JettySpeed; fwd=miss; stored".to_owned(),
            Origin::Kv => "JettySpeed; fwd=miss; stored; detail=KV".to_owned(),
            Origin::Collapsed => "JettySpeed; fwd=miss; collapsed".to_owned(),
            Origin::Passed => "JettySpeed; fwd=bypass".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(namespace: &Name) -> Key<'_> {
        Key { namespace, generation: 2, object: Id::from_random([1; 16]), etag: "a-b/1", slice_bytes: 10, index: 3 }
    }

    #[test]
    fn format_of_keys() {
        let name = Name::parse("jt_user_1").unwrap();
        assert_eq!(
            key(&name).url(),
            "https://cache.jettyspeed.invalid/1/jt_user_1/2/01010101-0101-4101-8101-010101010101/a-b%2F1/10/3",
            "a change of this format empties every cache"
        );
        assert_eq!(key(&name).joined(), "https://cache.jettyspeed.invalid/1/jt_user_1/2/01010101-0101-4101-8101-010101010101/a-b%2F1/joined");
    }

    #[test]
    fn freshness_and_what_is_said_of_it() {
        let of = |until| Freshness::of(until, EpochMs(5_000)).map(|freshness| Origin::Cache(freshness).cache_status());
        assert_eq!(of(Some("7500")).as_deref(), Some("JettySpeed; hit; ttl=2"));
        assert_eq!(of(Some("5000")).as_deref(), Some("JettySpeed; fwd=stale; ttl=-1"));
        assert_eq!(of(Some("4999")).as_deref(), Some("JettySpeed; fwd=stale; ttl=-1"));
        assert_eq!((of(None), of(Some("x"))), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000_000, max_shrink_iters: 1_000, ..ProptestConfig::default() })]
        /// Parts that look like other parts, from small alphabets, so that a key that is not injective is found out.
        #[test]
        fn other_parts_make_another_key(
            a in ("[a1._-]{1,3}", 0u64..4, 0u8..4, "[a1/%. -]{0,4}", 1u64..3, 0u64..12),
            b in ("[a1._-]{1,3}", 0u64..4, 0u8..4, "[a1/%. -]{0,4}", 1u64..3, 0u64..12),
        ) {
            let url = |(namespace, generation, object, etag, slice_bytes, index): &(String, u64, u8, String, u64, u64)| {
                let namespace = Name::parse(namespace)?;
                Some(Key { namespace: &namespace, generation: *generation, object: Id::from_random([*object; 16]), etag, slice_bytes: *slice_bytes, index: *index }.url())
            };
            if let (Some(one), Some(other)) = (url(&a), url(&b)) {
                prop_assert_eq!(a == b, one == other);
            }
        }
    }
}
