//! Findings about the store, in D1 (`store_facts`).

use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

const PAYLOAD_HASH_FACT: &str = "SELECT value, checked_at FROM store_facts WHERE name = 'payload_hash_enforced'";

const PUT_PAYLOAD_HASH_FACT: &str = "INSERT INTO store_facts (name, value, checked_at) VALUES ('payload_hash_enforced', ?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, checked_at = excluded.checked_at";

/// Every statement of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[("PAYLOAD_HASH_FACT", PAYLOAD_HASH_FACT), ("PUT_PAYLOAD_HASH_FACT", PUT_PAYLOAD_HASH_FACT)];

/// Reads whether the store verifies payload hashes: `value` and `checked_at`.
pub fn payload_hash_fact() -> Statement {
    Statement { sql: PAYLOAD_HASH_FACT, args: vec![] }
}

/// Writes whether the store verifies payload hashes.
pub fn put_payload_hash_fact(enforced: bool, now: EpochMs) -> Statement {
    Statement { sql: PUT_PAYLOAD_HASH_FACT, args: vec![enforced.into(), Arg::Int(now.0)] }
}
