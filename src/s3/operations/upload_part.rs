//! UploadPart, sent or presigned.

use crate::s3::action::{Action, Payload, action};

/// UploadPart. `part_number` is 1..=10,000.
pub fn upload_part(key: &str, upload_id: &str, part_number: u16, payload: Payload) -> Action {
    let query = [("partNumber", part_number.to_string()), ("uploadId", upload_id.to_owned())];
    Action { query: query.map(|(name, value)| (name.to_owned(), value)).into(), payload, ..action("PUT", Some(key), &[]) }
}

/// UploadPart for a presigned URL: of exactly `size` bytes.
pub fn upload_part_of(key: &str, upload_id: &str, part_number: u16, payload: Payload, size: u64) -> Action {
    Action { signed_headers: vec![("content-length", size.to_string())], ..upload_part(key, upload_id, part_number, payload) }
}
