//! The one error type. Every failure that a caller can meet is a [`Problem`]; three total functions turn it into an HTTP answer:
//! [`Problem::kind`] (code, status, title), [`Problem::detail`] (safe to show) and [`Problem::extensions`] (what helps the caller go on).
//!
//! A 5xx never carries internals: what went wrong inside goes to the log through [`crate::worker::platform::log`], not to the caller.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::base::time::EpochMs;

/// One entry of the catalogue behind `GET /problems/<code>` (RFC 9457 section 3.1.1: `type` should resolve to documentation).
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last segment of the problem's `type`, stable for ever.
    pub code: &'static str,
    /// HTTP status, 400..=599.
    pub status: u16,
    /// Short, the same for every occurrence (RFC 9457 section 3.1.3).
    pub title: &'static str,
    /// What it means and what to do.
    pub about: &'static str,
}

/// Why a caller could not be identified. All are 401; the code tells a client whether to fetch a new token or to ask its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFailure {
    /// Nothing was presented.
    Missing,
    /// Malformed, unknown or forged; deliberately not told apart.
    Invalid,
    /// A genuine token past its expiry.
    Expired,
    /// A genuine token of another upload than the one the request names.
    OtherUpload,
    /// A webhook call whose timestamp is too old or too new.
    Stale,
}

/// What the origin did when it did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginFailure {
    /// No answer: connection refused, reset or cut off.
    Unreachable,
    /// It answered that it is overloaded or down (500, 503, SlowDown).
    Unavailable,
    /// It did not answer in time.
    Timeout,
    /// It refused our signature or key: an operator's fault, never the caller's.
    Credentials,
    /// Our clock and the origin's differ too much (RequestTimeTooSkewed).
    ClockSkew,
    /// Any other answer we have no use for. The S3 error code, if it sent one.
    Unexpected(String),
}

