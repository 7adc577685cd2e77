//! SQL of asset references, hash verification, the chunk index and garbage collection.

use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::sha256::Sha256Hex;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::dedup::chunk::Chunk;
use crate::dedup::hashing::PartialHash;
use crate::dedup::lookup::Wanted;
use crate::files::asset::Asset;
use crate::files::paths::path::Path;

macro_rules! found_query {
    ($from:literal) => {
        concat!(
            "SELECT a.id IS NOT NULL AS owned, COALESCE(a.id, o.id) AS id, ?1 AS account_id, o.id AS object_id, COALESCE(a.name, '') AS name, \
             COALESCE(a.content_type, '') AS content_type, m.namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, o.sha256, o.verification, \
             COALESCE(a.created_at, o.created_at) AS created_at, 'active' AS owner_status, a.path, a.modified_at, o.namespace <> m.namespace AS borrowed FROM namespace_members m ",
            $from,
            " AND o.verification = 'verified' AND o.condemned = 0 \
             LEFT JOIN assets a ON a.id = COALESCE( \
               (SELECT s.id FROM assets s WHERE s.object_id = o.id AND s.account_id = ?1 AND s.namespace = m.namespace AND s.path = ?6), \
               (SELECT s.id FROM assets s WHERE s.object_id = o.id AND s.account_id = ?1 AND s.namespace = m.namespace AND s.name = ?5 LIMIT 1), \
               (SELECT s.id FROM assets s WHERE s.object_id = o.id AND s.account_id = ?1 AND s.namespace = m.namespace LIMIT 1)) \
             WHERE m.account_id = ?1 AND (?4 IS NULL OR m.namespace = ?4) "
        )
    };
}

// Objects of the namespace itself, and objects of other namespaces that an account in it already references after a proof of possession.
const DUPLICATE: &str = concat!(
    found_query!("JOIN objects o ON o.namespace = m.namespace AND o.sha256 = ?2 AND o.size = ?3"),
    "UNION ALL ",
    found_query!(
        "JOIN namespaces n ON n.name = m.namespace AND n.cross_namespace_dedup = 1 \
         JOIN objects o ON o.sha256 = ?2 AND o.size = ?3 AND o.namespace <> m.namespace"
    ),
    "AND EXISTS (SELECT 1 FROM assets s WHERE s.object_id = o.id AND s.namespace = m.namespace) LIMIT 20"
);

const SET_PRICE: &str = "INSERT INTO prices (name, usd, updated_at) VALUES ('dedup_gb', ?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET usd = excluded.usd, updated_at = excluded.updated_at WHERE usd <> excluded.usd";

const IN_NAMESPACE: &str = "SELECT id, refs FROM objects WHERE namespace = ?1 AND sha256 = ?2 AND size = ?3 AND verification = 'verified' \
     AND condemned = 0 ORDER BY created_at, id LIMIT 100";

const REFER: &str = "INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
     SELECT ?1, ?2, ?7, o.id, ?4, ?5, 'session', ?6 FROM objects o WHERE o.id = ?3 AND o.condemned = 0 \
     AND NOT EXISTS (SELECT 1 FROM objects p WHERE p.namespace = o.namespace AND p.sha256 = o.sha256 AND p.size = o.size \
     AND p.verification = 'verified' AND p.condemned = 0 AND (p.created_at, p.id) < (o.created_at, o.id)) AND NOT EXISTS (SELECT 1 FROM assets s WHERE s.object_id = ?3 AND s.account_id = ?2 AND s.namespace = ?7 AND s.name = ?4 AND s.path IS ?8) \
     ON CONFLICT (id) DO NOTHING";

// Recomputes the reference count from the assets, so that it cannot drift.
const RECOUNT: &str = "UPDATE objects SET refs = (SELECT COUNT(*) FROM assets s WHERE s.object_id = ?1), \
     doomed_at = CASE WHEN EXISTS (SELECT 1 FROM assets s WHERE s.object_id = ?1) THEN NULL ELSE COALESCE(doomed_at, ?2) END WHERE id = ?1";

const TO_VERIFY: &str = "SELECT o.id, o.namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, v.position, v.state, v.attempts, v.failure \
     FROM objects o LEFT JOIN verifications v ON v.object_id = o.id WHERE o.id = ?1 AND o.verification = 'pending'";

// Counted before it is tried: an attempt that the platform stops can not count itself.
const BEGIN_VERIFICATION: &str = "INSERT INTO verifications (object_id, attempts, updated_at) SELECT o.id, 1, ?2 FROM objects o WHERE o.id = ?1 \
     ON CONFLICT (object_id) DO UPDATE SET attempts = verifications.attempts + 1, updated_at = excluded.updated_at";

