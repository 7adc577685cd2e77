//! Files that were uploaded a moment ago and are read elsewhere: what is brought where they will be read, before it is asked for.

use crate::base::id::Id;
use crate::base::time::{EpochMs, HOUR_MS};
use crate::delivery::class::Class;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::slices::Slice;
use crate::http::range::Span;

/// Age up to which a file counts as new, ms: and for how long a PoP knows that it came from there.
pub const NEW_MS: u64 = HOUR_MS;

/// For how long a copy in KV of a new file above [`ContentDescriptor::kv_key`]'s bound lives, ms. So that is for how long one has to be looked for.
pub const KV_MS: u64 = HOUR_MS;

/// The key in the PoP's cache of what tells that an object was uploaded there.
pub fn mark(object: Id) -> String {
    format!("1/from/{object}")
}

/// Whether the file was uploaded lately.
pub fn is_new(source: &ContentDescriptor, now: EpochMs) -> bool {
    source.asset.is_some() && now.since(source.modified) < NEW_MS
}

/// Whether KV may have a copy of this file because it was new and is larger than what KV has of every age: of the class small or text, so a single slice.
pub fn may_be_in_kv(source: &ContentDescriptor, now: EpochMs) -> bool {
    source.asset.is_some()
        && matches!(source.class, Class::Small | Class::Text)
        && source.kv_key().is_none()
        && source.kv_key_of_any_size().is_some()
        && now.since(source.modified) < NEW_MS.saturating_add(KV_MS)
}

/// What is read ahead when somebody elsewhere is given the URL of a new file: its first slice, whole. None if nothing of it is cached.
pub fn first_slice(source: &ContentDescriptor) -> Option<Slice> {
    if source.ttl == 0 {
        return None;
    }
    let last = source.size.checked_sub(1)?.min(source.slice_bytes().saturating_sub(1));
    source.slices(Span { first: 0, last }).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::content_descriptor::tests::source;
    use crate::delivery::slices::SLICE_BYTES;

    fn at(size: u64, kind: &str, modified: u64) -> ContentDescriptor {
        ContentDescriptor { modified: EpochMs(modified), ttl: 60, ..source(size, kind) }
    }

    #[test]
    fn file_is_new_for_an_hour_and_one_of_a_video_never() {
        let file = at(10, "a/b", 1_000);
        assert_eq!([1_000, 999 + NEW_MS, 1_000 + NEW_MS].map(|now| is_new(&file, EpochMs(now))), [true, true, false]);
        assert!(!is_new(&ContentDescriptor { asset: None, ..file }, EpochMs(1_000)));
    }

    #[test]
    fn new_file_of_one_slice_above_256_kb_may_be_in_kv_for_two_hours() {
        let now = EpochMs(5_000_000);
        let may = |size, kind, modified| may_be_in_kv(&at(size, kind, modified), now);
        assert!(may(256_001, "image/png", 5_000_000) && may(9_999_999, "text/plain", 5_000_000));
        assert!(!may(256_000, "image/png", 5_000_000), "there like all of its size");
        assert!(!may(10_000_000, "image/png", 5_000_000) && !may(10_000_000, "text/plain", 5_000_000), "in slices");
        let later = |ms| may_be_in_kv(&at(300_000, "a/b", 0), EpochMs(ms));
        assert_eq!([2 * HOUR_MS - 1, 2 * HOUR_MS].map(later), [true, false]);
        assert!(!may_be_in_kv(&ContentDescriptor { ttl: 0, ..at(300_000, "a/b", 5_000_000) }, now));
        assert!(!may_be_in_kv(&ContentDescriptor { asset: None, ..at(300_000, "a/b", 5_000_000) }, now));
    }

    #[test]
    fn first_slice_is_whole_and_there_is_none_of_what_is_not_cached() {
        let of = |file: &ContentDescriptor| first_slice(file).map(|slice| (slice.index, slice.span.bytes(), slice.is_whole()));
        assert_eq!(of(&at(20_000_000, "video/mp4", 0)), Some((0, SLICE_BYTES, true)));
        assert_eq!(of(&at(7, "video/mp4", 0)), Some((0, 7, true)));
        assert_eq!((of(&at(0, "a/b", 0)), of(&ContentDescriptor { ttl: 0, ..at(7, "a/b", 0) })), (None, None));
        assert_eq!(mark(Id::from_random([1; 16])), "1/from/01010101-0101-4101-8101-010101010101");
    }
}
