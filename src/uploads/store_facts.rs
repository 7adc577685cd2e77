//! Findings about the store, in D1 (`store_facts`).

use serde::Deserialize;

use crate::base::id::Id;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

const PAYLOAD_HASH_FACT: &str = "SELECT value, checked_at FROM store_facts WHERE name = 'payload_hash_enforced'";

const PUT_PAYLOAD_HASH_FACT: &str = "INSERT INTO store_facts (name, value, checked_at) VALUES ('payload_hash_enforced', ?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, checked_at = excluded.checked_at";

const DRAW_DEPLOYMENT: &str = "INSERT INTO deployment (one, id) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING";

const DEPLOYMENT: &str = "SELECT id, owns_bucket, marked_at FROM deployment WHERE one = 1";

const PUT_MARKED: &str = "UPDATE deployment SET marked_at = ?1 WHERE one = 1";

const PUT_OWNS_BUCKET: &str = "UPDATE deployment SET owns_bucket = ?1, checked_at = ?2 WHERE one = 1";

/// Every statement of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("PAYLOAD_HASH_FACT", PAYLOAD_HASH_FACT),
    ("PUT_PAYLOAD_HASH_FACT", PUT_PAYLOAD_HASH_FACT),
    ("DRAW_DEPLOYMENT", DRAW_DEPLOYMENT),
    ("DEPLOYMENT", DEPLOYMENT),
    ("PUT_MARKED", PUT_MARKED),
    ("PUT_OWNS_BUCKET", PUT_OWNS_BUCKET),
];

/// This deployment and what it knows of its bucket: one row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: Id,
    /// 1 if the bucket is marked as this one's, 0 if as another's; `None` if nobody has looked yet.
    owns_bucket: Option<u8>,
    /// When it wrote its id into the bucket.
    pub marked_at: Option<EpochMs>,
}

impl Deployment {
    /// Whether the bucket is marked as this deployment's.
    pub fn owns_bucket(&self) -> Option<bool> {
        self.owns_bucket.map(|owns| owns != 0)
    }
}

/// Gives this database's deployment an id, unless it has one.
pub fn draw_deployment(id: Id) -> Statement {
    Statement { sql: DRAW_DEPLOYMENT, args: vec![id.to_string().into()] }
}

/// This database's [`Deployment`]; no row before it has an id.
pub fn deployment() -> Statement {
    Statement { sql: DEPLOYMENT, args: vec![] }
}

/// Keeps when the id was written into the bucket.
pub fn put_marked(now: EpochMs) -> Statement {
    Statement { sql: PUT_MARKED, args: vec![Arg::Int(now.0)] }
}

/// Keeps whose the bucket is.
pub fn put_owns_bucket(owns: bool, now: EpochMs) -> Statement {
    Statement { sql: PUT_OWNS_BUCKET, args: vec![owns.into(), Arg::Int(now.0)] }
}

/// Reads whether the store verifies payload hashes: `value` and `checked_at`.
pub fn payload_hash_fact() -> Statement {
    Statement { sql: PAYLOAD_HASH_FACT, args: vec![] }
}

/// Writes whether the store verifies payload hashes.
pub fn put_payload_hash_fact(enforced: bool, now: EpochMs) -> Statement {
    Statement { sql: PUT_PAYLOAD_HASH_FACT, args: vec![enforced.into(), Arg::Int(now.0)] }
}
