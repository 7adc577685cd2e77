//! CompleteMultipartUpload.

use serde::{Deserialize, Serialize};

use crate::base::sha256::Sha256Hex;
use crate::s3::action::{Action, Payload, action};
use crate::s3::error::StoreError;
use crate::s3::etag::ETag;
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
struct Answer {
    #[serde(rename = "ETag")]
    etag: Option<String>,
}

/// What the answer says of the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// ETag of the object, without quotes, unless it is weak.
    pub etag: Option<String>,
}

/// The body of CompleteMultipartUpload: parts ascending, ETags without quotes.
fn complete_body(parts: &[(u16, String)]) -> String {
    let parts = parts.iter().map(|(part_number, etag)| PartElement { part_number: *part_number, etag: format!("\"{etag}\"") }).collect();
    xml::write(&Request { namespace: "http://s3.amazonaws.com/doc/2006-03-01/", parts })
}

/// Reads a 200 of CompleteMultipartUpload, which S3 sends before it knows the outcome: an `<Error>` inside is a failure
/// (API reference, CompleteMultipartUpload: "a 200 OK response can contain either a success or an error").
pub fn completion(body: &str) -> Result<Completion, StoreError> {
    let answer = xml::read_result::<Answer>(body);
    // Another root is believed if it has what a completed object has.
    if let Some(answer) = answer.ok().filter(|answer| answer.is("CompleteMultipartUploadResult") || answer.content.etag.is_some()) {
        let etag = answer.content.etag.as_deref().map(ETag::parse).filter(|etag| !etag.weak && !etag.opaque.is_empty());
        return Ok(Completion { etag: etag.map(|etag| etag.opaque.to_owned()) });
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
    fn body_is_signed_with_its_hash() {
        let (action, body) = complete_multipart_upload("k", "u", &[(1, "e".to_owned())]);
        assert_eq!(action.payload, Payload::Sha256(Sha256Hex::of(body.as_bytes())));
        assert_eq!(action.query, [("uploadId".to_owned(), "u".to_owned())]);
        assert_eq!(action.signed_headers, [("content-type", "application/xml".to_owned())]);
    }

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
        let known = |etag: &str| Ok(Completion { etag: Some(etag.to_owned()) });
        assert_eq!(completion(good), known("e-2"));
        assert_eq!(completion("<CompleteMultipartUploadResponse><ETag>e-2</ETag></CompleteMultipartUploadResponse>"), known("e-2"));
        assert_eq!(completion("<CompleteMultipartUploadResult/>"), Ok(Completion { etag: None }));
        assert_eq!(completion(&good.replace("\"e-2\"", "W/\"e-2\"")), Ok(Completion { etag: None }), "a weak one is unknown");
        let bad = "<?xml version=\"1.0\"?>\n\n<Error><Code>InternalError</Code><Message>We</Message></Error>";
        assert_eq!(completion(bad).map_err(|error| error.code), Err("InternalError".to_owned()));
        let missing_end = good.strip_suffix("</CompleteMultipartUploadResult>").unwrap();
        let missing_bracket = good.strip_suffix('>').unwrap();
        for cut in [
            "",
            "<html/>",
            "<Other><Key>k</Key></Other>",
            "<CompleteMultipartUploadResult><ETag>",
            missing_end,
            missing_bracket,
            "<?xml version=\"1.0\"?>\n  ",
        ] {
            assert_eq!(completion(cut).map_err(|error| error.code), Err("IncompleteAnswer".to_owned()), "{cut}");
        }
    }
}
