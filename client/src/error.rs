//! Errors, worded for the user who has to act on them.

use std::path::PathBuf;
use std::time::Duration;

use crate::api::{Asset, Problem, Strategy};

/// An error of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with a problem (RFC 9457).
    #[error("{}{}", .problem.title, explanation(.problem, *.status))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem.
        problem: Box<Problem>,
        /// Value of `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// No response.
    #[error("cannot reach the server: {0}")]
    Unreachable(String),
    /// An unexpected response.
    #[error("unexpected answer of the server: {0}")]
    Unexpected(String),
    /// The connection made no progress for too long.
    #[error("the connection stalled")]
    Stalled,
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The file was changed during its transfer: the local one of an upload, the stored one of a download.
    #[error("{} changed during the transfer", .0.display())]
    FileChanged(PathBuf),
    /// The server read the stored bytes back, and they are not those that were sent.
    #[error("what is stored as '{}' is not what was sent: the server's check of the bytes failed; delete it (jetty rm {}) and send it again", .0.name, .0.id)]
    Mismatch(Box<Asset>),
    /// A receipt is not to be believed, or not of the file.
    #[error("{0}")]
    Receipt(String),
    /// The session was ended by another client or by the server.
    #[error("the upload is {0}; run the same command again to start over")]
    Closed(String),
    /// Some of several files were not sent.
    #[error("{failed} of {total} files are not stored")]
    Incomplete {
        /// Files that are not stored.
        failed: usize,
        /// All files.
        total: usize,
    },
    /// Some of several files were not received.
    #[error("{failed} of {total} files are not received")]
    NotReceived {
        /// Files that are not received.
        failed: usize,
        /// All files.
        total: usize,
    },
    /// Some of several files were not moved or copied.
    #[error("{failed} of {total} files are not at their new paths")]
    NotMoved {
        /// Files that are not there.
        failed: usize,
        /// All files.
        total: usize,
    },
    /// Nothing is at a path.
    #[error("{0}")]
    NotFound(String),
    /// Two files can not both have a path or a name, or what is there is not to be replaced.
    #[error("{0}")]
    Clash(String),
    /// The arguments are invalid.
    #[error("{0}")]
    Usage(String),
}

fn explanation(problem: &Problem, status: u16) -> String {
    let mut text = String::new();
    if problem.title.is_empty() {
        text.push_str("refused");
    }
    if !problem.detail.is_empty() {
        text.push_str(&format!(": {}", problem.detail));
    }
    text.push_str(&format!(" (HTTP {status}"));
    if !problem.request_id.is_empty() {
        text.push_str(&format!(", request {}", problem.request_id));
    }
    text + ")"
}

/// Codes of passing statuses that no repetition of the request ends.
const LASTING: [&str; 7] =
    ["acceleration-off", "edge-closed", "misconfigured", "origin-credentials", "origin-clock-skew", "bandwidth-exceeded", "too-many-uploads"];

