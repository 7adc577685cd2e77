//! ListParts.

use serde::{Deserialize, Serialize};

use crate::s3::action::{Action, PAGE, action};
use crate::s3::etag::unquote;
use crate::s3::xml::{self, Unreadable};

/// ListParts, one page of up to 1,000 after `marker`.
pub fn list_parts(key: &str, upload_id: &str, marker: Option<u16>) -> Action {
    let mut action = action("GET", Some(key), &[("uploadId", upload_id), ("max-parts", PAGE)]);
    if let Some(marker) = marker {
        action.query.push(("part-number-marker".to_owned(), marker.to_string()));
    }
    action
}

/// Parts on a full page: [`PAGE`].
const FULL_PAGE: usize = 1_000;

/// One part as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPart {
    /// 1..=10,000.
    pub part_number: u16,
    /// Without quotes; empty if the store omits it (s3s-fs).
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

// The marker and the flag are texts, since there are stores that leave them empty.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: Option<String>,
    #[serde(default)]
    next_part_number_marker: String,
    #[serde(rename = "Part", default)]
    parts: Vec<PartElement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartElement {
    part_number: u16,
    #[serde(rename = "ETag", default)]
    etag: String,
    size: u64,
}

/// Reads one page of ListParts.
pub fn list_parts_page(body: &str) -> Result<ListPartsPage, Unreadable> {
    let document = xml::read_result::<Page>(body)?;
    let is_listing = document.is("ListPartsResult") || document.content.is_truncated.is_some() || !document.content.parts.is_empty();
    let page = document.content;
    // An empty listing means that the store has no part, so nothing else may be taken for one.
    if !is_listing {
        return Err(Unreadable);
    }
    let flag = xml::boolean(page.is_truncated.as_deref().unwrap_or_default())?;
    let part = |part: PartElement| ListedPart { part_number: part.part_number, etag: unquote(&part.etag).to_owned(), size: part.size };
    Ok(ListPartsPage {
        // A full page that does not say whether it is the last one may not be.
        is_truncated: flag.unwrap_or(page.parts.len() >= FULL_PAGE),
        next_part_number_marker: page.next_part_number_marker.trim().parse().ok(),
        parts: page.parts.into_iter().map(part).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_parts_and_marker_and_missing_etags_are_empty() {
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
    }

    #[test]
    fn part_in_several_lines_with_spaces_around_numbers_is_read() {
        let page = list_parts_page(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a:ListPartsResult xmlns:a=\"urn:x\">\n <a:Part>\n  <a:PartNumber> 10000 </a:PartNumber>\n  \
             <a:ETag> \"x\" </a:ETag>\n  <a:Size>\n5000000000\n</a:Size>\n </a:Part>\n</a:ListPartsResult>\n",
        )
        .unwrap();
        assert_eq!(page.parts, [ListedPart { part_number: 10_000, etag: "x".to_owned(), size: 5_000_000_000 }]);
        assert_eq!(page.next(), None);
    }

    #[test]
    fn truncated_page_without_marker_continues_after_its_last_part() {
        for marker in ["", "<NextPartNumberMarker/>", "<NextPartNumberMarker>x</NextPartNumberMarker>"] {
            let part = "<Part><PartNumber>4</PartNumber><Size>1</Size></Part>";
            let body = format!("<ListPartsResult>{part}<IsTruncated> true </IsTruncated>{marker}</ListPartsResult>");
            assert_eq!(list_parts_page(&body).unwrap().next(), Some(4), "{marker}");
        }
    }

    #[test]
    fn truncated_flag_in_every_spelling_goes_on_and_an_unknown_one_is_unreadable() {
        let page = |flag: &str| {
            list_parts_page(&format!(
                "<ListPartsResult><IsTruncated>{flag}</IsTruncated><NextPartNumberMarker> 4 </NextPartNumberMarker>\
                 <Part><PartNumber>4</PartNumber><Size>1</Size></Part></ListPartsResult>"
            ))
            .map(|page| page.next())
        };
        for flag in ["true", "True", "TRUE", "1", "\n true "] {
            assert_eq!(page(flag), Ok(Some(4)), "{flag}");
        }
        for flag in ["false", "False", "FALSE", "0", ""] {
            assert_eq!(page(flag), Ok(None), "{flag}");
        }
        assert_eq!(page("perhaps"), Err(Unreadable));
    }

    #[test]
    fn full_page_without_a_flag_goes_on_and_a_shorter_one_does_not() {
        for (parts, next) in [(1_000, Some(1_000)), (999, None)] {
            let parts: String = (1..=parts).map(|number| format!("<Part><PartNumber>{number}</PartNumber><Size>1</Size></Part>")).collect();
            assert_eq!(list_parts_page(&format!("<ListPartsResult>{parts}</ListPartsResult>")).unwrap().next(), next);
        }
    }

    #[test]
    fn listing_under_another_root_is_read_and_another_document_is_not_an_empty_listing() {
        let part = "<Part><PartNumber>4</PartNumber><ETag>&quot;&quot;W/&quot;x&quot;&quot;&quot;</ETag><Size>1</Size></Part>";
        for body in [
            format!("<ListPartsResponse>{part}</ListPartsResponse>"),
            format!("<p:ListPartsOutput xmlns:p='u'><IsTruncated>False</IsTruncated>{part}</p:ListPartsOutput>"),
        ] {
            assert_eq!(list_parts_page(&body).unwrap().parts, [ListedPart { part_number: 4, etag: "x".to_owned(), size: 1 }], "{body}");
        }
        for body in ["<ListPartsResult/>", "<Other><IsTruncated>0</IsTruncated></Other>"] {
            assert_eq!(list_parts_page(body).unwrap().parts, [], "{body}");
        }
        for body in ["<html/>", "<Other/>", "<ListBucketResult><Name>b</Name></ListBucketResult>", "", "<Error/>"] {
            assert_eq!(list_parts_page(body), Err(Unreadable), "{body}");
        }
    }

    #[test]
    fn part_without_number_or_size_is_unreadable() {
        for part in [
            "<Size>1</Size>",
            "<PartNumber>1</PartNumber>",
            "<PartNumber>65536</PartNumber><Size>1</Size>",
            "<PartNumber>1</PartNumber><Size>-1</Size>",
            "<PartNumber/><Size>1</Size>",
        ] {
            let body = format!("<ListPartsResult><Part>{part}</Part></ListPartsResult>");
            assert_eq!(list_parts_page(&body), Err(Unreadable), "{part}");
        }
        assert_eq!(list_parts_page("<Error><Code>NoSuchUpload</Code></Error>"), Err(Unreadable));
    }
}
