//! AWS Signature Version 4 without I/O: the clock is an argument, nothing is sent.
//!
//! [`canonical`] holds the first two stages as free functions, [`signer`] the key and the two ways to carry a signature: in headers and in the query
//! (presigned URLs).

pub mod canonical;
pub mod signer;
