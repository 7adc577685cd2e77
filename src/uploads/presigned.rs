//! Parts that clients send directly to the store: presigned URLs, and recording the parts afterwards (docs/uploads.md, Parts straight to the store).

use serde::{Deserialize, Serialize};

use crate::auth::receipt::Receipt;
use crate::auth::upload_token::UploadClaims;
use crate::base::hmac::MacKey;
use crate::base::id::Id;
use crate::base::json::objects;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::chunking::part_len;
use crate::http::validate::check_hash;
use crate::problem::Problem;
use crate::s3::action::Payload;
use crate::s3::etag::unquote;
use crate::uploads::session::state::{AT_ORIGIN, Evidence, Part, URL_TTL_MS};

/// Maximum URLs per call: signing one takes about 0.2 ms of CPU time.
const MAX_URLS: usize = 1_000;

/// Maximum length of an ETag, bytes: stores send 32 hex digits, some with a suffix.
const MAX_ETAG: usize = 256;

/// Body of `POST /api/jetty/chunk-urls`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChunkUrls {
    /// Session id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub session_id: String,
    #[serde(deserialize_with = "objects::<MAX_URLS, _, _>")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1_000)))]
    parts: Vec<UrlPart>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct UrlPart {
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    part_number: u64,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    sha256: Option<String>,
}

/// Parameters of one presigned part URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUrlParams {
    /// Part number, 1..=10,000.
    pub number: u16,
    /// Size of the part in the plan, bytes.
    pub size: u64,
    /// The payload hash that is signed and that the store verifies.
    pub payload: Payload,
}

impl PartUrlParams {
    /// The same part without its hash in the signature, for a store that does not verify one there ([`crate::uploads::presigned_hash_probe`]).
    #[must_use]
    pub fn unbound(self) -> PartUrlParams {
        PartUrlParams { payload: Payload::Unsigned, ..self }
    }
}

impl ChunkUrls {
    /// The requested parts of `upload`.
    ///
    /// # Errors
    /// 422: part outside the plan, invalid hash, missing hash where the namespace requires one, too many parts.
    pub fn requested_parts(&self, upload: &UploadClaims) -> Result<Vec<PartUrlParams>, Problem> {
        if self.parts.is_empty() || self.parts.len() > MAX_URLS {
            return Err(Problem::invalid("parts", "must be 1 to 1,000 parts"));
        }
        let wanted = |part: &UrlPart| {
            let (number, size) = in_plan(upload, part.part_number)?;
            let payload = match check_hash("parts.sha256", part.sha256.as_deref())? {
                Some(hash) => Payload::Sha256(hash),
                None if upload.allow_unsigned => Payload::Unsigned,
                None => return Err(Problem::HashRequired),
            };
            Ok(PartUrlParams { number, size, payload })
        };
        self.parts.iter().map(wanted).collect()
    }
}

/// Number and length (bytes) of a part of the plan.
fn in_plan(upload: &UploadClaims, number: u64) -> Result<(u16, u64), Problem> {
    let chunk_count = u32::try_from(upload.file_size.div_ceil(upload.chunk_size.max(1))).unwrap_or(u32::MAX);
    let number = u16::try_from(number).ok().zip(part_len(upload.file_size, upload.chunk_size, u32::try_from(number).unwrap_or_default()));
    number.ok_or(Problem::PartOutsidePlan { chunk_count })
}

/// Expiry of URLs issued at `now` for an upload whose session expires at `session_expires`.
pub fn urls_expire(now: EpochMs, session_expires: EpochMs) -> EpochMs {
    now.plus(URL_TTL_MS).min(session_expires)
}

/// One element of the response of `chunk-urls`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChunkUrl"))]
#[serde(rename_all = "camelCase")]
pub struct UrlView {
    /// Part number, 1..=10,000.
    pub part_number: u16,
    /// The presigned URL for the PUT.
    pub url: String,
    /// Header fields that must be sent unchanged, because they are signed.
    pub headers: serde_json::Map<String, serde_json::Value>,
    /// Expiry of the URL, RFC 3339.
    pub expires_at: String,
}

