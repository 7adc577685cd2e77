//! Request bodies that create and change namespaces, and which fields members may change (docs/accounts.md, "Namespaces").

use serde::Deserialize;

use crate::base::id::{Name, OWN_NAMESPACE};
use crate::base::json::{self, null_as_reset, optional_list, optional_object};
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::chunking::MIN_PART_BYTES;
use crate::http::json_body::JsonText;
use crate::namespaces::alert_limits::AlertPatch;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;

/// The longest display name, bytes.
const MAX_DISPLAY_NAME: usize = 200;

/// Maximum number of tags, and maximum length of one in bytes.
const MAX_TAGS: (usize, usize) = (32, 64);

/// The largest TTL, s: one year.
const MAX_TTL_SECONDS: u64 = 365 * 86_400;

/// The largest part that S3 accepts (Amazon S3 user guide, "Multipart upload limits"); the deployment's MAX_PART_BYTES lowers it further.
const MAX_CHUNK: u64 = 5 * 1024 * 1024 * 1024;

/// A field that may be absent (None), null (Some(None)) or present.
type Maybe<T> = Option<Option<T>>;

/// TTLs of a body: null means the class's default.
#[derive(Debug, Default, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CacheTtlPatch"))]
pub struct TtlPatch {
    /// Seconds.
    #[serde(default, deserialize_with = "null_as_reset")]
    small: Maybe<u64>,
    /// Seconds.
    #[serde(default, deserialize_with = "null_as_reset")]
    text: Maybe<u64>,
    /// Seconds.
    #[serde(default, deserialize_with = "null_as_reset")]
    large: Maybe<u64>,
    /// Seconds.
    #[serde(default, deserialize_with = "null_as_reset")]
    video: Maybe<u64>,
}

/// Features of a body.
#[derive(Debug, Default, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FeaturePatch {
    #[serde(default)]
    jetty_speed_upload: Option<bool>,
    #[serde(default)]
    video_streaming: Option<bool>,
    #[serde(default)]
    desktop_cdn: Option<bool>,
    #[serde(default)]
    compress_text: Option<bool>,
}

/// Body of PATCH, and of POST besides the name: absent fields keep their value.
#[derive(Debug, Default, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "NamespacePatch"))]
pub struct Patch {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "optional_list::<{ MAX_TAGS.0 }, _, _>")]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "optional_object")]
    cache_ttl: Option<TtlPatch>,
    #[serde(default, deserialize_with = "optional_object")]
    features: Option<FeaturePatch>,
    #[serde(default, deserialize_with = "null_as_reset")]
    chunk_size: Maybe<u64>,
    #[serde(default)]
    allow_unsigned: Option<bool>,
    #[serde(default)]
    cross_namespace_dedup: Option<bool>,
    #[serde(default, deserialize_with = "null_as_reset")]
    origin_usd_per_gb: Maybe<f64>,
    #[serde(default, deserialize_with = "null_as_reset")]
    expected_hit_rate: Maybe<f64>,
    #[serde(default, deserialize_with = "optional_object")]
    alerts: Option<AlertPatch>,
}

/// Body of `POST /api/portal/namespaces`.
#[derive(Debug)]
pub struct Create {
    name: String,
    shard: Option<Shard>,
    patch: Patch,
}

impl Create {
    /// Reads the body: twice, since a struct flattened by serde would not tell which field is wrong.
    ///
    /// # Errors
    /// 400 and 422 as [`JsonText`].
    pub fn parse(body: &[u8]) -> Result<Create, Problem> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
            #[serde(default)]
            shard: Option<Shard>,
        }
        let text = JsonText::check(body)?;
        let Named { name, shard } = text.read()?;
        Ok(Create { name, shard, patch: text.read()? })
    }

    /// The shard that it is to be in, if the caller says.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// The namespace to create.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self, now: EpochMs) -> Result<Namespace, Problem> {
        let name = Name::parse(&self.name).ok_or_else(|| Problem::invalid("name", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))?;
        if name.as_str().starts_with(OWN_NAMESPACE) {
            return Err(Problem::invalid("name", "must not begin with jt_user_: those come with accounts"));
        }
        self.patch.apply(Namespace::new(name, now))
    }
}

fn seconds(field: &'static str, value: Option<u64>) -> Result<Option<u64>, Problem> {
    match value {
        Some(ttl) if ttl > MAX_TTL_SECONDS => Err(Problem::invalid(field, "must be from 0 to 31536000 seconds")),
        value => Ok(value),
    }
}

