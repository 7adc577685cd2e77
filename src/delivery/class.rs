//! Content classes: they determine slice size and freshness lifetime (docs/delivery.md, Classes).

use serde::{Deserialize, Serialize};

use crate::base::units::MB;
use crate::delivery::slices::SLICE_BYTES;
use crate::namespaces::namespace::CacheTtl;

/// Objects of at least this size are cached in slices, bytes.
const LARGE_FROM: u64 = 10 * MB;

/// A content class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Under 10 MB, not text.
    Small,
    /// Text under 10 MB.
    Text,
    /// From 10 MB on, not text.
    Large,
    /// Text from 10 MB on: cached in slices, with the freshness lifetime of text.
    LargeText,
    /// Every file under `/v`.
    Video,
}

impl Class {
    /// The class of a file of `size` bytes.
    pub fn of(size: u64, content_type: &str) -> Class {
        match (size < LARGE_FROM, is_text(content_type)) {
            (true, true) => Class::Text,
            (true, false) => Class::Small,
            (false, true) => Class::LargeText,
            (false, false) => Class::Large,
        }
    }

    /// Freshness lifetime of this class, s.
    pub fn ttl(self, ttl: &CacheTtl) -> u64 {
        match self {
            Class::Small => ttl.small,
            Class::Text | Class::LargeText => ttl.text,
            Class::Large => ttl.large,
            Class::Video => ttl.video,
        }
    }

    /// The class's name in statistics (`delivery_hourly.class`).
    pub fn label(self) -> &'static str {
        match self {
            Class::Small => "small",
            Class::Text => "text",
            Class::Large | Class::LargeText => "large",
            Class::Video => "video",
        }
    }

    /// Slice size for an object of `size` bytes: an object under 10 MB is one slice.
    pub fn slice_bytes(size: u64) -> u64 {
        if size < LARGE_FROM { LARGE_FROM } else { SLICE_BYTES }
    }
}

/// Whether the media type is `text/*`, Markdown, CSV or JSON (docs/delivery.md, Classes).
fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence == "application/json"
        || essence.ends_with("+json")
        || matches!(essence.as_str(), "application/csv" | "application/markdown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespaces::namespace::DEFAULT_TTL;

    #[test]
    fn labels_are_those_of_the_statistics() {
        let labels = [Class::Small, Class::Text, Class::Large, Class::LargeText, Class::Video].map(Class::label);
        assert_eq!(labels, ["small", "text", "large", "large", "video"]);
    }

    #[test]
    fn size_and_media_type_give_class_slice_size_and_ttl() {
        for (size, kind, class, ttl) in [
            (10 * MB - 1, "image/png", Class::Small, 86_400),
            (10 * MB - 1, "Text/Plain; charset=utf-8", Class::Text, 604_800),
            (1, "application/json", Class::Text, 604_800),
            (1, "application/ld+json", Class::Text, 604_800),
            (10 * MB, "image/png", Class::Large, 3_600),
            (10 * MB, "text/csv", Class::LargeText, 604_800),
        ] {
            assert_eq!((Class::of(size, kind), Class::of(size, kind).ttl(&DEFAULT_TTL)), (class, ttl), "{size} {kind}");
        }
        assert_eq!((Class::slice_bytes(10 * MB - 1), Class::slice_bytes(10 * MB)), (10 * MB, SLICE_BYTES));
        assert_eq!(Class::Video.ttl(&DEFAULT_TTL), 21_600);
    }
}
