//! Body of `POST /api/cache/chunk`, which brings a slice of a file into the PoP's cache, and its answer.

use serde::{Deserialize, Serialize};

use crate::base::id::Name;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::slices::Slice;
use crate::http::range::Span;
use crate::http::validate::check_namespace;
use crate::problem::Problem;

/// The body.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WarmChunk"))]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// The file's id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub file_id: String,
    /// Number of the slice, from 0.
    pub chunk_index: u64,
    #[serde(default)]
    namespace: Option<String>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warmed {
    /// Whether the PoP's cache has the slice now.
    pub cached: bool,
    /// Size of the slice, bytes.
    pub bytes: u64,
    /// Where its bytes came from: `edge` (the PoP's cache), `kv`, `origin`; None if nothing was read.
    pub provider: Option<&'static str>,
    /// How long it took, ms.
    pub latency_ms: u64,
}

impl Wanted {
    /// The namespace that was named.
    ///
    /// # Errors
    /// 422 that names the field with a bad value.
    pub fn check(&self) -> Result<Option<Name>, Problem> {
        if self.chunk_index > MAX_SAFE_INTEGER {
            return Err(Problem::invalid("chunkIndex", "must be from 0 to 2^53-1"));
        }
        check_namespace("namespace", self.namespace.as_deref())
    }
}

/// The whole slice of that number; None of a file that has none in the cache: an empty one, or one of a class that is not cached.
///
/// # Errors
/// 422 for a number beyond the last slice, also of such a file, whose only slice has the number 0.
pub fn slice(source: &ContentDescriptor, index: u64) -> Result<Option<Slice>, Problem> {
    let slice_bytes = source.slice_bytes();
    let last = source.size.saturating_sub(1) / slice_bytes;
    if index > last {
        return Err(Problem::invalid("chunkIndex", format!("must be 0 to {last}")));
    }
    if source.ttl == 0 || source.size == 0 {
        return Ok(None);
    }
    let first = index.saturating_mul(slice_bytes);
    let end = first.saturating_add(slice_bytes).min(source.size).saturating_sub(1);
    Ok(source.slices(Span { first, last: end }).next())
}

/// The name of an origin in the answer, as in that of `GET /api/storage/download`. What another request of this moment has read came from the origin.
pub fn provider(origin: Origin) -> &'static str {
    match origin {
        Origin::Cache(_) => "edge",
        Origin::Kv => "kv",
        Origin::Filled | Origin::Passed | Origin::Collapsed | Origin::Shield => "origin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::content_descriptor::tests::source;
    use crate::delivery::slices::SLICE_BYTES;
    use crate::http::json_body;

    #[test]
    fn number_gives_the_whole_slice_and_one_beyond_the_last_is_refused() {
        let large = ContentDescriptor { ttl: 5, ..source(2 * SLICE_BYTES + 7, "video/mp4") };
        let of = |index| slice(&large, index).map(|slice| slice.map(|slice| (slice.index, slice.span.first, slice.span.bytes(), slice.is_whole())));
        assert_eq!(of(0), Ok(Some((0, 0, SLICE_BYTES, true))));
        assert_eq!(of(2), Ok(Some((2, 2 * SLICE_BYTES, 7, true))));
        for beyond in [3, u64::MAX] {
            assert!(matches!(of(beyond), Err(Problem::Invalid { field, detail }) if field == "chunkIndex" && detail == "must be 0 to 2"));
        }
        let small = source(10, "text/plain");
        assert_eq!(slice(&small, 0).map(|slice| slice.map(|slice| slice.span.bytes())), Ok(Some(10)));
        assert!(slice(&small, 1).is_err());
    }

    #[test]
    fn file_that_is_not_cached_has_no_slice() {
        let uncached = ContentDescriptor { ttl: 0, ..source(20_000_000, "video/mp4") };
        for file in [uncached, source(0, "text/plain")] {
            assert_eq!(slice(&file, 0), Ok(None));
            assert!(slice(&file, 1).is_err());
        }
    }

    #[test]
    fn body_names_file_and_number_and_may_name_the_namespace() {
        let read = |body: &str| json_body::parse::<Wanted>(body.as_bytes()).and_then(|wanted| Ok((wanted.chunk_index, wanted.check()?)));
        assert_eq!(read(r#"{"fileId":"f","chunkIndex":7,"namespace":null}"#), Ok((7, None)));
        assert_eq!(read(r#"{"fileId":"f","chunkIndex":0,"namespace":"ns"}"#), Ok((0, Name::parse("ns"))));
        for (body, name) in [
            (r#"{"chunkIndex":0}"#, "fileId"),
            (r#"{"fileId":"f"}"#, "chunkIndex"),
            (r#"{"fileId":"f","chunkIndex":-1}"#, "chunkIndex"),
            (r#"{"fileId":"f","chunkIndex":9007199254740992}"#, "chunkIndex"),
            (r#"{"fileId":"f","chunkIndex":0,"namespace":"a b"}"#, "namespace"),
        ] {
            assert!(matches!(read(body), Err(Problem::Invalid { field, .. }) if field == name), "{body}");
        }
    }
}
