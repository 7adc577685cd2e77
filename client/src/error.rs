//! What can go wrong, in words for the person who has to act on it.

use std::path::PathBuf;
use std::time::Duration;

use crate::api::{Problem, Strategy};

/// An error of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused.
    #[error("{}{}", .problem.title, explanation(.problem, *.status))]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        problem: Box<Problem>,
        /// When it asks to be asked again.
        retry_after: Option<Duration>,
    },
    /// No answer.
    #[error("cannot reach the server: {0}")]
    Unreachable(String),
    /// An answer that makes no sense.
    #[error("unexpected answer of the server: {0}")]
    Unexpected(String),
    /// No byte went through for too long.
    #[error("the connection stalled")]
    Stalled,
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file became another while it was sent.
    #[error("{} changed while it was being uploaded", .0.display())]
    FileChanged(PathBuf),
    /// The session was ended by somebody else.
    #[error("the upload is {0}; run the same command again to start over")]
    Closed(String),
    /// The arguments make no sense.
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
    /// The problem's code, if the server refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Refused { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }

    /// The plan that holds, if the server refused because another was assumed.
    pub fn strategy(&self) -> Option<Strategy> {
        match self {
            Error::Refused { problem, .. } if problem.code == "plan-mismatch" => problem.strategy,
            _ => None,
        }
    }

    /// The parts that the server refused for being another client's.
    pub fn parts(&self) -> &[u32] {
        match self {
            Error::Refused { problem, .. } if problem.code == "parts-differ" => &problem.parts,
            _ => &[],
        }
    }

    /// HTTP status, if the server refused.
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
                    && !matches!(code, "acceleration-off" | "misconfigured" | "origin-credentials" | "origin-clock-skew" | "bandwidth-exceeded")
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
        // URLs may hold tokens: they do not belong into messages.
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
    fn words_and_what_may_be_repeated() {
        assert_eq!(refused(404, "not-found").to_string(), "Title: Detail. (HTTP 404, request r)");
        assert!(refused(503, "origin-unavailable").is_transient());
        assert!(!refused(503, "acceleration-off").is_transient() && !refused(429, "bandwidth-exceeded").is_transient());
        assert!(refused(429, "rate-limited").is_transient() && refused(409, "request-running").is_transient());
        assert!(!refused(410, "upload-closed").is_transient());
        assert!(Error::Stalled.is_transient() && !Error::Usage(String::new()).is_transient());
    }
}
