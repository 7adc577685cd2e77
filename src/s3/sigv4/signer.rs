//! Stage 3 of Signature Version 4: derives the signing key and puts the signature into the `Authorization` header or into the query (presigned URLs)
//! (AWS General Reference, "Create a signed AWS API request").

use std::cell::RefCell;
use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::base::hmac::MacKey;
use crate::base::percent;
use crate::base::time::EpochMs;
use crate::s3::sigv4::canonical::{CanonicalInput, canonical_request, string_to_sign};

/// `x-amz-content-sha256` of a payload that the signature does not cover.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Maximum lifetime of a presigned URL, seconds (S3 API reference, "Authenticating requests: using query parameters").
pub const MAX_PRESIGN_SECONDS: u64 = 604_800;

/// Signs with one access key for one region and service. Caches the day's signing key, because deriving it takes four HMACs.
pub struct Signer {
    access_key_id: String,
    secret: Zeroizing<String>,
    region: String,
    service: &'static str,
    day_key: RefCell<Option<(String, MacKey)>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer for `service` ("s3") in `region`.
    pub fn new(access_key_id: &str, secret: &str, region: &str, service: &'static str) -> Signer {
        Signer {
            access_key_id: access_key_id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            region: region.to_owned(),
            service,
            day_key: RefCell::new(None),
        }
    }

    /// The value of `Authorization` for `input`, whose headers must contain `host` and `x-amz-date` of the same `now`.
    pub fn authorization(&self, input: &CanonicalInput<'_>, now: EpochMs) -> String {
        let (stamp, day) = now.amz();
        let scope = self.scope(&day);
        let canonical = canonical_request(input);
        let signature = self.signature(&day, &string_to_sign(&stamp, &scope, &canonical.request));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signature}", self.access_key_id, canonical.signed_headers)
    }

    /// The encoded query of a presigned URL that is valid for `seconds` (clamped to 1..=[`MAX_PRESIGN_SECONDS`]) from `now`.
    /// The request must carry `input.headers` unchanged.
    pub fn presigned_query(&self, input: &CanonicalInput<'_>, now: EpochMs, seconds: u64) -> String {
        let (stamp, day) = now.amz();
        let scope = self.scope(&day);
        let names: BTreeSet<String> = input.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut query = input.query.to_vec();
        query.extend(
            [
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
                ("X-Amz-Credential", format!("{}/{scope}", self.access_key_id)),
                ("X-Amz-Date", stamp.clone()),
                ("X-Amz-Expires", seconds.clamp(1, MAX_PRESIGN_SECONDS).to_string()),
                ("X-Amz-SignedHeaders", names.join(";")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let canonical = canonical_request(&CanonicalInput { query: &query, ..*input });
        let signature = self.signature(&day, &string_to_sign(&stamp, &scope, &canonical.request));
        format!("{}&X-Amz-Signature={signature}", percent::query(&query))
    }

    /// `20150830/us-east-1/s3/aws4_request`.
    pub fn scope(&self, day: &str) -> String {
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }

    /// The hex signature of `string_to_sign`, with the signing key of `day`.
    pub fn signature(&self, day: &str, string_to_sign: &str) -> String {
        hex::encode(self.day_key(day).sign(&[string_to_sign.as_bytes()]))
    }

    fn day_key(&self, day: &str) -> MacKey {
        if let Some((cached_day, key)) = self.day_key.borrow().as_ref()
            && cached_day == day
        {
            return key.clone();
        }
        let secret = Zeroizing::new(format!("AWS4{}", *self.secret));
        let mut key = MacKey::new(secret.as_bytes());
        for step in [day, &self.region, self.service, "aws4_request"] {
            key = MacKey::new(&key.sign(&[step.as_bytes()]));
        }
        *self.day_key.borrow_mut() = Some((day.to_owned(), key.clone()));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS General Reference, "Signature calculation examples": GET with a Range header from `examplebucket`.
    #[test]
    fn aws_example_get_object_gives_its_authorization() {
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers =
            [("Host", "examplebucket.s3.amazonaws.com"), ("Range", "bytes=0-9"), ("x-amz-content-sha256", empty), ("x-amz-date", "20130524T000000Z")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let input = CanonicalInput { method: "GET", path: "/test.txt", query: &[], headers: &headers, payload_hash: empty };
        let now = EpochMs(1_369_353_600_000);
        for _ in 0..2 {
            // The second round uses the cached day key.
            assert_eq!(
                signer.authorization(&input, now),
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            );
        }
    }

    /// The same reference, "Authenticating requests: using query parameters".
    #[test]
    fn aws_example_presigned_get_gives_its_signature() {
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3");
        let headers = [("host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned())];
        let input = CanonicalInput { method: "GET", path: "/test.txt", query: &[], headers: &headers, payload_hash: UNSIGNED_PAYLOAD };
        let query = signer.presigned_query(&input, EpochMs(1_369_353_600_000), 86_400);
        assert!(query.ends_with("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"), "{query}");
    }

    #[test]
    fn another_day_gives_another_signature_and_debug_output_has_no_secret() {
        let signer = Signer::new("AK", "sekret", "us-east-1", "s3");
        let first = signer.signature("20261120", "x");
        assert_ne!(first, signer.signature("20261121", "x"));
        assert_eq!(first, signer.signature("20261120", "x"));
        assert!(!format!("{signer:?}").contains("sekret"));
    }
}
