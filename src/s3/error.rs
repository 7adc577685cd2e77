//! Classification of the store's error responses.

use serde::Deserialize;

use crate::problem::OriginFailure;
use crate::s3::xml;

/// The body of a refusal (Amazon S3 API reference, "REST error responses"). Other services of AWS, and gateways in their manner, wrap it:
/// `ErrorResponse` of one `Error`, `Response` of `Errors`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorDocument {
    // Lists, since a document with a repeated element must not lose its code.
    #[serde(rename = "Code")]
    codes: Vec<String>,
    #[serde(rename = "Message")]
    messages: Vec<String>,
    error: Vec<Wrapped>,
    errors: Vec<Errors>,
}

#[derive(Default, Deserialize)]
struct Wrapped {
    #[serde(rename = "Code", default)]
    codes: Vec<String>,
    #[serde(rename = "Message", default)]
    messages: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Errors {
    error: Vec<Wrapped>,
}

impl ErrorDocument {
    /// Codes and messages, the outermost first.
    fn read(body: &str) -> Option<(Vec<String>, Vec<String>)> {
        let document = xml::read::<ErrorDocument>(body).ok()?;
        let refuses = ["Error", "ErrorResponse", "Response"].into_iter().any(|name| document.is(name));
        let ErrorDocument { mut codes, mut messages, error, errors } = document.content;
        for wrapped in error.into_iter().chain(errors.into_iter().flat_map(|errors| errors.error)) {
            codes.extend(wrapped.codes);
            messages.extend(wrapped.messages);
        }
        refuses.then_some((codes, messages))
    }
}

/// A refusal: HTTP status and the S3 error code (empty if the body was no S3 error). No answer at all is status 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// HTTP status; 200 for an error inside a 200, 0 for no answer.
    pub status: u16,
    /// `NoSuchUpload`, `SlowDown`, …
    pub code: String,
    /// The store's words, for the log.
    pub message: String,
}

impl StoreError {
    /// No answer: refused, reset or cut off.
    pub fn unreachable(message: String) -> StoreError {
        StoreError { status: 0, code: String::new(), message }
    }

    /// No answer in time.
    pub fn timeout() -> StoreError {
        StoreError { status: 504, code: String::new(), message: "no answer in time".to_owned() }
    }

    /// Whether there was no answer because the connection broke.
    pub fn is_broken_off(&self) -> bool {
        self.status == 0
    }

    /// Reads an error answer; a body that is no S3 error leaves the code empty.
    pub fn read(status: u16, body: &str) -> StoreError {
        let (codes, messages) = ErrorDocument::read(body).unwrap_or_default();
        let first = |texts: Vec<String>| texts.first().map(|text| text.trim().to_owned()).unwrap_or_default();
        StoreError { status, code: first(codes), message: first(messages) }
    }

    /// Whether the store says that the upload does not exist (any more). A bare 404 may be any gateway's and proves nothing.
    pub fn is_no_such_upload(&self) -> bool {
        self.code == "NoSuchUpload"
    }

    /// Whether the store refused the bytes because they are not what the hash says: any 400 that names the content hash or digest,
    /// since stores do not agree on the code (AWS `XAmzContentSHA256Mismatch`, Swift and Ceph `BadDigest`).
    pub fn is_hash_mismatch(&self) -> bool {
        let names_hash = |text: &str| {
            let text = text.to_ascii_lowercase();
            ["sha256", "sha-256", "digest", "content hash", "contenthash"].into_iter().any(|name| text.contains(name))
        };
        self.status == 400 && (names_hash(&self.code) || names_hash(&self.message))
    }

    /// Whether the part list was refused: parts absent, replaced, out of order or too small.
    pub fn is_part_list_refused(&self) -> bool {
        matches!(self.code.as_str(), "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall")
    }

    /// Whether the store is failing (5xx) or timed out. A missing response does not count: the client may have disconnected.
    pub fn is_outage(&self) -> bool {
        self.status >= 500 && self.is_transient()
    }

    /// Whether the same call may succeed when repeated.
    pub fn is_transient(&self) -> bool {
        matches!(self.failure(), OriginFailure::Unreachable | OriginFailure::Unavailable | OriginFailure::Timeout)
    }

