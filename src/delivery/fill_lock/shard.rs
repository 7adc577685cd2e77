//! Sharding and deadlines of the fill lock.
//!
//! The locks of a PoP are distributed over a fixed number of Durable Objects by the hash of the cache key.

/// Lock timeout, ms: longer than its holder's own deadline [`FILL_MS`]. After the timeout another request gets the lock.
pub const LOCK_MS: u64 = FILL_MS as u64 + 5_000;

/// Deadline of the holder for reading a slice from the origin, ms: 5 MiB in that time is 210 kB/s.
pub const FILL_MS: u32 = 25_000;

/// Fill-lock objects per PoP: a Durable Object handles 1,000 requests a second (Cloudflare Durable Objects documentation, "Limits"), and one that is seldom used is
/// evicted and must be started for the next lock.
const SHARDS: u32 = 4;

/// Name of the Durable Object that holds the lock of `key` at the PoP `colo`.
pub fn object_name(colo: &str, key: &str) -> String {
    format!("{colo}/{}", crate::base::units::crc32(key.as_bytes()) % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_pop_map_to_4_objects() {
        let names: std::collections::BTreeSet<_> = (0..10_000).map(|n| object_name("SIN", &n.to_string())).collect();
        assert!(names.len() == 4 && names.contains("SIN/0") && names.contains("SIN/3"));
    }
}
