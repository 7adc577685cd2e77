//! SQL of objects and assets.

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::files::asset::Asset;

macro_rules! asset_query {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.account_id, a.object_id, a.name, a.content_type, a.namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, o.sha256, \
             o.verification, a.created_at, c.status AS owner_status, n.ttl_small, n.ttl_text, n.ttl_large, n.compress_text, n.generation, n.origin_usd_per_gb, o.verification_reason, \
             a.path, a.modified_at, o.namespace <> a.namespace AS borrowed FROM assets a JOIN objects o ON o.id = a.object_id \
             JOIN accounts c ON c.id = a.account_id JOIN namespaces n ON n.name = a.namespace ",
            $rest
        )
    };
}

// The namespace that came with the account is its own to manage, whatever the row says.
const REACHABLE: &str = asset_query!(
    "WHERE a.id = ?1 AND (a.account_id = ?2 OR EXISTS (SELECT 1 FROM namespace_members m JOIN accounts me ON me.id = m.account_id \
     WHERE m.account_id = ?2 AND m.namespace = a.namespace AND (m.role = 'manager' OR m.namespace = 'jt_user_' || me.agentcache_user_id)))"
);

const IN_NAMESPACE: &str = asset_query!("WHERE a.id = ?1 AND a.namespace = ?2");

// Whose deletion concerns others: those that are in the namespace and have it told.
const WITH_OTHER_LISTENERS: &str = asset_query!(
    "WHERE a.id IN (SELECT value FROM json_each(?2)) AND a.account_id = ?1 AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.namespace = a.namespace) \
     AND EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = a.namespace AND m.account_id <> ?1)"
);

// Only once: a closed upload has already become its file, which may have been deleted since.
const INSERT_OBJECT: &str = "INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, verification, created_at) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE ?9 IS NULL OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.id = ?9 AND u.status = 'open') \
     ON CONFLICT (id) DO NOTHING";

const INSERT_ASSET: &str = "INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, upload_speed_mbps, created_at) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ?10 IS NULL OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.id = ?10 AND u.status = 'open') \
     ON CONFLICT (id) DO NOTHING";

const UNREFER: &str = "UPDATE objects SET refs = (SELECT COUNT(*) FROM assets s WHERE s.object_id = objects.id AND s.id <> ?1), \
     doomed_at = CASE WHEN EXISTS (SELECT 1 FROM assets s WHERE s.object_id = objects.id AND s.id <> ?1) THEN NULL ELSE COALESCE(doomed_at, ?3) END \
     WHERE id = (SELECT a.object_id FROM assets a WHERE a.id = ?1 AND a.account_id = ?2)";

const DELETE_ASSET: &str = "DELETE FROM assets WHERE id = ?1 AND account_id = ?2 RETURNING id";

const COUNT_HITS: &str = "UPDATE assets SET hit_count = hit_count + h.hits, last_accessed = MAX(COALESCE(last_accessed, 0), h.at) \
     FROM (SELECT value ->> 0 AS id, value ->> 1 AS hits, value ->> 2 AS at FROM json_each(?1)) h WHERE assets.id = h.id";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("REACHABLE", REACHABLE),
    ("IN_NAMESPACE", IN_NAMESPACE),
    ("WITH_OTHER_LISTENERS", WITH_OTHER_LISTENERS),
    ("INSERT_OBJECT", INSERT_OBJECT),
    ("INSERT_ASSET", INSERT_ASSET),
    ("UNREFER", UNREFER),
    ("DELETE_ASSET", DELETE_ASSET),
    ("COUNT_HITS", COUNT_HITS),
];

/// How the bytes of a file arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// In parts, by this session.
    Session(Id),
    /// In one request.
    Simple,
}

/// The asset of that id, if the account owns it or manages its namespace.
pub fn reachable(asset: Id, account: Id) -> Statement {
    Statement { sql: REACHABLE, args: vec![asset.to_string().into(), account.to_string().into()] }
}

/// The asset of that id, if it belongs to the namespace; any owner.
pub fn in_namespace(asset: Id, namespace: &Name) -> Statement {
    Statement { sql: IN_NAMESPACE, args: vec![asset.to_string().into(), namespace.as_str().into()] }
}

/// Of the account's assets `ids` (JSON, a list) those in namespaces that have endpoints and in which others are.
pub fn with_other_listeners(account: Id, ids: &str) -> Statement {
    Statement { sql: WITH_OTHER_LISTENERS, args: vec![account.to_string().into(), ids.into()] }
}

/// Creates the object and its first asset; safe to repeat. For a session it applies only while the session is open.
pub fn insert(asset: &Asset, via: Via, mbps: Option<f64>) -> Vec<Statement> {
    let (id, account, object) = (asset.id.to_string(), asset.account_id.to_string(), asset.object_id.to_string());
    let namespace = asset.namespace.as_str();
    let created = Arg::Int(asset.created_at.0);
    let (via_name, session) = match via {
        Via::Session(session) => ("session", Some(session.to_string())),
        Via::Simple => ("simple", None),
    };
    vec![
        Statement {
            sql: INSERT_OBJECT,
            args: vec![
                object.clone().into(),
                namespace.into(),
                asset.s3_key.clone().into(),
                asset.size.into(),
                asset.etag.clone().into(),
                asset.claimed_sha256.clone().into(),
                asset.verification.clone().into(),
                created.clone(),
                session.clone().into(),
            ],
        },
        Statement {
            sql: INSERT_ASSET,
            args: vec![
                id.into(),
                account.into(),
                namespace.into(),
                object.into(),
                asset.name.clone().into(),
                asset.content_type.clone().into(),
                via_name.into(),
                mbps.into(),
                created,
                session.into(),
            ],
        },
    ]
}

/// Counts the other references to the asset's object, then deletes the asset, in one batch: the object is read inside the batch because it may have changed. The
/// second statement gives a row if the asset was there.
pub fn delete_asset(asset: Id, account: Id, now: EpochMs) -> [Statement; 2] {
    let args: Vec<Arg> = vec![asset.to_string().into(), account.to_string().into()];
    let with_time = args.iter().cloned().chain([Arg::Int(now.0)]).collect();
    [Statement { sql: UNREFER, args: with_time }, Statement { sql: DELETE_ASSET, args }]
}

/// Adds hits to assets and notes when they were last sent: `accesses` is JSON, a list of [asset id, hits, epoch ms].
pub fn count_hits(accesses: &str) -> Statement {
    Statement { sql: COUNT_HITS, args: vec![accesses.into()] }
}
