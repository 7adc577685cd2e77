//! Every failure that a caller can receive.

use std::borrow::Cow;

use serde_json::Value;

use crate::base::id::Id;
use crate::base::time::EpochMs;

/// Why a caller could not be identified. All are 401; from the code a client decides whether to fetch a new token or to prompt its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFailure {
    /// No credentials were presented.
    Missing,
    /// Malformed, unknown or forged: one code for all, so that a response does not reveal which keys exist.
    Invalid,
    /// A valid token past its expiry.
    Expired,
    /// A valid token whose account's credentials were replaced since.
    Revoked,
    /// A valid token of another upload than the one the request names.
    OtherUpload,
    /// A webhook call whose timestamp is too old or too new.
    Stale,
}

/// Failures of an origin request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginFailure {
    /// No response: connection refused, reset or closed early.
    Unreachable,
    /// The origin is overloaded or down (500, 503, SlowDown).
    Unavailable,
    /// The origin can be reached, but its response to this request was lost: it may have carried the request out.
    AnswerLost,
    /// No response in time.
    Timeout,
    /// The origin refused this service's signature or key: for the operator to correct, not the caller.
    Credentials,
    /// The clocks of this service and the origin differ too much (RequestTimeTooSkewed).
    ClockSkew,
    /// Any other error response, with its S3 error code if it has one.
    Unexpected(String),
}

