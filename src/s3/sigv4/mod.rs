//! AWS Signature Version 4 without I/O: the time is an argument, and nothing is sent.
//!
//! [`canonical`] builds the canonical request and the string to sign; [`signer`] has the key and puts the signature into the `Authorization` header or into the
//! query (presigned URLs).
//!
//! By hand instead of `aws-sigv4`, which derives the signing key for every request (four HMACs), while [`signer`] caches the day's key. Tests compare both.

pub mod canonical;
pub mod signer;
