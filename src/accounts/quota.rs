//! The quota of an account in the API (docs/accounts.md, "Quota").

use serde::Serialize;

use crate::base::units::GB;
use crate::ledger::message::UsageSnapshot;

/// 200 of `GET /api/agentcache/quota`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Quota"))]
pub struct QuotaView {
    tier: String,
    period: String,
    storage_quota_gb: u64,
    storage_quota_bytes: u64,
    storage_used_bytes: u64,
    storage_used_gb: f64,
    storage_reserved_bytes: u64,
    storage_remaining_bytes: u64,
    storage_used_percent: f64,
    bandwidth_quota_gb: u64,
    bandwidth_quota_bytes: u64,
    bandwidth_used_bytes: u64,
    bandwidth_used_gb: f64,
    bandwidth_reserved_bytes: u64,
    bandwidth_remaining_bytes: u64,
    bandwidth_used_percent: f64,
    max_objects: u64,
    objects_used: u64,
    objects_reserved: u64,
    max_open_uploads: u64,
    open_uploads: u64,
    warning: Option<&'static str>,
}

/// Share of a quota from which on the response contains a warning, percent (docs/accounts.md, "Quota").
const WARN_PERCENT: f64 = 80.0;

/// The quota of an account. Reserved bytes count as used in the percentage.
pub fn quota(tier: &str, figures: &UsageSnapshot) -> QuotaView {
    let gb = |bytes: u64| bytes as f64 / GB as f64;
    let percent = |used: u64, limit: u64| match (used, limit) {
        (0, _) => 0.0,
        (_, 0) => 100.0,
        (used, limit) => (used as f64 / limit as f64 * 10_000.0).round() / 100.0,
    };
    let UsageSnapshot { storage_used, storage_reserved, bandwidth_used, limits, .. } = figures;
    let stored = storage_used.saturating_add(*storage_reserved);
    let (storage_percent, bandwidth_percent) = (percent(stored, limits.storage), percent(*bandwidth_used, limits.bandwidth));
    QuotaView {
        tier: tier.to_owned(),
        period: figures.period.to_string(),
        storage_quota_gb: limits.storage / GB,
        storage_quota_bytes: limits.storage,
        storage_used_bytes: *storage_used,
        storage_used_gb: gb(*storage_used),
        storage_reserved_bytes: *storage_reserved,
        storage_remaining_bytes: limits.storage.saturating_sub(stored),
        storage_used_percent: storage_percent,
        bandwidth_quota_gb: limits.bandwidth / GB,
        bandwidth_quota_bytes: limits.bandwidth,
        bandwidth_used_bytes: *bandwidth_used,
        bandwidth_used_gb: gb(*bandwidth_used),
        bandwidth_reserved_bytes: 0,
        bandwidth_remaining_bytes: limits.bandwidth.saturating_sub(*bandwidth_used),
        bandwidth_used_percent: bandwidth_percent,
        max_objects: limits.objects,
        objects_used: figures.objects_used,
        objects_reserved: figures.objects_reserved,
        max_open_uploads: limits.uploads,
        open_uploads: figures.uploads_open,
        warning: match (storage_percent >= WARN_PERCENT, bandwidth_percent >= WARN_PERCENT) {
            (true, true) => Some("both"),
            (true, false) => Some("storage"),
            (false, true) => Some("bandwidth"),
            (false, false) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::ledger::period::Period;
    use crate::ledger::state::Limits;

    fn figures(used: u64, reserved: u64, bandwidth: u64, gb: u64) -> UsageSnapshot {
        UsageSnapshot {
            period: Period::of(EpochMs(1_795_000_000_000)),
            storage_used: used,
            storage_reserved: reserved,
            objects_used: 3,
            objects_reserved: 2,
            uploads_open: 1,
            bandwidth_used: bandwidth,
            seen_at: None,
            requests: 0,
            limits: Limits {
                storage: gb * GB,
                bandwidth: gb * GB,
                per_minute: 1,
                objects: 10,
                uploads: 5,
                suspended: false,
                version: (EpochMs(0), EpochMs(0)),
            },
        }
    }

    #[test]
    fn bytes_are_told_as_gb_too() {
        let view = serde_json::to_value(quota("pro", &figures(3 * GB / 2, GB, 5 * GB / 2, 20))).unwrap();
        let told = ["storage_used_gb", "bandwidth_used_gb", "storage_quota_gb", "bandwidth_quota_gb", "bandwidth_used_percent"]
            .map(|name| view[name].as_f64());
        assert_eq!(told, [1.5, 2.5, 20.0, 20.0, 12.5].map(Some));
        let bytes = ["storage_used_bytes", "storage_reserved_bytes", "storage_quota_bytes", "bandwidth_used_bytes", "bandwidth_remaining_bytes"];
        assert_eq!(bytes.map(|name| view[name].as_u64()), [3 * GB / 2, GB, 20 * GB, 5 * GB / 2, 35 * GB / 2].map(Some));
    }

    #[test]
    fn quota_view_has_remaining_bytes_percentages_and_warnings() {
        let view = serde_json::to_value(quota("pro", &figures(15 * GB, GB, 3, 20))).unwrap();
        assert_eq!((&view["period"], &view["storage_quota_gb"], &view["warning"]), (&"2026-11".into(), &20.into(), &"storage".into()));
        assert_eq!((&view["storage_remaining_bytes"], &view["storage_used_percent"]), (&(4 * GB).into(), &80.0.into()));
        let counts = ["max_objects", "objects_used", "objects_reserved", "max_open_uploads", "open_uploads"].map(|name| view[name].as_u64());
        assert_eq!(counts, [10, 3, 2, 5, 1].map(Some));
        assert_eq!(serde_json::to_value(quota("free", &figures(0, 0, 0, 0))).unwrap()["warning"], serde_json::Value::Null);
        assert_eq!(serde_json::to_value(quota("free", &figures(1, 0, 1, 0))).unwrap()["warning"], "both");
    }
}
