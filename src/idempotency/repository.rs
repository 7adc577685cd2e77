//! SQL of stored responses.

use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::idempotency::answer::{KEEP_MS, stale_before};

// A claim is granted if the key is new, its response has expired, or its holder has not renewed it in time.
const CLAIM_KEY: &str = "INSERT INTO idempotency (scope, key, fingerprint, claim, claimed_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
     ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, claim = excluded.claim, claimed_at = excluded.claimed_at, \
     expires_at = excluded.expires_at, status = NULL, answer = NULL \
     WHERE idempotency.expires_at <= ?5 OR (idempotency.status IS NULL AND idempotency.claimed_at <= ?7) RETURNING claim";

const FIND_KEY: &str = "SELECT fingerprint, status, answer, claimed_at, expires_at FROM idempotency WHERE scope = ?1 AND key = ?2";

const COUNT_KEYS: &str = "SELECT COUNT(*) AS keys FROM idempotency WHERE scope = ?1";

const RENEW_KEY: &str = "UPDATE idempotency SET claimed_at = ?4 WHERE scope = ?1 AND key = ?2 AND claim = ?3 AND status IS NULL";

// Fails as a whole, and with it the batch that it is in, unless the claim is held: D1 runs a batch as one transaction.
const HOLD_KEY: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM idempotency WHERE scope = ?1 AND key = ?2 AND claim = ?3) THEN 1 \
     ELSE json('the claim is lost') END AS held";

const ANSWER_KEY: &str = "UPDATE idempotency SET status = ?4, answer = ?5 WHERE scope = ?1 AND key = ?2 AND claim = ?3";

const DROP_KEY: &str = "DELETE FROM idempotency WHERE scope = ?1 AND key = ?2 AND claim = ?3 AND status IS NULL";

const CLAIM_WEBHOOK: &str = "INSERT INTO webhook_inbox (webhook_id, claim, claimed_at, expires_at) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (webhook_id) DO UPDATE SET claim = excluded.claim, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at, \
     status = NULL, answer = NULL \
     WHERE webhook_inbox.expires_at <= ?3 OR (webhook_inbox.status IS NULL AND webhook_inbox.claimed_at <= ?5) RETURNING claim";

const FIND_WEBHOOK: &str = "SELECT '' AS fingerprint, status, answer, claimed_at, expires_at FROM webhook_inbox WHERE webhook_id = ?1";

const RENEW_WEBHOOK: &str = "UPDATE webhook_inbox SET claimed_at = ?3 WHERE webhook_id = ?1 AND claim = ?2 AND status IS NULL";

const HOLD_WEBHOOK: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM webhook_inbox WHERE webhook_id = ?1 AND claim = ?2) THEN 1 \
     ELSE json('the claim is lost') END AS held";

const ANSWER_WEBHOOK: &str = "UPDATE webhook_inbox SET status = ?3, answer = ?4 WHERE webhook_id = ?1 AND claim = ?2";

const DROP_WEBHOOK: &str = "DELETE FROM webhook_inbox WHERE webhook_id = ?1 AND claim = ?2 AND status IS NULL";

const FORGET_KEYS: &str = "DELETE FROM idempotency WHERE (scope, key) IN (SELECT scope, key FROM idempotency WHERE expires_at <= ?1 LIMIT ?2) \
     RETURNING expires_at";

const FORGET_WEBHOOKS: &str = "DELETE FROM webhook_inbox WHERE webhook_id IN (SELECT webhook_id FROM webhook_inbox WHERE expires_at <= ?1 LIMIT ?2) \
     RETURNING expires_at";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("CLAIM_KEY", CLAIM_KEY),
    ("FIND_KEY", FIND_KEY),
    ("COUNT_KEYS", COUNT_KEYS),
    ("RENEW_KEY", RENEW_KEY),
    ("HOLD_KEY", HOLD_KEY),
    ("ANSWER_KEY", ANSWER_KEY),
    ("DROP_KEY", DROP_KEY),
    ("CLAIM_WEBHOOK", CLAIM_WEBHOOK),
    ("FIND_WEBHOOK", FIND_WEBHOOK),
    ("RENEW_WEBHOOK", RENEW_WEBHOOK),
    ("HOLD_WEBHOOK", HOLD_WEBHOOK),
    ("ANSWER_WEBHOOK", ANSWER_WEBHOOK),
    ("DROP_WEBHOOK", DROP_WEBHOOK),
    ("FORGET_KEYS", FORGET_KEYS),
    ("FORGET_WEBHOOKS", FORGET_WEBHOOKS),
];

