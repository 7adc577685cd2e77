//! ListMultipartUploads.

use serde::Deserialize;

use crate::s3::action::{Action, PAGE, action};
use crate::s3::xml::{self, Unreadable};

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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedUpload {
    /// Object key.
    pub key: String,
    /// Upload id.
    pub upload_id: String,
    /// RFC 3339.
    #[serde(default)]
    pub initiated: String,
}

/// One page of ListMultipartUploads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListUploadsPage {
    /// The uploads, by key.
    #[serde(rename = "Upload")]
    pub uploads: Vec<ListedUpload>,
    // A text, since there are stores that leave it empty.
    is_truncated: Option<String>,
    next_key_marker: String,
    next_upload_id_marker: String,
}

/// Uploads on a full page: [`PAGE`].
const FULL_PAGE: usize = 1_000;

impl ListUploadsPage {
    /// The markers of the next page, if there is one: without markers, those of the page's last upload. A full page that does not say whether it is the last
    /// one may not be.
    pub fn next(&self) -> Option<(&str, &str)> {
        let flag = xml::boolean(self.is_truncated.as_deref().unwrap_or_default()).ok().flatten();
        let last = || self.uploads.last().map(|upload| (upload.key.as_str(), upload.upload_id.as_str()));
        let named = (self.next_key_marker.as_str(), self.next_upload_id_marker.as_str());
        let truncated = flag.unwrap_or(self.uploads.len() >= FULL_PAGE);
        if truncated { Some(named).filter(|(key, _)| !key.is_empty()).or_else(last) } else { None }
    }
}

/// Reads one page of ListMultipartUploads.
pub fn list_multipart_uploads_page(body: &str) -> Result<ListUploadsPage, Unreadable> {
    let document = xml::read_result::<ListUploadsPage>(body)?;
    let is_listing = document.is("ListMultipartUploadsResult") || document.content.is_truncated.is_some() || !document.content.uploads.is_empty();
    let sound = document.content.is_truncated.as_deref().is_none_or(|flag| xml::boolean(flag).is_ok());
    if is_listing && sound { Ok(document.content) } else { Err(Unreadable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_uploads_and_markers() {
        let page = list_multipart_uploads_page(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>\
             <Upload><Key>users/a&amp;b</Key><UploadId>u</UploadId><Initiated>2026-11-20T00:00:00Z</Initiated></Upload>\
             <CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>\
             <Upload><Key> k </Key><Initiator><ID>i</ID></Initiator><UploadId>v</UploadId></Upload></ListMultipartUploadsResult>",
        )
        .unwrap();
        let uploads: Vec<_> = page.uploads.iter().map(|upload| (upload.key.as_str(), upload.upload_id.as_str(), upload.initiated.as_str())).collect();
        assert_eq!(uploads, [("users/a&b", "u", "2026-11-20T00:00:00Z"), (" k ", "v", "")]);
        assert_eq!(page.next(), Some(("k", "u")));
    }

    #[test]
    fn last_page_has_no_markers() {
        for body in [
            "<ListMultipartUploadsResult/>",
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><NextKeyMarker>k</NextKeyMarker></ListMultipartUploadsResult>",
            "<ListMultipartUploadsResult><IsTruncated/><NextKeyMarker>k</NextKeyMarker></ListMultipartUploadsResult>",
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker/></ListMultipartUploadsResult>",
        ] {
            let page = list_multipart_uploads_page(body).unwrap();
            assert_eq!((page.next(), page.uploads.len()), (None, 0), "{body}");
        }
    }

    #[test]
    fn truncated_page_in_every_spelling_goes_on_after_its_markers_or_its_last_upload() {
        let upload = "<Upload><Key>k</Key><UploadId>u</UploadId></Upload>";
        for flag in ["true", "True", "TRUE", "1"] {
            let page = |markers: &str| format!("<ListUploads><IsTruncated>{flag}</IsTruncated>{markers}{upload}</ListUploads>");
            assert_eq!(list_multipart_uploads_page(&page("")).unwrap().next(), Some(("k", "u")), "{flag}");
            let marked = page("<NextKeyMarker>l</NextKeyMarker><NextUploadIdMarker>v</NextUploadIdMarker>");
            assert_eq!(list_multipart_uploads_page(&marked).unwrap().next(), Some(("l", "v")), "{flag}");
        }
        let full = upload.repeat(1_000);
        let page = list_multipart_uploads_page(&format!("<ListMultipartUploadsResult>{full}</ListMultipartUploadsResult>")).unwrap();
        assert_eq!(page.next(), Some(("k", "u")));
        let unknown = "<ListMultipartUploadsResult><IsTruncated>perhaps</IsTruncated></ListMultipartUploadsResult>";
        assert_eq!(list_multipart_uploads_page(unknown), Err(Unreadable));
    }

    #[test]
    fn upload_without_key_or_id_is_unreadable() {
        for upload in ["<UploadId>u</UploadId>", "<Key>k</Key>"] {
            let body = format!("<ListMultipartUploadsResult><Upload>{upload}</Upload></ListMultipartUploadsResult>");
            assert_eq!(list_multipart_uploads_page(&body), Err(Unreadable), "{upload}");
        }
        assert_eq!(list_multipart_uploads_page("<Error><Code>AccessDenied</Code></Error>"), Err(Unreadable));
    }
}
