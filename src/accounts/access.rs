//! What an account may do: the 403, 413 and 507 of SPEC section 1, in that order, before a byte moves.

use serde::Deserialize;

use crate::ids::{Id, Name};
use crate::problem::{AuthFailure, Problem};
use crate::sql::flag;
use crate::units::{EpochMs, GB, MB};

/// An account with its tier and the credential it came with: one row of [`super::store::by_key`].
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Account id.
    pub id: Id,
    /// The platform's id of the user.
    pub agentcache_user_id: Name,
    /// `active` or `suspended`.
    pub status: String,
    /// Hash of the credential's secret.
    pub secret_hash: String,
    /// When the credential ends, if it does.
    pub credential_expires_at: Option<EpochMs>,
    /// Tier name.
    pub tier: String,
    /// Storage, GB.
    pub storage_quota_gb: u64,
    /// Whether sessions are in the tier.
    #[serde(deserialize_with = "flag")]
    pub jetty_speed_enabled: bool,
    /// Largest file, MB.
    pub max_file_mb: u64,
}

impl Account {
    /// Whether this row answers for that secret now; compares in constant time.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`].
    pub fn authenticate(&self, secret_hash: &str, now: EpochMs) -> Result<(), AuthFailure> {
        let same = subtle::ConstantTimeEq::ct_eq(self.secret_hash.as_bytes(), secret_hash.as_bytes());
        let live = self.credential_expires_at.is_none_or(|end| now < end);
        if bool::from(same) && live { Ok(()) } else { Err(AuthFailure::Invalid) }
    }

    /// The namespace that comes with the account (SPEC section 3).
    pub fn own_namespace(&self) -> Option<Name> {
        Name::parse(&format!("jt_user_{}", self.agentcache_user_id))
    }

    /// # Errors
    /// [`Problem::Suspended`].
    pub fn must_be_active(&self) -> Result<(), Problem> {
        if self.status == "active" { Ok(()) } else { Err(Problem::Suspended) }
    }

    /// The largest file of the tier, bytes.
    pub fn max_file_bytes(&self) -> u64 {
        self.max_file_mb.saturating_mul(MB)
    }

    fn may_store(&self, size: u64, used: u64) -> Result<(), Problem> {
        if size > self.max_file_bytes() {
            return Err(Problem::FileTooLarge { limit: self.max_file_bytes(), size });
        }
        let limit = self.storage_quota_gb.saturating_mul(GB);
        // A tier without storage stores nothing, not even an empty file.
        if limit == 0 || used.saturating_add(size) > limit {
            return Err(Problem::StorageExceeded { limit, used, requested: size });
        }
        Ok(())
    }

    /// Whether a session of `size` bytes may start in `namespace`, with `used` bytes stored.
    ///
    /// # Errors
    /// 403 (suspended, tier, feature), then 413 (tier), then 507.
    pub fn may_start_session(&self, namespace: &Namespace, size: u64, used: u64) -> Result<(), Problem> {
        self.must_be_active()?;
        if !self.jetty_speed_enabled {
            return Err(Problem::TierForbids { tier: self.tier.clone(), feature: "JettySpeed" });
        }
        if !namespace.jetty_speed_upload {
            return Err(Problem::FeatureOff { feature: "jetty_speed_upload" });
        }
        self.may_store(size, used)
    }

    /// Whether a file of `size` bytes may be stored on the simple path.
    ///
    /// # Errors
    /// 403 (suspended), then 413 (tier), then 507.
    pub fn may_upload_simply(&self, size: u64, used: u64) -> Result<(), Problem> {
        self.must_be_active()?;
        self.may_store(size, used)
    }
}

/// A namespace the account is a member of: one row of [`super::store::membership`].
#[derive(Debug, Clone, Deserialize)]
pub struct Namespace {
    /// Name.
    pub name: Name,
    /// The feature of that name.
    #[serde(deserialize_with = "flag")]
    pub jetty_speed_upload: bool,
    /// Its own chunk size, bytes.
    pub chunk_size: Option<u64>,
    /// Whether chunks may come without a hash.
    #[serde(deserialize_with = "flag")]
    pub allow_unsigned: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(storage_quota_gb: u64, jetty_speed_enabled: bool, max_file_mb: u64) -> Account {
        Account {
            id: Id::from_random([1; 16]),
            agentcache_user_id: Name::parse("u1").unwrap(),
            status: "active".into(),
            secret_hash: "aa".into(),
            credential_expires_at: Some(EpochMs(100)),
            tier: "t".into(),
            storage_quota_gb,
            jetty_speed_enabled,
            max_file_mb,
        }
    }

    fn namespace(jetty_speed_upload: bool) -> Namespace {
        Namespace { name: Name::parse("jt_user_u1").unwrap(), jetty_speed_upload, chunk_size: None, allow_unsigned: false }
    }

    #[test]
    fn credentials_must_match_and_live() {
        let account = account(1, true, 1);
        assert_eq!(account.authenticate("aa", EpochMs(99)), Ok(()));
        assert_eq!(account.authenticate("ab", EpochMs(99)), Err(AuthFailure::Invalid));
        assert_eq!(account.authenticate("aa", EpochMs(100)), Err(AuthFailure::Invalid));
        assert_eq!(account.own_namespace().unwrap().as_str(), "jt_user_u1");
    }

    #[test]
    fn refusals_in_the_order_of_the_spec() {
        let status = |result: Result<(), Problem>| result.err().map(|problem| problem.kind().status);
        let on = namespace(true);
        assert_eq!(status(account(1, true, 500).may_start_session(&on, 500 * MB, 500 * MB)), None);
        assert_eq!(status(account(1, true, 500).may_start_session(&on, 500 * MB, 500 * MB + 1)), Some(507));
        assert_eq!(status(account(0, true, 500).may_start_session(&on, 500 * MB + 1, 0)), Some(413));
        assert_eq!(status(account(0, true, 1).may_start_session(&namespace(false), GB, 0)), Some(403));
        assert_eq!(status(account(0, false, 1).may_start_session(&on, GB, 0)), Some(403));
        let suspended = Account { status: "suspended".into(), ..account(0, false, 1) };
        assert_eq!(suspended.may_upload_simply(GB, 0), Err(Problem::Suspended));
        assert_eq!(status(account(0, false, 10).may_upload_simply(0, 0)), Some(507));
        assert_eq!(status(account(0, false, 10).may_upload_simply(11 * MB, 0)), Some(413));
        assert_eq!(status(account(2, false, 50).may_upload_simply(50 * MB, 0)), None);
    }
}
