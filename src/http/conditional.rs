//! Conditional requests (RFC 9110 section 13): compares the versions that the client names with the current one.
//!
//! Hand-written: the libraries that implement the order of section 13.2.2 do so only inside a file server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::time::EpochMs;

/// The conditional fields of a request, not parsed.
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

/// The result of evaluating the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the content.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// The current version.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// A strong entity tag, without quotes.
    pub etag: &'a str,
    /// Its modification time.
    pub modified: EpochMs,
}

impl Conditions<'_> {
    /// Evaluates the conditions in the order of section 13.2.2.
    pub fn verdict(&self, version: Version<'_>) -> Verdict {
        let unchanged_since = |field: &str| parse_date(field).map(|since| modified_seconds(version) <= since);
        let precondition_holds = match (self.if_match, self.if_unmodified_since) {
            (Some(field), _) => field.trim() == "*" || tags(field).any(|tag| !tag.weak && tag.text == version.etag),
            // A date that does not parse is ignored (section 13.1.4).
            (None, Some(field)) => unchanged_since(field).unwrap_or(true),
            (None, None) => true,
        };
        if !precondition_holds {
            return Verdict::Failed;
        }
        let client_is_current = match (self.if_none_match, self.if_modified_since) {
            (Some(field), _) => field.trim() == "*" || tags(field).any(|tag| tag.text == version.etag),
            (None, Some(field)) => unchanged_since(field).unwrap_or(false),
            (None, None) => false,
        };
        if client_is_current { Verdict::NotModified } else { Verdict::Send }
    }

    /// Whether `If-Range` allows a range of this version (section 13.1.5): a strong comparison. A date has a resolution of one second, so it matches only if it
    /// equals the modification time and is at least 60 s old: no second version can then have the same date (section 8.8.2.2).
    pub fn if_range_matches(&self, version: Version<'_>, now: EpochMs) -> bool {
        let Some(field) = self.if_range.map(str::trim) else { return true };
        if field.starts_with('"') || field.starts_with("W/") {
            return tags(field).next().is_some_and(|tag| !tag.weak && tag.text == version.etag);
        }
        parse_date(field) == Some(modified_seconds(version)) && now.since(version.modified) >= 60_000
    }
}

fn modified_seconds(version: Version<'_>) -> u64 {
    version.modified.0 / 1000
}

fn parse_date(field: &str) -> Option<u64> {
    let at: SystemTime = httpdate::parse_http_date(field.trim()).ok()?;
    at.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

struct Tag<'a> {
    weak: bool,
    text: &'a str,
}

/// The entity tags of a list. A tag may contain commas, so the list is split at quotes.
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
    /// Sun, 06 Nov 1994 08:49:37.500 GMT.
    const MODIFIED: EpochMs = EpochMs(784_111_777_500);
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn version() -> Version<'static> {
        Version { etag: "e", modified: MODIFIED }
    }

    #[test]
    fn single_condition_gives_send_not_modified_or_failed() {
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
    fn weak_tag_anywhere_in_if_match_matches_nothing_and_weakens_no_other() {
        let r#match = |field| Conditions { if_match: Some(field), ..Conditions::default() }.verdict(version());
        for failed in ["\"f\", W/\"e\"", "\"f\",W/\"e\"", "\"f\" , W/\"e\" , \"g\"", "W/\"f\", W/\"e\""] {
            assert_eq!(r#match(failed), Verdict::Failed, "{failed}");
        }
        for held in ["W/\"f\", \"e\"", "W/\"e\", \"e\"", "\"e\", W/\"e\"", "\"W/\", \"e\""] {
            assert_eq!(r#match(held), Verdict::Send, "{held}");
        }
    }

    #[test]
    fn entity_tags_take_precedence_over_dates() {
        let both = Conditions { if_none_match: Some("\"f\""), if_modified_since: Some(AFTER), ..Conditions::default() };
        assert_eq!(both.verdict(version()), Verdict::Send);
        let both = Conditions { if_match: Some("\"e\""), if_unmodified_since: Some(BEFORE), if_none_match: Some("\"e\""), ..Conditions::default() };
        assert_eq!(both.verdict(version()), Verdict::NotModified);
        let failed = Conditions { if_match: Some("\"f\""), if_none_match: Some("\"e\""), ..Conditions::default() };
        assert_eq!(failed.verdict(version()), Verdict::Failed);
    }

    #[test]
    fn if_range_holds_for_a_strong_tag_or_a_date_60_s_old_only() {
        let holds = |field, now| Conditions { if_range: Some(field), ..Conditions::default() }.if_range_matches(version(), now);
        assert!(holds("\"e\"", NOW) && !holds("W/\"e\"", NOW) && !holds("\"f\"", NOW) && !holds("e", NOW));
        let old = MODIFIED.plus(60_000);
        assert!(holds(AT, old) && !holds(AT, MODIFIED.plus(59_999)) && !holds(AFTER, old) && !holds(BEFORE, old));
        assert!(Conditions::default().if_range_matches(version(), NOW));
    }
}
