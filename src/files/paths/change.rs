//! Bodies of requests that rename, move and copy a file.

use serde::Deserialize;

use crate::base::unicode::Compose;
use crate::files::paths::placement;
use crate::files::paths::placement::{FIELDS, Placement};
use crate::http::validate::check_file_name;
use crate::problem::Problem;

/// Body of `PATCH /api/storage/files/{id}`. At least one of `fileName` and `path`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChangeFile"))]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The new name, 1 to 1,024 bytes without control characters. With a path alone the name is its last segment.
    #[serde(default)]
    pub file_name: Option<String>,
    /// The new path.
    #[serde(default)]
    pub path: Option<String>,
    /// What happens if another file has the path: `fail`, `replace` or `keep-both`.
    #[serde(default)]
    pub if_exists: Option<String>,
}

/// Body of `POST /api/storage/files/{id}/copy`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CopyFile"))]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// The path of the copy.
    pub path: String,
    /// Its name; the last segment of its path by default.
    #[serde(default)]
    pub file_name: Option<String>,
    /// What happens if another file has the path: `fail`, `replace` or `keep-both`.
    #[serde(default)]
    pub if_exists: Option<String>,
}

/// What a file gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    /// A name.
    Name(String),
    /// A path and a name.
    Place(Placement, String),
}

fn name_of(given: Option<&str>, placement: &Placement) -> Result<String, Problem> {
    check_file_name("fileName", given.unwrap_or(placement.path.name()))
}

impl Change {
    /// Validates every field.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with the name of the field.
    pub fn check(&self, compose: Compose) -> Result<Changed, Problem> {
        let placement = placement::check(FIELDS, self.path.as_deref(), self.if_exists.as_deref(), None, compose)?;
        match (placement, &self.file_name) {
            (Some(placement), name) => {
                let name = name_of(name.as_deref(), &placement)?;
                Ok(Changed::Place(placement, name))
            }
            (None, Some(name)) => Ok(Changed::Name(check_file_name("fileName", name)?)),
            (None, None) => Err(Problem::invalid("fileName", "is required, or path")),
        }
    }
}

impl Copy {
    /// Validates every field: the place and the name.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with the name of the field.
    pub fn check(&self, compose: Compose) -> Result<(Placement, String), Problem> {
        let placement = placement::check(FIELDS, Some(&self.path), self.if_exists.as_deref(), None, compose)?.ok_or(Problem::Internal)?;
        let name = name_of(self.file_name.as_deref(), &placement)?;
        Ok((placement, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unicode::compose;
    use crate::files::paths::placement::IfExists;

    fn change(text: &str) -> Result<Changed, String> {
        serde_json::from_str::<Change>(text).unwrap().check(compose).map_err(|problem| match problem {
            Problem::Invalid { field, .. } => field.into_owned(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn name_alone_renames_and_path_moves_under_its_last_segment_or_the_name() {
        assert_eq!(change(r#"{"fileName":"a"}"#), Ok(Changed::Name("a".to_owned())));
        let Ok(Changed::Place(placement, name)) = change(r#"{"path":"a/b","ifExists":"replace"}"#) else { panic!() };
        assert_eq!((placement.path.as_str(), placement.if_exists, name.as_str()), ("a/b", IfExists::Replace, "b"));
        let Ok(Changed::Place(_, name)) = change(r#"{"path":"a/b","fileName":"c"}"#) else { panic!() };
        assert_eq!(name, "c");
    }

    #[test]
    fn field_that_is_wrong_is_named() {
        for (text, field) in [
            ("{}", "fileName"),
            (r#"{"fileName":""}"#, "fileName"),
            (r#"{"path":""}"#, "path"),
            (r#"{"path":"/a"}"#, "path"),
            (r#"{"path":"a","ifExists":"no"}"#, "ifExists"),
            (r#"{"fileName":"a","ifExists":"no"}"#, "ifExists"),
        ] {
            assert_eq!(change(text), Err(field.to_owned()), "{text}");
        }
    }
}
