//! SQL of namespaces and their members.

use crate::base::id::{Id, Name, OWN_NAMESPACE};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::role::Role;

macro_rules! namespace_query {
    ($rest:literal) => {
        concat!(
            "SELECT n.name, n.display_name, n.tags, n.ttl_small, n.ttl_text, n.ttl_large, n.ttl_video, n.jetty_speed_upload, n.video_streaming, \
             n.desktop_cdn, n.compress_text, n.chunk_size, n.allow_unsigned, n.cross_namespace_dedup, n.origin_usd_per_gb, n.expected_hit_rate, n.alerts, n.generation, n.created_at, n.updated_at",
            $rest
        )
    };
}

const OF_MEMBER: &str =
    namespace_query!(", m.role FROM namespace_members m JOIN namespaces n ON n.name = m.namespace WHERE m.account_id = ?1 AND m.namespace = ?2");

const NAMES_OF_MEMBER: &str = "SELECT namespace FROM namespace_members WHERE account_id = ?1";

const LIST_OF_MEMBER: &str = namespace_query!(
    ", m.role FROM namespace_members m JOIN namespaces n ON n.name = m.namespace WHERE m.account_id = ?1 AND m.namespace > ?2 ORDER BY m.namespace LIMIT ?3"
);

const BY_NAME: &str = namespace_query!(" FROM namespaces n WHERE n.name = ?1");

const LIST: &str = namespace_query!(" FROM namespaces n WHERE n.name > ?1 ORDER BY n.name LIMIT ?2");

// In the first database not under a name that the directory says to be in another one.
const INSERT: &str = "INSERT INTO namespaces (name, display_name, tags, ttl_small, ttl_text, ttl_large, ttl_video, jetty_speed_upload, video_streaming, \
     desktop_cdn, chunk_size, allow_unsigned, cross_namespace_dedup, origin_usd_per_gb, expected_hit_rate, compress_text, created_at, updated_at, alerts) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?17, ?18 \
     WHERE NOT EXISTS (SELECT 1 FROM directory d WHERE d.kind = 'namespace' AND d.name = ?1) ON CONFLICT (name) DO NOTHING RETURNING name";

const UPDATE: &str = "UPDATE namespaces SET display_name = ?2, tags = ?3, ttl_small = ?4, ttl_text = ?5, ttl_large = ?6, ttl_video = ?7, \
     jetty_speed_upload = ?8, video_streaming = ?9, desktop_cdn = ?10, chunk_size = ?11, allow_unsigned = ?12, cross_namespace_dedup = ?13, \
     origin_usd_per_gb = ?14, expected_hit_rate = ?15, compress_text = ?16, alerts = ?18, updated_at = MAX(?17, updated_at + 1) WHERE name = ?1 AND updated_at = ?19 RETURNING name";

const PURGE: &str = "UPDATE namespaces SET generation = generation + 1 WHERE name = ?1 RETURNING generation";

// A write of a video that is announced may still store bytes. They are found by their namespace, and a later one of that name may be in another database,
// without the account whose they are.
const DELETE: &str = "DELETE FROM namespaces WHERE name = ?1 \
     AND NOT EXISTS (SELECT 1 FROM objects WHERE namespace = ?1) AND NOT EXISTS (SELECT 1 FROM assets WHERE namespace = ?1) \
     AND NOT EXISTS (SELECT 1 FROM upload_sessions WHERE namespace = ?1) AND NOT EXISTS (SELECT 1 FROM video_files WHERE namespace = ?1) \
     AND NOT EXISTS (SELECT 1 FROM videos WHERE namespace = ?1 AND writes > 0) \
     AND NOT EXISTS (SELECT 1 FROM accounts WHERE agentcache_user_id = ?2) RETURNING name";

const DROP_CLOSED_SESSIONS: &str = "DELETE FROM upload_sessions WHERE namespace = ?1 AND NOT EXISTS (SELECT 1 FROM objects WHERE namespace = ?1) \
     AND NOT EXISTS (SELECT 1 FROM assets WHERE namespace = ?1) \
     AND NOT EXISTS (SELECT 1 FROM upload_sessions WHERE namespace = ?1 AND status = 'open') \
     AND NOT EXISTS (SELECT 1 FROM video_files WHERE namespace = ?1) AND NOT EXISTS (SELECT 1 FROM videos WHERE namespace = ?1 AND writes > 0) \
     AND NOT EXISTS (SELECT 1 FROM accounts WHERE agentcache_user_id = ?2)";

// An account stays manager of the namespace that came with it: ?5 is that namespace's name.
const PUT_MEMBER: &str = "INSERT INTO namespace_members (account_id, namespace, role, created_at) \
     SELECT a.id, n.name, CASE WHEN n.name = ?5 THEN 'manager' ELSE ?4 END, ?3 FROM accounts a CROSS JOIN namespaces n \
     WHERE a.agentcache_user_id = ?1 AND n.name = ?2 ON CONFLICT (account_id, namespace) DO UPDATE SET role = excluded.role";

