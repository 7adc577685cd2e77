//! Stages 1 and 2 of Signature Version 4: the canonical request and the string to sign
//! (AWS General Reference, "Create a signed AWS API request").

use sha2::{Digest, Sha256};

use crate::base::percent;

/// The request to sign. Values are not percent-encoded: they are encoded here, once.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalInput<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// Path, not encoded; for S3 `/bucket/key`.
    pub path: &'a str,
    /// Query parameters, not encoded, in any order.
    pub query: &'a [(String, String)],
    /// Exactly the headers to sign; `host` must be among them. Names in any case.
    pub headers: &'a [(String, String)],
    /// Lowercase hex SHA-256 of the payload, or `UNSIGNED-PAYLOAD`.
    pub payload_hash: &'a str,
}

/// A canonical request and the list of headers it covers.
#[derive(Debug)]
pub struct Canonical {
    /// The text of the canonical request.
    pub request: String,
    /// `host;x-amz-date`, as it stands in the Authorization header.
    pub signed_headers: String,
}

/// Stage 1: the canonical request.
pub fn canonical_request(input: &CanonicalInput<'_>) -> Canonical {
    let mut headers: Vec<(String, String)> = input.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), fold(value))).collect();
    // A stable sort: several values of one header keep the order in which they are sent.
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));

    let mut lines = String::new();
    let mut signed_headers = String::new();
    let mut last: Option<&str> = None;
    for (name, value) in &headers {
        if last == Some(name.as_str()) {
            // One line per name, its values joined by commas.
            lines.pop();
            lines.push(',');
        } else {
            if last.is_some() {
                signed_headers.push(';');
            }
            signed_headers.push_str(name);
            lines.push_str(name);
            lines.push(':');
        }
        lines.push_str(value);
        lines.push('\n');
        last = Some(name);
    }

    let path = if input.path.is_empty() { "/".to_owned() } else { percent::path(input.path) };
    let request = [input.method, &path, &percent::query(input.query), &lines, &signed_headers, input.payload_hash].join("\n");
    Canonical { request, signed_headers }
}

/// Stage 2: the string to sign. `scope` is `20150830/us-east-1/s3/aws4_request`, `stamp` is `20150830T123600Z`.
pub fn string_to_sign(stamp: &str, scope: &str, canonical_request: &str) -> String {
    ["AWS4-HMAC-SHA256", stamp, scope, &hex::encode(Sha256::digest(canonical_request))].join("\n")
}

/// A header value in canonical form: trimmed, each inner run of white space replaced by one space.
fn fold(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for word in value.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
