//! Authentication without lookups: API keys, signed tokens, receipts, webhook signatures; and rate limiting.

pub mod api_key;
pub mod browser_cookie;
pub mod failure_limit;
pub mod file_token;
pub mod playback_token;
pub mod rate_limit;
pub mod receipt;
pub mod secret_shapes;
pub mod signed_token;
pub mod upload_token;
pub mod webhook_echo;
pub mod webhook_signature;