// Only from where it began: of two jobs for one object one gets on.
const ADVANCE_VERIFICATION: &str = "UPDATE verifications SET position = ?3, state = ?4, attempts = CASE WHEN ?5 = 1 THEN 0 ELSE attempts END, \
     failure = NULL, updated_at = ?6 WHERE object_id = ?1 AND position = ?2 RETURNING position";

const FAIL_VERIFICATION: &str = "UPDATE verifications SET failure = ?2 WHERE object_id = ?1";

const END_VERIFICATION: &str = "DELETE FROM verifications WHERE object_id = ?1";

const GIVE_UP_VERIFICATION: &str = "UPDATE objects SET verification = 'none', verification_reason = ?2 WHERE id = ?1 AND verification = 'pending'";

// rowid: the order of rows of one millisecond, which the index has, too.
const PENDING: &str = "SELECT id, created_at, rowid AS place FROM objects WHERE verification = 'pending' AND created_at < ?1 \
     AND (created_at, rowid) > (?2, ?3) ORDER BY created_at, rowid LIMIT ?4";

const SET_VERIFICATION: &str = "UPDATE objects SET verification = ?2, sha256 = ?3 WHERE id = ?1 AND verification = 'pending'";

const VERIFIED: &str = "SELECT namespace, sha256, size FROM objects WHERE id = ?1 AND verification = 'verified'";

// Only to the oldest one, also if that was verified since it was looked for: another job may be moving everything there, and would not look here again.
const MERGE_ASSETS: &str = "UPDATE assets SET object_id = ?2 WHERE object_id = ?1 AND id IN (SELECT value FROM json_each(?3)) \
     AND EXISTS (SELECT 1 FROM objects o WHERE o.id = ?2 AND o.condemned = 0 AND NOT EXISTS (SELECT 1 FROM objects p \
     WHERE p.namespace = o.namespace AND p.sha256 = o.sha256 AND p.size = o.size AND p.verification = 'verified' AND p.condemned = 0 \
     AND (p.created_at, p.id) < (o.created_at, o.id)))";

const MERGE_CHUNKS: &str =
    "UPDATE chunks SET object_id = ?2 WHERE object_id = ?1 AND EXISTS (SELECT 1 FROM objects o WHERE o.id = ?2 AND o.condemned = 0)";

const OWNERS: &str = "SELECT id, account_id FROM assets WHERE object_id = ?1 LIMIT ?2";

const INSERT_CHUNKS: &str = "INSERT INTO chunks (namespace, sha256, size, object_id, first) \
     SELECT ?1, value ->> 'h', value ->> 's', ?2, value ->> 'f' FROM json_each(?3) WHERE true \
     ON CONFLICT (namespace, sha256, size) DO UPDATE SET object_id = excluded.object_id, first = excluded.first \
     WHERE (SELECT o.refs FROM objects o WHERE o.id = chunks.object_id) = 0";

const FIND_CHUNKS: &str = "SELECT c.sha256, c.size, o.s3_key, c.first FROM chunks c JOIN objects o ON o.id = c.object_id \
     WHERE c.namespace = ?1 AND c.sha256 IN (SELECT value FROM json_each(?2)) AND o.condemned = 0";

// The literal is that of the index.
const OF_SIZE: &str = "SELECT 1 AS found FROM objects WHERE namespace = ?1 AND size = ?2 AND size > 5242880 LIMIT 1";

const CHUNKS_OF: &str = "SELECT sha256, size, first FROM chunks WHERE object_id = ?2 AND namespace = ?1 LIMIT ?3";

const CLAIM_DELETION: &str = "UPDATE objects SET condemned = 1 WHERE refs = 0 AND condemned = 0 AND doomed_at <= ?1 \
     AND NOT EXISTS (SELECT 1 FROM assets s WHERE s.object_id = objects.id) \
     AND NOT EXISTS (SELECT 1 FROM namespaces n WHERE n.name = objects.namespace AND (n.moving = 1 OR n.departing = 1))";

const CLAIMED_DELETIONS: &str = "SELECT o.id, o.s3_key FROM objects o JOIN namespaces n ON n.name = o.namespace AND n.moving = 0 AND n.departing = 0 \
     WHERE o.condemned = 1 AND o.id > ?1 ORDER BY o.id LIMIT ?2";

const OBJECT: &str = "SELECT id FROM objects WHERE id = ?1";