/// Every failure, with the data that a caller may see.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.kind().code)]
pub enum Problem {
    /// Absent, or another account's: one code for both, so that a response does not reveal which resources exist.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// Credentials are missing or not valid.
    Unauthenticated(AuthFailure),
    /// A body without `Content-Length`.
    LengthRequired,
    /// A body over the route's limit.
    BodyTooLarge {
        /// Bytes.
        limit: u64,
        /// The route that accepts larger bodies, or empty.
        hint: &'static str,
    },
    /// A body with a `Content-Encoding`.
    EncodedBody,
    /// A body that came too slowly.
    BodyTooSlow,
    /// No memory is free to read a body, or an answer of the store, whole.
    Busy,
    /// A file that does not fit: the tier's limit, or what 10,000 parts can hold.
    FileTooLarge {
        /// The largest size that fits, bytes.
        limit: u64,
        /// The size that was asked for, bytes.
        size: u64,
    },
    /// Syntax: not JSON, not a number, not UTF-8.
    Malformed {
        /// The error and its position.
        detail: String,
    },
    /// `Content-Length` is not the plan's length of that part.
    LengthMismatch {
        /// Bytes according to the plan.
        expected: u64,
        /// Bytes according to `Content-Length`.
        actual: u64,
    },
    /// Well-formed but not allowed.
    Invalid {
        /// The field or header; nested fields with their path (`features.video_streaming`).
        field: Cow<'static, str>,
        /// The allowed values.
        detail: String,
    },
    /// `chunkSize` is under the store's smallest part, or gives too many parts.
    ChunkTooSmall {
        /// The smallest that this file can be sent in, bytes.
        least: u64,
        /// Maximum number of parts.
        most_parts: u64,
    },
    /// No such part in this upload's plan.
    PartOutsidePlan {
        /// The number of parts: the allowed range is 1..=count.
        chunk_count: u32,
    },
    /// A chunk without its SHA-256 in a namespace that requires it.
    HashRequired,
    /// The origin computed another SHA-256 than the caller declared.
    ChunkHashMismatch,
    /// `complete` names another file hash than `start` did.
    FileHashMismatch,
    /// The answer to a possession challenge is wrong, late, or has no pending challenge.
    ProofRefused,
    /// The account's tier does not include the feature.
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
    /// The file exceeds the account's storage quota.
    StorageExceeded {
        /// Quota, bytes.
        limit: u64,
        /// In use, bytes.
        used: u64,
        /// Reserved for open uploads, bytes.
        reserved: u64,
        /// Requested, bytes.
        requested: u64,
    },
    /// The account has as many files as its tier allows.
    TooManyObjects {
        /// Maximum number of files and video files.
        limit: u64,
        /// Stored and being stored.
        used: u64,
    },
    /// The account has as many open uploads as its tier allows.
    TooManyUploads {
        /// Maximum number.
        limit: u64,
        /// Open.
        used: u64,
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
    /// The account's usage exceeds the requested tier's quota.
    BelowUsage {
        /// `storage` or `bandwidth`, in bytes, or `objects`.
        resource: &'static str,
        /// That tier's quota.
        limit: u64,
        /// In use.
        used: u64,
    },
    /// The name is in use.
    AlreadyExists {
        /// The field that names it.
        field: &'static str,
    },
    /// A namespace with files, uploads or an owner can not be deleted.
    NamespaceInUse,
    /// The namespace has as many webhook endpoints as it may, or the endpoint as many undelivered events.
    TooManyWebhooks {
        /// Maximum number.
        limit: u64,
    },
    /// This deployment signs no receipts.
    ReceiptsOff,
    /// The account is being deleted.
    AccountDeleting,
    /// The account is being moved to another database, and can not be changed until it is there.
    AccountMoving,
    /// The account can not be moved to another database.
    NotMovable {
        /// What ties it to the one that it is in.
        reason: &'static str,
    },
    /// Account and namespace are in different databases.
    OtherShard {
        /// The account's.
        account: u8,
        /// The namespace's.
        namespace: u8,
    },
    /// Only an operator may change this.
    OperatorOnly {
        /// The field.
        field: &'static str,
    },
    /// Only the owner of the thing or a manager of the namespace may change it.
    ManagerOnly,
    /// The Idempotency-Key was used for another request before.
    KeyReused,
    /// The first request with this Idempotency-Key, or this webhook-id, is still running.
    StillRunning,
    /// `chunkSize` is above the plan's; the plan's strategy is attached.
    PlanMismatch {
        /// `{chunkSize, chunkCount, threads}`.
        strategy: Value,
    },
    /// `complete` before every part is recorded.
    PartsMissing {
        /// Part numbers, ascending.
        missing: Vec<u16>,
    },
    /// Hashes of recorded parts differ from the caller's: another client wrote into this upload.
    PartsDiffer {
        /// Part numbers, ascending.
        parts: Vec<u16>,
    },
    /// Another `complete` of the same upload is running.
    CompletionRunning,
    /// The upload is complete, so it cannot be marked as failed.
    AlreadyComplete,
    /// Another file has the path.
    PathTaken {
        /// The path.
        path: String,
        /// The file that has it.
        asset: Id,
    },
    /// The upload accepts no more parts.
    UploadClosed {
        /// `complete`, `completing` (the origin may have assembled the object already: repeat `complete`), `failed` or `expired`.
        status: &'static str,
    },
    /// The address that was called is that of an edge that takes no such upload.
    EdgeClosed {
        /// `draining` or `disabled`.
        status: &'static str,
    },
    /// A header of tus or of IETF resumable uploads that is absent or not valid.
    BadHeader {
        /// Its name.
        field: &'static str,
        /// The allowed values.
        detail: String,
    },
    /// `Tus-Resumable` is not a version that is spoken here.
    TusVersion,
    /// Bytes that do not begin at the upload's offset.
    WrongOffset {
        /// The upload's offset, bytes.
        expected: u64,
        /// The request's, bytes.
        provided: u64,
    },
    /// The request's lengths contradict each other or the upload's.
    InconsistentLength,
    /// Bytes for an upload that is complete.
    CompletedUpload,
    /// Another request is appending to the upload, or has taken it over.
    UploadLocked,
    /// The body does not have the checksum that the request gives.
    ChecksumMismatch {
        /// Whether by a digest field of RFC 9530.
        is_digest: bool,
    },
    /// A body to append of another media type.
    AppendType {
        /// The one that is taken.
        wanted: &'static str,
    },
    /// Bytes for an upload that is concatenated from others.
    FinalUpload,
    /// The upload's parts are too large to be held.
    NotAppendable,
    /// `JETTYSPEED_ENABLED` is false.
    AccelerationOff,
    /// The current version does not satisfy `If-Match` or `If-Unmodified-Since`.
    PreconditionFailed,
    /// No range of the Range field overlaps the object.
    RangeNotSatisfiable {
        /// The object's size, bytes.
        size: u64,
    },
    /// The part reached the origin but could not be recorded.
    RecordFailed,
    /// The cache of models' responses did not take an entry.
    CacheBusy,
    /// An origin request failed.
    Origin(OriginFailure),
    /// Vars or secrets are missing or malformed.
    Misconfigured {
        /// Their names; never their values.
        names: Vec<&'static str>,
    },
    /// A defect or an outage of this service.
    Internal,
}

impl Problem {
    /// A 422 that names the field.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem::Invalid { field: field.into(), detail: detail.into() }
    }
}
