//! An account as operators see it.

use serde::Serialize;

use crate::accounts::provisioning::{Record, own_namespace};
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::ledger::message::UsageSnapshot;

/// A row of `GET /api/portal/accounts`. A figure is None if the ledger did not answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AccountOverview"))]
pub struct Overview {
    id: Id,
    agentcache_user_id: Name,
    agentcache_email: Option<String>,
    tier: String,
    /// `active`, `suspended` or `deleting`.
    status: String,
    namespace: String,
    storage_quota_bytes: u64,
    storage_used_bytes: Option<u64>,
    storage_reserved_bytes: Option<u64>,
    bandwidth_used_bytes: Option<u64>,
    objects: Option<u64>,
    open_uploads: Option<u64>,
    /// When it last called the JSON API with its credentials; None if it never did, as far as is known.
    last_seen: Option<String>,
    created_at: String,
    deleting_since: Option<String>,
}

impl Overview {
    /// Of an account and its usage.
    pub fn of(record: &Record, usage: Option<&UsageSnapshot>) -> Overview {
        Overview {
            id: record.id,
            agentcache_user_id: record.agentcache_user_id.clone(),
            agentcache_email: record.agentcache_email.clone(),
            tier: record.tier.tier.clone(),
            status: if record.deleting_at.is_some() { "deleting".to_owned() } else { record.status.clone() },
            namespace: own_namespace(&record.agentcache_user_id),
            storage_quota_bytes: record.limits().storage,
            storage_used_bytes: usage.map(|usage| usage.storage_used),
            storage_reserved_bytes: usage.map(|usage| usage.storage_reserved),
            bandwidth_used_bytes: usage.map(|usage| usage.bandwidth_used),
            objects: usage.map(|usage| usage.objects_used),
            open_uploads: usage.map(|usage| usage.uploads_open),
            last_seen: usage.and_then(|usage| usage.seen_at).map(EpochMs::rfc3339),
            created_at: record.created_at.rfc3339(),
            deleting_since: record.deleting_at.map(EpochMs::rfc3339),
        }
    }
}