/// Everything that can go wrong, as a caller may know it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.kind().code)]
pub enum Problem {
    /// Absent, or another customer's: the two are never told apart.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// No valid proof of identity.
    Unauthenticated(AuthFailure),
    /// A body without `Content-Length`.
    LengthRequired,
    /// A body over what the route takes.
    BodyTooLarge {
        /// Bytes.
        limit: u64,
        /// Where larger bodies go, if anywhere.
        hint: &'static str,
    },
    /// A file that does not fit: the tier's limit, or what 10,000 parts can hold.
    FileTooLarge {
        /// The largest size that fits, bytes.
        limit: u64,
        /// The size that was asked for, bytes.
        size: u64,
    },
    /// Syntax: not JSON, not a number, not UTF-8.
    Malformed {
        /// What and where.
        detail: String,
    },
    /// `Content-Length` is not the plan's length of that part.
    LengthMismatch {
        /// Bytes by the plan.
        expected: u64,
        /// Bytes announced.
        actual: u64,
    },
    /// Well-formed but not allowed.
    Invalid {
        /// The field or header; nested fields with their path (`features.video_streaming`).
        field: Cow<'static, str>,
        /// What it should have been.
        detail: String,
    },
    /// No such part in this upload's plan.
    PartOutsidePlan {
        /// The number of parts: the allowed range is 1..=count.
        chunk_count: u32,
    },
    /// A chunk without its SHA-256 in a namespace that demands it.
    HashRequired,
    /// The origin computed another SHA-256 than the caller declared.
    ChunkHashMismatch,
    /// `complete` names another file hash than `start` did.
    FileHashMismatch,
    /// The answer to a challenge is wrong, late or an answer to nothing.
    ProofRefused,
    /// The account's tier has no such feature.
    TierForbids {
        /// Name of the tier.
        tier: String,
        /// Name of the feature.
        feature: &'static str,
    },
    /// The namespace has the feature switched off.
    FeatureOff {
        /// Name of the feature.
        feature: &'static str,
    },
    /// The account is suspended.
    Suspended,
    /// The account's storage does not hold it.
    StorageExceeded {
        /// Quota, bytes.
        limit: u64,
        /// In use, bytes.
        used: u64,
        /// MemoryPermit for uploads that have not ended, bytes.
        reserved: u64,
        /// Asked for, bytes.
        requested: u64,
    },
    /// The month's bandwidth is used up.
    BandwidthExceeded {
        /// Quota, bytes.
        limit: u64,
        /// Used, bytes.
        used: u64,
        /// When the next month begins.
        resets: EpochMs,
        /// Seconds until then.
        retry_after: u32,
    },
    /// Too many requests.
    RateLimited {
        /// Requests per window.
        limit: u64,
        /// Seconds.
        retry_after: u32,
    },
    /// A repeated provisioning names a lower tier than the account has.
    Downgrade {
        /// The account's tier.
        current: String,
    },
    /// The tier that is asked for does not hold what the account uses.
    BelowUsage {
        /// `storage` or `bandwidth`.
        resource: &'static str,
        /// That tier's quota, bytes.
        limit: u64,
        /// In use, bytes.
        used: u64,
    },
    /// Something of that name is there already.
    AlreadyExists {
        /// The field that names it.
        field: &'static str,
    },
    /// A namespace with files, uploads or an owner can not be deleted.
    NamespaceInUse,
    /// Only an operator may change this.
    OperatorOnly {
        /// The field.
        field: &'static str,
    },
    /// The Idempotency-Key came before with another request.
    KeyReused,
    /// The first request with this Idempotency-Key, or this webhook-id, is still running.
    StillRunning,
    /// `chunkSize` differs from the plan; the strategy that holds is attached.
    PlanMismatch {
        /// `{chunkSize, chunkCount, threads}`.
        strategy: Value,
    },
    /// `complete` before every part is there.
    PartsMissing {
        /// Part numbers, ascending.
        missing: Vec<u16>,
    },
    /// Recorded parts are not the ones the caller names: another client wrote into this upload.
    PartsDiffer {
        /// Part numbers, ascending.
        parts: Vec<u16>,
    },
    /// Another `complete` of the same upload is running.
    CompletionRunning,
    /// The upload is complete, so it cannot fail any more.
    AlreadyComplete,
    /// The upload takes no more parts.
    UploadClosed {
        /// `complete`, `completing` (the store may have put it together already: complete it), `failed` or `expired`.
        status: &'static str,
    },
    /// `JETTYSPEED_ENABLED` is false.
    AccelerationOff,
    /// The client has another version in mind than the one that is here.
    PreconditionFailed,
    /// A Range header no byte of the object satisfies.
    RangeNotSatisfiable {
        /// The object's size, bytes.
        size: u64,
    },
    /// The part reached the origin but could not be recorded.
    RecordFailed,
    /// The origin.
    Origin(OriginFailure),
    /// Vars or secrets are missing or malformed.
    Misconfigured {
        /// Their names; never their values.
        names: Vec<&'static str>,
    },
    /// A defect or an outage of ours.
    Internal,
}

macro_rules! catalogue {
    ($($name:ident = $code:literal, $status:literal, $title:literal, $about:literal;)*) => {
        $(const $name: Kind = Kind { code: $code, status: $status, title: $title, about: $about };)*
        /// Every problem there is, for `GET /problems/<code>`.
        pub const CATALOGUE: &[&Kind] = &[$(&$name),*];
    };
}

