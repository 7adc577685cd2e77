//! The place of a video file (namespace, video, path), and the reconciliation of its row in D1 with its bytes at the origin.

use std::fmt;

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::video::path;
use crate::video::path::VideoPath;

/// Identifies a video file. At most one version exists at a time.
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
    /// Parses the form that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Place> {
        let (namespace, rest) = text.split_once('/')?;
        let (video, path) = rest.split_once('/')?;
        Some(Place { namespace: Name::parse(namespace)?, video: Name::parse(video)?, path: VideoPath::parse(path)? })
    }

    /// Key at the origin.
    pub fn key(&self) -> String {
        path::key(&self.namespace, &self.video, &self.path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Namespace and video names contain no slash.
        write!(f, "{}/{}/{}", self.namespace, self.video, self.path.as_str())
    }
}

/// The row of a place in D1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Present {
    /// Version id.
    pub id: Id,
    /// The account that is charged for it.
    pub account_id: Id,
    /// ETag at the origin when the row was written.
    pub etag: String,
    /// When its video was deleted; `None` if it was not.
    pub doomed_at: Option<EpochMs>,
    /// Id of the version that it replaced.
    #[serde(default)]
    pub replaced_id: Option<Id>,
    /// The account that was charged for that version.
    #[serde(default)]
    pub replaced_account: Option<Id>,
}

/// The bytes at the origin under the place's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtStore {
    /// ETag, without quotes.
    pub etag: String,
    /// Size, bytes.
    pub size: u64,
}

/// How to make row and bytes consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciliation {
    /// Consistent, or about to be deleted with the video.
    Nothing,
    /// The bytes were replaced and the row was not: the row becomes the version whose write had an unknown outcome.
    Supersede(Present, AtStore),
    /// The row has no bytes: delete it.
    Undo(Present),
    /// The bytes have no row: delete them.
    Delete,
}

/// Decides how to reconcile the row with the bytes at the origin.
pub fn reconciliation(present: Option<Present>, stored: Option<AtStore>) -> Reconciliation {
    match (present, stored) {
        (Some(present), _) if present.doomed_at.is_some() => Reconciliation::Nothing,
        (Some(present), Some(stored)) if present.etag == stored.etag => Reconciliation::Nothing,
        (Some(present), Some(stored)) => Reconciliation::Supersede(present, stored),
        (Some(present), None) => Reconciliation::Undo(present),
        (None, Some(_)) => Reconciliation::Delete,
        (None, None) => Reconciliation::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_parse_round_trip() {
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
    fn row_and_bytes_give_the_reconciliation() {
        let id = Id::from_random([1; 16]);
        let row = |etag: &str, doomed_at| Present { id, account_id: id, etag: etag.to_owned(), doomed_at, replaced_id: None, replaced_account: None };
        let bytes = |etag: &str| AtStore { etag: etag.to_owned(), size: 5 };
        assert_eq!(reconciliation(Some(row("a", None)), Some(bytes("a"))), Reconciliation::Nothing);
        assert_eq!(reconciliation(Some(row("a", None)), Some(bytes("b"))), Reconciliation::Supersede(row("a", None), bytes("b")));
        assert_eq!(reconciliation(Some(row("a", None)), None), Reconciliation::Undo(row("a", None)));
        assert_eq!(reconciliation(None, Some(bytes("a"))), Reconciliation::Delete);
        assert_eq!(reconciliation(None, None), Reconciliation::Nothing);
        for stored in [None, Some(bytes("a")), Some(bytes("b"))] {
            assert_eq!(reconciliation(Some(row("a", Some(EpochMs(1)))), stored), Reconciliation::Nothing, "the deletion job handles it");
        }
    }
}
