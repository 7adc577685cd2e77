//! Findings about the store, in D1 (`store_facts`).

use serde::Deserialize;

use crate::base::id::Id;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

/// Validity of a finding, ms.
pub const FRESH_MS: u64 = 24 * 3600 * 1000;

/// What a probe finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Whether the store refuses bytes that are not those of `x-amz-content-sha256`.
    PayloadHashEnforced,
    /// Whether it does so for a presigned URL that signs that header.
    PresignedHashBound,
}

impl Fact {
    /// The name in D1. Persisted.
    pub fn name(self) -> &'static str {
        match self {
            Fact::PayloadHashEnforced => "payload_hash_enforced",
            Fact::PresignedHashBound => "presigned_hash_bound",
        }
    }
}

const FIND: &str = "SELECT value, checked_at FROM store_facts WHERE name = ?1";

const PUT: &str = "INSERT INTO store_facts (name, value, checked_at) VALUES (?1, ?2, ?3) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, checked_at = excluded.checked_at";

const DRAW_DEPLOYMENT: &str = "INSERT INTO deployment (one, id) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING";

const DEPLOYMENT: &str = "SELECT id, owns_bucket, marked_at FROM deployment WHERE one = 1";

const PUT_MARKED: &str = "UPDATE deployment SET marked_at = ?1 WHERE one = 1";

const PUT_OWNS_BUCKET: &str = "UPDATE deployment SET owns_bucket = ?1, checked_at = ?2 WHERE one = 1";

/// Every statement of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("FIND", FIND),
    ("PUT", PUT),
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

/// Reads a finding: `value` and `checked_at`.
pub fn find(fact: Fact) -> Statement {
    Statement { sql: FIND, args: vec![fact.name().into()] }
}

/// Writes a finding.
pub fn put(fact: Fact, value: bool, now: EpochMs) -> Statement {
    Statement { sql: PUT, args: vec![fact.name().into(), value.into(), Arg::Int(now.0)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_is_owned_another_s_or_unknown() {
        let owns = |value: &str| {
            let row = format!(r#"{{"id":"01010101-0101-4101-8101-010101010101","owns_bucket":{value},"marked_at":null}}"#);
            serde_json::from_str::<Deployment>(&row).unwrap().owns_bucket()
        };
        assert_eq!((owns("1"), owns("0"), owns("null")), (Some(true), Some(false), None));
    }
}
