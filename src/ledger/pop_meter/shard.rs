//! Which meter counts for an account.

use crate::base::id::Id;

/// Meters of a PoP: a Durable Object handles 1,000 requests a second (Cloudflare Durable Objects documentation, "Limits"), and an isolate sends two.
const SHARDS: u32 = 4;

/// Name of the Durable Object that counts for `account` at the PoP `colo`.
pub fn object_name(colo: &str, account: Id) -> String {
    format!("{colo}/{}", crate::base::units::crc32(account.to_string().as_bytes()) % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_a_pop_map_to_4_objects() {
        let names: std::collections::BTreeSet<_> = (0..=255).map(|n| object_name("SIN", Id::from_random([n; 16]))).collect();
        assert!(names.len() == 4 && names.contains("SIN/0") && names.contains("SIN/3"));
    }
}
