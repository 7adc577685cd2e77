//! The S3 operations this product uses, one constructor each (Amazon S3 API reference, the page of the same name).

use super::{Action, Payload, xml};
use crate::sigv4::encode;
use crate::units::Sha256Hex;

/// Keys per page of a listing; the store's own maximum.
const PAGE: &str = "1000";

fn action(method: &'static str, key: Option<&str>, query: &[(&str, &str)]) -> Action {
    Action {
        method,
        key: key.map(str::to_owned),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        signed_headers: Vec::new(),
        plain_headers: Vec::new(),
        payload: Payload::Empty,
    }
}

/// What an object is stored with, for readers that go straight to the store.
#[derive(Debug, Clone, Copy)]
pub struct ObjectHeaders<'a> {
    /// Media type.
    pub content_type: &'a str,
    /// RFC 6266 disposition with the file's name.
    pub content_disposition: &'a str,
}

impl ObjectHeaders<'_> {
    fn signed(&self) -> Vec<(&'static str, String)> {
        vec![("content-type", self.content_type.to_owned())]
    }
    fn plain(&self) -> Vec<(&'static str, String)> {
        vec![("content-disposition", self.content_disposition.to_owned())]
    }
}

/// CreateMultipartUpload.
pub fn create_multipart_upload(key: &str, headers: ObjectHeaders<'_>) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), ..action("POST", Some(key), &[("uploads", "")]) }
}

/// UploadPart. `part_number` is 1..=10,000.
pub fn upload_part(key: &str, upload_id: &str, part_number: u16, payload: Payload) -> Action {
    let query = [("partNumber", part_number.to_string()), ("uploadId", upload_id.to_owned())];
    Action { query: query.map(|(name, value)| (name.to_owned(), value)).into(), payload, ..action("PUT", Some(key), &[]) }
}

/// UploadPart for a presigned URL: of exactly `size` bytes.
pub fn upload_part_of(key: &str, upload_id: &str, part_number: u16, payload: Payload, size: u64) -> Action {
    Action { signed_headers: vec![("content-length", size.to_string())], ..upload_part(key, upload_id, part_number, payload) }
}

/// UploadPartCopy: bytes `first..=last` of the object at `source_path` (`/bucket/key`, not encoded).
pub fn upload_part_copy(key: &str, upload_id: &str, part_number: u16, source_path: &str, first: u64, last: u64) -> Action {
    Action {
        signed_headers: vec![("x-amz-copy-source", encode::path(source_path)), ("x-amz-copy-source-range", format!("bytes={first}-{last}"))],
        ..upload_part(key, upload_id, part_number, Payload::Empty)
    }
}

/// CompleteMultipartUpload with the body to send. May answer 200 with an error inside: see [`xml::completion`].
pub fn complete_multipart_upload(key: &str, upload_id: &str, parts: &[(u16, String)]) -> (Action, String) {
    let body = xml::complete_body(parts);
    let action = Action {
        payload: Payload::Sha256(Sha256Hex::of(body.as_bytes())),
        signed_headers: vec![("content-type", "application/xml".to_owned())],
        ..action("POST", Some(key), &[("uploadId", upload_id)])
    };
    (action, body)
}

/// AbortMultipartUpload.
pub fn abort_multipart_upload(key: &str, upload_id: &str) -> Action {
    action("DELETE", Some(key), &[("uploadId", upload_id)])
}

/// ListParts, one page of up to 1,000 after `marker`.
pub fn list_parts(key: &str, upload_id: &str, marker: Option<u16>) -> Action {
    let mut action = action("GET", Some(key), &[("uploadId", upload_id), ("max-parts", PAGE)]);
    if let Some(marker) = marker {
        action.query.push(("part-number-marker".to_owned(), marker.to_string()));
    }
    action
}

/// ListMultipartUploads under `prefix`, one page of up to 1,000 after `(key marker, upload id marker)`.
pub fn list_multipart_uploads(prefix: &str, marker: Option<(&str, &str)>) -> Action {
    let mut action = action("GET", None, &[("uploads", ""), ("prefix", prefix), ("max-uploads", PAGE)]);
    if let Some((key, upload_id)) = marker {
        action.query.push(("key-marker".to_owned(), key.to_owned()));
        action.query.push(("upload-id-marker".to_owned(), upload_id.to_owned()));
    }
    action
}

/// PutObject.
pub fn put_object(key: &str, headers: ObjectHeaders<'_>, payload: Payload) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), payload, ..action("PUT", Some(key), &[]) }
}

/// GetObject, whole or bytes `first..=last`. Range is not signed: a proxy on the way may rewrite it.
pub fn get_object(key: &str, range: Option<(u64, u64)>) -> Action {
    let mut action = action("GET", Some(key), &[]);
    // Anything but identity could come back compressed, with another length than the object's.
    action.plain_headers.push(("accept-encoding", "identity".to_owned()));
    if let Some((first, last)) = range {
        action.plain_headers.push(("range", format!("bytes={first}-{last}")));
    }
    action
}

/// GetObject for a presigned URL, with the file's name and type in the answer.
pub fn get_object_as(key: &str, headers: ObjectHeaders<'_>) -> Action {
    action("GET", Some(key), &[("response-content-type", headers.content_type), ("response-content-disposition", headers.content_disposition)])
}

/// HeadObject.
pub fn head_object(key: &str) -> Action {
    action("HEAD", Some(key), &[])
}

/// DeleteObject. Answers 204 also when there is nothing to delete.
pub fn delete_object(key: &str) -> Action {
    action("DELETE", Some(key), &[])
}