/// How many keys a caller has: a row with `keys`.
pub fn count_keys(scope: &str) -> Statement {
    Statement { sql: COUNT_KEYS, args: vec![scope.into()] }
}

/// What a response is stored under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// An `Idempotency-Key` of an account or of another caller.
    Key {
        /// The caller.
        scope: String,
        /// The key.
        key: String,
        /// Fingerprint of the request.
        fingerprint: String,
    },
    /// A `webhook-id`: every call with this id receives the first response.
    Webhook {
        /// The id.
        id: String,
    },
}

impl Slot {
    /// Claims the key; returns a row only if the claim was granted.
    pub fn claim(&self, claim: &str, now: EpochMs) -> Statement {
        let (at, until, stale) = (Arg::Int(now.0), Arg::Int(now.plus(KEEP_MS).0), Arg::Int(stale_before(now).0));
        match self {
            Slot::Key { scope, key, fingerprint } => Statement {
                sql: CLAIM_KEY,
                args: vec![scope.clone().into(), key.clone().into(), fingerprint.clone().into(), claim.into(), at, until, stale],
            },
            Slot::Webhook { id } => Statement { sql: CLAIM_WEBHOOK, args: vec![id.clone().into(), claim.into(), at, until, stale] },
        }
    }

    /// The row of the key, regardless of its holder: [`crate::idempotency::answer::Found`].
    pub fn find_response(&self) -> Statement {
        match self {
            Slot::Key { scope, key, .. } => Statement { sql: FIND_KEY, args: vec![scope.clone().into(), key.clone().into()] },
            Slot::Webhook { id } => Statement { sql: FIND_WEBHOOK, args: vec![id.clone().into()] },
        }
    }

    /// Renews the claim.
    pub fn renew(&self, claim: &str, now: EpochMs) -> Statement {
        match self {
            Slot::Key { scope, key, .. } => {
                Statement { sql: RENEW_KEY, args: vec![scope.clone().into(), key.clone().into(), claim.into(), Arg::Int(now.0)] }
            }
            Slot::Webhook { id } => Statement { sql: RENEW_WEBHOOK, args: vec![id.clone().into(), claim.into(), Arg::Int(now.0)] },
        }
    }

    /// Fails unless the claim is held, and with it the transaction that it is a part of.
    pub fn hold(&self, claim: &str) -> Statement {
        match self {
            Slot::Key { scope, key, .. } => Statement { sql: HOLD_KEY, args: vec![scope.clone().into(), key.clone().into(), claim.into()] },
            Slot::Webhook { id } => Statement { sql: HOLD_WEBHOOK, args: vec![id.clone().into(), claim.into()] },
        }
    }

    /// Stores the response, if the claim is still held.
    pub fn answer(&self, claim: &str, status: u16, sealed: &str) -> Statement {
        let (status, sealed) = (Arg::Int(status.into()), sealed.into());
        match self {
            Slot::Key { scope, key, .. } => {
                Statement { sql: ANSWER_KEY, args: vec![scope.clone().into(), key.clone().into(), claim.into(), status, sealed] }
            }
            Slot::Webhook { id } => Statement { sql: ANSWER_WEBHOOK, args: vec![id.clone().into(), claim.into(), status, sealed] },
        }
    }

    /// Releases the claim.
    pub fn release_claim(&self, claim: &str) -> Statement {
        match self {
            Slot::Key { scope, key, .. } => Statement { sql: DROP_KEY, args: vec![scope.clone().into(), key.clone().into(), claim.into()] },
            Slot::Webhook { id } => Statement { sql: DROP_WEBHOOK, args: vec![id.clone().into(), claim.into()] },
        }
    }

    /// The request's fingerprint, for [`crate::idempotency::answer::Found::next`].
    pub fn fingerprint(&self) -> &str {
        match self {
            Slot::Key { fingerprint, .. } => fingerprint,
            Slot::Webhook { .. } => "",
        }
    }

    /// The associated data that its response is encrypted with.
    pub fn row(&self) -> String {
        match self {
            Slot::Key { scope, key, .. } => crate::idempotency::answer::row(scope, key),
            Slot::Webhook { id } => crate::idempotency::answer::row("webhook", id),
        }
    }
}

/// Deletes at most `limit` expired responses under an `Idempotency-Key`; a row for each.
pub fn forget_keys(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: FORGET_KEYS, args: vec![Arg::Int(now.0), limit.into()] }
}

/// Deletes at most `limit` expired responses under a `webhook-id`; a row for each.
pub fn forget_webhooks(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: FORGET_WEBHOOKS, args: vec![Arg::Int(now.0), limit.into()] }
}
