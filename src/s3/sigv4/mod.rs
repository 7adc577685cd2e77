//! AWS Signature Version 4 without I/O: the clock is an argument, nothing is sent.
//!
//! [`canonical`] holds the first two stages as free functions, [`signer`] the key and the two ways to carry a signature: in headers and in the query
//! (presigned URLs).
//!
//! Not `aws-sigv4`: it derives the signing key anew for every request, four HMACs, where [`signer`] keeps the day's. Tests hold this against that crate.

pub mod canonical;
pub mod signer;
