//! SQL of accounts, credentials, tiers and usage.

use crate::accounts::provisioning::ProvisionParams;
use crate::accounts::tier::Tier;
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::Shard;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

macro_rules! tier_columns {
    () => {
        "t.tier, t.rank, t.storage_quota_gb, t.bandwidth_quota_gb, t.jetty_speed_enabled, t.requests_per_minute, t.max_file_mb, t.max_objects, \
         t.max_open_uploads, t.updated_at"
    };
}

macro_rules! record_query {
    ($where:literal) => {
        concat!(
            "SELECT a.id, a.agentcache_user_id, a.agentcache_email, a.status, a.s3_bucket_name, a.s3_prefix, a.updated_at AS account_updated_at, \
             a.created_at, a.deleting_at, a.ledger_region, ",
            tier_columns!(),
            ", (SELECT c.sealed FROM credentials c WHERE c.account_id = a.id AND c.expires_at IS NULL AND c.sealed_until > ?2) AS sealed \
             FROM accounts a JOIN tier_configs t ON t.tier = a.tier WHERE ",
            $where
        )
    };
}

const BY_KEY: &str = concat!(
    "SELECT a.id, a.agentcache_user_id, a.status, a.updated_at AS account_updated_at, a.ledger_region, c.secret_hash, c.generation, c.expires_at AS credential_expires_at, ",
    tier_columns!(),
    " FROM credentials c JOIN accounts a ON a.id = c.account_id JOIN tier_configs t ON t.tier = a.tier WHERE c.key_hash = ?1"
);

const BY_USER: &str = record_query!("a.agentcache_user_id = ?1");

const BY_ID: &str = record_query!("a.id = ?1");

// ?1: behind which user; ?3 and ?4: between which their ids are.
const LIST: &str =
    record_query!("a.agentcache_user_id > ?1 AND a.agentcache_user_id >= ?3 AND a.agentcache_user_id < ?4 ORDER BY a.agentcache_user_id LIMIT ?5");

// Not where the user's account is not: another call has claimed the user for another database (what the first one knows), or the account was here and has left
// (what each knows: moving::repository::leave), and this call is so late that it does not know.
const INSERT_ACCOUNT: &str = "INSERT INTO accounts (id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, status, created_at, updated_at) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'active', ?7, ?7 \
     WHERE NOT EXISTS (SELECT 1 FROM directory d WHERE d.kind = 'user' AND d.name = ?2 AND d.shard <> ?8) ON CONFLICT (agentcache_user_id) DO NOTHING";

// Only for the account that was just inserted: a concurrent call that lost the insert finds no account with its id and inserts nothing.
const INSERT_CREDENTIALS: &str = "INSERT INTO credentials (key_hash, secret_hash, account_id, created_at, expires_at, sealed, sealed_until, generation) \
     SELECT ?1, ?2, a.id, ?4, NULL, ?5, ?6, COALESCE((SELECT MAX(c.generation) + 1 FROM credentials c WHERE c.account_id = a.id), 0) \
     FROM accounts a WHERE a.id = ?3 AND a.deleting_at IS NULL";

const INSERT_OWN_NAMESPACE: &str = "INSERT INTO namespaces (name, display_name, created_at) SELECT ?2, ?2, ?3 FROM accounts a WHERE a.id = ?1 \
     ON CONFLICT (name) DO NOTHING";

const INSERT_OWN_MEMBERSHIP: &str = "INSERT INTO namespace_members (account_id, namespace, role, created_at) \
     SELECT a.id, ?2, 'manager', ?3 FROM accounts a WHERE a.id = ?1 ON CONFLICT (account_id, namespace) DO NOTHING";

const SET_TIER: &str = "UPDATE accounts SET tier = ?2, updated_at = MAX(?3, updated_at + 1) WHERE id = ?1 RETURNING id";

