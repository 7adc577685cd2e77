//! A place for a file of a video, and what to do where the database and the store may not say the same of it.

use std::fmt;

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::video::path;
use crate::video::path::VideoPath;

/// Where a file of a video is: there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Namespace.
    pub namespace: Name,
    /// Video.
    pub video: Name,
    /// Path.
    pub path: VideoPath,
}

impl Place {
    /// From the text of [`fmt::Display`].
    pub fn parse(text: &str) -> Option<Place> {
        let (namespace, rest) = text.split_once('/')?;
        let (video, path) = rest.split_once('/')?;
        Some(Place { namespace: Name::parse(namespace)?, video: Name::parse(video)?, path: VideoPath::parse(path)? })
    }

    /// Its key at the store.
    pub fn key(&self) -> String {
        path::key(&self.namespace, &self.video, &self.path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names have no slash.
        write!(f, "{}/{}/{}", self.namespace, self.video, self.path.as_str())
    }
}

/// What the database has at a place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Present {
    /// The version.
    pub id: Id,
    /// Who pays for it.
    pub account_id: Id,
    /// What the store said of it.
    pub etag: String,
    /// Since when it is to go.
    pub doomed_at: Option<EpochMs>,
    /// The version that it replaced.
    #[serde(default)]
    pub replaced_id: Option<Id>,
    /// Who paid for that.
    #[serde(default)]
    pub replaced_account: Option<Id>,
}

/// What the store has under the place's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtStore {
    /// Without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// How to bring the two in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciliation {
    /// They say the same, or it is about to go with its video.
    Nothing,
    /// The bytes were replaced and the row was not: it becomes the version whose end nobody heard.
    Supersede(Present, AtStore),
    /// The row has no bytes any more.
    Undo(Present),
    /// The bytes have no row.
    Delete,
}

/// See [`Reconciliation`].
pub fn reconciliation(present: Option<Present>, there: Option<AtStore>) -> Reconciliation {
    match (present, there) {
        (Some(present), _) if present.doomed_at.is_some() => Reconciliation::Nothing,
        (Some(present), Some(there)) if present.etag == there.etag => Reconciliation::Nothing,
        (Some(present), Some(there)) => Reconciliation::Supersede(present, there),
        (Some(present), None) => Reconciliation::Undo(present),
        (None, Some(_)) => Reconciliation::Delete,
        (None, None) => Reconciliation::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place {
            namespace: Name::parse("jt_user_a").unwrap(),
            video: Name::parse("film").unwrap(),
            path: VideoPath::parse("720p/a b/seg 1.m4s").unwrap(),
        };
        assert_eq!(Place::parse(&place.to_string()), Some(place.clone()));
        assert_eq!(place.key(), "users/a/v/film/720p/a b/seg 1.m4s");
        for wrong in ["", "a", "a/b", "a/b/", "a/b/../c", "/a/b"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_row_follows_the_store() {
        let id = Id::from_random([1; 16]);
        let row = |etag: &str, doomed_at| Present { id, account_id: id, etag: etag.to_owned(), doomed_at, replaced_id: None, replaced_account: None };
        let bytes = |etag: &str| AtStore { etag: etag.to_owned(), size: 5 };
        assert_eq!(reconciliation(Some(row("a", None)), Some(bytes("a"))), Reconciliation::Nothing);
        assert_eq!(reconciliation(Some(row("a", None)), Some(bytes("b"))), Reconciliation::Supersede(row("a", None), bytes("b")));
        assert_eq!(reconciliation(Some(row("a", None)), None), Reconciliation::Undo(row("a", None)));
        assert_eq!(reconciliation(None, Some(bytes("a"))), Reconciliation::Delete);
        assert_eq!(reconciliation(None, None), Reconciliation::Nothing);
        for there in [None, Some(bytes("a")), Some(bytes("b"))] {
            assert_eq!(reconciliation(Some(row("a", Some(EpochMs(1)))), there), Reconciliation::Nothing, "its removal sees to it");
        }
    }
}
