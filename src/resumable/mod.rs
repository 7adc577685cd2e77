//! tus 1.0 and IETF resumable uploads (draft-ietf-httpbis-resumable-upload-11 and its interop versions 3, 5, 6 and 7): header fields in, a command out; a state of
//! the upload in, header fields out (docs/resumable.md). Both append to an upload session ([`crate::uploads::session::append`]).

pub mod answer;
pub mod checksum;
pub mod fields;
pub mod ietf;
pub mod metadata;
pub mod tus;

use crate::problem::Problem;

/// The largest body with a checksum, bytes: what belongs to it is recorded only once all of it was checked.
pub const MAX_CHECKED: u64 = 64 << 20;

/// A dialect, by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// tus 1.0 at `/tus`.
    Tus,
    /// IETF resumable uploads at `/resumable`.
    Ietf,
}

impl Dialect {
    /// The dialect of a path.
    pub fn of(path: &str) -> Option<Dialect> {
        match path.split('/').nth(1) {
            Some("tus") => Some(Dialect::Tus),
            Some("resumable") => Some(Dialect::Ietf),
            _ => None,
        }
    }

    /// The path of its uploads.
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Tus => "/tus",
            Dialect::Ietf => "/resumable",
        }
    }

    /// A problem as the dialect tells it: a value that is not allowed is a 400.
    pub fn tells(self, problem: Problem) -> Problem {
        match problem {
            Problem::Invalid { field, detail } => Problem::Malformed { detail: format!("{field}: {detail}") },
            problem => problem,
        }
    }
}

/// The method that is meant: `X-HTTP-Method-Override` of a POST counts in tus (tus 1.0, "X-HTTP-Method-Override").
pub fn method(path: &str, method: String, overriding: Option<&str>) -> String {
    match overriding.map(|text| text.trim().to_ascii_uppercase()) {
        Some(wanted) if method == "POST" && Dialect::of(path) == Some(Dialect::Tus) && matches!(wanted.as_str(), "PATCH" | "DELETE" | "HEAD") => {
            wanted
        }
        _ => method,
    }
}

/// Whether a request to store a file in one body creates an upload of IETF resumable uploads instead: a PUT at a path that says whether it is complete.
pub fn is_creation(method: &str, path: &str, fields: fields::Fields<'_>) -> bool {
    method == "PUT" && Dialect::of(path).is_none() && ["Upload-Complete", "Upload-Incomplete"].iter().any(|name| fields(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn override_counts_for_a_post_of_tus_only() {
        let told = |path, sent: &str, wanted| method(path, sent.to_owned(), wanted);
        assert_eq!(told("/tus/x", "POST", Some("patch")), "PATCH");
        assert_eq!(told("/tus/x", "POST", Some("DELETE")), "DELETE");
        assert_eq!(told("/tus/x", "POST", Some("OPTIONS")), "POST");
        assert_eq!(told("/tus/x", "GET", Some("PATCH")), "GET");
        assert_eq!(told("/resumable/x", "POST", Some("PATCH")), "POST");
        assert_eq!(told("/api/storage/upload", "POST", Some("DELETE")), "POST");
        assert_eq!(told("/tus", "POST", None), "POST");
    }

    #[test]
    fn put_that_says_whether_it_is_complete_creates_an_upload() {
        let with = |name| fields::tests::of(&[(name, "?0")]);
        assert!(is_creation("PUT", "/api/storage/upload/a/b", &with("Upload-Complete")) && is_creation("PUT", "/x", &with("Upload-Incomplete")));
        assert!(!is_creation("POST", "/api/storage/upload", &with("Upload-Complete")) && !is_creation("PUT", "/x", &with("Content-Length")));
    }

    #[test]
    fn dialect_is_that_of_the_first_segment() {
        assert_eq!(
            [Dialect::of("/tus"), Dialect::of("/tus/x"), Dialect::of("/resumable/x")],
            [Some(Dialect::Tus), Some(Dialect::Tus), Some(Dialect::Ietf)]
        );
        assert_eq!([Dialect::of("/tusk"), Dialect::of("/api/tus"), Dialect::of("/")], [None, None, None]);
    }
}