// Only upwards: of concurrent calls the highest tier wins.
const RAISE_TIER: &str = "UPDATE accounts SET tier = ?2, updated_at = MAX(?3, updated_at + 1) WHERE id = ?1 \
     AND (SELECT t.rank FROM tier_configs t WHERE t.tier = accounts.tier) < (SELECT t.rank FROM tier_configs t WHERE t.tier = ?2)";

const SET_EMAIL: &str = "UPDATE accounts SET agentcache_email = ?2 WHERE id = ?1";

// An account that is being deleted stays suspended.
const SET_STATUS: &str = "UPDATE accounts SET status = ?2, updated_at = MAX(?3, updated_at + 1) WHERE id = ?1 AND (?2 = 'suspended' OR deleting_at IS NULL) \
     RETURNING id";

const RETIRE_CREDENTIALS: &str = "UPDATE credentials SET expires_at = ?2, sealed = NULL, sealed_until = NULL \
     WHERE account_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)";

const PLACE_LEDGER: &str = "UPDATE accounts SET ledger_region = ?2 WHERE id = ?1 AND ledger_region IS NULL";

const TOUCH: &str = "UPDATE accounts SET updated_at = MAX(?2, updated_at + 1) WHERE id = ?1 RETURNING id";

const TIER: &str = concat!("SELECT ", tier_columns!(), " FROM tier_configs t WHERE t.tier = ?1");

const TIERS: &str = concat!("SELECT ", tier_columns!(), " FROM tier_configs t ORDER BY t.rank");

const UPDATE_TIER: &str = "UPDATE tier_configs SET storage_quota_gb = ?2, bandwidth_quota_gb = ?3, jetty_speed_enabled = ?4, requests_per_minute = ?5, \
     max_file_mb = ?6, max_objects = ?7, max_open_uploads = ?8, updated_at = ?9 WHERE tier = ?1 AND updated_at = ?10 RETURNING tier";

const PUT_TIER: &str = "UPDATE tier_configs SET storage_quota_gb = ?2, bandwidth_quota_gb = ?3, jetty_speed_enabled = ?4, requests_per_minute = ?5, \
     max_file_mb = ?6, max_objects = ?7, max_open_uploads = ?8, updated_at = ?9 WHERE tier = ?1 AND updated_at < ?9";

const FORGET_SEALED: &str = "UPDATE credentials SET sealed = NULL, sealed_until = NULL WHERE sealed IS NOT NULL AND sealed_until <= ?1";

const FORGET_EXPIRED: &str = "DELETE FROM credentials WHERE expires_at IS NOT NULL AND expires_at <= ?1";

const KEYS_OF: &str = "SELECT substr(key_hash, 1, 12) AS fingerprint, created_at, expires_at FROM credentials \
     WHERE account_id = ?1 AND (expires_at IS NULL OR expires_at > ?2) LIMIT 50";

const COUNT_KEYS: &str = "SELECT COUNT(*) AS keys FROM (SELECT 1 FROM credentials WHERE account_id = ?1 LIMIT ?2) t";

const KEYS: &str = "SELECT key_hash FROM credentials WHERE account_id = ?1";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("KEYS", KEYS),
    ("KEYS_OF", KEYS_OF),
    ("COUNT_KEYS", COUNT_KEYS),
    ("BY_KEY", BY_KEY),
    ("BY_USER", BY_USER),
    ("BY_ID", BY_ID),
    ("LIST", LIST),
    ("INSERT_ACCOUNT", INSERT_ACCOUNT),
    ("INSERT_CREDENTIALS", INSERT_CREDENTIALS),
    ("INSERT_OWN_NAMESPACE", INSERT_OWN_NAMESPACE),
    ("INSERT_OWN_MEMBERSHIP", INSERT_OWN_MEMBERSHIP),
    ("SET_TIER", SET_TIER),
    ("RAISE_TIER", RAISE_TIER),
    ("SET_EMAIL", SET_EMAIL),
    ("SET_STATUS", SET_STATUS),
    ("RETIRE_CREDENTIALS", RETIRE_CREDENTIALS),
    ("PLACE_LEDGER", PLACE_LEDGER),
    ("TOUCH", TOUCH),
    ("TIER", TIER),
    ("TIERS", TIERS),
    ("UPDATE_TIER", UPDATE_TIER),
    ("PUT_TIER", PUT_TIER),
    ("FORGET_SEALED", FORGET_SEALED),
    ("FORGET_EXPIRED", FORGET_EXPIRED),
];

