//! Errors, worded for the user who has to act on them.

use std::path::PathBuf;
use std::time::Duration;

use crate::api::{Problem, Strategy};

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
    /// The file was changed during the upload.
    #[error("{} changed while it was being uploaded", .0.display())]
    FileChanged(PathBuf),
    /// The session was ended by another client or by the server.
    #[error("the upload is {0}; run the same command again to start over")]
    Closed(String),
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

impl Error {
    /// The code of the server's problem, if there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Refused { problem, .. } => Some(&problem.code),
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
                (matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) || matches!(code, "request-running" | "completion-running"))
                    && !matches!(
                        code,
                        "acceleration-off" | "edge-closed" | "misconfigured" | "origin-credentials" | "origin-clock-skew" | "bandwidth-exceeded"
                    )
            }
            Error::Unreachable(_) | Error::Stalled => true,
            _ => false,
        }
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
        if error.is_decode() { Error::Unexpected(text) } else { Error::Unreachable(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
