//! Classes of content (SPEC section 7): how it lies in the cache, and for how long it is fresh.

use serde::{Deserialize, Serialize};

use crate::base::units::MB;
use crate::delivery::slices::SLICE_BYTES;
use crate::namespaces::namespace::CacheTtl;

/// From that size on an object is cached in slices, bytes.
const LARGE_FROM: u64 = 10 * MB;

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Under 10 MB.
    Small,
    /// A text under 10 MB.
    Text,
    /// From 10 MB on.
    Large,
    /// A text from 10 MB on: in slices, fresh as long as a text.
    LargeText,
    /// All under `/v`.
    Video,
}

impl Class {
    /// The class of a file.
    pub fn of(size: u64, content_type: &str) -> Class {
        match (size < LARGE_FROM, is_text(content_type)) {
            (true, true) => Class::Text,
            (true, false) => Class::Small,
            (false, true) => Class::LargeText,
            (false, false) => Class::Large,
        }
    }

    /// Seconds of freshness.
    pub fn ttl(self, ttl: &CacheTtl) -> u64 {
        match self {
            Class::Small => ttl.small,
            Class::Text | Class::LargeText => ttl.text,
            Class::Large => ttl.large,
            Class::Video => ttl.video,
        }
    }

    /// What it is called where things are added up.
    pub fn label(self) -> &'static str {
        match self {
            Class::Small => "small",
            Class::Text => "text",
            Class::Large | Class::LargeText => "large",
            Class::Video => "video",
        }
    }

    /// Bytes of a slice of an object of this class: small ones are cached whole.
    pub fn slice_bytes(size: u64) -> u64 {
        if size < LARGE_FROM { LARGE_FROM } else { SLICE_BYTES }
    }
}

/// `text/*`, Markdown, CSV, JSON (SPEC section 7).
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
    fn boundaries_and_times() {
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
