//! UploadPartCopy.

use crate::base::percent;
use crate::s3::action::{Action, Payload};
use crate::s3::error::StoreError;
use crate::s3::operations::upload_part::upload_part;
use crate::s3::xml::{text_at, texts, unquote};

/// UploadPartCopy: bytes `first..=last` of the object at `source_path` (`/bucket/key`, not encoded).
pub fn upload_part_copy(key: &str, upload_id: &str, part_number: u16, source_path: &str, first: u64, last: u64) -> Action {
    Action {
        signed_headers: vec![("x-amz-copy-source", percent::path(source_path)), ("x-amz-copy-source-range", format!("bytes={first}-{last}"))],
        ..upload_part(key, upload_id, part_number, Payload::Empty)
    }
}

/// The ETag of an UploadPartCopy answer, without quotes; like completion it may be a 200 with an error inside.
pub fn copied_part(body: &str) -> Result<String, StoreError> {
    let texts = texts(body).unwrap_or_default();
    text_at(&texts, "CopyPartResult/ETag").map(|etag| unquote(etag).to_owned()).ok_or_else(|| StoreError::read(200, body))
}
