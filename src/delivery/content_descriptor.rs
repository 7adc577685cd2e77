//! Content descriptor: the metadata from which an object is delivered.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::delivery::cache_entry::Key;
use crate::delivery::class::Class;
use crate::delivery::slices;
use crate::delivery::slices::{Layout, Slice};
use crate::http::conditional::Version;
use crate::http::range::{ByteRanges, Span};
use crate::namespaces::namespace::{CacheTtl, DEFAULT_TTL};

/// An asset as delivery reads it: the row of [`crate::files::repository`] with columns of its namespace.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FileRow {
    /// Asset id.
    pub id: Id,
    /// The account that is charged for bandwidth.
    pub account_id: Id,
    object_id: Id,
    name: String,
    content_type: String,
    namespace: Name,
    s3_key: String,
    size: u64,
    etag: String,
    sha256: Option<String>,
    created_at: EpochMs,
    /// Status of the owning account: `active` or `suspended`.
    pub owner_status: String,
    #[serde(deserialize_with = "flag")]
    borrowed: bool,
    ttl_small: Option<u64>,
    ttl_text: Option<u64>,
    ttl_large: Option<u64>,
    #[serde(deserialize_with = "flag")]
    compress_text: bool,
    generation: u64,
    #[serde(default)]
    origin_usd_per_gb: Option<f64>,
}

/// Everything delivery has to know about an object. Stored in the PoP's cache as JSON: new fields need a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentDescriptor {
    /// The account that is charged for bandwidth.
    pub account: Id,
    /// The asset; `None` for files of a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Id>,
    /// Price of reading it from the store, US dollars per GB; `None`: the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_usd_per_gb: Option<f64>,
    /// The namespace of the content.
    pub namespace: Name,
    /// Invalidation group: all files of a video share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The namespace's cache generation, see [`Key`].
    pub generation: u64,
    /// Object id.
    pub object: Id,
    /// Key at the origin.
    pub s3_key: String,
    /// Size, bytes.
    pub size: u64,
    /// ETag at the origin, without quotes.
    pub etag: String,
    /// ETag sent to clients, without quotes.
    pub version: String,
    /// File name for `Content-Disposition`; `None` for files of a video.
    pub name: Option<String>,
    /// Media type.
    pub content_type: String,
    /// Creation time, sent as `Last-Modified`.
    pub modified: EpochMs,
    /// Content class, see [`Class`].
    pub class: Class,
    /// Freshness lifetime of its slices, s; 0: not stored in the cache.
    pub ttl: u64,
    /// Freshness lifetime of this descriptor, ms.
    pub holds_ms: u64,
    /// `max-age` for clients, s; 0: clients must revalidate every time (`no-cache`).
    pub client_seconds: u64,
    /// Whether the owning account is suspended: content is not served.
    pub suspended: bool,
    /// Whether whole answers are compressed for clients that ask: the namespace's choice, for its text class.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
}

/// Freshness lifetime of a descriptor in the PoP's cache, ms. Deletion, replacement and suspension take effect within 60 s globally
/// (docs/delivery.md, Invalidation).
pub const HOLDS_MS: u64 = 50_000;

/// Age below which a file of a video may still be replaced soon, ms: one day; and its `max-age` for clients, s.
const YOUNG_MS: u64 = 86_400_000;
const YOUNG_SECONDS: u64 = 60;

/// `max-age` for clients of a file, s.
pub const CLIENT_SECONDS: u64 = 3_600;

impl From<FileRow> for ContentDescriptor {
    fn from(row: FileRow) -> ContentDescriptor {
        let class = Class::of(row.size, &row.content_type);
        let ttl = CacheTtl {
            small: row.ttl_small.unwrap_or(DEFAULT_TTL.small),
            text: row.ttl_text.unwrap_or(DEFAULT_TTL.text),
            large: row.ttl_large.unwrap_or(DEFAULT_TTL.large),
            video: 0,
        };
        // A multipart ETag reveals the number of parts of the upload. For an object of another namespace it would disclose how its owner uploaded it.
        let version = row.sha256.filter(|_| row.borrowed).unwrap_or_else(|| row.etag.clone());
        // A store may not have told an ETag. The bytes of an object never change.
        let version = if version.is_empty() { row.object_id.to_string() } else { version };
        ContentDescriptor {
            account: row.account_id,
            asset: Some(row.id),
            origin_usd_per_gb: row.origin_usd_per_gb,
            group: None,
            namespace: row.namespace,
            generation: row.generation,
            object: row.object_id,
            s3_key: row.s3_key,
            size: row.size,
            etag: row.etag,
            version,
            name: Some(row.name),
            content_type: row.content_type,
            modified: row.created_at,
            class,
            ttl: class.ttl(&ttl),
            // A suspended account is not cached, so that resuming takes effect immediately.
            holds_ms: if row.owner_status == "active" { HOLDS_MS } else { 0 },
            client_seconds: CLIENT_SECONDS,
            suspended: row.owner_status != "active",
            compress: row.compress_text && class == Class::Text,
        }
    }
}

