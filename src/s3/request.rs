//! Signs an [`Action`]: the HTTP request, or a presigned URL.

use crate::base::percent;
use crate::base::time::EpochMs;
use crate::s3::action::{Action, Payload};
use crate::s3::sigv4::canonical::CanonicalInput;
use crate::s3::sigv4::signer::{Signer, UNSIGNED_PAYLOAD};

/// A request ready to be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// HTTP method.
    pub method: &'static str,
    /// Absolute URL.
    pub url: String,
    /// Headers to set; `host` is left to the client, which derives it from the URL.
    pub headers: Vec<(String, String)>,
}

/// Where the bucket is: scheme, authority and bucket name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    scheme: String,
    authority: String,
    bucket: String,
}

impl Location {
    /// Parses an endpoint such as `https://s3.lyvecloud.seagate.com` (scheme, host, optional port, nothing else).
    pub fn parse(endpoint: &str, bucket: &str) -> Option<Location> {
        let (scheme, rest) = endpoint.split_once("://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let default_port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        let bucket_is_fine =
            (3..=63).contains(&bucket.len()) && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        if authority.is_empty() || !authority.bytes().all(plain) || !bucket_is_fine {
            return None;
        }
        // fetch() drops a default port from Host, so it must not be signed either.
        let authority = authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
        Some(Location { scheme: scheme.to_owned(), authority, bucket: bucket.to_owned() })
    }

    /// `scheme://host[:port]`.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// A bucket and the key to sign for it.
#[derive(Debug)]
pub struct Store {
    location: Location,
    signer: Signer,
}

impl Store {
    /// A store at `location`, signed for by `signer` (service `s3`).
    pub fn new(location: Location, signer: Signer) -> Store {
        Store { location, signer }
    }

    /// Where the bucket is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// `/bucket/key` as it is addressed, e.g. for `x-amz-copy-source`.
    pub fn path(&self, key: Option<&str>) -> String {
        match key {
            Some(key) => format!("/{}/{key}", self.location.bucket),
            None => format!("/{}", self.location.bucket),
        }
    }

    /// The action as a request signed in its headers.
    pub fn request(&self, action: &Action, now: EpochMs) -> SignedRequest {
        let path = self.path(action.key.as_deref());
        let (stamp, _) = now.amz();
        let payload_hash = action.payload.header();
        let mut headers: Vec<(String, String)> = vec![
            ("host".to_owned(), self.location.authority.clone()),
            ("x-amz-content-sha256".to_owned(), payload_hash.to_owned()),
            ("x-amz-date".to_owned(), stamp),
        ];
        headers.extend(action.signed_headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let input = CanonicalInput { method: action.method, path: &path, query: &action.query, headers: &headers, payload_hash };
        let authorization = self.signer.authorization(&input, now);
        headers.remove(0);
        headers.push(("authorization".to_owned(), authorization));
        headers.extend(action.plain_headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        SignedRequest { method: action.method, url: self.url(&path, &percent::query(&action.query)), headers }
    }

    /// The action as a presigned URL of `seconds`, with the headers that whoever holds it must send unchanged. A payload with a hash is bound to it: the
    /// hash is such a header, and what is signed of the payload (stores take the header's value for that; without one, UNSIGNED-PAYLOAD).
    pub fn presign(&self, action: &Action, now: EpochMs, seconds: u64) -> SignedRequest {
        let path = self.path(action.key.as_deref());
        let mut headers: Vec<_> = action.signed_headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut payload_hash = UNSIGNED_PAYLOAD;
        if let Payload::Sha256(hash) = &action.payload {
            payload_hash = hash.as_str();
            headers.push(("x-amz-content-sha256".to_owned(), payload_hash.to_owned()));
        }
        headers.push(("host".to_owned(), self.location.authority.clone()));
        let input = CanonicalInput { method: action.method, path: &path, query: &action.query, headers: &headers, payload_hash };
        let query = self.signer.presigned_query(&input, now, seconds);
        headers.pop();
        SignedRequest { method: action.method, url: self.url(&path, &query), headers }
    }

    fn url(&self, path: &str, query: &str) -> String {
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}{}{separator}{query}", self.location.endpoint(), percent::path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lose_default_ports_and_odd_ones_are_refused() {
        let endpoint = |text| Location::parse(text, "bucket").map(|location| location.endpoint());
        assert_eq!(endpoint("https://S3.lyvecloud.seagate.com:443/").as_deref(), Some("https://s3.lyvecloud.seagate.com"));
        assert_eq!(endpoint("http://127.0.0.1:9000").as_deref(), Some("http://127.0.0.1:9000"));
        for bad in ["s3.example.com", "ftp://h", "https://", "https://h/path", "https://u@h", "https://h?x"] {
            assert_eq!(endpoint(bad), None, "{bad}");
        }
        assert!(Location::parse("https://h", "Bad_Bucket").is_none());
    }
}