const DELETE_OBJECT: &str = "DELETE FROM objects WHERE id = ?1 AND condemned = 1";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("DUPLICATE", DUPLICATE),
    ("IN_NAMESPACE", IN_NAMESPACE),
    ("REFER", REFER),
    ("RECOUNT", RECOUNT),
    ("TO_VERIFY", TO_VERIFY),
    ("BEGIN_VERIFICATION", BEGIN_VERIFICATION),
    ("ADVANCE_VERIFICATION", ADVANCE_VERIFICATION),
    ("FAIL_VERIFICATION", FAIL_VERIFICATION),
    ("END_VERIFICATION", END_VERIFICATION),
    ("GIVE_UP_VERIFICATION", GIVE_UP_VERIFICATION),
    ("PENDING", PENDING),
    ("SET_VERIFICATION", SET_VERIFICATION),
    ("VERIFIED", VERIFIED),
    ("MERGE_ASSETS", MERGE_ASSETS),
    ("MERGE_CHUNKS", MERGE_CHUNKS),
    ("OWNERS", OWNERS),
    ("INSERT_CHUNKS", INSERT_CHUNKS),
    ("FIND_CHUNKS", FIND_CHUNKS),
    ("OF_SIZE", OF_SIZE),
    ("CHUNKS_OF", CHUNKS_OF),
    ("CLAIM_DELETION", CLAIM_DELETION),
    ("CLAIMED_DELETIONS", CLAIMED_DELETIONS),
    ("OBJECT", OBJECT),
    ("DELETE_OBJECT", DELETE_OBJECT),
    ("SET_PRICE", SET_PRICE),
];

/// Verified objects with these bytes in any of the account's namespaces, or in `namespace` only. Each row carries an asset of the account, if it has one,
/// preferably the one that is `wanted`: [`crate::dedup::lookup::Found`], one row per object.
pub fn duplicate(account: Id, hash: &Sha256Hex, size: u64, namespace: Option<&Name>, wanted: Wanted) -> Statement {
    let namespace = namespace.map(|name| name.as_str().to_owned());
    let wanted_path = wanted.path.map(Path::as_str);
    Statement {
        sql: DUPLICATE,
        args: vec![account.to_string().into(), hash.as_str().into(), size.into(), namespace.into(), wanted.name.into(), wanted_path.into()],
    }
}

/// The verified objects with these bytes in a namespace: `id` and `refs`. The first row is the oldest object; duplicates are merged into it.
pub fn in_namespace(namespace: &Name, hash: &Sha256Hex, size: u64) -> Statement {
    Statement { sql: IN_NAMESPACE, args: vec![namespace.as_str().into(), hash.as_str().into(), size.into()] }
}

/// Creates an asset that references an existing object, as one batch. Does nothing if garbage collection has claimed the object, if the object was merged
/// into an older one, or if the account already has an asset of that name and path.
pub fn refer(asset: &Asset, path: Option<&Path>) -> Vec<Statement> {
    let insert = Statement {
        sql: REFER,
        args: vec![
            asset.id.to_string().into(),
            asset.account_id.to_string().into(),
            asset.object_id.to_string().into(),
            asset.name.clone().into(),
            asset.content_type.clone().into(),
            Arg::Int(asset.created_at.0),
            asset.namespace.as_str().into(),
            path.map(Path::as_str).into(),
        ],
    };
    vec![insert, recount(asset.object_id, asset.created_at)]
}

/// Recomputes an object's reference count. An object without references becomes eligible for garbage collection; its grace period starts at `now`.
pub fn recount(object: Id, now: EpochMs) -> Statement {
    Statement { sql: RECOUNT, args: vec![object.to_string().into(), Arg::Int(now.0)] }
}

/// An object that has not been verified yet: [`crate::dedup::verification::Pending`].
pub fn to_verify(object: Id) -> Statement {
    Statement { sql: TO_VERIFY, args: vec![object.to_string().into()] }
}

/// Counts an attempt to verify the object.
pub fn begin_verification(object: Id, now: EpochMs) -> Statement {
    Statement { sql: BEGIN_VERIFICATION, args: vec![object.to_string().into(), Arg::Int(now.0)] }
}

/// Keeps the hash of the object's first bytes, if no other job got on from `before`; then it returns a row. `got_on`: whether the attempts are counted anew.
pub fn advance_verification(object: Id, before: u64, hash: &PartialHash, got_on: bool, now: EpochMs) -> Statement {
    let (position, state) = (hash.position(), hash.state());
    let args = vec![object.to_string().into(), before.into(), position.into(), state.into(), got_on.into(), Arg::Int(now.0)];
    Statement { sql: ADVANCE_VERIFICATION, args }
}

/// Keeps why an attempt ended: a problem's code.
pub fn fail_verification(object: Id, failure: &str) -> Statement {
    Statement { sql: FAIL_VERIFICATION, args: vec![object.to_string().into(), failure.into()] }
}

/// Gives up: `verification` becomes `none`, with the reason. Has no effect on an object that has a verdict.
pub fn give_up_verification(object: Id, reason: &str) -> [Statement; 2] {
    let object: Arg = object.to_string().into();
    [Statement { sql: GIVE_UP_VERIFICATION, args: vec![object.clone(), reason.into()] }, Statement { sql: END_VERIFICATION, args: vec![object] }]
}

