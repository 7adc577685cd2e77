//! ListMultipartUploads.

use crate::s3::action::{Action, PAGE, action};
use crate::s3::xml::{Unreadable, records, text_at, texts};

/// ListMultipartUploads under `prefix`, one page of up to 1,000 after `(key marker, upload id marker)`.
pub fn list_multipart_uploads(prefix: &str, marker: Option<(&str, &str)>) -> Action {
    let mut action = action("GET", None, &[("uploads", ""), ("prefix", prefix), ("max-uploads", PAGE)]);
    if let Some((key, upload_id)) = marker {
        action.query.push(("key-marker".to_owned(), key.to_owned()));
        action.query.push(("upload-id-marker".to_owned(), upload_id.to_owned()));
    }
    action
}

/// One unfinished multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// Object key.
    pub key: String,
    /// Upload id.
    pub upload_id: String,
    /// RFC 3339.
    pub initiated: String,
}

/// One page of ListMultipartUploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUploadsPage {
    /// The uploads, by key.
    pub uploads: Vec<ListedUpload>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

impl ListUploadsPage {
    /// The markers of the next page, if there is one.
    pub fn next(&self) -> Option<(&str, &str)> {
        (self.is_truncated && !self.next_key_marker.is_empty()).then_some((self.next_key_marker.as_str(), self.next_upload_id_marker.as_str()))
    }
}

/// Reads one page of ListMultipartUploads.
pub fn list_multipart_uploads_page(body: &str) -> Result<ListUploadsPage, Unreadable> {
    const ROOT: &str = "ListMultipartUploadsResult";
    let texts = texts(body)?;
    let of = |name: &str| text_at(&texts, &format!("{ROOT}/{name}")).unwrap_or_default().to_owned();
    let upload = |record: &[(String, String)]| {
        let of = |name: &str| text_at(record, &format!("{ROOT}/Upload/{name}")).map(str::to_owned);
        Ok(ListedUpload {
            key: of("Key").ok_or(Unreadable)?,
            upload_id: of("UploadId").ok_or(Unreadable)?,
            initiated: of("Initiated").unwrap_or_default(),
        })
    };
    text_at(&texts, ROOT).ok_or(Unreadable)?;
    Ok(ListUploadsPage {
        is_truncated: of("IsTruncated").trim() == "true",
        next_key_marker: of("NextKeyMarker"),
        next_upload_id_marker: of("NextUploadIdMarker"),
        uploads: records(&texts, &format!("{ROOT}/Upload")).into_iter().map(upload).collect::<Result<_, _>>()?,
    })
}
