//! SQL of challenges.

use serde::{Deserialize, Deserializer};

use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::sha256::Sha256Hex;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::dedup::possession::challenge::{Challenge, MAX_ANSWERS, MEMORY_MS};

// The object in the form of an asset in namespace ?4 that the account ?1 does not have yet; ?4 takes part, too, and the account is in it.
macro_rules! shareable_query {
    ($where:literal) => {
        concat!(
            "SELECT o.id, ?1 AS account_id, o.id AS object_id, '' AS name, '' AS content_type, ?4 AS namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, \
             o.sha256, o.verification, o.created_at, 'active' AS owner_status, 1 AS borrowed FROM objects o JOIN namespaces n ON n.name = o.namespace \
             WHERE o.sha256 = ?2 AND o.size = ?3 AND o.verification = 'verified' AND o.condemned = 0 AND n.cross_namespace_dedup = 1 \
             AND EXISTS (SELECT 1 FROM namespace_members m JOIN namespaces own ON own.name = m.namespace \
             WHERE m.account_id = ?1 AND m.namespace = ?4 AND own.cross_namespace_dedup = 1) ",
            $where
        )
    };
}

const SHAREABLE: &str = shareable_query!("AND o.namespace <> ?4 LIMIT 1");

const SHAREABLE_OF_CHALLENGE: &str = shareable_query!(
    "AND o.id = (SELECT c.object_id FROM challenges c WHERE c.account_id = ?1 AND c.namespace = ?4 AND c.sha256 = ?2 AND c.size = ?3)"
);

const INSERT_CHALLENGE: &str = "INSERT INTO challenges (account_id, namespace, sha256, size, id, object_id, nonce, ranges, expires_at, forget_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (account_id, namespace, sha256, size) DO UPDATE SET id = excluded.id, \
     object_id = excluded.object_id, nonce = excluded.nonce, ranges = excluded.ranges, expires_at = excluded.expires_at, answered = 0 \
     WHERE challenges.answers < ?11 RETURNING id";

const CONSUME_CHALLENGE: &str = "UPDATE challenges SET answered = 1, answers = answers + 1 WHERE account_id = ?1 AND namespace = ?2 AND sha256 = ?3 AND size = ?4 \
     AND answered = 0 RETURNING id, object_id, nonce, ranges, expires_at";

const RESTORE_CHALLENGE: &str = "UPDATE challenges SET answered = 0, answers = answers - 1 WHERE account_id = ?1 AND namespace = ?2 AND sha256 = ?3 AND size = ?4 \
     AND id = ?5 AND answered = 1";

const DELETE_CHALLENGES: &str = "DELETE FROM challenges WHERE (account_id, namespace, sha256, size) IN (SELECT account_id, namespace, sha256, size \
     FROM challenges WHERE forget_at <= ?1 LIMIT ?2) RETURNING id";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("SHAREABLE", SHAREABLE),
    ("SHAREABLE_OF_CHALLENGE", SHAREABLE_OF_CHALLENGE),
    ("INSERT_CHALLENGE", INSERT_CHALLENGE),
    ("CONSUME_CHALLENGE", CONSUME_CHALLENGE),
    ("RESTORE_CHALLENGE", RESTORE_CHALLENGE),
    ("DELETE_CHALLENGES", DELETE_CHALLENGES),
];

/// The file that a challenge is about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The account that wants to reference the file.
    pub account: Id,
    /// The namespace that will hold the asset.
    pub namespace: &'a Name,
    /// SHA-256 of the file.
    pub hash: &'a Sha256Hex,
    /// Its size, bytes.
    pub size: u64,
}

impl Question<'_> {
    fn args(&self) -> [Arg; 4] {
        [self.account.to_string().into(), self.namespace.as_str().into(), self.hash.as_str().into(), self.size.into()]
    }

    fn args_of_object(&self) -> Vec<Arg> {
        let [account, namespace, hash, size] = self.args();
        vec![account, hash, size, namespace]
    }
}

/// A verified object with these bytes in another namespace with `cross_namespace_dedup`, in the form of an unnamed asset of the caller's.
pub fn shareable(question: Question<'_>) -> Statement {
    Statement { sql: SHAREABLE, args: question.args_of_object() }
}

/// The same query for the object that the challenge is about: returns a row while the object can still be referenced.
pub fn shareable_of_challenge(question: Question<'_>) -> Statement {
    Statement { sql: SHAREABLE_OF_CHALLENGE, args: question.args_of_object() }
}

/// Stores a challenge about `object` and replaces an unanswered one about the same file.
/// Returns a row unless the account has already given [`MAX_ANSWERS`] answers about this file.
pub fn insert_challenge(question: Question<'_>, challenge: &Challenge, object: Id, now: EpochMs) -> Statement {
    let ranges = json::write(&challenge.ranges).unwrap_or_default();
    let rest: [Arg; 7] = [
        challenge.id.to_string().into(),
        object.to_string().into(),
        challenge.nonce.clone().into(),
        ranges.into(),
        Arg::Int(challenge.expires_at.0),
        Arg::Int(now.plus(MEMORY_MS).0),
        MAX_ANSWERS.into(),
    ];
    Statement { sql: INSERT_CHALLENGE, args: question.args().into_iter().chain(rest).collect() }
}

/// Marks the challenge about a file as answered and counts the answer, so that a challenge is used once. Returns [`Taken`].
pub fn consume_challenge(question: Question<'_>) -> Statement {
    Statement { sql: CONSUME_CHALLENGE, args: question.args().into() }
}

/// Reverts [`take`] when the answer could not be verified, for example after an origin error.
pub fn restore_challenge(question: Question<'_>, challenge: Id) -> Statement {
    Statement { sql: RESTORE_CHALLENGE, args: question.args().into_iter().chain([challenge.to_string().into()]).collect() }
}

/// Deletes at most `limit` challenges past their `forget_at`; a row for each.
pub fn cleanup(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: DELETE_CHALLENGES, args: vec![Arg::Int(now.0), limit.into()] }
}

/// One row of [`take`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taken {
    /// The object that the challenge is about.
    pub object_id: Id,
    id: Id,
    nonce: String,
    #[serde(deserialize_with = "ranges")]
    ranges: Vec<(u64, u64)>,
    expires_at: EpochMs,
}

impl Taken {
    /// The challenge; `None` if it has expired.
    pub fn challenge(self, now: EpochMs) -> Option<Challenge> {
        let Taken { id, nonce, ranges, expires_at, .. } = self;
        (now < expires_at).then_some(Challenge { id, nonce, ranges, expires_at })
    }
}

fn ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(u64, u64)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    json::read(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_is_a_challenge_until_the_millisecond_of_its_expiry() {
        let id = Id::from_random([1; 16]);
        let row = format!(r#"{{"object_id":"{id}","id":"{id}","nonce":"n","ranges":"[[0,1],[5,9]]","expires_at":10}}"#);
        let taken: Taken = serde_json::from_str(&row).unwrap();
        let challenge = Challenge { id, nonce: "n".to_owned(), ranges: vec![(0, 1), (5, 9)], expires_at: EpochMs(10) };
        assert_eq!(taken.clone().challenge(EpochMs(9)), Some(challenge));
        assert_eq!(taken.challenge(EpochMs(10)), None);
        assert!(serde_json::from_str::<Taken>(&row.replace("[[0,1],[5,9]]", "x")).is_err());
    }
}
