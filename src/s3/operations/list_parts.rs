//! ListParts.

use serde::{Deserialize, Serialize};

use crate::s3::action::{Action, PAGE, action};
use crate::s3::xml::{Unreadable, records, text_at, texts, unquote};

/// ListParts, one page of up to 1,000 after `marker`.
pub fn list_parts(key: &str, upload_id: &str, marker: Option<u16>) -> Action {
    let mut action = action("GET", Some(key), &[("uploadId", upload_id), ("max-parts", PAGE)]);
    if let Some(marker) = marker {
        action.query.push(("part-number-marker".to_owned(), marker.to_string()));
    }
    action
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
pub fn list_parts_page(body: &str) -> Result<ListPartsPage, Unreadable> {
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
