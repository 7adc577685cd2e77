//! Tiers are rows, not code (docs/accounts.md, "Tiers"): changing one changes the limits of its accounts without a deployment.

use serde::{Deserialize, Serialize};

use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::base::units::{GB, MAX_SAFE_INTEGER, MB};
use crate::ledger::state::Limits;
use crate::problem::Problem;

/// One row of `tier_configs`, and its view in the API.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tier {
    /// Name.
    pub tier: String,
    /// Order of the tiers: a higher rank includes more.
    pub rank: u64,
    /// Storage quota, GB.
    pub storage_quota_gb: u64,
    /// Bandwidth quota, GB per month.
    pub bandwidth_quota_gb: u64,
    /// Whether the tier includes upload sessions.
    #[serde(deserialize_with = "flag")]
    pub jetty_speed_enabled: bool,
    /// Rate limit of the JSON API, calls per minute.
    pub requests_per_minute: u64,
    /// Maximum file size, MB.
    pub max_file_mb: u64,
    /// Maximum number of assets and video files.
    pub max_objects: u64,
    /// Maximum number of open upload sessions.
    pub max_open_uploads: u64,
    /// When it was last changed.
    #[serde(skip_serializing)]
    pub updated_at: EpochMs,
}

impl Tier {
    /// The limits that the ledger enforces for an account of this tier.
    pub fn limits(&self, account_updated: EpochMs, status: &str) -> Limits {
        Limits {
            storage: self.storage_quota_gb.saturating_mul(GB),
            bandwidth: self.bandwidth_quota_gb.saturating_mul(GB),
            per_minute: self.requests_per_minute,
            objects: self.max_objects,
            uploads: self.max_open_uploads,
            suspended: status != "active",
            version: (account_updated, self.updated_at),
        }
    }
}

/// Body of `PATCH /api/portal/tiers/{tier}`: absent fields keep their value.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TierPatch {
    /// See [`Tier`].
    #[serde(default)]
    pub storage_quota_gb: Option<u64>,
    /// See [`Tier`].
    #[serde(default)]
    pub bandwidth_quota_gb: Option<u64>,
    /// See [`Tier`].
    #[serde(default)]
    pub jetty_speed_enabled: Option<bool>,
    /// See [`Tier`].
    #[serde(default)]
    pub requests_per_minute: Option<u64>,
    /// See [`Tier`].
    #[serde(default)]
    pub max_file_mb: Option<u64>,
    /// See [`Tier`].
    #[serde(default)]
    pub max_objects: Option<u64>,
    /// See [`Tier`].
    #[serde(default)]
    pub max_open_uploads: Option<u64>,
}

/// The most objects that a tier may allow: a ledger that lost its storage reads all of an account's from D1.
const MOST_OBJECTS: u64 = 10_000_000;

/// The most open uploads that a tier may allow: a ledger holds a pending check of each in memory.
const MOST_OPEN_UPLOADS: u64 = 100_000;

impl TierPatch {
    /// The row with these values applied, changed at `now`.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn apply(&self, tier: Tier, now: EpochMs) -> Result<Tier, Problem> {
        let within = |field: &'static str, value: u64, least: u64, most: u64| {
            let fine = (least..=most).contains(&value);
            if fine { Ok(value) } else { Err(Problem::invalid(field, format!("must be from {least} to {most}"))) }
        };
        Ok(Tier {
            storage_quota_gb: within("storage_quota_gb", self.storage_quota_gb.unwrap_or(tier.storage_quota_gb), 0, MAX_SAFE_INTEGER / GB)?,
            bandwidth_quota_gb: within("bandwidth_quota_gb", self.bandwidth_quota_gb.unwrap_or(tier.bandwidth_quota_gb), 0, MAX_SAFE_INTEGER / GB)?,
            jetty_speed_enabled: self.jetty_speed_enabled.unwrap_or(tier.jetty_speed_enabled),
            requests_per_minute: within("requests_per_minute", self.requests_per_minute.unwrap_or(tier.requests_per_minute), 1, 1_000_000_000)?,
            max_file_mb: within("max_file_mb", self.max_file_mb.unwrap_or(tier.max_file_mb), 1, MAX_SAFE_INTEGER / MB)?,
            max_objects: within("max_objects", self.max_objects.unwrap_or(tier.max_objects), 0, MOST_OBJECTS)?,
            max_open_uploads: within("max_open_uploads", self.max_open_uploads.unwrap_or(tier.max_open_uploads), 0, MOST_OPEN_UPLOADS)?,
            // Two changes within one millisecond need distinct versions.
            updated_at: now.max(tier.updated_at.plus(1)),
            ..tier
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pro() -> Tier {
        serde_json::from_str(
            r#"{"tier":"pro","rank":2,"storage_quota_gb":20,"bandwidth_quota_gb":50,"jetty_speed_enabled":1,"requests_per_minute":300,"max_file_mb":500,"max_objects":100000,"max_open_uploads":20,"updated_at":5}"#,
        )
        .unwrap()
    }

    #[test]
    fn patch_changes_given_fields_and_raises_the_version() {
        let patch: TierPatch =
            serde_json::from_str(r#"{"storage_quota_gb":1,"jetty_speed_enabled":false,"max_objects":7,"max_open_uploads":0,"new":1}"#).unwrap();
        let tier = patch.apply(pro(), EpochMs(5)).unwrap();
        let changed = Tier { storage_quota_gb: 1, jetty_speed_enabled: false, max_objects: 7, max_open_uploads: 0, updated_at: EpochMs(6), ..pro() };
        assert_eq!(tier, changed);
        assert_eq!(
            tier.limits(EpochMs(9), "active"),
            Limits { storage: GB, bandwidth: 50 * GB, per_minute: 300, objects: 7, uploads: 0, suspended: false, version: (EpochMs(9), EpochMs(6)) }
        );
    }

    #[test]
    fn out_of_range_value_returns_invalid_with_field_name() {
        for (body, field) in [
            (r#"{"storage_quota_gb":10000000}"#, "storage_quota_gb"),
            (r#"{"requests_per_minute":0}"#, "requests_per_minute"),
            (r#"{"max_file_mb":0}"#, "max_file_mb"),
            (r#"{"max_objects":10000001}"#, "max_objects"),
            (r#"{"max_open_uploads":100001}"#, "max_open_uploads"),
        ] {
            let patch: TierPatch = serde_json::from_str(body).unwrap();
            assert!(matches!(patch.apply(pro(), EpochMs(0)), Err(Problem::Invalid { field: named, .. }) if named == field), "{body}");
        }
    }
}