catalogue! {
    NOT_FOUND = "not-found", 404, "Not found", "There is no such thing, or it is not yours.";
    METHOD = "method-not-allowed", 405, "Method not allowed", "The path exists; the Allow header lists its methods.";
    UNAUTHENTICATED = "unauthenticated", 401, "Credentials missing or wrong", "Send 'Authorization: Bearer jt_…' with 'X-API-Secret: jts_…', or the upload's token as 'X-Upload-Token'.";
    TOKEN_EXPIRED = "token-expired", 401, "Upload token expired", "GET /api/jetty/cache-chunk?sessionId=… with the account's credentials returns a fresh one.";
    TOKEN_OTHER = "token-of-another-upload", 401, "The token belongs to another upload", "The session or upload id in the request is not the one the token was issued for.";
    STALE = "webhook-timestamp", 401, "Webhook timestamp out of tolerance", "webhook-timestamp may lie at most five minutes from now; check the sender's clock.";
    LENGTH_REQUIRED = "length-required", 411, "Content-Length required", "Bodies are streamed to the store, which must know their length first. Chunked transfer is not accepted.";
    BODY_TOO_LARGE = "body-too-large", 413, "Body too large", "The body is over this route's limit.";
    FILE_TOO_LARGE = "file-too-large", 413, "File too large", "The file is over the tier's limit or over what one upload can hold; 'limit' is the largest size that fits.";
    MALFORMED = "malformed-request", 400, "Malformed request", "The request could not be parsed.";
    LENGTH_MISMATCH = "length-mismatch", 400, "Wrong part length", "Every part but the last is exactly the plan's chunkSize long.";
    INVALID = "invalid-value", 422, "Invalid value", "A field or header has a value that is not allowed; 'field' names it.";
    PART_OUTSIDE = "part-outside-plan", 422, "No such part in the plan", "Parts are numbered from 1 to the plan's chunkCount.";
    HASH_REQUIRED = "chunk-hash-required", 422, "Chunk hash required", "Send the chunk's SHA-256 as X-Chunk-SHA256 (hex) or Content-Digest: sha-256=:…:. The store verifies it.";
    CHUNK_HASH = "chunk-hash-mismatch", 422, "Chunk hash mismatch", "The store received other bytes than the declared SHA-256 says. Nothing was recorded; send the chunk again.";
    FILE_HASH = "file-hash-mismatch", 422, "File hash mismatch", "'complete' names another fileHash than 'start' did.";
    PROOF = "proof-refused", 422, "Proof of possession refused", "The proof is wrong, late, or was used. Start again without it: for another challenge with fileHash, or to send the file without.";
    TIER = "tier-forbidden", 403, "Not in this tier", "The account's tier does not include this feature.";
    FEATURE = "feature-off", 403, "Feature switched off", "The namespace has this feature switched off.";
    SUSPENDED = "account-suspended", 403, "Account suspended", "The account is suspended; ask its administrator.";
    STORAGE = "storage-exceeded", 507, "Storage quota exceeded", "The file does not fit into the account's storage; delete files or upgrade.";
    BANDWIDTH = "bandwidth-exceeded", 429, "Bandwidth quota exceeded", "The account's bandwidth of this month is used up; it begins anew with the next, or upgrade.";
    RATE = "rate-limited", 429, "Too many requests", "Wait for Retry-After. RateLimit tells with every answer how many requests are left ('r') and in how many seconds there will be more ('t').";
    DOWNGRADE = "downgrade-refused", 409, "Provisioning does not downgrade", "The account has a higher tier; use upgrade, which checks what is in use, to lower it.";
    BELOW_USAGE = "below-usage", 409, "The tier does not hold what is used", "The account uses more than that tier allows; delete files, or repeat with \"force\": true.";
    EXISTS = "already-exists", 409, "Already exists", "Something of that name exists already; 'field' names it.";
    NAMESPACE_IN_USE = "namespace-in-use", 409, "Namespace in use", "The namespace has files, open uploads or an account whose own it is.";
    OPERATOR_ONLY = "operator-only", 403, "For operators only", "An account may rename its namespaces and set their TTLs; the rest is for operators.";
    KEY_REUSED = "idempotency-key-reused", 422, "Idempotency-Key reused", "This key came before with another request; use a new key for a new request.";
    STILL_RUNNING = "request-running", 409, "The first request is still running", "Repeat in a moment to get the first request's answer.";
    PLAN_MISMATCH = "plan-mismatch", 409, "chunkSize differs from the plan", "Use the attached strategy.";
    PARTS_MISSING = "parts-missing", 409, "Parts are missing", "'missing' lists the parts to send before completing.";
    PARTS_DIFFER = "parts-differ", 409, "Parts of another file", "The recorded 'parts' do not have the chunkHashes of this call: another client wrote into this upload. Start a new one.";
    COMPLETION_RUNNING = "completion-running", 409, "Completion is running", "Another call is completing this upload; repeat this one to get its answer.";
    ALREADY_COMPLETE = "already-complete", 409, "Upload already complete", "A completed upload cannot be failed; delete the file instead.";
    UPLOAD_CLOSED = "upload-closed", 410, "Upload closed", "The upload is complete, failed or expired and takes no more parts.";
    ACCELERATION_OFF = "acceleration-off", 503, "Accelerated uploads are switched off", "Use POST /api/storage/upload, or try again later.";
    PRECONDITION = "precondition-failed", 412, "Precondition failed", "If-Match or If-Unmodified-Since names another version than the one that is here.";
    RANGE = "range-not-satisfiable", 416, "Range not satisfiable", "No byte of the object lies in the range; Content-Range has its size.";
    RECORD_FAILED = "record-failed", 503, "Part not recorded", "The part reached the store but could not be recorded. Send it again, or find it with cache-chunk and reconcile=1 and tell its hash with POST cache-chunk.";
    ORIGIN_UNREACHABLE = "origin-unreachable", 502, "Store unreachable", "The store did not answer. Try again.";
    ORIGIN_UNAVAILABLE = "origin-unavailable", 503, "Store unavailable", "The store is overloaded or down. Try again after Retry-After.";
    ORIGIN_TIMEOUT = "origin-timeout", 504, "Store timed out", "The store did not answer in time. Try again.";
    ORIGIN_CREDENTIALS = "origin-credentials", 502, "Store refused this service", "The store refused this service's credentials: a matter for its operator.";
    ORIGIN_CLOCK = "origin-clock-skew", 502, "Clock skew towards the store", "This service's clock and the store's differ by more than 15 minutes: a matter for its operator.";
    ORIGIN_UNEXPECTED = "origin-error", 502, "Store error", "The store refused the operation; the request id helps this service's operator find out why.";
    MISCONFIGURED = "misconfigured", 503, "Service misconfigured", "Vars or secrets of this deployment are missing or malformed; 'names' lists them.";
    INTERNAL = "internal", 500, "Internal error", "A defect or an outage of this service; the request id helps its operator find it.";
}

