//! The XML bodies of S3, out and in (Amazon S3 API reference).

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

/// What could not be understood of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable answer of the store")]
pub struct Unreadable;

/// The texts of a document with the names of the elements they stand in, outermost first and joined by `/`, in the document's order.
/// An element without a text has an empty one.
pub fn texts(body: &str) -> Result<Vec<(String, String)>, Unreadable> {
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
pub fn text_at<'a>(texts: &'a [(String, String)], path: &str) -> Option<&'a str> {
    texts.iter().find(|(at, _)| at == path).map(|(_, text)| text.as_str())
}

/// The documents' records: all texts up to and with the end of an element at `path` belong to it.
pub fn records<'a>(texts: &'a [(String, String)], path: &str) -> Vec<&'a [(String, String)]> {
    texts.split_inclusive(|(at, _)| at == path).filter(|record| record.last().is_some_and(|(at, _)| at == path)).collect()
}

/// An ETag as it stands in a header, without its quotes.
pub fn unquote(etag: &str) -> &str {
    let inner = etag.trim();
    inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::operations::complete_multipart_upload::complete_body;
    use crate::s3::operations::complete_multipart_upload::completion;
    use crate::s3::operations::create_multipart_upload::upload_id;
    use crate::s3::operations::list_multipart_uploads::list_multipart_uploads_page;
    use crate::s3::operations::list_parts::list_parts_page;
    use crate::s3::operations::upload_part_copy::copied_part;

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
        let page = list_parts_page(
            "<ListPartsResult><UploadId>u</UploadId><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>\
             <Part><PartNumber>1</PartNumber><LastModified>x</LastModified><ETag>&quot;aa&quot;</ETag><Size>5</Size></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"bb\"</ETag><Size>6</Size></Part><Part><PartNumber>3</PartNumber><Size>7</Size></Part></ListPartsResult>",
        )
        .unwrap();
        assert_eq!(page.next(), Some(2));
        assert_eq!(page.parts.iter().map(|p| (p.part_number, p.etag.as_str(), p.size)).collect::<Vec<_>>(), [(1, "aa", 5), (2, "bb", 6), (3, "", 7)]);
        let last = list_parts_page("<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>").unwrap();
        assert_eq!((last.next(), last.parts.len()), (None, 0));
        let uploads = list_multipart_uploads_page(
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
