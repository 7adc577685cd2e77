//! Reading a body: its bytes, and whether they are those that the request declares.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};

use super::chunked::Decoder;

/// A body as it came.
pub struct Received {
    /// Its bytes; None if there are more than may be kept.
    pub bytes: Option<Bytes>,
    /// How many there are.
    pub length: u64,
    /// Their SHA-256, in hex.
    pub sha256: String,
}

/// Why a body is refused, as S3's code.
pub type Refusal = &'static str;

/// Reads a body and compares it with `x-amz-content-sha256`. More than `most` bytes are hashed, but not kept.
pub async fn receive(headers: &HeaderMap, mut body: Incoming, most: u64) -> Result<Received, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let declared = text("x-amz-content-sha256").to_owned();
    let mut decoder = declared.starts_with("STREAMING-").then(Decoder::default);
    let length = ["x-amz-decoded-content-length", "content-length"].iter().find_map(|name| text(name).parse::<u64>().ok()).unwrap_or_default();
    let mut kept = (length <= most).then(|| Vec::with_capacity(usize::try_from(length).unwrap_or_default()));
    let (mut hash, mut count) = (Sha256::new(), 0);
    let mut take = |bytes: &[u8]| {
        hash.update(bytes);
        count += bytes.len() as u64;
        if let Some(vec) = &mut kept {
            vec.extend_from_slice(bytes);
        }
        if count > most {
            kept = None;
        }
    };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err("IncompleteBody") };
        let Some(data) = frame.data_ref() else { continue };
        let Some(decoder) = &mut decoder else {
            take(data);
            continue;
        };
        if !decoder.read(data, &mut take) {
            return Err("IncompleteBody");
        }
    }
    if decoder.is_some_and(|decoder| !decoder.is_complete()) {
        return Err("IncompleteBody");
    }
    let sha256 = hex::encode(hash.finalize());
    if declared.len() == 64 && declared != sha256 {
        return Err("XAmzContentSHA256Mismatch");
    }
    Ok(Received { bytes: kept.map(Bytes::from), length: count, sha256 })
}
