//! Stores and gateways that speak otherwise than AWS: every dialect is a line of `crates/devstack/src/proxy/dialect.rs`.

mod early_answers;
mod presigned;
mod whole_life;
