//! SQL of the deletion of an account, in the database that has it.

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

const BEGIN: &str = "UPDATE accounts SET status = 'suspended', deleting_at = COALESCE(deleting_at, ?2), updated_at = MAX(?2, updated_at + 1) WHERE id = ?1 \
     RETURNING deleting_at";

const UNSEAL: &str = "UPDATE credentials SET sealed = NULL, sealed_until = NULL WHERE account_id = ?1 AND sealed IS NOT NULL";

// rowid: the order of rows of one millisecond, which the index has, too.
const OVERDUE: &str = "SELECT id, agentcache_user_id, deleting_at, rowid AS place FROM accounts WHERE deleting_at IS NOT NULL AND deleting_at < ?1 \
     AND (deleting_at, rowid) > (?2, ?3) ORDER BY deleting_at, rowid LIMIT ?4";

const FILES: &str = "SELECT id FROM assets WHERE account_id = ?1 LIMIT ?2";

// The files of ?2, a list of ids, that are the account's still.
macro_rules! kept {
    () => {
        "s.object_id = objects.id AND NOT (s.account_id = ?1 AND s.id IN (SELECT value FROM json_each(?2)))"
    };
}

const UNREFER: &str = concat!(
    "UPDATE objects SET refs = (SELECT COUNT(*) FROM assets s WHERE ",
    kept!(),
    "), doomed_at = CASE WHEN EXISTS (SELECT 1 FROM assets s WHERE ",
    kept!(),
    ") THEN NULL ELSE COALESCE(MIN(doomed_at, ?3), ?3) END \
     WHERE id IN (SELECT a.object_id FROM assets a WHERE a.id IN (SELECT value FROM json_each(?2)) AND a.account_id = ?1)"
);

const DELETE_FILES: &str = "DELETE FROM assets WHERE id IN (SELECT value FROM json_each(?2)) AND account_id = ?1";

const VIDEO_FILES: &str = "SELECT id, namespace, video_id FROM video_files WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

const MARK_VIDEO_FILES: &str = "UPDATE video_files SET doomed_at = ?4 WHERE account_id = ?1 AND id > ?2 AND id <= ?3 AND doomed_at IS NULL";

// A video in which others have files becomes theirs.
const PASS_VIDEOS_ON: &str = "UPDATE videos SET account_id = (SELECT f.account_id FROM video_files f WHERE f.namespace = videos.namespace \
     AND f.video_id = videos.video_id AND f.account_id <> ?1 AND f.doomed_at IS NULL LIMIT 1) WHERE account_id = ?1 AND EXISTS (SELECT 1 FROM video_files f \
     WHERE f.namespace = videos.namespace AND f.video_id = videos.video_id AND f.account_id <> ?1 AND f.doomed_at IS NULL)";

// Writes that were announced have ended, or died.
const FORGET_VIDEOS: &str = "DELETE FROM videos WHERE account_id = ?1 AND NOT EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = videos.namespace \
     AND f.video_id = videos.video_id)";

const HURRY: &str = "UPDATE objects SET doomed_at = ?2 WHERE namespace = ?1 AND refs = 0 AND doomed_at > ?2";

const FORGET_KEYS: &str =
    "DELETE FROM idempotency WHERE scope = ?1 AND key IN (SELECT key FROM idempotency WHERE scope = ?1 LIMIT ?2) RETURNING 1 AS gone";

const LEFT: &str = "SELECT EXISTS (SELECT 1 FROM upload_sessions u WHERE u.account_id = ?1 AND u.status = 'open') \
       OR EXISTS (SELECT 1 FROM assets a WHERE a.account_id = ?1) OR EXISTS (SELECT 1 FROM video_files f WHERE f.account_id = ?1) AS things, \
     EXISTS (SELECT 1 FROM videos v WHERE v.account_id = ?1) OR EXISTS (SELECT 1 FROM objects o WHERE o.namespace = ?2 AND o.refs = 0) AS remains, \
     EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = ?2 AND m.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM assets a WHERE a.namespace = ?2 AND a.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM objects o WHERE o.namespace = ?2 AND o.refs > 0) \
       OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.namespace = ?2 AND u.account_id <> ?1 AND u.status = 'open') \
       OR EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = ?2 AND f.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM videos v WHERE v.namespace = ?2 AND v.account_id <> ?1) AS shared";

// Where others have something in the namespace and nobody could see or change its endpoints.
const DELETE_ENDPOINTS: &str = "DELETE FROM webhook_endpoints WHERE namespace = ?2 \
     AND NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = ?2 AND m.account_id <> ?1)";

// Its credentials, memberships, challenges and usage go with it.
const DELETE_ACCOUNT: &str = "DELETE FROM accounts WHERE id = ?1 AND deleting_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.account_id = ?1) \
     AND NOT EXISTS (SELECT 1 FROM upload_sessions u WHERE u.account_id = ?1) AND NOT EXISTS (SELECT 1 FROM video_files f WHERE f.account_id = ?1) \
     AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.account_id = ?1) RETURNING id";

// Those of members that have left.
const DELETE_CLOSED_UPLOADS: &str = "DELETE FROM upload_sessions WHERE namespace = ?2 AND status <> 'open' AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = ?1) \
     AND NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = ?2) AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.namespace = ?2) \
     AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.namespace = ?2) AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.namespace = ?2)";

