//! TLS: rustls with the root certificates of the operating system.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::Error;

/// The TLS configuration, with the process's installed cryptography provider, or ring.
pub fn config() -> Result<ClientConfig, Error> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().and_then(|builder| builder.with_platform_verifier());
    Ok(config.map_err(|error| Error::Unreachable(format!("TLS cannot be set up: {error}")))?.with_no_client_auth())
}
