//! CompleteMultipartUpload.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::base::sha256::Sha256Hex;
use crate::s3::action::{Action, Payload, action};
use crate::s3::error::StoreError;
use crate::s3::xml;

/// CompleteMultipartUpload with the body to send. May answer 200 with an error inside: see [`completion`].
pub fn complete_multipart_upload(key: &str, upload_id: &str, parts: &[(u16, String)]) -> (Action, String) {
    let body = complete_body(parts);
    let action = Action {
        payload: Payload::Sha256(Sha256Hex::of(body.as_bytes())),
        signed_headers: vec![("content-type", "application/xml".to_owned())],
        ..action("POST", Some(key), &[("uploadId", upload_id)])
    };
    (action, body)
}

#[derive(Serialize)]
#[serde(rename = "CompleteMultipartUpload")]
struct Request {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    #[serde(rename = "Part")]
    parts: Vec<PartElement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PartElement {
    part_number: u16,
    #[serde(rename = "ETag")]
    etag: String,
}

#[derive(Deserialize)]
enum Answer {
    CompleteMultipartUploadResult(IgnoredAny),
}

/// The body of CompleteMultipartUpload: parts ascending, ETags without quotes.
fn complete_body(parts: &[(u16, String)]) -> String {
    let parts = parts.iter().map(|(part_number, etag)| PartElement { part_number: *part_number, etag: format!("\"{etag}\"") }).collect();
    xml::write(&Request { namespace: "http://s3.amazonaws.com/doc/2006-03-01/", parts })
}

/// Reads a 200 of CompleteMultipartUpload, which S3 sends before it knows the outcome: an `<Error>` inside is a failure
/// (API reference, CompleteMultipartUpload: "a 200 OK response can contain either a success or an error").
pub fn completion(body: &str) -> Result<(), StoreError> {
    if let Ok(Answer::CompleteMultipartUploadResult(_)) = xml::read(body) {
        return Ok(());
    }
    let mut error = StoreError::read(200, body);
    if error.code.is_empty() {
        // Truncated: the outcome is unknown, so it is treated as a server error.
        error.code = "IncompleteAnswer".to_owned();
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_with_quoted_etags_and_escapes() {
        assert_eq!(
            complete_body(&[(1, "a".into()), (2, "<&".into())]),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>\
             <Part><PartNumber>2</PartNumber><ETag>&quot;&lt;&amp;&quot;</ETag></Part></CompleteMultipartUpload>"
        );
        assert_eq!(complete_body(&[]), "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></CompleteMultipartUpload>");
    }

    #[test]
    fn a_200_with_an_error_or_cut_short_is_no_completion() {
        let good = "  <?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult xmlns=\"x\"><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";
        assert_eq!(completion(good), Ok(()));
        let bad = "<?xml version=\"1.0\"?>\n\n<Error><Code>InternalError</Code><Message>We</Message></Error>";
        assert_eq!(completion(bad).map_err(|error| error.code), Err("InternalError".to_owned()));
        let missing_end = good.strip_suffix("</CompleteMultipartUploadResult>").unwrap();
        let missing_bracket = good.strip_suffix('>').unwrap();
        for cut in ["", "<CompleteMultipartUploadResult><ETag>", missing_end, missing_bracket, "<?xml version=\"1.0\"?>\n  "] {
            assert_eq!(completion(cut).map_err(|error| error.code), Err("IncompleteAnswer".to_owned()), "{cut}");
        }
    }
}
