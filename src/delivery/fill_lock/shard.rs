//! LockTable: of all who miss the same slice at one PoP, one reads the store and the others wait for it.
//!
//! Within an isolate that is a map of plain data; between the isolates of a PoP it is a Durable Object, of which each PoP has some. Nothing is written down:
//! an object that is lost costs one more read.

/// How long a lease holds, ms: longer than its holder tries. After it, somebody else reads.
pub const LOCK_MS: u64 = FILL_MS as u64 + 5_000;

/// How long the holder of a lease tries, ms: 5 MiB in that time are 210 KB/s.
pub const FILL_MS: u32 = 25_000;

/// How many objects a PoP has: each takes some hundred messages a second.
const SHARDS: u32 = 32;

/// The name of the object that leases `key` at the PoP `colo`.
pub fn object_name(colo: &str, key: &str) -> String {
    format!("{colo}/{}", crate::base::units::crc32(key.as_bytes()) % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_a_pop_and_few() {
        let names: std::collections::BTreeSet<_> = (0..10_000).map(|n| object_name("SIN", &n.to_string())).collect();
        assert!(names.len() == 32 && names.contains("SIN/0") && names.contains("SIN/31"));
    }
}
