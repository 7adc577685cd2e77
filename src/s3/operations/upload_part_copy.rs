//! UploadPartCopy.

use serde::Deserialize;

use crate::base::percent;
use crate::s3::action::{Action, Payload};
use crate::s3::error::StoreError;
use crate::s3::etag::unquote;
use crate::s3::operations::upload_part::upload_part;
use crate::s3::xml;

/// UploadPartCopy: bytes `first..=last` of the object at `source_path` (`/bucket/key`, not encoded).
pub fn upload_part_copy(key: &str, upload_id: &str, part_number: u16, source_path: &str, first: u64, last: u64) -> Action {
    Action {
        signed_headers: vec![("x-amz-copy-source", percent::path(source_path)), ("x-amz-copy-source-range", format!("bytes={first}-{last}"))],
        ..upload_part(key, upload_id, part_number, Payload::Empty)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "ETag")]
    etag: String,
}

/// The ETag of an UploadPartCopy answer, without quotes; like completion it may be a 200 with an error inside.
pub fn copied_part(body: &str) -> Result<String, StoreError> {
    let etag = xml::read_result::<Answer>(body).map(|answer| unquote(&answer.content.etag).to_owned());
    etag.ok().filter(|etag| !etag.is_empty()).ok_or_else(|| StoreError::read(200, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_and_range_are_signed_and_the_source_is_encoded() {
        let copy = upload_part_copy("k", "u", 1, "/b/a c", 5, 9);
        assert_eq!(copy.signed_headers, [("x-amz-copy-source", "/b/a%20c".to_owned()), ("x-amz-copy-source-range", "bytes=5-9".to_owned())]);
        assert_eq!(copy.payload, Payload::Empty);
    }

    #[test]
    fn copied_part_gives_its_etag_or_the_error_inside() {
        assert_eq!(copied_part("<CopyPartResult><ETag>\"cc\"</ETag></CopyPartResult>").as_deref(), Ok("cc"));
        let quoted = "<CopyPartResult xmlns=\"x\"><LastModified>t</LastModified><ETag>&quot;cc&quot;</ETag></CopyPartResult>";
        assert_eq!(copied_part(quoted).as_deref(), Ok("cc"));
        for other in [
            "<UploadPartCopyResult><ETag>&quot;&quot;W/&quot;cc&quot;&quot;&quot;</ETag></UploadPartCopyResult>",
            "<p:CopyPartResult xmlns:p='u'><p:ETag><![CDATA[\"cc\"]]></p:ETag></p:CopyPartResult>",
        ] {
            assert_eq!(copied_part(other).as_deref(), Ok("cc"), "{other}");
        }
        assert_eq!(copied_part("<Error><Code>NoSuchKey</Code></Error>").map_err(|error| error.code), Err("NoSuchKey".to_owned()));
        for cut in ["", "<CopyPartResult><ETag>\"cc\"</ETag>", "<CopyPartResult/>", "<CopyPartResult><ETag/></CopyPartResult>"] {
            assert_eq!(copied_part(cut).map_err(|error| (error.status, error.code)), Err((200, String::new())), "{cut}");
        }
    }
}