impl ContentDescriptor {
    /// What hits are counted by: the asset, or the file of a video.
    pub fn file(&self) -> Id {
        self.asset.unwrap_or(self.object)
    }

    /// The validators for conditional requests (RFC 9110 section 13).
    pub fn version(&self) -> Version<'_> {
        Version { etag: &self.version, modified: self.modified }
    }

    /// `max-age` for clients at `now`, s. Segments of a video are often replaced soon after the first version, and a client that holds an old one beside a new
    /// playlist plays neither.
    pub fn client_seconds(&self, now: EpochMs) -> u64 {
        let is_young = self.class == Class::Video && now.since(self.modified) < YOUNG_MS;
        if is_young { self.client_seconds.min(YOUNG_SECONDS) } else { self.client_seconds }
    }

    /// Slice size, bytes. Content that is not cached is read as one slice.
    pub fn slice_bytes(&self) -> u64 {
        if self.ttl == 0 { self.size.max(1) } else { Class::slice_bytes(self.size) }
    }

    /// The slices that overlap `span`.
    pub fn slices(&self, span: Span) -> impl Iterator<Item = Slice> + use<> {
        slices::slices_of(span, self.size, self.slice_bytes())
    }

    /// How the ranges lie in the slices.
    pub fn layout(&self, spans: &[Span]) -> Layout {
        Layout::of(spans.iter().flat_map(|span| self.slices(*span)))
    }

    /// The cache key of a slice.
    pub fn key(&self, slice: &Slice) -> String {
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        Key { namespace, generation: *generation, object: *object, etag, slice_bytes: self.slice_bytes(), index: slice.index }.path()
    }

    /// The keys of the whole-object entry. `None` unless `span` covers more than one slice of an object within the cache's maximum object size.
    pub fn whole_object_keys(&self, span: Span) -> Option<WholeObjectKeys> {
        let wide = span.first / self.slice_bytes() != span.last / self.slice_bytes();
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        (wide && self.ttl > 0 && self.size <= MAX_WHOLE_OBJECT).then(|| WholeObjectKeys {
            pointer: Key { namespace, generation: *generation, object: *object, etag, slice_bytes: self.slice_bytes(), index: 0 }.pointer(),
        })
    }

    /// `span` as a part of a single slice that covers the whole object.
    pub fn as_one(&self, span: Span) -> Slice {
        Slice { index: 0, span: Span { first: 0, last: self.size.saturating_sub(1) }, from: span.first, to: span.last }
    }

    /// The key in KV; `None` for objects over 256 KB, those that are not cached at all, or whose key would be too long.
    pub fn kv_key(&self) -> Option<String> {
        let whole = matches!(self.class, Class::Small | Class::Text) && self.ttl > 0 && (1..=MAX_KV_BYTES).contains(&self.size);
        if whole { self.kv_key_of_any_size() } else { None }
    }

    /// The same whatever the object's class and size; `None` for one that is not cached at all or empty, or whose key would be too long.
    pub fn kv_key_of_any_size(&self) -> Option<String> {
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        let key = (self.ttl > 0 && self.size > 0).then(|| format!("f1/{namespace}/{generation}/{object}/{etag}"));
        key.filter(|key| key.len() <= MAX_KV_KEY)
    }

    /// The byte ranges to send for `wanted`: none for an empty object.
    pub fn spans(&self, wanted: &ByteRanges) -> Vec<Span> {
        match wanted {
            ByteRanges::Whole => self.size.checked_sub(1).map(|last| Span { first: 0, last }).into_iter().collect(),
            ByteRanges::One(span) => vec![*span],
            ByteRanges::Several(spans) => spans.clone(),
        }
    }
}

/// Cache keys of the whole-object entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeObjectKeys {
    /// The pointer entry: it stores the random name of the content entry and its expiry.
    pub pointer: String,
}

impl WholeObjectKeys {
    /// The key of the content entry with this random name.
    pub fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }
}

/// Maximum size of a file that is joined, bytes: the work after an answer ends 30 s after it (Workers documentation, "Context": `waitUntil`).
const MAX_WHOLE_OBJECT: u64 = 100_000_000;

/// Maximum size of a file in KV, bytes: what is written there for each file that is read is paid for by the write and by the GB.
const MAX_KV_BYTES: u64 = 256_000;