// Its webhooks and figures go with it.
const DELETE_NAMESPACE: &str = "DELETE FROM namespaces WHERE name = ?2 AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = ?1) \
     AND NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = ?2) AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.namespace = ?2) \
     AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.namespace = ?2) AND NOT EXISTS (SELECT 1 FROM upload_sessions u WHERE u.namespace = ?2) \
     AND NOT EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = ?2) AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.namespace = ?2)";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("BEGIN", BEGIN),
    ("UNSEAL", UNSEAL),
    ("OVERDUE", OVERDUE),
    ("FILES", FILES),
    ("UNREFER", UNREFER),
    ("DELETE_FILES", DELETE_FILES),
    ("VIDEO_FILES", VIDEO_FILES),
    ("MARK_VIDEO_FILES", MARK_VIDEO_FILES),
    ("PASS_VIDEOS_ON", PASS_VIDEOS_ON),
    ("FORGET_VIDEOS", FORGET_VIDEOS),
    ("HURRY", HURRY),
    ("FORGET_KEYS", FORGET_KEYS),
    ("LEFT", LEFT),
    ("DELETE_ENDPOINTS", DELETE_ENDPOINTS),
    ("DELETE_ACCOUNT", DELETE_ACCOUNT),
    ("DELETE_CLOSED_UPLOADS", DELETE_CLOSED_UPLOADS),
    ("DELETE_NAMESPACE", DELETE_NAMESPACE),
];

fn id(account: Id) -> Arg {
    account.to_string().into()
}

/// Suspends the account for good and forgets its sealed credentials. The first statement gives `deleting_at` if the account is in this database: since when it is
/// being deleted.
pub fn begin(account: Id, now: EpochMs) -> [Statement; 2] {
    [Statement { sql: BEGIN, args: vec![id(account), Arg::Int(now.0)] }, Statement { sql: UNSEAL, args: vec![id(account)] }]
}

/// Accounts that are being deleted since before `before`, behind the place `after`: `id`, `agentcache_user_id`, `deleting_at`, `place`.
pub fn overdue(before: EpochMs, after: (EpochMs, u64), limit: u64) -> Statement {
    Statement { sql: OVERDUE, args: vec![Arg::Int(before.0), Arg::Int(after.0.0), after.1.into(), limit.into()] }
}

/// Some of the account's files: `id`.
pub fn files(account: Id, limit: u64) -> Statement {
    Statement { sql: FILES, args: vec![id(account), limit.into()] }
}

/// Deletes those files (`ids`: JSON, a list) in one batch; objects that nothing references any more count as such since `since`.
pub fn delete_files(account: Id, ids: &str, since: EpochMs) -> [Statement; 2] {
    [
        Statement { sql: UNREFER, args: vec![id(account), ids.into(), Arg::Int(since.0)] },
        Statement { sql: DELETE_FILES, args: vec![id(account), ids.into()] },
    ]
}

/// Files of videos that count towards the account, ordered by id, behind `after`: `id`, `namespace`, `video_id`.
pub fn video_files(account: Id, after: &str, limit: u64) -> Statement {
    Statement { sql: VIDEO_FILES, args: vec![id(account), after.into(), limit.into()] }
}

/// Marks those as deleted that are behind `after`, up to `last`.
pub fn mark_video_files(account: Id, after: &str, last: &str, now: EpochMs) -> Statement {
    Statement { sql: MARK_VIDEO_FILES, args: vec![id(account), after.into(), last.into(), Arg::Int(now.0)] }
}

/// Gives its videos to others that have files in them.
pub fn pass_videos_on(account: Id) -> Statement {
    Statement { sql: PASS_VIDEOS_ON, args: vec![id(account)] }
}

/// When nothing is under way any more: forgets videos without files, and lets objects that nothing references be collected that would be kept for longer.
pub fn settle(account: Id, namespace: &Name, since: EpochMs) -> [Statement; 2] {
    [Statement { sql: FORGET_VIDEOS, args: vec![id(account)] }, Statement { sql: HURRY, args: vec![namespace.as_str().into(), Arg::Int(since.0)] }]
}

/// Forgets at most `limit` of the account's first answers; a row for each.
pub fn forget_keys(account: Id, limit: u64) -> Statement {
    Statement { sql: FORGET_KEYS, args: vec![id(account), limit.into()] }
}

/// What is left: [`crate::accounts::deletion::Left`].
pub fn left(account: Id, namespace: &Name) -> Statement {
    Statement { sql: LEFT, args: vec![id(account), namespace.as_str().into()] }
}

/// Deletes the account, if nothing is left of it, with its namespace, if nobody else has anything in it.
pub fn finish(account: Id, namespace: &Name) -> [Statement; 4] {
    [DELETE_ACCOUNT, DELETE_ENDPOINTS, DELETE_CLOSED_UPLOADS, DELETE_NAMESPACE].map(|sql| {
        let args = if sql == DELETE_ACCOUNT { vec![id(account)] } else { vec![id(account), namespace.as_str().into()] };
        Statement { sql, args }
    })
}