    /// Whether the answer does not say why: none arrived, or only its head, as when a store answers before it has read the body and closes.
    pub fn tells_no_reason(&self) -> bool {
        self.code.is_empty()
    }

    /// Whether the outcome is unknown: no response of the store itself arrived (connection lost, or a gateway's 502, 504, 52x).
    pub fn outcome_unknown(&self) -> bool {
        self.code.is_empty() && matches!(self.status, 0 | 502 | 504 | 520..=599)
    }

    /// Whether the store may have kept what it was sent: the outcome is unknown, or it failed with 500, which it may do after it has written.
    pub fn may_have_stored(&self) -> bool {
        self.outcome_unknown() || self.status == 500
    }

    /// The failure of a request with a body whose answer does not tell its reason, after the store was asked something without a body. A store that answers
    /// otherwise can be reached, so the request may be repeated.
    pub fn failure_after_asking(&self, asked: &Result<(), StoreError>) -> OriginFailure {
        match asked {
            _ if !self.tells_no_reason() => self.failure(),
            Ok(()) if self.status == 0 => OriginFailure::AnswerLost,
            // A gateway's.
            Ok(()) if self.status == 404 => OriginFailure::Unavailable,
            Err(asked) if asked.status != 0 && matches!(self.status, 0 | 400..=499) => asked.failure(),
            _ => self.failure(),
        }
    }

