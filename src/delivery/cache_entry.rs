//! Cache entry: cache key, freshness lifetime, and the `Cache-Status` field value (docs/delivery.md, Cache entries).

use crate::base::id::{Id, Name};
use crate::base::percent;
use crate::base::time::EpochMs;

/// Stale window, ms: how long past its freshness lifetime an entry may be served during revalidation (stale-while-revalidate) or while the origin is
/// unavailable (stale-if-error), RFC 5861.
pub const STALE_MS: u64 = 24 * 3600 * 1000;

/// Minimum interval between two revalidations of an entry after a failed one, ms.
pub const REVALIDATE_INTERVAL_MS: u64 = 5_000;

/// Cache key of a slice: a path relative to [`crate::delivery::cache_place::PATH`]. Every component is percent-encoded or has an alphabet without slashes, so that
/// the mapping from components to key is injective.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The namespace.
    pub namespace: &'a Name,
    /// The namespace's cache generation: a purge increments it, so that older entries are no longer addressed.
    pub generation: u64,
    /// Object id.
    pub object: Id,
    /// ETag of the object at the origin.
    pub etag: &'a str,
    /// Slice size, bytes: entries of different slice sizes have different keys.
    pub slice_bytes: u64,
    /// Slice index, from 0.
    pub index: u64,
}

impl Key<'_> {
    /// The cache key.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.version(), self.slice_bytes, self.index)
    }

    /// The key of the pointer to the whole-object entry. Its last segment is not a number, so it differs from the key of every slice.
    pub fn pointer(&self) -> String {
        format!("{}/joined", self.version())
    }

    fn version(&self) -> String {
        let Key { namespace, generation, object, etag, .. } = self;
        format!("1/{namespace}/{generation}/{object}/{}", percent::component(etag))
    }
}

/// Freshness of an entry (RFC 9111 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Fresh; remaining lifetime, ms.
    Fresh(u64),
    /// Stale; time since the end of its lifetime, ms.
    Stale(u64),
}

impl Freshness {
    /// Freshness at `now` of an entry with the stored expiry `until` (epoch ms); `None` if the entry has no valid expiry.
    pub fn of(until: Option<&str>, now: EpochMs) -> Option<Freshness> {
        let until = EpochMs(until?.parse().ok()?);
        Some(if now < until { Freshness::Fresh(until.since(now)) } else { Freshness::Stale(now.since(until)) })
    }
}

/// Source of the bytes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cache of this PoP.
    Cache(Freshness),
    /// The origin; the slice was stored in the cache.
    Filled,
    /// KV; the slice was stored in the cache.
    Kv,
    /// The cache of the gateway beside the store; the slice was stored in the cache.
    Shield,
    /// Request collapsing: another request read the origin and this one waited for it.
    Collapsed,
    /// The origin; the cache was bypassed.
    Passed,
}

impl Origin {
    /// Whether the origin was not asked for these bytes: the one definition of a hit, in every figure.
    pub fn is_hit(self) -> bool {
        match self {
            Origin::Cache(_) | Origin::Kv | Origin::Shield | Origin::Collapsed => true,
            Origin::Filled | Origin::Passed => false,
        }
    }

    /// The field value of `Cache-Status` (RFC 9211; docs/delivery.md, Cache-Status).
    pub fn cache_status(self) -> String {
        match self {
            Origin::Cache(Freshness::Fresh(ms)) => format!("JettySpeed; hit; ttl={}", ms / 1000),
            Origin::Cache(Freshness::Stale(ms)) => format!("JettySpeed; fwd=stale; ttl=-{}", ms / 1000 + 1),
            Origin::Filled => "JettySpeed; fwd=miss; stored".to_owned(),
            Origin::Kv => "JettySpeed; fwd=miss; stored; detail=KV".to_owned(),
            Origin::Shield => "JettySpeed; fwd=miss; stored; detail=shield".to_owned(),
            Origin::Collapsed => "JettySpeed; fwd=miss; collapsed".to_owned(),
            Origin::Passed => "JettySpeed; fwd=bypass".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &Name) -> Key<'_> {
        Key { namespace, generation: 2, object: Id::from_random([1; 16]), etag: "a-b/1", slice_bytes: 10, index: 3 }
    }

    #[test]
    fn key_components_give_the_documented_key() {
        let name = Name::parse("jt_user_1").unwrap();
        assert_eq!(
            key(&name).path(),
            "1/jt_user_1/2/01010101-0101-4101-8101-010101010101/a-b%2F1/10/3",
            "a change of this format empties every cache"
        );
        assert_eq!(key(&name).pointer(), "1/jt_user_1/2/01010101-0101-4101-8101-010101010101/a-b%2F1/joined");
    }

    #[test]
    fn expiry_and_now_give_freshness_and_cache_status() {
        let cache_status = |until| Freshness::of(until, EpochMs(5_000)).map(|freshness| Origin::Cache(freshness).cache_status());
        assert_eq!(cache_status(Some("7500")).as_deref(), Some("JettySpeed; hit; ttl=2"));
        assert_eq!(cache_status(Some("5000")).as_deref(), Some("JettySpeed; fwd=stale; ttl=-1"));
        assert_eq!(cache_status(Some("4999")).as_deref(), Some("JettySpeed; fwd=stale; ttl=-1"));
        assert_eq!((cache_status(None), cache_status(Some("x"))), (None, None));
    }

    #[test]
    fn only_what_the_origin_was_asked_for_is_no_hit() {
        let cached = [Freshness::Fresh(1), Freshness::Stale(1)].map(Origin::Cache);
        assert!(cached.into_iter().chain([Origin::Kv, Origin::Shield, Origin::Collapsed]).all(Origin::is_hit));
        assert!(![Origin::Filled, Origin::Passed].into_iter().any(Origin::is_hit));
    }

    /// Every pair of the keys made of these parts, hundreds of millions, by way of a set: names that begin alike, ETags of every short combination of
    /// characters that mean something in a URL.
    #[test]
    fn keys_that_differ_in_any_part_have_different_paths() {
        let namespaces = ["a", "1", "a.", "a-", "a_", "a.a", "aa"].map(|name| Name::parse(name).unwrap());
        let characters = ["a", "1", "/", "%", ".", " ", "-", "?", "#"];
        let pairs = characters.iter().flat_map(|first| characters.iter().map(move |second| format!("{first}{second}")));
        let etags: Vec<String> = [String::new()].into_iter().chain(characters.iter().map(|text| (*text).to_owned())).chain(pairs).collect();
        let mut urls = std::collections::HashSet::new();
        let mut keys = 0;
        for namespace in &namespaces {
            for (generation, object) in [(0, 0u8), (0, 1), (1, 0), (10, 1), (11, 0)] {
                for etag in &etags {
                    for (slice_bytes, index) in [(1, 0), (1, 1), (1, 11), (11, 1), (11, 0), (2, 10), (21, 0)] {
                        let key = Key { namespace, generation, object: Id::from_random([object; 16]), etag, slice_bytes, index };
                        keys += 1;
                        assert!(urls.insert(key.path()), "{key:?}");
                    }
                }
            }
        }
        assert!(keys > 20_000 && urls.len() == keys);
    }
}
