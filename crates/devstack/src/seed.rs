//! Accounts written straight into D1, equivalent to provisioning, for stacks that start without an identity backend.

use crate::Result;
use crate::credentials::sha256_hex;
use crate::state::AccountAccess;

/// An account that exists from the start.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its credentials.
    pub access: AccountAccess,
    /// Its tier.
    pub tier: String,
    /// `active` or `suspended`.
    pub status: &'static str,
    /// Whether its namespace accepts chunks without a hash.
    pub allow_unsigned: bool,
    /// Its namespace's own chunk size, bytes.
    pub chunk_size: Option<u64>,
}

impl Seed {
    /// An active account of `tier` with random credentials.
    pub fn draw(user_id: &str, tier: &str) -> Result<Seed> {
        Ok(Seed::of(AccountAccess::draw(user_id)?, tier))
    }

    /// An active account of `tier` with these credentials.
    pub fn of(access: AccountAccess, tier: &str) -> Seed {
        Seed { access, tier: tier.to_owned(), status: "active", allow_unsigned: false, chunk_size: None }
    }

    /// The SQL statements; safe to repeat.
    pub fn sql(&self, bucket: &str) -> String {
        let Seed { access: AccountAccess { user_id, api_key, api_secret, namespace }, tier, status, .. } = self;
        // Any stable UUIDv4; derived from the user id, so that seeding twice yields the same account.
        let d = sha256_hex(user_id.as_bytes());
        let id = format!("{}-{}-4{}-8{}-{}", &d[0..8], &d[8..12], &d[13..16], &d[17..20], &d[20..32]);
        let (key_hash, secret_hash) = (sha256_hex(api_key.as_bytes()), sha256_hex(api_secret.as_bytes()));
        let chunk = self.chunk_size.map_or("NULL".to_owned(), |size| size.to_string());
        let unsigned = u8::from(self.allow_unsigned);
        format!(
            "INSERT OR IGNORE INTO accounts (id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, status, created_at, updated_at) \
             VALUES ('{id}', '{user_id}', '{user_id}@example.com', '{tier}', '{bucket}', 'users/{user_id}/', '{status}', 0, 0);\n\
             INSERT OR IGNORE INTO credentials (key_hash, secret_hash, account_id, created_at) VALUES ('{key_hash}', '{secret_hash}', '{id}', 0);\n\
             INSERT OR IGNORE INTO namespaces (name, display_name, chunk_size, allow_unsigned, created_at) \
             VALUES ('{namespace}', '{user_id}', {chunk}, {unsigned}, 0);\n\
             INSERT OR IGNORE INTO namespace_members (account_id, namespace, role, created_at) VALUES ('{id}', '{namespace}', 'manager', 0);\n"
        )
    }
}
