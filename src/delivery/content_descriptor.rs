//! What is delivered: an object with the names, times and rules that go with it.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::delivery::cache_entry::Key;
use crate::delivery::class::Class;
use crate::delivery::slices;
use crate::delivery::slices::Slice;
use crate::http::conditional::Version;
use crate::http::range::{ByteRanges, Span};
use crate::namespaces::namespace::{CacheTtl, DEFAULT_TTL};

/// An asset as delivery sees it: the same row of [`crate::files::repository`], with more of its namespace.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FileRow {
    /// Asset id.
    pub id: Id,
    /// Who is charged.
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
    /// `active` or `suspended`.
    pub owner_status: String,
    #[serde(deserialize_with = "flag")]
    borrowed: bool,
    ttl_small: Option<u64>,
    ttl_text: Option<u64>,
    ttl_large: Option<u64>,
    generation: u64,
}

/// One thing to deliver. Kept in the PoP's cache as JSON: new fields default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentDescriptor {
    /// Who is charged.
    pub account: Id,
    /// Whose.
    pub namespace: Name,
    /// What it is forgotten with: its video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// See [`Key`].
    pub generation: u64,
    /// The object.
    pub object: Id,
    /// Its key at the store.
    pub s3_key: String,
    /// Bytes.
    pub size: u64,
    /// The store's, without quotes.
    pub etag: String,
    /// The client's, without quotes.
    pub version: String,
    /// For "save as"; None for what is played.
    pub name: Option<String>,
    /// Media type.
    pub content_type: String,
    /// When it came.
    pub modified: EpochMs,
    /// See [`Class`].
    pub class: Class,
    /// How long its slices stay fresh, s; 0: they are not kept.
    pub ttl: u64,
    /// How long this description holds, ms.
    pub holds_ms: u64,
    /// How long a client's own cache may keep it, s; 0: it must ask each time whether it is still so.
    pub client_seconds: u64,
    /// Whether the account may not be served.
    pub suspended: bool,
}

/// How long what is known of a file holds, ms. SPEC section 2: what was deleted, replaced or switched off stops within 60 s.
pub const HOLDS_MS: u64 = 50_000;

/// How long a client's own cache may keep what does not change, s.
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
        // The store's ETag tells in how many parts somebody sent it; of a borrowed object that is nobody's business.
        let version = row.sha256.filter(|_| row.borrowed).unwrap_or_else(|| row.etag.clone());
        ContentDescriptor {
            account: row.account_id,
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
            // Nobody waits to be told that an account works again.
            holds_ms: if row.owner_status == "active" { HOLDS_MS } else { 0 },
            client_seconds: CLIENT_SECONDS,
            suspended: row.owner_status != "active",
        }
    }
}

impl ContentDescriptor {
    /// For conditional requests.
    pub fn version(&self) -> Version<'_> {
        Version { etag: &self.version, modified: self.modified }
    }

    /// Bytes of a slice. What is not kept is read in one piece.
    pub fn slice_bytes(&self) -> u64 {
        if self.ttl == 0 { self.size.max(1) } else { Class::slice_bytes(self.size) }
    }

    /// The slices that hold `span`.
    pub fn slices(&self, span: Span) -> impl Iterator<Item = Slice> + use<> {
        slices::of(span, self.size, self.slice_bytes())
    }

    /// Where a slice lies in the cache.
    pub fn key(&self, slice: &Slice) -> String {
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        Key { namespace, generation: *generation, object: *object, etag, slice_bytes: self.slice_bytes(), index: slice.index }.url()
    }

    /// Where it lies as one entry, if what is wanted of it is worth that: more than one slice of a file that a cache takes whole.
    pub fn whole_object_keys(&self, span: Span) -> Option<WholeObjectKeys> {
        let wide = span.first / self.slice_bytes() != span.last / self.slice_bytes();
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        (wide && self.ttl > 0 && self.size <= MAX_JOINED).then(|| WholeObjectKeys {
            pointer: Key { namespace, generation: *generation, object: *object, etag, slice_bytes: self.slice_bytes(), index: 0 }.joined(),
        })
    }

    /// `span` of the file as if all of it were one slice.
    pub fn as_one(&self, span: Span) -> Slice {
        Slice { index: 0, span: Span { first: 0, last: self.size.saturating_sub(1) }, from: span.first, to: span.last }
    }

    /// Its key in KV, if it belongs there: files that are cached whole.
    pub fn kv_key(&self) -> Option<String> {
        let whole = matches!(self.class, Class::Small | Class::Text) && self.ttl > 0 && self.size > 0;
        let ContentDescriptor { namespace, generation, object, etag, .. } = self;
        whole.then(|| format!("f1/{namespace}/{generation}/{object}/{etag}")).filter(|key| key.len() <= MAX_KV_KEY)
    }

    /// The ranges of `wanted`: none of an empty object.
    pub fn spans(&self, wanted: &ByteRanges) -> Vec<Span> {
        match wanted {
            ByteRanges::Whole => self.size.checked_sub(1).map(|last| Span { first: 0, last }).into_iter().collect(),
            ByteRanges::One(span) => vec![*span],
            ByteRanges::Several(spans) => spans.clone(),
        }
    }
}

