//! CompleteMultipartUpload.

use quick_xml::escape::escape;

use crate::base::sha256::Sha256Hex;
use crate::s3::action::{Action, Payload, action};
use crate::s3::error::StoreError;
use crate::s3::operations::complete_multipart_upload;

/// CompleteMultipartUpload with the body to send. May answer 200 with an error inside: see [`complete_multipart_upload::completion`].
pub fn complete_multipart_upload(key: &str, upload_id: &str, parts: &[(u16, String)]) -> (Action, String) {
    let body = complete_multipart_upload::complete_body(parts);
    let action = Action {
        payload: Payload::Sha256(Sha256Hex::of(body.as_bytes())),
        signed_headers: vec![("content-type", "application/xml".to_owned())],
        ..action("POST", Some(key), &[("uploadId", upload_id)])
    };
    (action, body)
}

/// The body of CompleteMultipartUpload: parts ascending, ETags without quotes.
pub fn complete_body(parts: &[(u16, String)]) -> String {
    let mut body = String::with_capacity(100 + parts.len() * 90);
    body.push_str(r#"<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">"#);
    for (number, etag) in parts {
        body.push_str("<Part><PartNumber>");
        body.push_str(&number.to_string());
        body.push_str("</PartNumber><ETag>&quot;");
        body.push_str(&escape(etag.as_str()));
        body.push_str("&quot;</ETag></Part>");
    }
    body.push_str("</CompleteMultipartUpload>");
    body
}

/// Reads a 200 of CompleteMultipartUpload, which S3 sends before it knows the outcome: an `<Error>` inside is a failure
/// (API reference, CompleteMultipartUpload: "a 200 OK response can contain either a success or an error").
pub fn completion(body: &str) -> Result<(), StoreError> {
    let text = body.trim();
    if text.contains("<CompleteMultipartUploadResult") && text.ends_with("</CompleteMultipartUploadResult>") {
        return Ok(());
    }
    let mut error = StoreError::read(200, body);
    if error.code.is_empty() {
        // Cut short: whether it completed is unknown, so it is trouble of the server kind.
        error.code = "IncompleteAnswer".to_owned();
    }
    Err(error)
}