fn number(field: &'static str, value: Option<f64>, most: u32) -> Result<Option<f64>, Problem> {
    match value {
        Some(n) if !(0.0..=f64::from(most)).contains(&n) => Err(Problem::invalid(field, format!("must be from 0 to {most}"))),
        value => Ok(value),
    }
}

impl Patch {
    /// Checks that a manager, as opposed to an operator, may change these fields: display name, TTLs and bounds of alerts only (docs/accounts.md, "Namespaces").
    ///
    /// # Errors
    /// [`Problem::OperatorOnly`] naming the first field that only operators may change.
    pub fn by_manager(&self) -> Result<(), Problem> {
        let fields = [
            ("tags", self.tags.is_some()),
            ("features", self.features.is_some()),
            ("chunk_size", self.chunk_size.is_some()),
            ("allow_unsigned", self.allow_unsigned.is_some()),
            ("cross_namespace_dedup", self.cross_namespace_dedup.is_some()),
            ("origin_usd_per_gb", self.origin_usd_per_gb.is_some()),
            ("expected_hit_rate", self.expected_hit_rate.is_some()),
        ];
        fields.into_iter().find(|(_, present)| *present).map_or(Ok(()), |(field, _)| Err(Problem::OperatorOnly { field }))
    }

    /// The namespace with these values applied.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn apply(self, mut namespace: Namespace) -> Result<Namespace, Problem> {
        if let Some(name) = self.display_name {
            if name.len() > MAX_DISPLAY_NAME || name.chars().any(char::is_control) {
                return Err(Problem::invalid("display_name", "must be at most 200 bytes without control characters"));
            }
            namespace.display_name = name;
        }
        if let Some(tags) = self.tags {
            let (most, longest) = MAX_TAGS;
            if tags.len() > most || tags.iter().any(|tag| tag.is_empty() || tag.len() > longest || tag.chars().any(char::is_control)) {
                return Err(Problem::invalid("tags", "must be at most 32 texts of 1 to 64 bytes"));
            }
            namespace.tags = json::write(&tags).map_err(|_| Problem::Internal)?;
        }
        let ttl = self.cache_ttl.unwrap_or_default();
        for (field, patch, slot) in [
            ("cache_ttl.small", ttl.small, &mut namespace.ttl_small),
            ("cache_ttl.text", ttl.text, &mut namespace.ttl_text),
            ("cache_ttl.large", ttl.large, &mut namespace.ttl_large),
            ("cache_ttl.video", ttl.video, &mut namespace.ttl_video),
        ] {
            if let Some(value) = patch {
                *slot = seconds(field, value)?;
            }
        }
        let features = self.features.unwrap_or_default();
        for (patch, slot) in [
            (features.jetty_speed_upload, &mut namespace.jetty_speed_upload),
            (features.video_streaming, &mut namespace.video_streaming),
            (features.desktop_cdn, &mut namespace.desktop_cdn),
            (features.compress_text, &mut namespace.compress_text),
            (self.allow_unsigned, &mut namespace.allow_unsigned),
            (self.cross_namespace_dedup, &mut namespace.cross_namespace_dedup),
        ] {
            *slot = patch.unwrap_or(*slot);
        }
        if let Some(size) = self.chunk_size {
            if size.is_some_and(|size| !(MIN_PART_BYTES..=MAX_CHUNK).contains(&size)) {
                return Err(Problem::invalid("chunk_size", "must be from 5 MiB to 5 GiB"));
            }
            namespace.chunk_size = size;
        }
        if let Some(price) = self.origin_usd_per_gb {
            namespace.origin_usd_per_gb = number("origin_usd_per_gb", price, 1_000)?;
        }
        if let Some(rate) = self.expected_hit_rate {
            namespace.expected_hit_rate = number("expected_hit_rate", rate, 100)?;
        }
        if let Some(alerts) = self.alerts {
            namespace.alerts = json::write(&alerts.apply(namespace.alert_limits())?).map_err(|_| Problem::Internal)?;
        }
        Ok(namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(body: &str) -> Patch {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn create_accepts_all_fields_and_refuses_reserved_or_invalid_names() {
        let body = r#"{"name":"jt_customer_x","display_name":"X","tags":["a"],"cache_ttl":{"small":1,"video":null},"features":{"desktop_cdn":false},
            "chunk_size":5242880,"origin_usd_per_gb":0.5,"expected_hit_rate":85,"unknown":true}"#;
        let namespace = Create::parse(body.as_bytes()).unwrap().check(EpochMs(3)).unwrap();
        assert_eq!((namespace.ttl_small, namespace.ttl_video, namespace.desktop_cdn), (Some(1), None, false));
        assert!(!namespace.compress_text, "off by default");
        assert!(patch(r#"{"features":{"compress_text":true}}"#).apply(namespace.clone()).unwrap().compress_text);
        assert_eq!((namespace.chunk_size, namespace.expected_hit_rate, namespace.created_at), (Some(5_242_880), Some(85.0), EpochMs(3)));
        for bad in [r#"{"name":"jt_user_x"}"#, r#"{"name":"../x"}"#, r#"{"name":""}"#, r#"{"name":"a\u0000"}"#] {
            assert!(Create::parse(bad.as_bytes()).unwrap().check(EpochMs(0)).is_err(), "{bad}");
        }
    }

    #[test]
    fn absent_field_keeps_value_and_null_resets_to_default() {
        let before = Namespace { ttl_small: Some(5), ttl_text: Some(6), chunk_size: Some(7), ..Namespace::example("n") };
        let after = patch(r#"{"cache_ttl":{"small":null},"chunk_size":null}"#).apply(before.clone()).unwrap();
        assert_eq!((after.ttl_small, after.ttl_text, after.chunk_size), (None, Some(6), None));
        assert_eq!(patch("{}").apply(before.clone()).unwrap(), before);
    }

    #[test]
    fn manager_patch_of_other_than_name_and_ttl_is_operator_only() {
        assert_eq!(patch(r#"{"display_name":"x","cache_ttl":{"small":1},"alerts":{"p95_ms":50}}"#).by_manager(), Ok(()));
        for (body, field) in [
            (r#"{"features":{}}"#, "features"),
            (r#"{"chunk_size":null}"#, "chunk_size"),
            (r#"{"allow_unsigned":true}"#, "allow_unsigned"),
            (r#"{"cross_namespace_dedup":true}"#, "cross_namespace_dedup"),
            (r#"{"tags":[]}"#, "tags"),
            (r#"{"origin_usd_per_gb":0.5}"#, "origin_usd_per_gb"),
            (r#"{"origin_usd_per_gb":null}"#, "origin_usd_per_gb"),
            (r#"{"expected_hit_rate":85}"#, "expected_hit_rate"),
            (r#"{"display_name":"x","expected_hit_rate":null}"#, "expected_hit_rate"),
        ] {
            assert_eq!(patch(body).by_manager(), Err(Problem::OperatorOnly { field }), "{body}");
        }
    }

    #[test]
    fn out_of_range_value_returns_invalid_with_field_name() {
        for (body, field) in [
            (r#"{"display_name":"a\n"}"#.to_owned(), "display_name"),
            (format!(r#"{{"display_name":"{}"}}"#, "x".repeat(201)), "display_name"),
            (r#"{"tags":[""]}"#.to_owned(), "tags"),
            (r#"{"tags":["a\u0007"]}"#.to_owned(), "tags"),
            (format!(r#"{{"tags":["{}"]}}"#, "x".repeat(66)), "tags"),
            (r#"{"chunk_size":5368709121}"#.to_owned(), "chunk_size"),
            (r#"{"origin_usd_per_gb":1000.5}"#.to_owned(), "origin_usd_per_gb"),
            (r#"{"cache_ttl":{"text":31536001}}"#.to_owned(), "cache_ttl.text"),
            (r#"{"chunk_size":1}"#.to_owned(), "chunk_size"),
            (r#"{"origin_usd_per_gb":-1}"#.to_owned(), "origin_usd_per_gb"),
            (r#"{"expected_hit_rate":101}"#.to_owned(), "expected_hit_rate"),
            (r#"{"alerts":{"hit_rate":101}}"#.to_owned(), "alerts.hit_rate"),
        ] {
            let result = patch(&body).apply(Namespace::example("n"));
            assert!(matches!(result, Err(Problem::Invalid { field: named, .. }) if named == field), "{body}");
        }
        assert!(serde_json::from_str::<Patch>(r#"{"cache_ttl":{"text":-1}}"#).is_err());
        let longest = format!(
            r#"{{"display_name":"{}","tags":["{}"],"cache_ttl":{{"text":31536000}},"chunk_size":5368709120}}"#,
            "x".repeat(200),
            "x".repeat(64)
        );
        assert!(patch(&longest).apply(Namespace::example("n")).is_ok(), "the largest values");
    }
}