/// The account of a key: [`crate::accounts::account::Account`], or no row.
pub fn by_key(key_hash: &Sha256Hex) -> Statement {
    Statement { sql: BY_KEY, args: vec![key_hash.as_str().into()] }
}

/// The account of a user: [`crate::accounts::provisioning::Record`], or no row.
pub fn by_user(user: &Name, now: EpochMs) -> Statement {
    Statement { sql: BY_USER, args: vec![user.as_str().into(), Arg::Int(now.0)] }
}

/// The same by account id.
pub fn by_id(account: Id, now: EpochMs) -> Statement {
    Statement { sql: BY_ID, args: vec![account.to_string().into(), Arg::Int(now.0)] }
}

/// Accounts behind the user `cursor` whose user ids begin with `prefix`, in the order of these: [`crate::accounts::provisioning::Record`].
pub fn list(cursor: &str, prefix: &str, limit: u64, now: EpochMs) -> Statement {
    // Behind every id with that prefix: no character is greater.
    let args = vec![cursor.into(), Arg::Int(now.0), prefix.into(), format!("{prefix}\u{10ffff}").into(), limit.into()];
    Statement { sql: LIST, args }
}

/// Notes where the account's ledger is created, unless there is one.
pub fn place_ledger(account: Id, region: &str) -> Statement {
    Statement { sql: PLACE_LEDGER, args: vec![account.to_string().into(), region.into()] }
}

/// New credentials as they are stored.
#[derive(Debug, Clone)]
pub struct NewCredentials {
    /// SHA-256 of the key.
    pub key_hash: Sha256Hex,
    /// SHA-256 of the secret.
    pub secret_hash: Sha256Hex,
    /// Both, encrypted.
    pub sealed: String,
    /// Until when a repeated call returns them.
    pub sealed_until: EpochMs,
}

fn insert_credentials(account: Id, new: &NewCredentials, now: EpochMs) -> Statement {
    Statement {
        sql: INSERT_CREDENTIALS,
        args: vec![
            new.key_hash.as_str().into(),
            new.secret_hash.as_str().into(),
            account.to_string().into(),
            Arg::Int(now.0),
            new.sealed.clone().into(),
            Arg::Int(new.sealed_until.0),
        ],
    }
}

/// Creates the account, its credentials, namespace and membership in one batch, for the database `shard`; changes nothing if the user has an account already.
pub fn provision(account: Id, wanted: &ProvisionParams, bucket: &str, new: &NewCredentials, now: EpochMs, shard: Shard) -> Vec<Statement> {
    let (id, namespace) = (account.to_string(), crate::accounts::provisioning::own_namespace(&wanted.user));
    vec![
        Statement {
            sql: INSERT_ACCOUNT,
            args: vec![
                id.clone().into(),
                wanted.user.as_str().into(),
                wanted.email.clone().into(),
                wanted.tier.clone().into(),
                bucket.into(),
                format!("users/{}/", wanted.user).into(),
                Arg::Int(now.0),
                u64::from(shard.number()).into(),
            ],
        },
        insert_credentials(account, new, now),
        Statement { sql: INSERT_OWN_NAMESPACE, args: vec![id.clone().into(), namespace.clone().into(), Arg::Int(now.0)] },
        Statement { sql: INSERT_OWN_MEMBERSHIP, args: vec![id.into(), namespace.into(), Arg::Int(now.0)] },
    ]
}

