//! SQL of accounts and namespaces.

use crate::ids::{Id, Name};
use crate::sql::Statement;
use crate::units::Sha256Hex;

const BY_KEY: &str = "SELECT a.id, a.agentcache_user_id, a.status, c.secret_hash, c.expires_at AS credential_expires_at, t.tier, t.storage_quota_gb, \
     t.jetty_speed_enabled, t.max_file_mb \
     FROM credentials c JOIN accounts a ON a.id = c.account_id JOIN tier_configs t ON t.tier = a.tier WHERE c.key_hash = ?1";
const MEMBERSHIP: &str = "SELECT n.name, n.jetty_speed_upload, n.chunk_size, n.allow_unsigned \
     FROM namespace_members m JOIN namespaces n ON n.name = m.namespace WHERE m.account_id = ?1 AND m.namespace = ?2";
const STORAGE_USED: &str = "SELECT COALESCE(SUM(o.size), 0) AS bytes FROM \
     (SELECT DISTINCT object_id FROM assets WHERE account_id = ?1) mine JOIN objects o ON o.id = mine.object_id";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[("BY_KEY", BY_KEY), ("MEMBERSHIP", MEMBERSHIP), ("STORAGE_USED", STORAGE_USED)];

/// The account of a key: [`super::access::Account`] or nothing.
pub fn by_key(key_hash: &Sha256Hex) -> Statement {
    Statement { sql: BY_KEY, args: vec![key_hash.as_str().into()] }
}

/// The namespace if the account is a member: [`super::access::Namespace`] or nothing.
pub fn membership(account: Id, namespace: &Name) -> Statement {
    Statement { sql: MEMBERSHIP, args: vec![account.to_string().into(), namespace.as_str().into()] }
}

/// `bytes` of the distinct objects the account references.
pub fn storage_used(account: Id) -> Statement {
    Statement { sql: STORAGE_USED, args: vec![account.to_string().into()] }
}