impl Problem {
    /// A 422 that names the field.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem::Invalid { field: field.into(), detail: detail.into() }
    }

    /// Code, status and title.
    pub fn kind(&self) -> &'static Kind {
        match self {
            Problem::NotFound => &NOT_FOUND,
            Problem::MethodNotAllowed { .. } => &METHOD,
            Problem::Unauthenticated(AuthFailure::Missing | AuthFailure::Invalid) => &UNAUTHENTICATED,
            Problem::Unauthenticated(AuthFailure::Expired) => &TOKEN_EXPIRED,
            Problem::Unauthenticated(AuthFailure::OtherUpload) => &TOKEN_OTHER,
            Problem::Unauthenticated(AuthFailure::Stale) => &STALE,
            Problem::LengthRequired => &LENGTH_REQUIRED,
            Problem::BodyTooLarge { .. } => &BODY_TOO_LARGE,
            Problem::FileTooLarge { .. } => &FILE_TOO_LARGE,
            Problem::Malformed { .. } => &MALFORMED,
            Problem::LengthMismatch { .. } => &LENGTH_MISMATCH,
            Problem::Invalid { .. } => &INVALID,
            Problem::PartOutsidePlan { .. } => &PART_OUTSIDE,
            Problem::HashRequired => &HASH_REQUIRED,
            Problem::ChunkHashMismatch => &CHUNK_HASH,
            Problem::FileHashMismatch => &FILE_HASH,
            Problem::ProofRefused => &PROOF,
            Problem::TierForbids { .. } => &TIER,
            Problem::FeatureOff { .. } => &FEATURE,
            Problem::Suspended => &SUSPENDED,
            Problem::StorageExceeded { .. } => &STORAGE,
            Problem::BandwidthExceeded { .. } => &BANDWIDTH,
            Problem::RateLimited { .. } => &RATE,
            Problem::Downgrade { .. } => &DOWNGRADE,
            Problem::BelowUsage { .. } => &BELOW_USAGE,
            Problem::AlreadyExists { .. } => &EXISTS,
            Problem::NamespaceInUse => &NAMESPACE_IN_USE,
            Problem::OperatorOnly { .. } => &OPERATOR_ONLY,
            Problem::KeyReused => &KEY_REUSED,
            Problem::StillRunning => &STILL_RUNNING,
            Problem::PlanMismatch { .. } => &PLAN_MISMATCH,
            Problem::PartsMissing { .. } => &PARTS_MISSING,
            Problem::PartsDiffer { .. } => &PARTS_DIFFER,
            Problem::CompletionRunning => &COMPLETION_RUNNING,
            Problem::AlreadyComplete => &ALREADY_COMPLETE,
            Problem::UploadClosed { .. } => &UPLOAD_CLOSED,
            Problem::AccelerationOff => &ACCELERATION_OFF,
            Problem::PreconditionFailed => &PRECONDITION,
            Problem::RangeNotSatisfiable { .. } => &RANGE,
            Problem::RecordFailed => &RECORD_FAILED,
            Problem::Origin(OriginFailure::Unreachable) => &ORIGIN_UNREACHABLE,
            Problem::Origin(OriginFailure::Unavailable) => &ORIGIN_UNAVAILABLE,
            Problem::Origin(OriginFailure::Timeout) => &ORIGIN_TIMEOUT,
            Problem::Origin(OriginFailure::Credentials) => &ORIGIN_CREDENTIALS,
            Problem::Origin(OriginFailure::ClockSkew) => &ORIGIN_CLOCK,
            Problem::Origin(OriginFailure::Unexpected(_)) => &ORIGIN_UNEXPECTED,
            Problem::Misconfigured { .. } => &MISCONFIGURED,
            Problem::Internal => &INTERNAL,
        }
    }

    /// One sentence about this occurrence, safe to show to anyone.
    pub fn detail(&self) -> String {
        match self {
            Problem::MethodNotAllowed { allow } => format!("This path takes {allow}."),
            Problem::BodyTooLarge { limit, hint } => format!("The limit is {limit} bytes. {hint}").trim_end().to_owned(),
            Problem::FileTooLarge { limit, size } => format!("{size} bytes were asked for; at most {limit} fit."),
            Problem::Malformed { detail } => detail.clone(),
            Problem::LengthMismatch { expected, actual } => format!("The plan has {expected} bytes here, Content-Length says {actual}."),
            Problem::Invalid { field, detail } => format!("{field}: {detail}"),
            Problem::PartOutsidePlan { chunk_count } => format!("This upload's parts are 1 to {chunk_count}."),
            Problem::TierForbids { tier, feature } => format!("Tier '{tier}' does not include {feature}."),
            Problem::FeatureOff { feature } => format!("The namespace has {feature} switched off."),
            Problem::StorageExceeded { limit, used, reserved, requested } => {
                format!("{requested} bytes do not fit: of {limit}, {used} are in use and {reserved} reserved by uploads.")
            }
            Problem::BandwidthExceeded { limit, used, resets, .. } => {
                format!("{used} of {limit} bytes are used; the count begins anew at {}.", resets.rfc3339())
            }
            Problem::RateLimited { limit, retry_after } => format!("The limit is {limit}; try again in {retry_after} s."),
            Problem::Downgrade { current } => format!("The account's tier is '{current}'."),
            Problem::BelowUsage { resource, limit, used } => format!("{used} bytes of {resource} are used, the tier has {limit}."),
            Problem::AlreadyExists { field } => format!("{field}: is taken."),
            Problem::OperatorOnly { field } => format!("{field}: can be changed by operators only."),
            Problem::PartsMissing { missing } => format!("{} parts are not there yet.", missing.len()),
            Problem::UploadClosed { status } => format!("The upload is {status}."),
            Problem::RangeNotSatisfiable { size } => format!("The object has {size} bytes."),
            Problem::Misconfigured { names } => format!("Missing or malformed: {}.", names.join(", ")),
            other => other.kind().about.to_owned(),
        }
    }

    /// Members beyond RFC 9457's own that let a client go on without parsing prose.
    pub fn extensions(&self) -> Map<String, Value> {
        let value = match self {
            Problem::BodyTooLarge { limit, .. } => json!({ "limit": limit }),
            Problem::FileTooLarge { limit, size } => json!({ "limit": limit, "size": size }),
            Problem::LengthMismatch { expected, actual } => json!({ "expected": expected, "actual": actual }),
            Problem::Invalid { field, .. } => json!({ "field": field }),
            Problem::PartOutsidePlan { chunk_count } => json!({ "limit": chunk_count }),
            Problem::TierForbids { tier, feature } => json!({ "tier": tier, "feature": feature }),
            Problem::FeatureOff { feature } => json!({ "feature": feature }),
            Problem::StorageExceeded { limit, used, reserved, requested } => {
                json!({ "limit": limit, "used": used, "reserved": reserved, "requested": requested })
            }
            Problem::BandwidthExceeded { limit, used, resets, .. } => json!({ "limit": limit, "used": used, "resets": resets.rfc3339() }),
            Problem::RateLimited { limit, .. } => json!({ "limit": limit }),
            Problem::Downgrade { current } => json!({ "tier": current }),
            Problem::BelowUsage { resource, limit, used } => json!({ "resource": resource, "limit": limit, "used": used }),
            Problem::AlreadyExists { field } | Problem::OperatorOnly { field } => json!({ "field": field }),
            Problem::PlanMismatch { strategy } => json!({ "strategy": strategy }),
            Problem::PartsMissing { missing } => json!({ "missing": missing }),
            Problem::PartsDiffer { parts } => json!({ "parts": parts }),
            Problem::UploadClosed { status } => json!({ "uploadStatus": status }),
            Problem::RangeNotSatisfiable { size } => json!({ "size": size }),
            Problem::Misconfigured { names } => json!({ "names": names }),
            _ => Value::Null,
        };
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Seconds after which a repeat may help (`Retry-After`, RFC 9110 section 10.2.3); None where it can not.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Problem::Origin(OriginFailure::Unreachable | OriginFailure::Timeout)
            | Problem::RecordFailed
            | Problem::CompletionRunning
            | Problem::StillRunning => Some(1),
            Problem::RateLimited { retry_after, .. } | Problem::BandwidthExceeded { retry_after, .. } => Some(*retry_after),
            Problem::Origin(OriginFailure::Unavailable) => Some(2),
            Problem::AccelerationOff | Problem::Misconfigured { .. } => Some(60),
            _ => None,
        }
    }

    /// The `application/problem+json` body (RFC 9457).
    pub fn to_json(&self, request_id: &str) -> Value {
        let kind = self.kind();
        let mut body = self.extensions();
        for (name, value) in [
            ("type", json!(format!("/problems/{}", kind.code))),
            ("title", json!(kind.title)),
            ("status", json!(kind.status)),
            ("detail", json!(self.detail())),
            ("code", json!(kind.code)),
            ("requestId", json!(request_id)),
        ] {
            body.insert(name.to_owned(), value);
        }
        if let Some(seconds) = self.retry_after() {
            body.insert("retryAfter".to_owned(), json!(seconds));
        }
        Value::Object(body)
    }
}