/// Replaces the credentials in one batch: the old ones expire at `old_end`. The first statement gives a row if the account is in this database.
pub fn rotate(account: Id, new: &NewCredentials, old_end: EpochMs, now: EpochMs) -> Vec<Statement> {
    vec![
        Statement { sql: TOUCH, args: vec![account.to_string().into(), Arg::Int(now.0)] },
        Statement { sql: RETIRE_CREDENTIALS, args: vec![account.to_string().into(), Arg::Int(old_end.0)] },
        insert_credentials(account, new, now),
    ]
}

/// Moves the account to another tier; a row if it is in this database.
pub fn set_tier(account: Id, tier: &str, now: EpochMs) -> Statement {
    Statement { sql: SET_TIER, args: vec![account.to_string().into(), tier.into(), Arg::Int(now.0)] }
}

/// Moves the account to a higher tier; does nothing if its tier ranks at least as high.
pub fn raise_tier(account: Id, tier: &str, now: EpochMs) -> Statement {
    Statement { sql: RAISE_TIER, args: vec![account.to_string().into(), tier.into(), Arg::Int(now.0)] }
}

/// Sets the user's e-mail address.
pub fn set_email(account: Id, email: &str) -> Statement {
    Statement { sql: SET_EMAIL, args: vec![account.to_string().into(), email.into()] }
}

/// Sets the status: `active` or `suspended`; a row if the account is in this database.
pub fn set_status(account: Id, status: &str, now: EpochMs) -> Statement {
    Statement { sql: SET_STATUS, args: vec![account.to_string().into(), status.into(), Arg::Int(now.0)] }
}

/// A tier by name.
pub fn tier(name: &str) -> Statement {
    Statement { sql: TIER, args: vec![name.into()] }
}

/// All tiers, lowest rank first.
pub fn tiers() -> Statement {
    Statement { sql: TIERS, args: vec![] }
}

/// Writes a tier if it was not changed since `before` (optimistic locking); returns a row only if it was written.
pub fn update_tier(tier: &Tier, before: EpochMs) -> Statement {
    let mut args = tier_values(tier);
    args.push(Arg::Int(before.0));
    Statement { sql: UPDATE_TIER, args }
}

/// Writes a tier as another database has it, unless this one has a newer version.
pub fn put_tier(tier: &Tier) -> Statement {
    Statement { sql: PUT_TIER, args: tier_values(tier) }
}

fn tier_values(tier: &Tier) -> Vec<Arg> {
    vec![
        tier.tier.clone().into(),
        tier.storage_quota_gb.into(),
        tier.bandwidth_quota_gb.into(),
        tier.jetty_speed_enabled.into(),
        tier.requests_per_minute.into(),
        tier.max_file_mb.into(),
        tier.max_objects.into(),
        tier.max_open_uploads.into(),
        Arg::Int(tier.updated_at.0),
    ]
}

/// Deletes the encrypted copies of credentials whose 30 days are over, and expired credentials.
pub fn cleanup(now: EpochMs) -> Vec<Statement> {
    vec![Statement { sql: FORGET_SEALED, args: vec![Arg::Int(now.0)] }, Statement { sql: FORGET_EXPIRED, args: vec![Arg::Int(now.0)] }]
}

/// The account's keys that are valid, at most 50 in no order: `fingerprint`, `created_at`, `expires_at`.
pub fn keys_of(account: Id, now: EpochMs) -> Statement {
    Statement { sql: KEYS_OF, args: vec![account.to_string().into(), Arg::Int(now.0)] }
}

/// How many keys the account has, counted up to `most`, those among them that have expired since the last daily run: `keys`.
pub fn count_keys(account: Id, most: u64) -> Statement {
    Statement { sql: COUNT_KEYS, args: vec![account.to_string().into(), most.into()] }
}

/// The hashes of the account's keys: `key_hash`.
pub fn keys(account: Id) -> Statement {
    Statement { sql: KEYS, args: vec![account.to_string().into()] }
}
