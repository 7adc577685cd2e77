//! Validation of request fields that several routes take: names, hashes, media types, sizes.

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::http::media_type;
use crate::problem::Problem;

/// The longest file name, bytes: four times what file systems take, so that no real name is refused.
pub const MAX_NAME_BYTES: usize = 1024;

/// The longest media type: RFC 6838 section 4.2 allows 127 + 1 + 127, parameters beside it.
const MAX_TYPE_BYTES: usize = 255;

/// A size that is at least one byte and that JSON carries exactly.
pub fn check_file_size(size: u64) -> Result<(), Problem> {
    if (1..=MAX_SAFE_INTEGER).contains(&size) { Ok(()) } else { Err(Problem::invalid("fileSize", "must be from 1 to 2^53-1")) }
}

/// A name of 1..=1,024 bytes without control characters.
pub fn check_file_name(field: &'static str, name: &str) -> Result<String, Problem> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Problem::invalid(field, "must be 1 to 1,024 bytes of UTF-8"));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "must not hold control characters"));
    }
    Ok(name.to_owned())
}

/// A media type that fits into a header, or the one the name suggests.
pub fn check_content_type(given: Option<&str>, file_name: &str) -> Result<String, Problem> {
    match given.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(media_type::of_name(file_name).unwrap_or("application/octet-stream").to_owned()),
        Some(text) => {
            let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
            let essence = text.split(';').next().unwrap_or_default().trim();
            let well_formed = essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
            let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
            if well_formed && printable && text.len() <= MAX_TYPE_BYTES {
                Ok(text.to_owned())
            } else {
                Err(Problem::invalid("contentType", "must be a media type such as video/mp4"))
            }
        }
    }
}

/// A SHA-256 in hex, if there is one.
pub fn check_hash(field: &'static str, hash: Option<&str>) -> Result<Option<Sha256Hex>, Problem> {
    hash.map(|hash| Sha256Hex::parse(hash.trim()).ok_or_else(|| Problem::invalid(field, "must be 64 hex digits"))).transpose()
}

/// The hashes of chunks, if there are any.
pub fn check_chunk_hashes(hashes: Option<&[String]>) -> Result<Option<Vec<Sha256Hex>>, Problem> {
    let parse = |hash: &String| Sha256Hex::parse(hash).ok_or_else(|| Problem::invalid("chunkHashes", "must hold 64 hex digits each"));
    hashes.map(|hashes| hashes.iter().map(parse).collect()).transpose()
}

/// A namespace's name, if there is one.
pub fn check_namespace(field: &'static str, name: Option<&str>) -> Result<Option<Name>, Problem> {
    name.map(|name| Name::parse(name).ok_or_else(|| Problem::invalid(field, "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))).transpose()
}

/// A session id; what is no id is not found.
pub fn check_session(id: &str) -> Result<Id, Problem> {
    Id::parse(id).ok_or(Problem::NotFound)
}
