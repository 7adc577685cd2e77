//! What an alert is about.

use serde::{Deserialize, Serialize};

/// The names are the API's, and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AlertKind"))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Too few answers come from cache: percent of an hour's.
    HitRate,
    /// First bytes are late: the 95th percentile of an hour, ms.
    P95Latency,
    /// Too many uploads fail or expire: percent of those that end in an hour.
    UploadFailures,
    /// The account of the namespace has used 80 % of its storage: percent.
    #[serde(rename = "quota_80")]
    Quota80,
    /// It has used all of it.
    #[serde(rename = "quota_100")]
    Quota100,
    /// Endpoints of the namespace do not take what they are sent: how many.
    WebhookFailing,
    /// The store does not answer: how many tries failed.
    StoreUnreachable,
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::HitRate => "hit_rate",
            Kind::P95Latency => "p95_latency",
            Kind::UploadFailures => "upload_failures",
            Kind::Quota80 => "quota_80",
            Kind::Quota100 => "quota_100",
            Kind::WebhookFailing => "webhook_failing",
            Kind::StoreUnreachable => "store_unreachable",
        }
    }

    /// Percent of a quota that it is about.
    pub fn quota_percent(self) -> Option<u64> {
        match self {
            Kind::Quota80 => Some(80),
            Kind::Quota100 => Some(100),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_stored_one() {
        use Kind::{HitRate, P95Latency, Quota80, Quota100, StoreUnreachable, UploadFailures, WebhookFailing};
        for kind in [HitRate, P95Latency, UploadFailures, Quota80, Quota100, WebhookFailing, StoreUnreachable] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(serde_json::from_value::<Kind>(kind.as_str().into()).unwrap(), kind);
        }
    }
}
