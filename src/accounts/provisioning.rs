//! Provisioning: request bodies of the identity backend, decisions, and responses (docs/accounts.md, "Provisioning").

use serde::{Deserialize, Serialize};

use crate::accounts::tier::Tier;
use crate::base::id::{Id, MAX_NAME, Name, OWN_NAMESPACE};
use crate::base::json::null_as_default;
use crate::base::time::EpochMs;
use crate::base::units::GB;
use crate::ledger::message::UsageSnapshot;
use crate::ledger::state::Limits;
use crate::problem::Problem;

/// Period in which a repeated call returns the same credentials, ms.
pub const REPEAT_MS: u64 = 30 * 24 * 3600 * 1000;

/// The longest e-mail address, bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL: usize = 254;

/// The longest time for which old credentials stay valid after a rotation, s.
const MAX_OVERLAP_SECONDS: u64 = 30 * 24 * 3600;

/// Body of `provision`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Provision {
    /// The platform's id of the user.
    #[serde(alias = "user_id")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    agentcache_user_id: String,
    /// The user's e-mail address.
    #[serde(alias = "email")]
    agentcache_email: String,
    /// Tier name.
    tier: String,
}

/// Body of `upgrade`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upgrade {
    /// The platform's id of the user.
    #[serde(alias = "user_id")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    agentcache_user_id: String,
    /// Tier name.
    pub tier: String,
    /// Also to a tier whose quota is below the current usage.
    #[serde(default, deserialize_with = "null_as_default")]
    pub force: bool,
}

/// Body of `rotate`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotate {
    /// The platform's id of the user.
    #[serde(alias = "user_id")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    agentcache_user_id: String,
    /// How long the old credentials stay valid, s.
    #[serde(default, deserialize_with = "null_as_default")]
    overlap_seconds: u64,
}

/// Body of a rotation whose account is the caller's, or in the path.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnRotation {
    /// How long the old credentials stay valid, s.
    #[serde(default, deserialize_with = "null_as_default")]
    overlap_seconds: u64,
}

/// Body of a change of an account by an operator.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountPatch {
    /// Tier name.
    #[serde(default)]
    pub tier: Option<String>,
    /// Also to a tier whose quota is below the current usage.
    #[serde(default, deserialize_with = "null_as_default")]
    pub force: bool,
    /// `active` or `suspended`.
    #[serde(default)]
    status: Option<String>,
}

/// Body of `suspend` and `resume`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfUser {
    /// The platform's id of the user.
    #[serde(alias = "user_id")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    agentcache_user_id: String,
}

/// A validated `provision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionParams {
    /// The platform's id of the user.
    pub user: Name,
    /// The user's e-mail address.
    pub email: String,
    /// Tier name.
    pub tier: String,
}

/// Checks a user id.
///
/// # Errors
/// [`Problem::Invalid`].
pub fn check_user(text: &str) -> Result<Name, Problem> {
    Name::parse(text)
        .filter(|name| name.as_str().len() <= MAX_NAME)
        .ok_or_else(|| Problem::invalid("agentcache_user_id", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))
}

impl Provision {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self) -> Result<ProvisionParams, Problem> {
        let user = check_user(&self.agentcache_user_id)?;
        let email = self.agentcache_email.trim();
        let plausible = email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !plausible || email.len() > MAX_EMAIL || email.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Problem::invalid("agentcache_email", "must be an address of at most 254 bytes"));
        }
        Ok(ProvisionParams { user, email: email.to_owned(), tier: self.tier })
    }
}

impl Upgrade {
    /// The user.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn user(&self) -> Result<Name, Problem> {
        check_user(&self.agentcache_user_id)
    }
}

impl AccountPatch {
    /// Whether the account is to be suspended (`true`), to be active again, or left as it is.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for another status, and for a change of nothing.
    pub fn suspended(&self) -> Result<Option<bool>, Problem> {
        match self.status.as_deref() {
            None if self.tier.is_none() => Err(Problem::invalid("tier", "or status is required")),
            None => Ok(None),
            Some("active") => Ok(Some(false)),
            Some("suspended") => Ok(Some(true)),
            Some(_) => Err(Problem::invalid("status", "must be active or suspended")),
        }
    }
}

