//! CreateMultipartUpload.

use serde::Deserialize;

use crate::s3::action::{Action, ObjectHeaders, action};
use crate::s3::xml::{self, Unreadable};

/// CreateMultipartUpload.
pub fn create_multipart_upload(key: &str, headers: ObjectHeaders<'_>) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), ..action("POST", Some(key), &[("uploads", "")]) }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "UploadId")]
    upload_id: String,
}

/// The upload id of a CreateMultipartUpload answer.
pub fn upload_id(body: &str) -> Result<String, Unreadable> {
    let answer: Answer = xml::read_result(body)?.content;
    let upload_id = answer.upload_id.trim();
    if upload_id.is_empty() { Err(Unreadable) } else { Ok(upload_id.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_headers_are_part_of_the_action() {
        let action = create_multipart_upload("k", ObjectHeaders { content_type: "text/plain", content_disposition: "inline" });
        assert_eq!(action.signed_headers, [("content-type", "text/plain".to_owned())]);
        assert_eq!(action.plain_headers, [("content-disposition", "inline".to_owned())]);
    }

    #[test]
    fn upload_id_is_read_and_anything_else_is_unreadable() {
        let body =
            "<InitiateMultipartUploadResult xmlns=\"x\"><Bucket>b</Bucket><Key>k</Key><UploadId>u/1+=</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(upload_id(body).as_deref(), Ok("u/1+="));
        for root in ["CreateMultipartUploadResult", "InitiateMultipartUploadResponse", "p:InitiateMultipartUploadResult"] {
            let body = format!("<{root} xmlns:p='u'>\n <Unknown>1</Unknown><UploadId> <![CDATA[u&1]]>\n</UploadId>\n</{root}>");
            assert_eq!(upload_id(&body).as_deref(), Ok("u&1"), "{root}");
        }
        for unreadable in [
            "<html>",
            "<InitiateMultipartUploadResult><Key>k</Key></InitiateMultipartUploadResult>",
            "<InitiateMultipartUploadResult><UploadId> </UploadId></InitiateMultipartUploadResult>",
            "<InitiateMultipartUploadResult><UploadId>u</UploadId>",
            "<Error><UploadId>u</UploadId></Error>",
        ] {
            assert_eq!(upload_id(unreadable), Err(Unreadable), "{unreadable}");
        }
    }
}