/// Body of `POST /api/jetty/cache-chunk`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RecordChunk"))]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Session id.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::UUID)))]
    pub session_id: String,
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    part_number: u64,
    etag: String,
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
    size: u64,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    sha256: Option<String>,
    #[serde(default)]
    receipt: Option<String>,
}

impl Sent {
    /// The part to record at `now`, a claim, and whether a valid receipt for exactly this part comes with it.
    ///
    /// # Errors
    /// 422: part outside the plan, wrong length, invalid hash or ETag, or a receipt that is not valid for this part.
    pub fn part(&self, upload: &UploadClaims, keys: &[MacKey], now: EpochMs) -> Result<(Part, bool), Problem> {
        let (number, size) = in_plan(upload, self.part_number)?;
        if self.size != size {
            return Err(Problem::invalid("size", format!("the plan has {size} bytes here")));
        }
        let sha256 = check_hash("sha256", self.sha256.as_deref())?;
        let etag = unquote(&self.etag);
        if etag.is_empty() || etag.len() > MAX_ETAG || !etag.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
            return Err(Problem::invalid("etag", "must be the ETag that the store answered with"));
        }
        let genuine = |text: &String| receipt(upload, number, size, sha256.as_ref(), etag).verify(text, keys);
        if self.receipt.as_ref().is_some_and(|text| !genuine(text)) {
            return Err(Problem::invalid("receipt", "is not this service's receipt for this part"));
        }
        let part =
            Part { number, etag: etag.to_owned(), size, sha256, edge: AT_ORIGIN.to_owned(), at: now, evidence: Evidence::Claimed, took_ms: None };
        Ok((part, self.receipt.is_some()))
    }
}

/// 200 response of `POST /api/jetty/cache-chunk`: the recorded part.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RecordedChunk"))]
#[serde(rename_all = "camelCase")]
pub struct Recorded<'a> {
    session_id: Id,
    part_number: u16,
    etag: &'a str,
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
    size: u64,
    sha256: Option<&'a Sha256Hex>,
    edge: &'a str,
}

/// The response for a recorded part.
pub fn recorded(session_id: Id, part: &Part) -> Recorded<'_> {
    Recorded { session_id, part_number: part.number, etag: &part.etag, size: part.size, sha256: part.sha256.as_ref(), edge: &part.edge }
}

