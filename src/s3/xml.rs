//! The XML bodies of S3, out and in (Amazon S3 API reference).

use quick_xml::escape::escape;
use serde::{Deserialize, Serialize};

use super::error::StoreError;

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

/// What could not be understood of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable answer of the store")]
pub struct Unreadable;

fn read<T: for<'de> Deserialize<'de>>(body: &str) -> Result<T, Unreadable> {
    quick_xml::de::from_str(body.trim_start_matches('\u{feff}').trim()).map_err(|_| Unreadable)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InitiateMultipartUploadResult {
    upload_id: String,
}

/// The upload id of a CreateMultipartUpload answer.
pub fn upload_id(body: &str) -> Result<String, Unreadable> {
    let result: InitiateMultipartUploadResult = read(body)?;
    if result.upload_id.is_empty() { Err(Unreadable) } else { Ok(result.upload_id) }
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

/// One part as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedPart {
    /// 1..=10,000.
    pub part_number: u16,
    /// Without quotes; empty from a store that does not tell (s3s-fs).
    #[serde(rename = "ETag", default, deserialize_with = "unquoted")]
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// One page of ListParts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPartsPage {
    /// The parts, ascending.
    #[serde(rename = "Part", default)]
    pub parts: Vec<ListedPart>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_part_number_marker: Option<String>,
}

impl ListPartsPage {
    /// The marker of the next page, if there is one.
    pub fn next(&self) -> Option<u16> {
        let marker = || self.next_part_number_marker.as_ref()?.trim().parse().ok();
        if self.is_truncated { marker().or_else(|| self.parts.last().map(|part| part.part_number)) } else { None }
    }
}

/// Reads one page of ListParts.
pub fn list_parts(body: &str) -> Result<ListPartsPage, Unreadable> {
    read(body)
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUploadsPage {
    /// The uploads, by key.
    #[serde(rename = "Upload", default)]
    pub uploads: Vec<ListedUpload>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
}

impl ListUploadsPage {
    /// The markers of the next page, if there is one.
    pub fn next(&self) -> Option<(&str, &str)> {
        (self.is_truncated && !self.next_key_marker.is_empty()).then_some((self.next_key_marker.as_str(), self.next_upload_id_marker.as_str()))
    }
}

/// Reads one page of ListMultipartUploads.
pub fn list_uploads(body: &str) -> Result<ListUploadsPage, Unreadable> {
    read(body)
}

#[derive(Deserialize)]
struct CopyPartResult {
    #[serde(rename = "ETag", deserialize_with = "unquoted")]
    etag: String,
}

/// The ETag of an UploadPartCopy answer, without quotes; like completion it may be a 200 with an error inside.
pub fn copied_part(body: &str) -> Result<String, StoreError> {
    read::<CopyPartResult>(body).map(|result| result.etag).map_err(|_| StoreError::read(200, body))
}

/// An ETag as it stands in a header, without its quotes.
pub fn unquote(etag: &str) -> &str {
    let inner = etag.trim();
    inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner)
}

fn unquoted<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|etag| unquote(&etag).to_owned())
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
    }

    #[test]
    fn a_200_with_an_error_or_cut_short_is_no_completion() {
        let good = "  <?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult xmlns=\"x\"><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";
        assert_eq!(completion(good), Ok(()));
        let bad = "<?xml version=\"1.0\"?>\n\n<Error><Code>InternalError</Code><Message>We</Message></Error>";
        assert_eq!(completion(bad).map_err(|error| error.code), Err("InternalError".to_owned()));
        for cut in ["", "<CompleteMultipartUploadResult><ETag>"] {
            assert_eq!(completion(cut).map_err(|error| error.code), Err("IncompleteAnswer".to_owned()));
        }
    }

    #[test]
    fn reads_upload_ids_parts_and_pages() {
        let body =
            "<InitiateMultipartUploadResult xmlns=\"x\"><Bucket>b</Bucket><Key>k</Key><UploadId>u/1+=</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(upload_id(body).as_deref(), Ok("u/1+="));
        assert_eq!(upload_id("<html>"), Err(Unreadable));
        let page = list_parts(
            "<ListPartsResult><UploadId>u</UploadId><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>\
             <Part><PartNumber>1</PartNumber><LastModified>x</LastModified><ETag>&quot;aa&quot;</ETag><Size>5</Size></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"bb\"</ETag><Size>6</Size></Part><Part><PartNumber>3</PartNumber><Size>7</Size></Part></ListPartsResult>",
        )
        .unwrap();
        assert_eq!(page.next(), Some(2));
        assert_eq!(page.parts.iter().map(|p| (p.part_number, p.etag.as_str(), p.size)).collect::<Vec<_>>(), [(1, "aa", 5), (2, "bb", 6), (3, "", 7)]);
        let last = list_parts("<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>").unwrap();
        assert_eq!((last.next(), last.parts.len()), (None, 0));
        let uploads = list_uploads(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>\
             <Upload><Key>users/a&amp;b</Key><UploadId>u</UploadId><Initiated>2026-11-20T00:00:00Z</Initiated></Upload></ListMultipartUploadsResult>",
        )
        .unwrap();
        assert_eq!(uploads.uploads.first().map(|u| u.key.as_str()), Some("users/a&b"));
        assert_eq!(uploads.next(), Some(("k", "u")));
        assert_eq!(copied_part("<CopyPartResult><ETag>\"cc\"</ETag></CopyPartResult>").as_deref(), Ok("cc"));
        assert!(copied_part("<Error><Code>NoSuchKey</Code></Error>").is_err());
    }
}