const REMOVE_MEMBER: &str = "DELETE FROM namespace_members WHERE namespace = ?2 \
     AND account_id = (SELECT id FROM accounts WHERE agentcache_user_id = ?1) RETURNING namespace";

const MEMBERS: &str =
    "SELECT a.agentcache_user_id, m.role FROM namespace_members m JOIN accounts a ON a.id = m.account_id WHERE m.namespace = ?1 LIMIT ?2";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("OF_MEMBER", OF_MEMBER),
    ("LIST_OF_MEMBER", LIST_OF_MEMBER),
    ("NAMES_OF_MEMBER", NAMES_OF_MEMBER),
    ("BY_NAME", BY_NAME),
    ("LIST", LIST),
    ("INSERT", INSERT),
    ("UPDATE", UPDATE),
    ("PURGE", PURGE),
    ("DELETE", DELETE),
    ("DROP_CLOSED_SESSIONS", DROP_CLOSED_SESSIONS),
    ("PUT_MEMBER", PUT_MEMBER),
    ("REMOVE_MEMBER", REMOVE_MEMBER),
    ("MEMBERS", MEMBERS),
];

/// Maximum number of members in a listing.
pub const MAX_MEMBERS: u64 = 1_000;

/// The namespace, if the account is a member.
pub fn of_member(account: Id, name: &str) -> Statement {
    Statement { sql: OF_MEMBER, args: vec![account.to_string().into(), name.into()] }
}

/// The account's namespaces by name, after `cursor`.
pub fn list_of_member(account: Id, cursor: &str, limit: u64) -> Statement {
    Statement { sql: LIST_OF_MEMBER, args: vec![account.to_string().into(), cursor.into(), limit.into()] }
}

/// The names of all namespaces of an account: `namespace`.
pub fn names_of_member(account: Id) -> Statement {
    Statement { sql: NAMES_OF_MEMBER, args: vec![account.to_string().into()] }
}

/// The namespace by name, without a membership check: for operators.
pub fn by_name(name: &str) -> Statement {
    Statement { sql: BY_NAME, args: vec![name.into()] }
}

/// All namespaces by name, after `cursor`: for operators.
pub fn list(cursor: &str, limit: u64) -> Statement {
    Statement { sql: LIST, args: vec![cursor.into(), limit.into()] }
}

fn values(namespace: &Namespace, last: EpochMs) -> Vec<Arg> {
    vec![
        namespace.name.as_str().into(),
        namespace.display_name.clone().into(),
        namespace.tags.clone().into(),
        namespace.ttl_small.into(),
        namespace.ttl_text.into(),
        namespace.ttl_large.into(),
        namespace.ttl_video.into(),
        namespace.jetty_speed_upload.into(),
        namespace.video_streaming.into(),
        namespace.desktop_cdn.into(),
        namespace.chunk_size.into(),
        namespace.allow_unsigned.into(),
        namespace.cross_namespace_dedup.into(),
        namespace.origin_usd_per_gb.into(),
        namespace.expected_hit_rate.into(),
        namespace.compress_text.into(),
        Arg::Int(last.0),
        namespace.alerts.clone().into(),
    ]
}

/// Creates it; returns a row only if the name was free.
pub fn insert(namespace: &Namespace) -> Statement {
    Statement { sql: INSERT, args: values(namespace, namespace.created_at) }
}

/// Writes it if it was not changed since `before` (optimistic locking); returns a row only if it was written.
pub fn update(namespace: &Namespace, before: EpochMs, now: EpochMs) -> Statement {
    let mut args = values(namespace, now);
    args.push(Arg::Int(before.0));
    Statement { sql: UPDATE, args }
}

/// Invalidates all cache entries of the namespace by starting its next generation; returns the generation's number.
pub fn purge(name: &str) -> Statement {
    Statement { sql: PURGE, args: vec![name.into()] }
}

/// Deletes it if it is empty and not an account's own namespace; returns a row only if it was deleted. Ended sessions are deleted first, as they reference it.
pub fn delete(name: &str) -> [Statement; 2] {
    // The user whose own namespace it would be; empty matches no user.
    let owner = name.strip_prefix(OWN_NAMESPACE).unwrap_or_default();
    [Statement { sql: DROP_CLOSED_SESSIONS, args: vec![name.into(), owner.into()] }, Statement { sql: DELETE, args: vec![name.into(), owner.into()] }]
}

/// Makes a user's account a member with this role; does nothing if the account or the namespace does not exist.
pub fn put_member(user: &Name, name: &str, role: Role, now: EpochMs) -> Statement {
    let own = format!("{OWN_NAMESPACE}{user}");
    Statement { sql: PUT_MEMBER, args: vec![user.as_str().into(), name.into(), Arg::Int(now.0), role.as_str().into(), own.into()] }
}

/// Removes a user's account; returns a row only if it was a member.
pub fn remove_member(user: &Name, name: &str) -> Statement {
    Statement { sql: REMOVE_MEMBER, args: vec![user.as_str().into(), name.into()] }
}

/// User ids and roles of the members.
pub fn members(name: &str) -> Statement {
    Statement { sql: MEMBERS, args: vec![name.into(), MAX_MEMBERS.into()] }
}
