//! AbortMultipartUpload.

use crate::s3::action::{Action, action};

/// AbortMultipartUpload.
pub fn abort_multipart_upload(key: &str, upload_id: &str) -> Action {
    action("DELETE", Some(key), &[("uploadId", upload_id)])
}
