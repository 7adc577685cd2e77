//! Which problems a route can answer with, by what it is.

use jettyspeed_edge::access::authorize::AuthScheme;
use jettyspeed_edge::access::routes::{RateLimit, Route};

use crate::operation::Operation;

/// The store does not do what it is asked to.
pub const STORE: &[&str] = &["origin-unreachable", "origin-unavailable", "origin-timeout", "origin-credentials", "origin-clock-skew", "origin-error"];

/// The body is read whole.
const READ_BODY: &[&str] = &["length-required", "body-too-large", "body-too-slow", "busy", "malformed-request", "invalid-value"];

/// The call may be repeated under an `Idempotency-Key` or `webhook-id`.
pub const REPEATS: &[&str] = &["idempotency-key-reused", "request-running", "malformed-request", "rate-limited"];

/// The caller's tier or namespace may not allow it.
pub const QUOTA: &[&str] = &["storage-exceeded", "too-many-objects", "file-too-large"];

/// The codes of a route, sorted.
pub fn of(route: &Route, operation: &Operation) -> Vec<&'static str> {
    let mut codes = vec!["internal", "misconfigured"];
    codes.extend(&operation.problems);
    if route.scheme != AuthScheme::None {
        codes.push("unauthenticated");
    }
    // Callers without proof are limited by address; so are those whose proof fails too often.
    if route.scheme != AuthScheme::None || route.endpoint.rate_limit() != RateLimit::None {
        codes.push("rate-limited");
    }
    match route.scheme {
        AuthScheme::None | AuthScheme::Operator => {}
        AuthScheme::Webhook => codes.extend(["webhook-timestamp", "account-deleting"]),
        AuthScheme::AccountOrWebhook => codes.extend(["webhook-timestamp", "account-suspended"]),
        AuthScheme::TokenOrAccount => codes.extend(["token-expired", "token-revoked", "token-of-another-upload", "account-suspended"]),
        _ => codes.push("account-suspended"),
    }
    if route.scheme != AuthScheme::None && route.method != "GET" && route.method != "HEAD" {
        codes.extend(["account-moving", "encoded-body"]);
    }
    if operation.body.iter().any(|content| content.media == "application/json") {
        codes.extend_from_slice(READ_BODY);
    }
    if !route.resources.is_empty() || route.pattern.contains('{') {
        codes.push("not-found");
    }
    if !operation.parameters.is_empty() || route.pattern.contains('{') {
        codes.push("invalid-value");
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}
