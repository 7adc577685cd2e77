//! Conditional requests (RFC 9110 section 13): whether the client's copy, or the version it has in mind, is the one that is here.
//!
//! By hand, since the order of the conditions (section 13.2.2) is the whole of it, and libraries have that only within a file server of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::time::EpochMs;

/// The fields of a request, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<&'a str>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a str>,
    /// `If-Range`
    pub if_range: Option<&'a str>,
}

/// What they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// The version that is here.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// A strong entity tag, without quotes.
    pub etag: &'a str,
    /// When it came to be.
    pub modified: EpochMs,
}

impl Conditions<'_> {
    /// In the order of section 13.2.2.
    pub fn verdict(&self, version: Version<'_>) -> Verdict {
        let unchanged_since = |field: &str| date(field).map(|since| modified_seconds(version) <= since);
        let held = match (self.if_match, self.if_unmodified_since) {
            (Some(field), _) => field.trim() == "*" || tags(field).any(|tag| !tag.weak && tag.text == version.etag),
            // An unreadable date is no date (section 13.1.4).
            (None, Some(field)) => unchanged_since(field).unwrap_or(true),
            (None, None) => true,
        };
        if !held {
            return Verdict::Failed;
        }
        let known = match (self.if_none_match, self.if_modified_since) {
            (Some(field), _) => field.trim() == "*" || tags(field).any(|tag| tag.text == version.etag),
            (None, Some(field)) => unchanged_since(field).unwrap_or(false),
            (None, None) => false,
        };
        if known { Verdict::NotModified } else { Verdict::Send }
    }

    /// Whether a range of this version is what the client wants (section 13.1.5): a strong comparison. A date matches only if it is exactly ours and so
    /// old that no second version can have come within its second (section 8.8.2.2).
    pub fn range_holds(&self, version: Version<'_>, now: EpochMs) -> bool {
        let Some(field) = self.if_range.map(str::trim) else { return true };
        if field.starts_with('"') || field.starts_with("W/") {
            return tags(field).next().is_some_and(|tag| !tag.weak && tag.text == version.etag);
        }
        date(field) == Some(modified_seconds(version)) && now.since(version.modified) >= 60_000
    }
}

fn modified_seconds(version: Version<'_>) -> u64 {
    version.modified.0 / 1000
}

fn date(field: &str) -> Option<u64> {
    let at: SystemTime = httpdate::parse_http_date(field.trim()).ok()?;
    at.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

struct Tag<'a> {
    weak: bool,
    text: &'a str,
}

/// The tags of a list. A tag may hold commas, so the quotes are what separates.
fn tags(field: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = field;
    std::iter::from_fn(move || {
        let begin = rest.find('"')?;
        let (before, after) = rest.split_at(begin);
        let inner = after.strip_prefix('"')?;
        let end = inner.find('"')?;
        let (text, tail) = inner.split_at(end);
        rest = tail.strip_prefix('"').unwrap_or_default();
        Some(Tag { weak: before.trim_end().ends_with("W/"), text })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_000_000_000);
    /// Sun, 06 Nov 1994 08:49:37 GMT and a bit.
    const MODIFIED: EpochMs = EpochMs(784_111_777_500);
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn version() -> Version<'static> {
        Version { etag: "e", modified: MODIFIED }
    }

    #[test]
    fn each_field_alone() {
        let none_match = |field| Conditions { if_none_match: Some(field), ..Conditions::default() }.verdict(version());
        for same in ["\"e\"", "W/\"e\"", "\"x,\\\", \"e\"", "*", "\"a,b\" , W/\"e\""] {
            assert_eq!(none_match(same), Verdict::NotModified, "{same}");
        }
        for other in ["\"f\"", "e", "", "\"e", "\"ee\""] {
            assert_eq!(none_match(other), Verdict::Send, "{other}");
        }
        let r#match = |field| Conditions { if_match: Some(field), ..Conditions::default() }.verdict(version());
        assert_eq!(
            (r#match("\"f\", \"e\""), r#match("*"), r#match("W/\"e\""), r#match("\"f\"")),
            (Verdict::Send, Verdict::Send, Verdict::Failed, Verdict::Failed)
        );
        let modified = |field| Conditions { if_modified_since: Some(field), ..Conditions::default() }.verdict(version());
        assert_eq!(
            (modified(AT), modified(AFTER), modified(BEFORE), modified("x")),
            (Verdict::NotModified, Verdict::NotModified, Verdict::Send, Verdict::Send)
        );
        let unmodified = |field| Conditions { if_unmodified_since: Some(field), ..Conditions::default() }.verdict(version());
        assert_eq!((unmodified(AT), unmodified(BEFORE), unmodified("x")), (Verdict::Send, Verdict::Failed, Verdict::Send));
    }

    #[test]
    fn tags_go_before_dates() {
        let both = Conditions { if_none_match: Some("\"f\""), if_modified_since: Some(AFTER), ..Conditions::default() };
        assert_eq!(both.verdict(version()), Verdict::Send);
        let both = Conditions { if_match: Some("\"e\""), if_unmodified_since: Some(BEFORE), if_none_match: Some("\"e\""), ..Conditions::default() };
        assert_eq!(both.verdict(version()), Verdict::NotModified);
        let failed = Conditions { if_match: Some("\"f\""), if_none_match: Some("\"e\""), ..Conditions::default() };
        assert_eq!(failed.verdict(version()), Verdict::Failed);
    }

    #[test]
    fn if_range_needs_certainty() {
        let holds = |field, now| Conditions { if_range: Some(field), ..Conditions::default() }.range_holds(version(), now);
        assert!(holds("\"e\"", NOW) && !holds("W/\"e\"", NOW) && !holds("\"f\"", NOW) && !holds("e", NOW));
        let old = MODIFIED.plus(60_000);
        assert!(holds(AT, old) && !holds(AT, MODIFIED.plus(59_999)) && !holds(AFTER, old) && !holds(BEFORE, old));
        assert!(Conditions::default().range_holds(version(), NOW));
    }
}