    /// The failure as an [`OriginFailure`].
    pub fn failure(&self) -> OriginFailure {
        match (self.code.as_str(), self.status) {
            (_, 0) => OriginFailure::Unreachable,
            ("RequestTimeTooSkewed", _) => OriginFailure::ClockSkew,
            ("RequestTimeout", _) | (_, 504) => OriginFailure::Timeout,
            ("SlowDown" | "InternalError" | "ServiceUnavailable" | "IncompleteAnswer", _) | (_, 429 | 500 | 502 | 503 | 520..=599) => {
                OriginFailure::Unavailable
            }
            (_, 401 | 403) => OriginFailure::Credentials,
            ("", status) => OriginFailure::Unexpected(format!("HTTP {status}")),
            (code, _) => OriginFailure::Unexpected(code.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str, message: &str) -> StoreError {
        StoreError::read(status, &format!("<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{message}</Message><X/></Error>"))
    }

    #[test]
    fn part_list_is_refused_by_three_codes_only() {
        for code in ["InvalidPart", "InvalidPartOrder", "EntityTooSmall"] {
            assert!(error(400, code, "").is_part_list_refused(), "{code}");
        }
        assert!(!error(400, "MalformedXML", "").is_part_list_refused() && !StoreError::read(400, "").is_part_list_refused());
    }

    #[test]
    fn bytes_may_be_stored_after_500_or_without_an_answer() {
        assert!(error(500, "InternalError", "").may_have_stored() && StoreError::timeout().may_have_stored());
        assert!(!error(503, "SlowDown", "").may_have_stored() && !error(400, "BadDigest", "").may_have_stored());
    }

    #[test]
    fn second_answer_counts_only_after_none_or_a_bare_4xx() {
        let refused = Err(error(403, "AccessDenied", ""));
        assert_eq!(StoreError::read(503, "").failure_after_asking(&refused), OriginFailure::Unavailable);
        assert_eq!(
            StoreError::read(400, "").failure_after_asking(&Err(StoreError::unreachable(String::new()))),
            OriginFailure::Unexpected("HTTP 400".into())
        );
    }

    #[test]
    fn code_and_message_are_read_and_trimmed() {
        let body = "\u{feff}\n<e:Error xmlns:e='urn:x'><e:Message> a&amp;b </e:Message><e:Code> SlowDown\n</e:Code><e:Details><e:Code>X</e:Code></e:Details></e:Error>";
        let expected = StoreError { status: 503, code: "SlowDown".into(), message: "a&b".into() };
        assert_eq!(StoreError::read(503, body), expected);
        for wrapped in [
            "<ErrorResponse xmlns='u'><Error><Type>Sender</Type><Code>SlowDown</Code><Message>a&amp;b</Message></Error></ErrorResponse>",
            "<Response><Errors><Error><Code><![CDATA[SlowDown]]></Code><Message>a&amp;b</Message></Error></Errors></Response>",
            "<error><Code>SlowDown</Code><Message>a&amp;b</Message></error>",
        ] {
            assert_eq!(StoreError::read(503, wrapped), expected, "{wrapped}");
        }
        for unreadable in ["", "<html>", "<html><Code>SlowDown</Code></html>", "<Error><Code>SlowDown</Code>", "{\"Code\":\"SlowDown\"}", "<Error/>"]
        {
            assert_eq!(StoreError::read(503, unreadable), StoreError { status: 503, code: String::new(), message: String::new() }, "{unreadable}");
        }
    }

    #[test]
    fn hash_mismatch_in_every_dialect() {
        assert!(error(400, "XAmzContentSHA256Mismatch", "").is_hash_mismatch());
        assert!(error(400, "BadDigest", "").is_hash_mismatch());
        assert!(error(400, "InvalidArgument", "x-amz-content-sha256 must match").is_hash_mismatch());
        assert!(!error(400, "InvalidArgument", "no").is_hash_mismatch());
        assert!(!error(403, "X", "digest").is_hash_mismatch());
    }

    #[test]
    fn lost_reason_is_that_of_the_next_answer_or_a_matter_of_trying_again() {
        let lost = StoreError::unreachable("Network connection lost.".to_owned());
        let bare = |status| StoreError::read(status, "");
        assert_eq!(lost.failure_after_asking(&Ok(())), OriginFailure::AnswerLost);
        assert_eq!(bare(404).failure_after_asking(&Ok(())), OriginFailure::Unavailable);
        assert_eq!(bare(403).failure_after_asking(&Ok(())), OriginFailure::Credentials);
        assert_eq!(bare(503).failure_after_asking(&Ok(())), OriginFailure::Unavailable);
        assert_eq!(lost.failure_after_asking(&Err(error(403, "AccessDenied", ""))), OriginFailure::Credentials);
        assert_eq!(bare(403).failure_after_asking(&Err(error(403, "RequestTimeTooSkewed", ""))), OriginFailure::ClockSkew);
        assert_eq!(lost.failure_after_asking(&Err(error(503, "SlowDown", ""))), OriginFailure::Unavailable);
        assert_eq!(lost.failure_after_asking(&Err(lost.clone())), OriginFailure::Unreachable);
        assert_eq!(error(403, "AccessDenied", "").failure_after_asking(&Err(error(503, "SlowDown", ""))), OriginFailure::Credentials);
    }

    #[test]
    fn the_rest_is_sorted_by_what_helps() {
        assert!(error(404, "NoSuchUpload", "").is_no_such_upload());
        assert_eq!(error(403, "RequestTimeTooSkewed", "").failure(), OriginFailure::ClockSkew);
        assert_eq!(error(403, "SignatureDoesNotMatch", "").failure(), OriginFailure::Credentials);
        assert_eq!(error(503, "SlowDown", "").failure(), OriginFailure::Unavailable);
        assert_eq!(error(200, "InternalError", "").failure(), OriginFailure::Unavailable);
        assert_eq!(StoreError::read(520, "<html>").failure(), OriginFailure::Unavailable);
        assert!(!StoreError::read(404, "<html>").is_no_such_upload());
        assert_eq!(StoreError::read(404, "<html>").failure(), OriginFailure::Unexpected("HTTP 404".into()));
        assert_eq!(StoreError::read(418, "").failure(), OriginFailure::Unexpected("HTTP 418".into()));
        assert!(error(400, "InvalidPart", "").is_part_list_refused());
        let twice = StoreError::read(404, "<Error><Code>NoSuchUpload</Code><Message>a</Message><Message>b</Message></Error>");
        assert_eq!((twice.is_no_such_upload(), twice.message.as_str()), (true, "a"));
        assert!(error(500, "", "").is_transient());
        assert!(
            StoreError::unreachable(String::new()).outcome_unknown()
                && StoreError::timeout().outcome_unknown()
                && StoreError::read(520, "<html>").outcome_unknown()
        );
        assert!(!error(503, "SlowDown", "").outcome_unknown() && !StoreError::read(403, "").outcome_unknown());
    }
}
