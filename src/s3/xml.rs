//! The XML bodies of S3, out and in (Amazon S3 API reference).

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};
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

/// The texts of a document with the names of the elements they stand in, outermost first and joined by `/`, in the document's order.
/// An element without a text has an empty one.
pub(super) fn texts(body: &str) -> Result<Vec<(String, String)>, Unreadable> {
    let mut reader = Reader::from_str(body.trim_start_matches('\u{feff}').trim());
    let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|_| Unreadable)? {
            Event::Start(element) => {
                path.push(element.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Empty(element) => found.push((format!("{}/{}", path.join("/"), element.local_name().as_ref()), String::new())),
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(reference) => text.push(resolve(&reference)?),
            Event::End(_) => {
                found.push((path.join("/"), std::mem::take(&mut text)));
                path.pop();
            }
            Event::Eof if path.is_empty() && !found.is_empty() => return Ok(found),
            Event::Eof => return Err(Unreadable),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// `&#x41;`, `&#65;` and the five entities that XML has by itself.
fn resolve(reference: &BytesRef<'_>) -> Result<char, Unreadable> {
    match reference.resolve_char_ref().map_err(|_| Unreadable)? {
        Some(character) => Ok(character),
        None => resolve_predefined_entity(reference).and_then(|text| text.chars().next()).ok_or(Unreadable),
    }
}

/// The text of the first element at `path`.
pub(super) fn text_at<'a>(texts: &'a [(String, String)], path: &str) -> Option<&'a str> {
    texts.iter().find(|(at, _)| at == path).map(|(_, text)| text.as_str())
}

/// The documents' records: all texts up to and with the end of an element at `path` belong to it.
fn records<'a>(texts: &'a [(String, String)], path: &str) -> Vec<&'a [(String, String)]> {
    texts.split_inclusive(|(at, _)| at == path).filter(|record| record.last().is_some_and(|(at, _)| at == path)).collect()
}

/// The upload id of a CreateMultipartUpload answer.
pub fn upload_id(body: &str) -> Result<String, Unreadable> {
    let texts = texts(body)?;
    text_at(&texts, "InitiateMultipartUploadResult/UploadId").map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).ok_or(Unreadable)
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
pub struct ListedPart {
    /// 1..=10,000.
    pub part_number: u16,
    /// Without quotes; empty from a store that does not tell (s3s-fs).
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// One page of ListParts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPartsPage {
    /// The parts, ascending.
    pub parts: Vec<ListedPart>,
    is_truncated: bool,
    next_part_number_marker: Option<u16>,
}

impl ListPartsPage {
    /// The marker of the next page, if there is one.
    pub fn next(&self) -> Option<u16> {
        let last = || self.parts.last().map(|part| part.part_number);
        if self.is_truncated { self.next_part_number_marker.or_else(last) } else { None }
    }
}

/// Reads one page of ListParts.
pub fn list_parts(body: &str) -> Result<ListPartsPage, Unreadable> {
    const ROOT: &str = "ListPartsResult";
    let texts = texts(body)?;
    let of = |name: &str| text_at(&texts, &format!("{ROOT}/{name}"));
    let part = |record: &[(String, String)]| {
        let of = |name: &str| text_at(record, &format!("{ROOT}/Part/{name}"));
        let number = |name: &str| of(name).and_then(|text| text.trim().parse::<u64>().ok());
        let part_number = number("PartNumber").and_then(|number| u16::try_from(number).ok()).ok_or(Unreadable)?;
        let size = number("Size").ok_or(Unreadable)?;
        Ok(ListedPart { part_number, etag: unquote(of("ETag").unwrap_or_default()).to_owned(), size })
    };
    text_at(&texts, ROOT).ok_or(Unreadable)?;
    Ok(ListPartsPage {
        is_truncated: of("IsTruncated").map(str::trim) == Some("true"),
        next_part_number_marker: of("NextPartNumberMarker").and_then(|text| text.trim().parse().ok()),
        parts: records(&texts, &format!("{ROOT}/Part")).into_iter().map(part).collect::<Result<_, _>>()?,
    })
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
pub fn list_uploads(body: &str) -> Result<ListUploadsPage, Unreadable> {
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

/// The ETag of an UploadPartCopy answer, without quotes; like completion it may be a 200 with an error inside.
pub fn copied_part(body: &str) -> Result<String, StoreError> {
    let texts = texts(body).unwrap_or_default();
    text_at(&texts, "CopyPartResult/ETag").map(|etag| unquote(etag).to_owned()).ok_or_else(|| StoreError::read(200, body))
}

/// An ETag as it stands in a header, without its quotes.
pub fn unquote(etag: &str) -> &str {
    let inner = etag.trim();
    inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner)
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