/// How long old credentials stay valid, ms.
fn overlap_ms(seconds: u64) -> Result<u64, Problem> {
    if seconds > MAX_OVERLAP_SECONDS {
        return Err(Problem::invalid("overlap_seconds", format!("must be from 0 to {MAX_OVERLAP_SECONDS}")));
    }
    Ok(seconds * 1000)
}

impl OwnRotation {
    /// How long the old credentials stay valid, ms.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn check(&self) -> Result<u64, Problem> {
        overlap_ms(self.overlap_seconds)
    }
}

impl Rotate {
    /// The user, and how long the old credentials stay valid, ms.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn check(&self) -> Result<(Name, u64), Problem> {
        let overlap_ms = overlap_ms(self.overlap_seconds)?;
        Ok((check_user(&self.agentcache_user_id)?, overlap_ms))
    }
}

impl OfUser {
    /// The user.
    ///
    /// # Errors
    /// [`Problem::Invalid`].
    pub fn user(&self) -> Result<Name, Problem> {
        check_user(&self.agentcache_user_id)
    }
}

/// The problem of an unknown tier.
pub fn unknown_tier() -> Problem {
    Problem::invalid("tier", "is none of the tiers")
}

/// An account as administrators see it: one row of [`crate::accounts::repository::by_user`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// Account id.
    pub id: Id,
    /// The platform's id of the user.
    pub agentcache_user_id: Name,
    /// The user's e-mail address.
    pub agentcache_email: Option<String>,
    /// `active` or `suspended`.
    pub status: String,
    /// Bucket.
    pub s3_bucket_name: String,
    /// Key prefix.
    pub s3_prefix: String,
    /// When the account was last changed.
    pub account_updated_at: EpochMs,
    /// When the account was created.
    #[serde(default)]
    pub created_at: EpochMs,
    /// Since when it is being deleted.
    #[serde(default)]
    pub deleting_at: Option<EpochMs>,
    /// As in [`crate::accounts::account::Account`].
    #[serde(default)]
    pub ledger_region: Option<String>,
    /// Its tier.
    #[serde(flatten)]
    pub tier: Tier,
    /// The newest credentials, encrypted, while a repeated call returns them.
    pub sealed: Option<String>,
}

/// Credentials in plain text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// `jt_live_…`
    pub api_key: String,
    /// `jts_…`
    pub api_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(REDACTED)")
    }
}

/// `account` of the API (docs/api.md, "Account object"), with credentials: for the response, never for a log.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Account"))]
pub struct AccountView {
    id: Id,
    agentcache_user_id: Name,
    api_key: Option<String>,
    api_secret: Option<String>,
    tier: String,
    storage_quota_gb: u64,
    bandwidth_quota_gb: u64,
    jetty_speed_enabled: bool,
    s3_bucket_name: String,
    s3_prefix: String,
    namespace: String,
    status: String,
}

impl Record {
    /// The API representation.
    pub fn view(&self, credentials: Option<Credentials>) -> AccountView {
        let (api_key, api_secret) = credentials.map(|both| (both.api_key, both.api_secret)).unzip();
        AccountView {
            id: self.id,
            agentcache_user_id: self.agentcache_user_id.clone(),
            api_key,
            api_secret,
            tier: self.tier.tier.clone(),
            storage_quota_gb: self.tier.storage_quota_gb,
            bandwidth_quota_gb: self.tier.bandwidth_quota_gb,
            jetty_speed_enabled: self.tier.jetty_speed_enabled,
            s3_bucket_name: self.s3_bucket_name.clone(),
            s3_prefix: self.s3_prefix.clone(),
            namespace: own_namespace(&self.agentcache_user_id),
            status: self.status.clone(),
        }
    }

    /// The limits that the ledger enforces.
    pub fn limits(&self) -> Limits {
        self.tier.limits(self.account_updated_at, &self.status)
    }

    /// # Errors
    /// [`Problem::AccountDeleting`] of one that is being deleted.
    pub fn must_stay(&self) -> Result<(), Problem> {
        if self.deleting_at.is_some() { Err(Problem::AccountDeleting) } else { Ok(()) }
    }