/// Maximum key length of KV, bytes (Cloudflare KV documentation, "Limits").
const MAX_KV_KEY: usize = 512;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn source(size: u64, content_type: &str) -> ContentDescriptor {
        ContentDescriptor::from(
            serde_json::from_value::<FileRow>(serde_json::json!({
                "id": Id::from_random([1; 16]), "account_id": Id::from_random([2; 16]), "object_id": Id::from_random([3; 16]), "name": "a.txt",
                "content_type": content_type, "namespace": "ns", "s3_key": "k", "size": size, "etag": "e", "sha256": null, "created_at": 0,
                "owner_status": "active", "borrowed": 0, "ttl_small": null, "ttl_text": 5, "ttl_large": 0, "compress_text": 0, "generation": 4
            }))
            .unwrap(),
        )
    }

    #[test]
    fn keys_differ_by_slice_version_and_generation_and_only_wide_spans_have_a_pointer() {
        let large = |size| source(size, "video/mp4");
        let key = |descriptor: &ContentDescriptor| descriptor.key(&descriptor.as_one(Span { first: 0, last: 0 }));
        let (one, size) = (large(30_000_000), 30_000_000);
        let other_etag = ContentDescriptor { etag: "f".to_owned(), ..one.clone() };
        let other_generation = ContentDescriptor { generation: 5, ..one.clone() };
        let second = Slice { index: 1, ..one.as_one(Span { first: 0, last: 0 }) };
        let keys = std::collections::BTreeSet::from([key(&one), key(&other_etag), key(&other_generation), one.key(&second)]);
        assert_eq!(keys.len(), 4, "{keys:?}");
        let kept = ContentDescriptor { ttl: 5, ..one };
        let has_pointer = |descriptor: &ContentDescriptor, last| descriptor.whole_object_keys(Span { first: 0, last }).is_some();
        assert!(has_pointer(&kept, size - 1) && !has_pointer(&kept, 0));
        assert_eq!(WholeObjectKeys { pointer: "p".to_owned() }.entry("n"), "p/n");
        assert!(!has_pointer(&ContentDescriptor { ttl: 0, ..kept.clone() }, size - 1));
        let largest = ContentDescriptor { size: MAX_WHOLE_OBJECT, ..kept.clone() };
        assert!(
            has_pointer(&largest, MAX_WHOLE_OBJECT - 1)
                && !has_pointer(&ContentDescriptor { size: MAX_WHOLE_OBJECT + 1, ..largest }, MAX_WHOLE_OBJECT)
        );
    }

    #[test]
    fn class_gives_slice_size_ttl_and_kv_key() {
        let (small, text, large) = (source(10, "image/png"), source(10, "text/plain"), source(20_000_000, "video/mp4"));
        assert_eq!((small.ttl, text.ttl, large.ttl), (86_400, 5, 0));
        assert_eq!(small.kv_key().as_deref(), Some("f1/ns/4/03030303-0303-4303-8303-030303030303/e"));
        assert_eq!((large.kv_key(), source(0, "text/plain").kv_key()), (None, None));
        assert!(source(256_000, "text/plain").kv_key().is_some() && source(256_001, "text/plain").kv_key().is_none());
        assert_eq!(large.slice_bytes(), 20_000_000, "content that is not cached is one slice");
        let sliced = ContentDescriptor { ttl: 1, ..large };
        assert_eq!(sliced.slices(Span { first: 0, last: 19_999_999 }).count(), 4);
        assert!(sliced.spans(&ByteRanges::Whole) == [Span { first: 0, last: 19_999_999 }] && source(0, "").spans(&ByteRanges::Whole).is_empty());
    }

    #[test]
    fn object_of_unknown_etag_has_its_id_as_version() {
        let row = serde_json::json!({
            "id": Id::from_random([1; 16]), "account_id": Id::from_random([2; 16]), "object_id": Id::from_random([3; 16]), "name": "a.txt",
            "content_type": "text/plain", "namespace": "ns", "s3_key": "k", "size": 1, "etag": "", "sha256": null, "created_at": 0,
            "owner_status": "active", "borrowed": 0, "ttl_small": null, "ttl_text": 5, "ttl_large": 0, "compress_text": 0, "generation": 4
        });
        let source = ContentDescriptor::from(serde_json::from_value::<FileRow>(row).unwrap());
        assert_eq!((source.etag.as_str(), source.version.as_str()), ("", "03030303-0303-4303-8303-030303030303"));
    }

    #[test]
    fn young_file_of_a_video_has_max_age_60() {
        let video = ContentDescriptor { class: Class::Video, client_seconds: 21_600, modified: EpochMs(5), ..source(10, "video/mp4") };
        assert_eq!(
            (video.client_seconds(EpochMs(5)), video.client_seconds(EpochMs(4 + YOUNG_MS)), video.client_seconds(EpochMs(5 + YOUNG_MS))),
            (60, 60, 21_600)
        );
        assert_eq!(ContentDescriptor { client_seconds: 2, ..video }.client_seconds(EpochMs(5)), 2, "a live playlist");
        assert_eq!(source(10, "video/mp4").client_seconds(EpochMs(5)), CLIENT_SECONDS, "not a video under /v");
    }

    #[test]
    fn descriptor_json_is_pinned() {
        assert_eq!(
            serde_json::to_string(&source(10, "text/plain")).unwrap(),
            r#"{"account":"02020202-0202-4202-8202-020202020202","asset":"01010101-0101-4101-8101-010101010101","namespace":"ns","generation":4,"object":"03030303-0303-4303-8303-030303030303","s3_key":"k","size":10,"etag":"e","version":"e","name":"a.txt","content_type":"text/plain","modified":0,"class":"text","ttl":5,"holds_ms":50000,"client_seconds":3600,"suspended":false}"#
        );
    }
}