/// Forgets how far the verification was: it has a verdict.
pub fn end_verification(object: Id) -> Statement {
    Statement { sql: END_VERIFICATION, args: vec![object.to_string().into()] }
}

/// `id`, `created_at` and `place` of objects that have been waiting for verification since before `before`, oldest first, after the last one seen.
pub fn pending(before: EpochMs, after: (EpochMs, u64), limit: u64) -> Statement {
    Statement { sql: PENDING, args: vec![Arg::Int(before.0), Arg::Int(after.0.0), after.1.into(), limit.into()] }
}

/// Stores the verification result. Has no effect on an object that already has one.
pub fn set_verification(object: Id, verdict: &str, computed: &Sha256Hex) -> Statement {
    Statement { sql: SET_VERIFICATION, args: vec![object.to_string().into(), verdict.into(), computed.as_str().into()] }
}

/// `namespace`, `sha256` and `size` of a verified object.
pub fn verified(object: Id) -> Statement {
    Statement { sql: VERIFIED, args: vec![object.to_string().into()] }
}

/// Moves these assets and the chunks of `from` to `to`, an object with the same bytes, as one batch. When nothing references `from` any more its grace
/// period starts. Has no effect after garbage collection has claimed `to`. `counted`: what counts it, behind the assets and before the objects.
pub fn merge(from: Id, to: Id, assets: &[Id], counted: [Statement; 2], now: EpochMs) -> Vec<Statement> {
    let both: Vec<Arg> = vec![from.to_string().into(), to.to_string().into()];
    let named = both.iter().cloned().chain([json::write(&assets).unwrap_or_default().into()]).collect();
    let [of_hour, of_all] = counted;
    vec![
        Statement { sql: MERGE_ASSETS, args: named },
        Statement { sql: MERGE_CHUNKS, args: both },
        of_hour,
        of_all,
        recount(to, now),
        recount(from, now),
    ]
}

/// `id` and `account_id` of the assets that reference an object.
pub fn owners(object: Id, limit: u64) -> Statement {
    Statement { sql: OWNERS, args: vec![object.to_string().into(), limit.into()] }
}

/// Adds an object's chunks to the namespace's chunk index, for later uploads.
pub fn insert_chunks(namespace: &Name, object: Id, chunks: &[Chunk<'_>]) -> Statement {
    let json = json::write(&chunks).unwrap_or_default();
    Statement { sql: INSERT_CHUNKS, args: vec![namespace.as_str().into(), object.to_string().into(), json.into()] }
}

/// The stored chunks that have one of these hashes: [`crate::dedup::chunk::Stored`].
pub fn find_chunks(namespace: &Name, hashes: &[Sha256Hex]) -> Statement {
    let json = json::write(&hashes).unwrap_or_default();
    Statement { sql: FIND_CHUNKS, args: vec![namespace.as_str().into(), json.into()] }
}

/// Returns a row if the namespace has any object of `size` bytes, more than 5 MiB, whether it can be referenced or not.
pub fn of_size(namespace: &Name, size: u64) -> Statement {
    Statement { sql: OF_SIZE, args: vec![namespace.as_str().into(), size.into()] }
}

/// The chunks of an object that its namespace has under their hashes: [`crate::receipts::Part`], in any order.
pub fn chunks_of(namespace: &Name, object: Id, limit: u64) -> Statement {
    Statement { sql: CHUNKS_OF, args: vec![namespace.as_str().into(), object.to_string().into(), limit.into()] }
}

/// Claims for deletion all objects that have been unreferenced since before `before`. A claimed object can no longer be referenced.
pub fn claim_deletion(before: EpochMs) -> Statement {
    Statement { sql: CLAIM_DELETION, args: vec![Arg::Int(before.0)] }
}

/// `id` and `s3_key` of the objects claimed for deletion, after `cursor`.
pub fn claimed_deletions(cursor: &str, limit: u64) -> Statement {
    Statement { sql: CLAIMED_DELETIONS, args: vec![cursor.into(), limit.into()] }
}

/// Returns a row if the object exists in D1.
pub fn object(object: Id) -> Statement {
    Statement { sql: OBJECT, args: vec![object.to_string().into()] }
}

/// Deletes the row of a claimed object, after its bytes were deleted at the origin.
pub fn delete_object_row(object: Id) -> Statement {
    Statement { sql: DELETE_OBJECT, args: vec![object.to_string().into()] }
}

/// Sets the price that the view `deduplication_savings` calculates with: `DEDUP_USD_PER_GB`.
pub fn set_price(usd_per_gb: f64, now: EpochMs) -> Statement {
    Statement { sql: SET_PRICE, args: vec![usd_per_gb.into(), Arg::Int(now.0)] }
}