    /// The associated data that its credentials are encrypted with.
    pub fn row(&self) -> String {
        credentials_row(self.id)
    }
}

/// The associated data that an account's credentials are encrypted with.
pub fn credentials_row(account: Id) -> String {
    format!("credentials of {account}")
}

/// The namespace that is created with an account.
pub fn own_namespace(user: &Name) -> String {
    format!("{OWN_NAMESPACE}{user}")
}

/// Whether repeating a provisioning raises the tier of an existing account.
///
/// # Errors
/// [`Problem::Downgrade`] if the requested tier ranks below the current one.
pub fn on_repeat(current: &Tier, requested: &Tier) -> Result<bool, Problem> {
    match requested.rank.cmp(&current.rank) {
        std::cmp::Ordering::Less => Err(Problem::Downgrade { current: current.tier.clone() }),
        std::cmp::Ordering::Equal => Ok(false),
        std::cmp::Ordering::Greater => Ok(true),
    }
}

/// Whether an account with this usage may move to `tier`.
///
/// # Errors
/// [`Problem::BelowUsage`] if the tier's quota is below the usage, unless `force`.
pub fn may_move(figures: &UsageSnapshot, tier: &Tier, force: bool) -> Result<(), Problem> {
    let stored = figures.storage_used.saturating_add(figures.storage_reserved);
    let (storage, bandwidth) = (tier.storage_quota_gb.saturating_mul(GB), tier.bandwidth_quota_gb.saturating_mul(GB));
    if !force && stored > storage {
        return Err(Problem::BelowUsage { resource: "storage", limit: storage, used: stored });
    }
    if !force && figures.bandwidth_used > bandwidth {
        return Err(Problem::BelowUsage { resource: "bandwidth", limit: bandwidth, used: figures.bandwidth_used });
    }
    let objects = figures.objects_used.saturating_add(figures.objects_reserved);
    if !force && objects > tier.max_objects {
        return Err(Problem::BelowUsage { resource: "objects", limit: tier.max_objects, used: objects });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::period::Period;

    fn provision(body: &str) -> Result<ProvisionParams, Problem> {
        crate::http::json_body::parse::<Provision>(body.as_bytes())?.check()
    }

    fn tier(rank: u64, gb: u64) -> Tier {
        Tier {
            tier: format!("t{rank}"),
            rank,
            storage_quota_gb: gb,
            bandwidth_quota_gb: gb,
            jetty_speed_enabled: true,
            requests_per_minute: 1,
            max_file_mb: 1,
            max_objects: 10,
            max_open_uploads: 1,
            updated_at: EpochMs(0),
        }
    }

    fn figures(used: u64, reserved: u64, bandwidth: u64, gb: u64) -> UsageSnapshot {
        UsageSnapshot {
            period: Period::of(EpochMs(1_795_000_000_000)),
            storage_used: used,
            storage_reserved: reserved,
            objects_used: 8,
            objects_reserved: 2,
            uploads_open: 2,
            bandwidth_used: bandwidth,
            seen_at: None,
            requests: 0,
            limits: Limits {
                storage: gb * GB,
                bandwidth: gb * GB,
                per_minute: 1,
                objects: 10,
                uploads: 1,
                suspended: false,
                version: (EpochMs(0), EpochMs(0)),
            },
        }
    }

    #[test]
    fn usage_of_exactly_the_quota_may_move_to_it() {
        let full = figures(GB, GB, 2 * GB, 9);
        assert_eq!(may_move(&full, &tier(1, 2), false), Ok(()));
        let resource = |usage: &UsageSnapshot, tier: Tier| match may_move(usage, &tier, false) {
            Err(Problem::BelowUsage { resource, .. }) => resource,
            other => panic!("{other:?}"),
        };
        assert_eq!(resource(&figures(GB, GB + 1, 0, 9), tier(1, 2)), "storage");
        assert_eq!(resource(&figures(0, 0, 2 * GB + 1, 9), tier(1, 2)), "bandwidth");
        assert_eq!(resource(&full, Tier { max_objects: 9, ..tier(1, 2) }), "objects");
        assert_eq!(may_move(&figures(9 * GB, 0, 9 * GB, 9), &Tier { max_objects: 0, ..tier(1, 2) }, true), Ok(()));
    }

    #[test]
    fn credentials_are_bound_to_their_account() {
        let id = Id::from_random([1; 16]);
        assert_eq!(credentials_row(id), format!("credentials of {id}"));
    }

    #[test]
    fn email_of_254_bytes_with_both_parts_is_accepted() {
        let checked = |email: &str| provision(&format!(r#"{{"user_id":"u","email":"{email}","tier":"pro"}}"#)).is_ok();
        assert!(checked(&format!("a@{}", "b".repeat(252))) && !checked(&format!("a@{}", "b".repeat(253))));
        for bad in ["@b", "a@", "a b@c", "a@b\\u0000"] {
            assert!(!checked(bad), "{bad:?}");
        }
    }

    #[test]
    fn overlap_of_a_rotation_is_told_in_milliseconds() {
        let rotate = |seconds: u64| {
            crate::http::json_body::parse::<Rotate>(format!(r#"{{"user_id":"u","overlap_seconds":{seconds}}}"#).as_bytes()).unwrap().check()
        };
        assert_eq!(rotate(7).map(|(_, ms)| ms), Ok(7_000));
        assert!(rotate(MAX_OVERLAP_SECONDS).is_ok() && rotate(MAX_OVERLAP_SECONDS + 1).is_err());
    }

    #[test]
    fn both_spellings_are_accepted_and_invalid_values_return_422() {
        let expected = ProvisionParams { user: Name::parse("u1").unwrap(), email: "a@b".into(), tier: "pro".into() };
        assert_eq!(provision(r#"{"agentcache_user_id":"u1","agentcache_email":"a@b","tier":"pro"}"#), Ok(expected.clone()));
        assert_eq!(provision(r#"{"user_id":"u1","email":" a@b ","tier":"pro","plan":1}"#), Ok(expected));
        for (body, status) in [
            (r#"{"user_id":"","email":"a@b","tier":"pro"}"#, 422),
            (r#"{"user_id":"a/b","email":"a@b","tier":"pro"}"#, 422),
            (r#"{"user_id":"a\u0000","email":"a@b","tier":"pro"}"#, 422),
            (r#"{"user_id":"u","email":"ab","tier":"pro"}"#, 422),
            (r#"{"user_id":"u","email":"a@b\n","tier":"pro","tier":"x"}"#, 422),
            (r#"{"user_id":"u","agentcache_user_id":"v","email":"a@b","tier":"pro"}"#, 422),
            (r#"{"user_id":7,"email":"a@b","tier":"pro"}"#, 422),
            (r#"{"user_id":"u","email":"a@b"}"#, 422),
            (r#"{"user_id":"u""#, 400),
        ] {
            assert_eq!(provision(body).err().map(|problem| problem.kind().status), Some(status), "{body}");
        }
        assert!(check_user(&"x".repeat(128)).is_ok() && check_user(&"x".repeat(129)).is_err());
        let rotate: Rotate = serde_json::from_str(r#"{"user_id":"u","overlap_seconds":2592001}"#).unwrap();
        assert!(rotate.check().is_err());
    }

    #[test]
    fn repeat_raises_the_tier_and_refuses_to_lower_it() {
        assert_eq!(on_repeat(&tier(1, 1), &tier(1, 1)), Ok(false));
        assert_eq!(on_repeat(&tier(1, 1), &tier(2, 1)), Ok(true));
        assert_eq!(on_repeat(&tier(2, 1), &tier(1, 1)), Err(Problem::Downgrade { current: "t2".into() }));
    }

    #[test]
    fn tier_below_usage_is_refused_unless_forced() {
        assert!(may_move(&figures(GB, 0, GB, 2), &tier(1, 1), false).is_ok());
        assert!(matches!(may_move(&figures(GB, 1, 0, 2), &tier(1, 1), false), Err(Problem::BelowUsage { resource: "storage", .. })));
        assert!(matches!(may_move(&figures(0, 0, GB + 1, 2), &tier(1, 1), false), Err(Problem::BelowUsage { resource: "bandwidth", .. })));
        assert!(may_move(&figures(GB, 1, GB + 1, 2), &tier(1, 1), true).is_ok());
    }
}