impl Error {
    /// The code of the server's problem, if there is one; `verification-mismatch` for [`Error::Mismatch`].
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Refused { problem, .. } => Some(&problem.code),
            Error::Mismatch(_) => Some("verification-mismatch"),
            _ => None,
        }
    }

    /// The effective plan, if the server refused because the client assumed another.
    pub fn strategy(&self) -> Option<Strategy> {
        match self {
            Error::Refused { problem, .. } if problem.code == "plan-mismatch" => problem.strategy,
            _ => None,
        }
    }

    /// The parts that the server refused because another client sent them.
    pub fn parts(&self) -> &[u32] {
        match self {
            Error::Refused { problem, .. } if problem.code == "parts-differ" => &problem.parts,
            _ => &[],
        }
    }

    /// HTTP status of the server's problem, if there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same request may succeed when repeated.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Refused { status, problem, .. } => {
                let code = problem.code.as_str();
                // From 520 on: those of the network in front of the service (Cloudflare documentation, "5xx errors").
                (matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=530) || matches!(code, "request-running" | "completion-running"))
                    && !LASTING.contains(&code)
            }
            Error::Unreachable(_) | Error::Stalled => true,
            _ => false,
        }
    }

    /// An answer that is not what it should be. Without the value at fault, which may be a token.
    pub(crate) fn malformed(error: &serde_json::Error) -> Error {
        let what = match error.classify() {
            serde_json::error::Category::Data => "a field is absent or of another type",
            _ => "it is not JSON",
        };
        Error::Unexpected(format!("{what} (line {}, column {})", error.line(), error.column()))
    }

    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::File { path: path.to_owned(), source }
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Error {
        // URLs may contain tokens, which must not appear in messages.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text = inner.to_string();
            source = inner.source();
        }
        if error.is_builder() {
            // No request was made, and none will be.
            Error::Usage(format!("the request cannot be made: {text}; are key, secret and names without control characters?"))
        } else if error.is_decode() {
            Error::Unexpected(text)
        } else {
            Error::Unreachable(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(status: u16, code: &str) -> Error {
        let problem = Problem { code: code.into(), title: "Title".into(), detail: "Detail.".into(), request_id: "r".into(), ..Problem::default() };
        Error::Refused { status, problem: Box::new(problem), retry_after: None }
    }

    #[test]
    fn errors_have_readable_messages_and_transience() {
        assert_eq!(refused(404, "not-found").to_string(), "Title: Detail. (HTTP 404, request r)");
        assert!(refused(503, "origin-unavailable").is_transient());
        assert!(
            !refused(503, "acceleration-off").is_transient()
                && !refused(503, "edge-closed").is_transient()
                && !refused(429, "bandwidth-exceeded").is_transient()
        );
        assert!(refused(429, "rate-limited").is_transient() && refused(409, "request-running").is_transient());
        assert!(!refused(410, "upload-closed").is_transient());
        assert!(Error::Stalled.is_transient() && !Error::Usage(String::new()).is_transient());
    }

    #[test]
    fn passing_statuses_are_repeated_and_lasting_refusals_are_not() {
        for status in [408, 425, 429, 500, 502, 503, 504].into_iter().chain(520..=530) {
            assert!(refused(status, "").is_transient(), "{status}");
        }
        for status in [400, 401, 403, 404, 409, 410, 411, 413, 415, 422, 501, 507, 519, 531] {
            assert!(!refused(status, "").is_transient(), "{status}");
        }
        assert!(LASTING.iter().all(|code| !refused(503, code).is_transient() && !refused(429, code).is_transient()));
        assert!(!Error::FileChanged("f".into()).is_transient());
    }

    #[tokio::test]
    async fn header_that_cannot_be_sent_is_wrong_usage_and_not_network_trouble() {
        let edge = crate::Edge::new("http://127.0.0.1:9", "jt_test_key\n", "jts_secret").unwrap();
        let ended = edge.quota().await.unwrap_err();
        assert!(matches!(ended, Error::Usage(_)), "{ended:?}");
        assert!(!format!("{ended} {ended:?}").contains("jt_test"));
    }

    #[tokio::test]
    async fn no_error_carries_a_token_url_key_or_secret() {
        use crate::stand_in::{StandIn, json_answer};
        let server = StandIn::start(|head, _| async move {
            // A token where a number belongs, and one in place of an object.
            let body =
                if head.uri.path().ends_with("cache-chunk") { json!({ "sessionId": 1, "uploadToken": "jtu1.SECRET" }) } else { json!("jtf1.SECRET") };
            json_answer(200, &body)
        })
        .await;
        let (edge, gone) = (server.edge(), crate::Edge::new("http://127.0.0.1:9", "jt_test_SECRET", "jts_SECRET").unwrap());
        let parsed = serde_json::from_str::<u32>("\"jtu1.SECRET\"").unwrap_err();
        assert!(parsed.to_string().contains("SECRET"), "the parser alone would tell it");
        let unreachable: Error = gone.plain(reqwest::Method::GET, "http://127.0.0.1:9/files/jtf1.SECRET/n").send().await.unwrap_err().into();
        let errors = [edge.session("s", false).await.unwrap_err(), edge.file("a").await.unwrap_err(), Error::malformed(&parsed), unreachable];
        for error in errors {
            assert!(!format!("{error} {error:?} {edge:?} {gone:?}").contains("SECRET"), "{error:?}");
        }
    }
}