/// The names under which a file lies in the cache as one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeObjectKeys {
    /// The entry that tells the drawn name, and until when what is under it is fresh.
    pub pointer: String,
}

impl WholeObjectKeys {
    /// The entry under a drawn name.
    pub fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }
}

/// The largest body that a cache takes on every plan, bytes (Cloudflare documentation, "Default cache behavior": 512 MB).
const MAX_JOINED: u64 = 512_000_000;

/// The longest key of KV, bytes (KV documentation, "Limits").
const MAX_KV_KEY: usize = 512;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn source(size: u64, content_type: &str) -> ContentDescriptor {
        ContentDescriptor::from(
            serde_json::from_value::<FileRow>(serde_json::json!({
                "id": Id::from_random([1; 16]), "account_id": Id::from_random([2; 16]), "object_id": Id::from_random([3; 16]), "name": "a.txt",
                "content_type": content_type, "namespace": "ns", "s3_key": "k", "size": size, "etag": "e", "sha256": null, "created_at": 0,
                "owner_status": "active", "borrowed": 0, "ttl_small": null, "ttl_text": 5, "ttl_large": 0, "generation": 4
            }))
            .unwrap(),
        )
    }

    #[test]
    fn classes_have_their_times_and_places() {
        let (small, text, large) = (source(10, "image/png"), source(10, "text/plain"), source(20_000_000, "video/mp4"));
        assert_eq!((small.ttl, text.ttl, large.ttl), (86_400, 5, 0));
        assert_eq!(small.kv_key().as_deref(), Some("f1/ns/4/03030303-0303-4303-8303-030303030303/e"));
        assert_eq!((large.kv_key(), source(0, "text/plain").kv_key()), (None, None));
        assert_eq!(large.slice_bytes(), 20_000_000, "what is not kept is read in one piece");
        let sliced = ContentDescriptor { ttl: 1, ..large };
        assert_eq!(sliced.slices(Span { first: 0, last: 19_999_999 }).count(), 4);
        assert!(sliced.spans(&ByteRanges::Whole) == [Span { first: 0, last: 19_999_999 }] && source(0, "").spans(&ByteRanges::Whole).is_empty());
    }

    #[test]
    fn its_json_does_not_change() {
        assert_eq!(
            serde_json::to_string(&source(10, "text/plain")).unwrap(),
            r#"{"account":"02020202-0202-4202-8202-020202020202","namespace":"ns","generation":4,"object":"03030303-0303-4303-8303-030303030303","s3_key":"k","size":10,"etag":"e","version":"e","name":"a.txt","content_type":"text/plain","modified":0,"class":"text","ttl":5,"holds_ms":50000,"client_seconds":3600,"suspended":false}"#
        );
    }
}
