//! CreateMultipartUpload.

use crate::s3::action::{Action, ObjectHeaders, action};
use crate::s3::xml::{Unreadable, text_at, texts};

/// CreateMultipartUpload.
pub fn create_multipart_upload(key: &str, headers: ObjectHeaders<'_>) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), ..action("POST", Some(key), &[("uploads", "")]) }
}

/// The upload id of a CreateMultipartUpload answer.
pub fn upload_id(body: &str) -> Result<String, Unreadable> {
    let texts = texts(body)?;
    text_at(&texts, "InitiateMultipartUploadResult/UploadId").map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).ok_or(Unreadable)
}
