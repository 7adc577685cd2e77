//! Every failure that a caller can meet.

use std::borrow::Cow;

use serde_json::Value;

use crate::base::time::EpochMs;

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

impl Problem {
    /// A 422 that names the field.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem::Invalid { field: field.into(), detail: detail.into() }
    }
}
