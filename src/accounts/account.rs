//! What an account may do: 403, then 413 (docs/api.md, "Order of checks"). The ledger checks the quota.

use serde::Deserialize;

use crate::accounts::provisioning;
use crate::accounts::tier::Tier;
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::base::units::MB;
use crate::ledger::state::Limits;
use crate::namespaces::namespace::Namespace;
use crate::problem::{AuthFailure, Problem};

/// An account with its tier and the credential of the request: one row of [`crate::accounts::repository::by_key`].
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Account id.
    pub id: Id,
    /// The platform's id of the user.
    pub agentcache_user_id: Name,
    /// `active` or `suspended`.
    pub status: String,
    /// SHA-256 of the credential's secret, hex.
    pub secret_hash: String,
    /// Generation of the credential: a rotation begins the next one.
    #[serde(default)]
    pub generation: u64,
    /// When the credential expires, if it does.
    pub credential_expires_at: Option<EpochMs>,
    /// When the account was last changed.
    pub account_updated_at: EpochMs,
    /// Where its ledger was created, a location hint; empty where that is not known, None as long as there is none.
    #[serde(default)]
    pub ledger_region: Option<String>,
    /// Its tier.
    #[serde(flatten)]
    pub tier: Tier,
}

impl Account {
    /// Checks the secret's hash, in constant time, and the credential's expiry.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] if the secret differs or the credential has expired.
    pub fn authenticate(&self, secret_hash: &str, now: EpochMs) -> Result<(), AuthFailure> {
        let same = subtle::ConstantTimeEq::ct_eq(self.secret_hash.as_bytes(), secret_hash.as_bytes());
        if bool::from(same) { self.must_be_current(now) } else { Err(AuthFailure::Invalid) }
    }

    /// Checks the credential's expiry alone, for a browser that proved the secret before.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] if it has expired.
    pub fn must_be_current(&self, now: EpochMs) -> Result<(), AuthFailure> {
        if self.credential_expires_at.is_none_or(|end| now < end) { Ok(()) } else { Err(AuthFailure::Invalid) }
    }

    /// The namespace that is created with the account (docs/accounts.md, "Namespaces").
    pub fn own_namespace(&self) -> Option<Name> {
        Name::parse(&provisioning::own_namespace(&self.agentcache_user_id))
    }

    /// The limits that the ledger enforces.
    pub fn limits(&self) -> Limits {
        self.tier.limits(self.account_updated_at, &self.status)
    }

    /// # Errors
    /// [`Problem::Suspended`] unless the account is active.
    pub fn must_be_active(&self) -> Result<(), Problem> {
        if self.status == "active" { Ok(()) } else { Err(Problem::Suspended) }
    }

    /// Maximum file size of the tier, bytes.
    pub fn max_file_bytes(&self) -> u64 {
        self.tier.max_file_mb.saturating_mul(MB)
    }

    fn check_file_size(&self, size: u64) -> Result<(), Problem> {
        if size > self.max_file_bytes() { Err(Problem::FileTooLarge { limit: self.max_file_bytes(), size }) } else { Ok(()) }
    }

    /// Whether a session of `size` bytes may start in `namespace`.
    ///
    /// # Errors
    /// 403 (suspended, tier, feature), then 413 (tier).
    pub fn may_start_session(&self, namespace: &Namespace, size: u64) -> Result<(), Problem> {
        self.must_be_active()?;
        if !self.tier.jetty_speed_enabled {
            return Err(Problem::TierForbids { tier: self.tier.tier.clone(), feature: "JettySpeed" });
        }
        if !namespace.jetty_speed_upload {
            return Err(Problem::FeatureOff { feature: "jetty_speed_upload" });
        }
        self.check_file_size(size)
    }

    /// Whether a file of `size` bytes may be stored in a single request.
    ///
    /// # Errors
    /// 403 (suspended), then 413 (tier).
    pub fn may_upload_simply(&self, size: u64) -> Result<(), Problem> {
        self.must_be_active()?;
        self.check_file_size(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::GB;

    fn account(jetty_speed: u8, max_file_mb: u64) -> Account {
        serde_json::from_value(serde_json::json!({
            "id": Id::from_random([1; 16]), "agentcache_user_id": "u1", "status": "active", "secret_hash": "aa", "credential_expires_at": 100,
            "account_updated_at": 0, "tier": "t", "rank": 1, "storage_quota_gb": 1, "bandwidth_quota_gb": 1, "jetty_speed_enabled": jetty_speed,
            "requests_per_minute": 1, "max_file_mb": max_file_mb, "max_objects": 1, "max_open_uploads": 1, "updated_at": 0
        }))
        .unwrap()
    }

    #[test]
    fn wrong_or_expired_secret_is_invalid() {
        let account = account(1, 1);
        assert_eq!(account.authenticate("aa", EpochMs(99)), Ok(()));
        assert_eq!(account.authenticate("ab", EpochMs(99)), Err(AuthFailure::Invalid));
        assert_eq!(account.authenticate("aa", EpochMs(100)), Err(AuthFailure::Invalid));
        assert_eq!(account.own_namespace().unwrap().as_str(), "jt_user_u1");
    }

    #[test]
    fn suspended_precedes_feature_precedes_size() {
        let status = |result: Result<(), Problem>| result.err().map(|problem| problem.kind().status);
        let on = Namespace::example("jt_user_u1");
        let off = Namespace { jetty_speed_upload: false, ..on.clone() };
        assert_eq!(status(account(1, 500).may_start_session(&on, 500 * MB)), None);
        assert_eq!(status(account(1, 500).may_start_session(&on, 500 * MB + 1)), Some(413));
        assert_eq!(status(account(1, 1).may_start_session(&off, GB)), Some(403));
        assert_eq!(status(account(0, 1).may_start_session(&on, GB)), Some(403));
        let suspended = Account { status: "suspended".into(), ..account(0, 1) };
        assert_eq!(suspended.may_upload_simply(GB), Err(Problem::Suspended));
        assert_eq!(status(account(0, 10).may_upload_simply(11 * MB)), Some(413));
        assert_eq!(status(account(0, 50).may_upload_simply(50 * MB)), None);
    }
}