fn receipt<'a>(upload: &UploadClaims, part_number: u16, size: u64, sha256: Option<&'a Sha256Hex>, etag: &'a str) -> Receipt<'a> {
    Receipt { session: upload.session, part_number, size, sha256, etag }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::id::{Id, Name};

    fn upload() -> UploadClaims {
        UploadClaims {
            account: Id::from_random([1; 16]),
            namespace: Name::parse("jt_user_1").unwrap(),
            session: Id::from_random([2; 16]),
            key: "k".into(),
            upload_id: "up".into(),
            file_size: 25,
            chunk_size: 10,
            allow_unsigned: false,
            generation: 0,
            expires: EpochMs(1),
        }
    }

    fn urls(parts: serde_json::Value, upload: &UploadClaims) -> Result<Vec<PartUrlParams>, &'static str> {
        let body = json!({ "sessionId": "s", "parts": parts }).to_string();
        let body = crate::http::json_body::parse::<ChunkUrls>(body.as_bytes());
        body.and_then(|body| body.requested_parts(upload)).map_err(|problem| problem.kind().code)
    }

    #[test]
    fn up_to_a_thousand_urls_are_given_at_once() {
        let asked = |count: usize| {
            let parts: Vec<_> = (0..count).map(|_| json!({ "partNumber": 1 })).collect();
            let urls: ChunkUrls = serde_json::from_value(json!({ "sessionId": "s", "parts": parts })).ok()?;
            urls.requested_parts(&UploadClaims { allow_unsigned: true, ..upload() }).ok().map(|parts| parts.len())
        };
        assert_eq!([asked(0), asked(1), asked(MAX_URLS), asked(MAX_URLS + 1)], [None, Some(1), Some(MAX_URLS), None]);
    }

    #[test]
    fn requested_parts_are_checked_against_plan_and_hash_requirement() {
        let hash = Sha256Hex::of(b"x");
        let found = urls(json!([{ "partNumber": 3, "sha256": hash }, { "partNumber": 1, "sha256": hash }]), &upload()).unwrap();
        let payload = Payload::Sha256(hash.clone());
        assert_eq!(found, [PartUrlParams { number: 3, size: 5, payload: payload.clone() }, PartUrlParams { number: 1, size: 10, payload }]);
        for (parts, code) in [
            (json!([]), "invalid-value"),
            (json!([{ "partNumber": 0, "sha256": hash }]), "part-outside-plan"),
            (json!([{ "partNumber": 4, "sha256": hash }]), "part-outside-plan"),
            (json!([{ "partNumber": 4_294_967_297_u64, "sha256": hash }]), "part-outside-plan"),
            (json!([{ "partNumber": 65_537, "sha256": hash }]), "part-outside-plan"),
            (json!([{ "partNumber": 1 }]), "chunk-hash-required"),
            (json!([{ "partNumber": 1, "sha256": "x" }]), "invalid-value"),
            (json!(vec![json!({ "partNumber": 1, "sha256": hash }); 1_001]), "invalid-value"),
        ] {
            assert_eq!(urls(parts, &upload()), Err(code));
        }
        assert!(found.into_iter().all(|part| part.unbound().payload == Payload::Unsigned));
        let unsigned = UploadClaims { allow_unsigned: true, ..upload() };
        assert_eq!(urls(json!([{ "partNumber": 1 }]), &unsigned).unwrap().first().unwrap().payload, Payload::Unsigned);
        assert_eq!(urls_expire(EpochMs(0), EpochMs(5)), EpochMs(5));
        assert_eq!(urls_expire(EpochMs(0), EpochMs(u64::MAX)), EpochMs(URL_TTL_MS));
    }

    #[test]
    fn part_is_claimed_and_a_valid_receipt_is_told() {
        let (keys, hash) = ([MacKey::new(b"one")], Sha256Hex::of(b"x"));
        let recorded_part = |change: serde_json::Value| {
            let mut body = json!({ "sessionId": "s", "partNumber": 3, "etag": "\"e3\"", "size": 5, "sha256": hash });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let sent: Sent = serde_json::from_value(body).unwrap();
            sent.part(&upload(), &keys, EpochMs(7)).map_err(|problem| (problem.kind().code, problem.extensions().get("field").cloned()))
        };
        let (claimed, by_receipt) = recorded_part(json!({})).unwrap();
        assert!(!by_receipt);
        assert_eq!((claimed.evidence, claimed.etag.as_str(), claimed.sha256.as_ref()), (Evidence::Claimed, "e3", Some(&hash)));
        let genuine = receipt(&upload(), 3, 5, Some(&hash), "e3").seal(&keys).unwrap();
        assert_eq!(recorded_part(json!({ "receipt": genuine })).unwrap(), (claimed, true));
        let field = |name: &str| Err(("invalid-value", Some(json!(name))));
        for other in [
            json!({ "receipt": genuine, "etag": "e4" }),
            json!({ "receipt": genuine, "sha256": Sha256Hex::of(b"y") }),
            json!({ "receipt": genuine, "sha256": null }),
            json!({ "receipt": genuine, "partNumber": 2, "size": 10 }),
            json!({ "receipt": "jtr1." }),
        ] {
            assert_eq!(recorded_part(other), field("receipt"));
        }
        assert_eq!(recorded_part(json!({ "size": 6 })), field("size"));
        assert_eq!(recorded_part(json!({ "etag": "" })), field("etag"));
        assert_eq!(recorded_part(json!({ "etag": "a\nb" })), field("etag"));
        assert_eq!(recorded_part(json!({ "partNumber": 4 })), Err(("part-outside-plan", None)));
    }
}