/// Looks up what `GET /problems/<code>` explains.
pub fn explain(code: &str) -> Option<&'static Kind> {
    CATALOGUE.iter().find(|kind| kind.code == code).copied()
}

/// The page that explains a problem to a person, as HTML.
pub fn page(kind: &Kind) -> String {
    let text = |text: &'static str| quick_xml::escape::escape(text);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }} body {{ max-width: 42rem; margin: 3rem auto; padding: 0 1rem }}</style>\n\
         <h1>{title}</h1>\n<p>{about}</p>\n<dl><dt>Code</dt><dd><code>{code}</code></dd><dt>HTTP status</dt><dd>{status}</dd></dl>\n\
         <p><a href=\"/docs/api.md\">API reference</a> · <a href=\"/\">JettySpeed edge</a></p>\n</html>\n",
        title = text(kind.title),
        about = text(kind.about),
        code = kind.code,
        status = kind.status,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut codes: Vec<_> = CATALOGUE.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CATALOGUE.len());
        assert!(CATALOGUE.iter().all(|kind| (400..600).contains(&kind.status)));
    }

    #[test]
    fn a_problem_names_its_code_status_and_request() {
        let body = Problem::PartsMissing { missing: vec![2, 5] }.to_json("r-1");
        assert_eq!(
            body.to_string(),
            r#"{"code":"parts-missing","detail":"2 parts are not there yet.","missing":[2,5],"requestId":"r-1","status":409,"title":"Parts are missing","type":"/problems/parts-missing"}"#
        );
    }

    #[test]
    fn origin_trouble_says_when_to_retry_and_hides_the_rest() {
        let body = Problem::Origin(OriginFailure::Unavailable).to_json("r");
        assert_eq!(body.get("retryAfter"), Some(&json!(2)));
        assert_eq!(Problem::Internal.extensions().len(), 0);
        assert_eq!(explain("origin-clock-skew").map(|kind| kind.status), Some(502));
    }

    #[test]
    fn page_of_a_problem_is_escaped_html() {
        for kind in CATALOGUE {
            let page = page(kind);
            assert!(page.starts_with("<!doctype html>") && page.contains(kind.code) && page.contains(&kind.status.to_string()), "{}", kind.code);
        }
        let page = page(&Kind { code: "x", status: 400, title: "a < b", about: "<script>" });
        assert!(page.contains("a &lt; b") && !page.contains("<script>"));
    }
}
