//! A namespace and its API representation.

use serde::{Deserialize, Serialize};

use crate::base::id::Name;
use crate::base::json;
use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::namespaces::alert_limits::AlertLimits;
use crate::namespaces::role::Role;

/// Freshness lifetime of each class if the namespace sets none, s (docs/delivery.md, "Classes").
pub const DEFAULT_TTL: CacheTtl = CacheTtl { small: 86_400, text: 604_800, large: 3_600, video: 21_600 };

/// Freshness lifetimes by class, s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheTtl {
    /// Files under 10 MB.
    pub small: u64,
    /// Text files under 10 MB.
    pub text: u64,
    /// Files from 10 MB on.
    pub large: u64,
    /// Everything under `/v`.
    pub video: u64,
}

/// One row of [`crate::namespaces::repository`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Namespace {
    /// Name.
    pub name: Name,
    /// Display name.
    pub display_name: String,
    /// A JSON array of strings.
    pub tags: String,
    /// Seconds; None means the class's default.
    pub ttl_small: Option<u64>,
    /// Seconds; None means the class's default.
    pub ttl_text: Option<u64>,
    /// Seconds; None means the class's default.
    pub ttl_large: Option<u64>,
    /// Seconds; None means the class's default.
    pub ttl_video: Option<u64>,
    /// Whether upload sessions may be started in it.
    #[serde(deserialize_with = "flag")]
    pub jetty_speed_upload: bool,
    /// Whether videos may be stored in it and played from it.
    #[serde(deserialize_with = "flag")]
    pub video_streaming: bool,
    /// Whether desktop clients may serve its files.
    #[serde(deserialize_with = "flag")]
    pub desktop_cdn: bool,
    /// Whether whole answers of the text class are compressed for clients that ask.
    #[serde(deserialize_with = "flag")]
    pub compress_text: bool,
    /// Chunk size that overrides the plan's, bytes.
    pub chunk_size: Option<u64>,
    /// Whether parts may be sent without a SHA-256.
    #[serde(deserialize_with = "flag")]
    pub allow_unsigned: bool,
    /// Whether it takes part in deduplication across namespaces.
    #[serde(deserialize_with = "flag")]
    pub cross_namespace_dedup: bool,
    /// Price of a GB read from the origin, US dollars; None means the deployment's price.
    pub origin_usd_per_gb: Option<f64>,
    /// Hit rate that its operator expects, percent.
    pub expected_hit_rate: Option<f64>,
    /// Its own bounds of alerts: JSON of [`AlertLimits`].
    #[serde(default = "no_limits")]
    pub alerts: String,
    /// How often its caches were purged.
    #[serde(default)]
    pub generation: u64,
    /// When it was created.
    pub created_at: EpochMs,
    /// When it was last changed.
    pub updated_at: EpochMs,
    /// The role of the account that it was found for; `None` if it was found for an operator.
    #[serde(default)]
    pub role: Option<Role>,
}

fn no_limits() -> String {
    "{}".to_owned()
}

/// A namespace in the API (docs/api.md, "Namespace object"). The TTLs are the effective ones, defaults included.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Namespace"))]
pub struct NamespaceView {
    name: Name,
    display_name: String,
    tags: Vec<String>,
    cache_ttl: CacheTtl,
    features: Features,
    chunk_size: Option<u64>,
    allow_unsigned: bool,
    cross_namespace_dedup: bool,
    origin_usd_per_gb: Option<f64>,
    expected_hit_rate: Option<f64>,
    alerts: AlertLimits,
    created_at: String,
    /// For members.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "NamespaceFeatures"))]
struct Features {
    jetty_speed_upload: bool,
    video_streaming: bool,
    desktop_cdn: bool,
    compress_text: bool,
}

impl Namespace {
    /// The effective TTLs.
    pub fn cache_ttl(&self) -> CacheTtl {
        CacheTtl {
            small: self.ttl_small.unwrap_or(DEFAULT_TTL.small),
            text: self.ttl_text.unwrap_or(DEFAULT_TTL.text),
            large: self.ttl_large.unwrap_or(DEFAULT_TTL.large),
            video: self.ttl_video.unwrap_or(DEFAULT_TTL.video),
        }
    }

    /// Its own bounds of alerts.
    pub fn alert_limits(&self) -> AlertLimits {
        json::read(&self.alerts).unwrap_or_default()
    }

    /// The API representation.
    pub fn view(&self) -> NamespaceView {
        NamespaceView {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            tags: json::read(&self.tags).unwrap_or_default(),
            cache_ttl: self.cache_ttl(),
            features: Features {
                jetty_speed_upload: self.jetty_speed_upload,
                video_streaming: self.video_streaming,
                desktop_cdn: self.desktop_cdn,
                compress_text: self.compress_text,
            },
            chunk_size: self.chunk_size,
            allow_unsigned: self.allow_unsigned,
            cross_namespace_dedup: self.cross_namespace_dedup,
            origin_usd_per_gb: self.origin_usd_per_gb,
            expected_hit_rate: self.expected_hit_rate,
            alerts: self.alert_limits(),
            created_at: self.created_at.rfc3339(),
            role: self.role,
        }
    }

    /// A new namespace with default values: all features on, except compression.
    pub fn new(name: Name, now: EpochMs) -> Namespace {
        Namespace {
            display_name: name.to_string(),
            name,
            tags: "[]".to_owned(),
            ttl_small: None,
            ttl_text: None,
            ttl_large: None,
            ttl_video: None,
            jetty_speed_upload: true,
            video_streaming: true,
            desktop_cdn: true,
            compress_text: false,
            chunk_size: None,
            allow_unsigned: false,
            cross_namespace_dedup: false,
            origin_usd_per_gb: None,
            expected_hit_rate: None,
            alerts: no_limits(),
            generation: 0,
            created_at: now,
            updated_at: now,
            role: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn example(name: &str) -> Namespace {
        Namespace::new(Name::parse(name).unwrap(), EpochMs(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespace_without_ttl_uses_class_default() {
        let namespace = Namespace { ttl_large: Some(0), tags: r#"["a"]"#.into(), ..Namespace::example("n") };
        let view = serde_json::to_value(namespace.view()).unwrap();
        assert_eq!(view["cache_ttl"].to_string(), r#"{"large":0,"small":86400,"text":604800,"video":21600}"#);
        assert_eq!((view["tags"][0].as_str(), view["features"]["desktop_cdn"].as_bool()), (Some("a"), Some(true)));
    }
}
