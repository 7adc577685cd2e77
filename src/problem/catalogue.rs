//! The problem catalogue: code, status, title and description of each, and the mapping from [`Problem`] to its entry.

use crate::problem::error::{AuthFailure, OriginFailure, Problem};

/// One entry of the catalogue behind `GET /problems/<code>` (RFC 9457 section 3.1.1: `type` should resolve to documentation).
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last segment of the problem's `type`. Never changes: clients compare it.
    pub code: &'static str,
    /// HTTP status, 400..=599.
    pub status: u16,
    /// Short, the same for every occurrence (RFC 9457 section 3.1.3).
    pub title: &'static str,
    /// What the problem means and what the caller can do.
    pub about: &'static str,
}

macro_rules! catalogue {
    ($($name:ident = $code:literal, $status:literal, $title:literal, $about:literal;)*) => {
        $(const $name: Kind = Kind { code: $code, status: $status, title: $title, about: $about };)*
        /// Every problem, for `GET /problems/<code>`.
        pub const CATALOGUE: &[&Kind] = &[$(&$name),*];
    };
}

catalogue! {
    NOT_FOUND = "not-found", 404, "Not found", "There is no such thing, or it is not yours.";
    METHOD = "method-not-allowed", 405, "Method not allowed", "The path exists; the Allow header lists its methods.";
    UNAUTHENTICATED = "unauthenticated", 401, "Credentials missing or wrong", "Send 'Authorization: Bearer jt_…' with 'X-API-Secret: jts_…', or the upload's token as 'X-Upload-Token'.";
    TOKEN_EXPIRED = "token-expired", 401, "Upload token expired", "GET /api/jetty/cache-chunk?sessionId=… with the account's credentials returns a fresh one.";
    TOKEN_REVOKED = "token-revoked", 401, "Upload token revoked", "The account's credentials were replaced since the upload was started. GET /api/jetty/cache-chunk?sessionId=… with the new ones returns a fresh token.";
    TOKEN_OTHER = "token-of-another-upload", 401, "The token belongs to another upload", "The session or upload id in the request is not the one the token was issued for.";
    STALE = "webhook-timestamp", 401, "Webhook timestamp out of tolerance", "webhook-timestamp may lie at most five minutes from now; check the sender's clock.";
    LENGTH_REQUIRED = "length-required", 411, "Content-Length required", "Bodies are streamed to the store, which must know their length first. Chunked transfer is not accepted.";
    BODY_TOO_LARGE = "body-too-large", 413, "Body too large", "The body is over this route's limit.";
    ENCODED_BODY = "encoded-body", 415, "Content-Encoding not accepted", "Bodies are taken and stored as they are: send the file or the JSON itself, without Content-Encoding.";
    BODY_TOO_SLOW = "body-too-slow", 408, "Body too slow", "After its first 10 seconds a body that is read whole must come at 64 KB per second or faster. Send it again, or larger files through a session.";
    BUSY = "busy", 503, "No memory is free", "Too many bodies are being read at once, here or for this account. Send it again after Retry-After.";
    FILE_TOO_LARGE = "file-too-large", 413, "File too large", "The file is over the tier's limit or over what one upload can hold; 'limit' is the largest size that fits.";
    MALFORMED = "malformed-request", 400, "Malformed request", "The request could not be parsed.";
    LENGTH_MISMATCH = "length-mismatch", 400, "Wrong part length", "Every part but the last is exactly the plan's chunkSize long.";
    INVALID = "invalid-value", 422, "Invalid value", "A field or header has a value that is not allowed; 'field' names it.";
    PART_OUTSIDE = "part-outside-plan", 422, "No such part in the plan", "Parts are numbered from 1 to the plan's chunkCount.";
    HASH_REQUIRED = "chunk-hash-required", 422, "Chunk hash required", "Send the chunk's SHA-256 as X-Chunk-SHA256 (hex) or Content-Digest: sha-256=:…:. The store verifies it.";
    CHUNK_HASH = "chunk-hash-mismatch", 422, "Chunk hash mismatch", "The store received other bytes than the declared SHA-256 says. Nothing was recorded; send the chunk again.";
    FILE_HASH = "file-hash-mismatch", 422, "File hash mismatch", "'complete' names another fileHash than 'start' did.";
    PATH_TAKEN = "path-taken", 409, "Path taken", "Another file has this path. Choose another one, or send ifExists: replace or keep-both.";
    PROOF = "proof-refused", 422, "Proof of possession refused", "The proof is wrong, late, or was used. Start again without it: for another challenge with fileHash, or to send the file without.";
    TIER = "tier-forbidden", 403, "Not in this tier", "The account's tier does not include this feature.";
    FEATURE = "feature-off", 403, "Feature switched off", "The namespace has this feature switched off.";
    SUSPENDED = "account-suspended", 403, "Account suspended", "The account is suspended; ask its administrator.";
    STORAGE = "storage-exceeded", 507, "Storage quota exceeded", "The file does not fit into the account's storage; delete files or upgrade.";
    OBJECTS = "too-many-objects", 507, "Too many files", "The account has as many files and video files as its tier allows; delete some or upgrade.";
    UPLOADS = "too-many-uploads", 429, "Too many open uploads", "The account has as many open uploads as its tier allows; complete or fail one, or upgrade.";
    BANDWIDTH = "bandwidth-exceeded", 429, "Bandwidth quota exceeded", "The account's bandwidth of this month is used up; it begins anew with the next, or upgrade.";
    RATE = "rate-limited", 429, "Too many requests", "Wait for Retry-After. RateLimit tells with every answer how many requests are left ('r') and in how many seconds there will be more ('t').";
    DOWNGRADE = "downgrade-refused", 409, "Provisioning does not downgrade", "The account has a higher tier; use upgrade, which checks what is in use, to lower it.";
    BELOW_USAGE = "below-usage", 409, "The tier does not hold what is used", "The account uses more than that tier allows; delete files, or repeat with \"force\": true.";
    EXISTS = "already-exists", 409, "Already exists", "Something of that name exists already; 'field' names it.";
    NAMESPACE_IN_USE = "namespace-in-use", 409, "Namespace in use", "The namespace has files, open uploads or an account whose own it is.";
    WEBHOOKS = "too-many-webhooks", 409, "Too many webhooks", "The namespace has as many webhook endpoints as it may, or the endpoint as many undelivered events: delete some, or make it answer.";
    DELETING = "account-deleting", 409, "Account is being deleted", "The account is being deleted and can not be changed, nor be had again before it is gone: within a day. Provisioning then creates a new one.";
    MOVING = "account-moving", 503, "Account is being moved", "The account is on its way to another database: it can be read, and be changed again in some minutes. Try again after Retry-After.";
    NOT_MOVABLE = "not-movable", 409, "Account can not be moved", "The account shares a namespace or bytes with others, which live in one database; 'detail' says which. Move nothing, or undo that first.";
    OTHER_SHARD = "other-shard", 409, "Account and namespace in different databases", "Members of a namespace live in its database: move the account there first.";
    OPERATOR_ONLY = "operator-only", 403, "For operators only", "An account may rename the namespaces that it manages and set their TTLs; the rest is for operators.";
    MANAGER_ONLY = "manager-only", 403, "For managers only", "In a shared namespace a member changes its own things; others' things, the name and the TTLs are for its managers.";
    KEY_REUSED = "idempotency-key-reused", 422, "Idempotency-Key reused", "This key came before with another request; use a new key for a new request.";
    STILL_RUNNING = "request-running", 409, "The first request is still running", "Repeat in a moment to get the first request's answer.";
    PLAN_MISMATCH = "plan-mismatch", 409, "chunkSize is above the plan's", "Use the attached strategy.";
    PARTS_MISSING = "parts-missing", 409, "Parts are missing", "'missing' lists the parts to send before completing.";
    PARTS_DIFFER = "parts-differ", 409, "Parts of another file", "The recorded 'parts' do not have the chunkHashes of this call: another client wrote into this upload. Start a new one.";
    COMPLETION_RUNNING = "completion-running", 409, "Completion is running", "Another call is completing this upload; repeat this one to get its answer.";
    ALREADY_COMPLETE = "already-complete", 409, "Upload already complete", "A completed upload cannot be failed; delete the file instead.";
    UPLOAD_CLOSED = "upload-closed", 410, "Upload closed", "The upload is complete, failed or expired and takes no more parts.";
    EDGE_CLOSED = "edge-closed", 503, "Edge takes no uploads", "This edge is drained or disabled; send to another address of 'edges', or to the service's own.";
    BAD_HEADER = "invalid-header", 400, "Invalid header", "A header of the upload protocol is absent or has a value that is not allowed; 'field' names it.";
    TUS_VERSION = "tus-version", 412, "Version of tus not supported", "Send Tus-Resumable: 1.0.0; Tus-Version lists what is supported.";
    WRONG_OFFSET = "mismatching-upload-offset", 409, "Wrong offset", "The bytes do not begin at the upload's offset: HEAD tells it.";
    INCONSISTENT_LENGTH = "inconsistent-upload-length", 400, "Inconsistent length", "The lengths of this request and of the upload contradict each other.";
    COMPLETED_UPLOAD = "completed-upload", 400, "Upload is complete", "The upload has all its bytes and takes no more.";
    UPLOAD_LOCKED = "upload-locked", 423, "Upload locked", "Another request is appending to this upload, or has taken it over. Ask for the offset and try again.";
    CHECKSUM = "checksum-mismatch", 460, "Checksum mismatch", "The body does not have the checksum of Upload-Checksum. Nothing of it was kept; send it again.";
    DIGEST = "digest-mismatch", 400, "Digest mismatch", "The body does not have the digest of Content-Digest. Nothing of it was kept; send it again.";
    APPEND_TYPE = "append-type", 415, "Wrong media type", "Bytes are appended as application/offset+octet-stream (tus) or application/partial-upload (IETF resumable uploads).";
    NOT_APPENDABLE = "not-appendable", 403, "Upload can not be appended to", "The upload's chunkSize is over 16 MiB: send its parts, or start an upload with tus or IETF resumable uploads.";
    FINAL_UPLOAD = "final-upload", 403, "Final upload", "The upload is concatenated from others and takes no bytes of its own.";
    ACCELERATION_OFF = "acceleration-off", 503, "Accelerated uploads are switched off", "Use POST /api/storage/upload, or try again later.";
    RECEIPTS_OFF = "receipts-off", 503, "Receipts are switched off", "This deployment has no RECEIPT_KEYS to sign receipts with: a matter for its operator.";
    PRECONDITION = "precondition-failed", 412, "Precondition failed", "If-Match or If-Unmodified-Since names another version than the one that is here.";
    RANGE = "range-not-satisfiable", 416, "Range not satisfiable", "No byte of the object lies in the range; Content-Range has its size.";
    RECORD_FAILED = "record-failed", 503, "Part not recorded", "The part reached the store but could not be recorded. Send it again, or find it with cache-chunk and reconcile=1 and tell its hash with POST cache-chunk.";
    CACHE_BUSY = "cache-busy", 503, "Response not cached", "The cache takes one write a second for each entry and did not take this one; what it had of it stays. Send it again after Retry-After.";
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
    /// Code, status and title.
    pub fn kind(&self) -> &'static Kind {
        match self {
            Problem::NotFound => &NOT_FOUND,
            Problem::MethodNotAllowed { .. } => &METHOD,
            Problem::Unauthenticated(AuthFailure::Missing | AuthFailure::Invalid) => &UNAUTHENTICATED,
            Problem::Unauthenticated(AuthFailure::Expired) => &TOKEN_EXPIRED,
            Problem::Unauthenticated(AuthFailure::Revoked) => &TOKEN_REVOKED,
            Problem::Unauthenticated(AuthFailure::OtherUpload) => &TOKEN_OTHER,
            Problem::Unauthenticated(AuthFailure::Stale) => &STALE,
            Problem::LengthRequired => &LENGTH_REQUIRED,
            Problem::BodyTooLarge { .. } => &BODY_TOO_LARGE,
            Problem::EncodedBody => &ENCODED_BODY,
            Problem::BodyTooSlow => &BODY_TOO_SLOW,
            Problem::Busy => &BUSY,
            Problem::FileTooLarge { .. } => &FILE_TOO_LARGE,
            Problem::Malformed { .. } => &MALFORMED,
            Problem::LengthMismatch { .. } => &LENGTH_MISMATCH,
            Problem::Invalid { .. } | Problem::ChunkTooSmall { .. } => &INVALID,
            Problem::PartOutsidePlan { .. } => &PART_OUTSIDE,
            Problem::HashRequired => &HASH_REQUIRED,
            Problem::ChunkHashMismatch => &CHUNK_HASH,
            Problem::FileHashMismatch => &FILE_HASH,
            Problem::ProofRefused => &PROOF,
            Problem::TierForbids { .. } => &TIER,
            Problem::FeatureOff { .. } => &FEATURE,
            Problem::Suspended => &SUSPENDED,
            Problem::StorageExceeded { .. } => &STORAGE,
            Problem::TooManyObjects { .. } => &OBJECTS,
            Problem::TooManyUploads { .. } => &UPLOADS,
            Problem::BandwidthExceeded { .. } => &BANDWIDTH,
            Problem::RateLimited { .. } => &RATE,
            Problem::Downgrade { .. } => &DOWNGRADE,
            Problem::BelowUsage { .. } => &BELOW_USAGE,
            Problem::AlreadyExists { .. } => &EXISTS,
            Problem::NamespaceInUse => &NAMESPACE_IN_USE,
            Problem::TooManyWebhooks { .. } => &WEBHOOKS,
            Problem::ReceiptsOff => &RECEIPTS_OFF,
            Problem::AccountDeleting => &DELETING,
            Problem::AccountMoving => &MOVING,
            Problem::NotMovable { .. } => &NOT_MOVABLE,
            Problem::OtherShard { .. } => &OTHER_SHARD,
            Problem::OperatorOnly { .. } => &OPERATOR_ONLY,
            Problem::ManagerOnly => &MANAGER_ONLY,
            Problem::KeyReused => &KEY_REUSED,
            Problem::StillRunning => &STILL_RUNNING,
            Problem::PlanMismatch { .. } => &PLAN_MISMATCH,
            Problem::PartsMissing { .. } => &PARTS_MISSING,
            Problem::PartsDiffer { .. } => &PARTS_DIFFER,
            Problem::CompletionRunning => &COMPLETION_RUNNING,
            Problem::AlreadyComplete => &ALREADY_COMPLETE,
            Problem::PathTaken { .. } => &PATH_TAKEN,
            Problem::UploadClosed { .. } => &UPLOAD_CLOSED,
            Problem::EdgeClosed { .. } => &EDGE_CLOSED,
            Problem::BadHeader { .. } => &BAD_HEADER,
            Problem::TusVersion => &TUS_VERSION,
            Problem::WrongOffset { .. } => &WRONG_OFFSET,
            Problem::InconsistentLength => &INCONSISTENT_LENGTH,
            Problem::CompletedUpload => &COMPLETED_UPLOAD,
            Problem::UploadLocked => &UPLOAD_LOCKED,
            Problem::ChecksumMismatch { is_digest: false } => &CHECKSUM,
            Problem::ChecksumMismatch { is_digest: true } => &DIGEST,
            Problem::AppendType { .. } => &APPEND_TYPE,
            Problem::NotAppendable => &NOT_APPENDABLE,
            Problem::FinalUpload => &FINAL_UPLOAD,
            Problem::AccelerationOff => &ACCELERATION_OFF,
            Problem::PreconditionFailed => &PRECONDITION,
            Problem::RangeNotSatisfiable { .. } => &RANGE,
            Problem::RecordFailed => &RECORD_FAILED,
            Problem::CacheBusy => &CACHE_BUSY,
            Problem::Origin(OriginFailure::Unreachable) => &ORIGIN_UNREACHABLE,
            Problem::Origin(OriginFailure::Unavailable | OriginFailure::AnswerLost) => &ORIGIN_UNAVAILABLE,
            Problem::Origin(OriginFailure::Timeout) => &ORIGIN_TIMEOUT,
            Problem::Origin(OriginFailure::Credentials) => &ORIGIN_CREDENTIALS,
            Problem::Origin(OriginFailure::ClockSkew) => &ORIGIN_CLOCK,
            Problem::Origin(OriginFailure::Unexpected(_)) => &ORIGIN_UNEXPECTED,
            Problem::Misconfigured { .. } => &MISCONFIGURED,
            Problem::Internal => &INTERNAL,
        }
    }
}

/// The catalogue entry of `code`, for `GET /problems/<code>`.
pub fn explain(code: &str) -> Option<&'static Kind> {
    CATALOGUE.iter().find(|kind| kind.code == code).copied()
}
