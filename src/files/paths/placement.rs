//! Which path a new file gets, and what becomes of the file that has it.

use serde::{Deserialize, Serialize};

use crate::base::time::EpochMs;
use crate::base::unicode::Compose;
use crate::files::asset::Asset;
use crate::files::paths::path::Path;
use crate::problem::Problem;

/// What happens if another file has the path.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IfExists {
    /// The new file is refused.
    #[default]
    Fail,
    /// The other file is deleted in the moment in which the new one is there.
    Replace,
    /// The new file gets a number: `name (2).ext`.
    KeepBoth,
}

impl IfExists {
    /// Reads `fail`, `replace` or `keep-both`; nothing is `fail`.
    ///
    /// # Errors
    /// [`Problem::Invalid`] that names `field`.
    pub fn check(field: &'static str, text: Option<&str>) -> Result<IfExists, Problem> {
        match text.unwrap_or("fail") {
            "fail" => Ok(IfExists::Fail),
            "replace" => Ok(IfExists::Replace),
            "keep-both" => Ok(IfExists::KeepBoth),
            _ => Err(Problem::invalid(field, "must be fail, replace or keep-both")),
        }
    }
}

/// The place that a file is to have. Persisted as JSON in sessions and in `upload_sessions`: new fields need a default (pinned by a test).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The path.
    pub path: Path,
    /// What happens if another file has it.
    #[serde(default)]
    pub if_exists: IfExists,
    /// When the file was changed last where it comes from, as its client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<EpochMs>,
}

/// How a request names what it says of a place: the path, what happens if another file has it, the time of the last change.
#[derive(Debug, Clone, Copy)]
pub struct Fields(pub &'static str, pub &'static str, pub &'static str);

/// The members of JSON bodies.
pub const FIELDS: Fields = Fields("path", "ifExists", "modifiedAt");

/// The header fields.
pub const HEADERS: Fields = Fields("X-File-Path", "X-If-Exists", "X-Modified-At");

/// What a request says of a place; the other two are checked also without a path.
///
/// # Errors
/// [`Problem::Invalid`] that names the field.
pub fn check(
    fields: Fields,
    path: Option<&str>,
    if_exists: Option<&str>,
    modified_at: Option<&str>,
    compose: Compose,
) -> Result<Option<Placement>, Problem> {
    let if_exists = IfExists::check(fields.1, if_exists)?;
    let modified_at = check_modified(fields.2, modified_at)?;
    let path = path.map(|path| Path::check(fields.0, path, compose)).transpose()?;
    Ok(path.map(|path| Placement { path, if_exists, modified_at }))
}

/// What is to be done for a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// Nothing is in the way.
    Free,
    /// This file is to be deleted.
    Replaces(Box<Asset>),
    /// The file gets a number.
    Numbered,
}

impl Placement {
    /// What the file `other` means that has the path now.
    ///
    /// # Errors
    /// [`Problem::PathTaken`].
    pub fn beside(&self, other: Option<Asset>) -> Result<Taken, Problem> {
        match (other, self.if_exists) {
            (None, _) => Ok(Taken::Free),
            (Some(other), IfExists::Fail) => Err(Problem::PathTaken { path: self.path.to_string(), asset: other.id }),
            (Some(other), IfExists::Replace) => Ok(Taken::Replaces(Box::new(other))),
            (Some(_), IfExists::KeepBoth) => Ok(Taken::Numbered),
        }
    }
}

/// Reads the time of a file's last change, RFC 3339.
///
/// # Errors
/// [`Problem::Invalid`] that names `field`.
pub fn check_modified(field: &'static str, text: Option<&str>) -> Result<Option<EpochMs>, Problem> {
    let Some(text) = text else { return Ok(None) };
    EpochMs::parse(text).map(Some).ok_or_else(|| Problem::invalid(field, "must be a time as 2026-11-30T12:00:00Z, not before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unicode::compose;
    use crate::files::asset::tests::asset;

    fn placement(if_exists: IfExists) -> Placement {
        Placement { path: Path::check("path", "a/b.txt", compose).unwrap(), if_exists, modified_at: None }
    }

    #[test]
    fn path_that_is_free_is_taken_whatever_was_asked() {
        for if_exists in [IfExists::Fail, IfExists::Replace, IfExists::KeepBoth] {
            assert_eq!(placement(if_exists).beside(None), Ok(Taken::Free));
        }
    }

    #[test]
    fn file_at_the_path_refuses_is_replaced_or_stays() {
        assert_eq!(placement(IfExists::Fail).beside(Some(asset())), Err(Problem::PathTaken { path: "a/b.txt".to_owned(), asset: asset().id }));
        assert_eq!(placement(IfExists::Replace).beside(Some(asset())), Ok(Taken::Replaces(Box::new(asset()))));
        assert_eq!(placement(IfExists::KeepBoth).beside(Some(asset())), Ok(Taken::Numbered));
    }

    #[test]
    fn persisted_text_is_pinned() {
        let full = Placement { modified_at: Some(EpochMs(7)), ..placement(IfExists::KeepBoth) };
        let text = r#"{"path":"a/b.txt","if_exists":"keep-both","modified_at":7}"#;
        assert_eq!(serde_json::to_string(&full).unwrap(), text);
        assert_eq!(serde_json::from_str::<Placement>(text).unwrap(), full);
        assert_eq!(serde_json::from_str::<Placement>(r#"{"path":"a/b.txt"}"#).unwrap(), placement(IfExists::Fail));
    }

    #[test]
    fn words_of_if_exists_and_times_are_read_and_others_are_refused() {
        let read = |text| IfExists::check("ifExists", text).ok();
        assert_eq!(
            [None, Some("fail"), Some("replace"), Some("keep-both"), Some("Replace")].map(read),
            [Some(IfExists::Fail), Some(IfExists::Fail), Some(IfExists::Replace), Some(IfExists::KeepBoth), None]
        );
        assert_eq!(check_modified("modifiedAt", Some("1970-01-01T00:00:01Z")), Ok(Some(EpochMs(1_000))));
        assert_eq!(check_modified("modifiedAt", None), Ok(None));
        for wrong in ["", "yesterday", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert!(check_modified("modifiedAt", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
