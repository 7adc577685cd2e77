//! The S3 operations this product uses, one constructor each (Amazon S3 API reference, the page of the same name).

use crate::base::sha256::Sha256Hex;
use crate::s3::sigv4::signer::UNSIGNED_PAYLOAD;

/// Payload hash in the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// No body.
    Empty,
    /// A body with this hash, which the store verifies.
    Sha256(Sha256Hex),
    /// A body the store does not verify.
    Unsigned,
}

impl Payload {
    pub(crate) fn header(&self) -> &str {
        match self {
            // SHA-256 of nothing.
            Payload::Empty => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            Payload::Sha256(hash) => hash.as_str(),
            Payload::Unsigned => UNSIGNED_PAYLOAD,
        }
    }
}

/// One S3 operation on one bucket, not yet signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// HTTP method.
    pub method: &'static str,
    /// Object key; None for operations on the bucket.
    pub key: Option<String>,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers that are signed (`x-amz-*`, `content-type`, `content-md5`): the only ones Cloudflare leaves alone.
    pub signed_headers: Vec<(&'static str, String)>,
    /// Headers that are sent unsigned, because a proxy on the way may rewrite them (`range`, `accept-encoding`).
    pub plain_headers: Vec<(&'static str, String)>,
    /// The body, as far as the signature cares.
    pub payload: Payload,
    /// What a gateway beside the store may keep of the answer (`crate::gateway::shield`), as a header field for it. The store does not see it.
    pub kept: Option<String>,
}

impl Action {
    /// Whether the answer is an object's bytes, of any length.
    pub fn reads_bytes(&self) -> bool {
        self.method == "GET" && self.key.is_some() && !self.query.iter().any(|(name, _)| name == "uploadId")
    }
}

/// Keys per page of a listing; the store's own maximum.
pub const PAGE: &str = "1000";

/// An action without headers or body.
pub fn action(method: &'static str, key: Option<&str>, query: &[(&str, &str)]) -> Action {
    Action {
        method,
        key: key.map(str::to_owned),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        signed_headers: Vec::new(),
        plain_headers: Vec::new(),
        payload: Payload::Empty,
        kept: None,
    }
}

/// Headers stored with an object, sent to readers that use the store directly.
#[derive(Debug, Clone, Copy)]
pub struct ObjectHeaders<'a> {
    /// Media type.
    pub content_type: &'a str,
    /// RFC 6266 disposition with the file's name.
    pub content_disposition: &'a str,
}

impl ObjectHeaders<'_> {
    pub(crate) fn signed(&self) -> Vec<(&'static str, String)> {
        vec![("content-type", self.content_type.to_owned())]
    }
    pub(crate) fn plain(&self) -> Vec<(&'static str, String)> {
        vec![("content-disposition", self.content_disposition.to_owned())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_header_is_the_hash_or_unsigned() {
        let hash = Sha256Hex::of(b"");
        assert_eq!(Payload::Empty.header(), hash.as_str());
        let other = Sha256Hex::of(b"x");
        assert_eq!(Payload::Sha256(other.clone()).header(), other.as_str());
        assert_eq!(Payload::Unsigned.header(), "UNSIGNED-PAYLOAD");
    }

    #[test]
    fn media_type_is_signed_and_disposition_is_not() {
        let headers = ObjectHeaders { content_type: "text/plain", content_disposition: "inline" };
        assert_eq!(headers.signed(), [("content-type", "text/plain".to_owned())]);
        assert_eq!(headers.plain(), [("content-disposition", "inline".to_owned())]);
    }

    #[test]
    fn only_a_get_of_a_key_without_upload_id_reads_bytes() {
        assert!(action("GET", Some("k"), &[("versionId", "1")]).reads_bytes());
        for other in [action("HEAD", Some("k"), &[]), action("GET", None, &[]), action("GET", Some("k"), &[("uploadId", "u")])] {
            assert!(!other.reads_bytes(), "{other:?}");
        }
    }
}
