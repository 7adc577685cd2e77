//! What a sink remembers of multipart uploads: the sizes of their parts.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ETAG;

/// Parts on a page of ListParts, as on AWS.
const PAGE: usize = 1_000;

/// Sizes of parts by key.
#[derive(Debug, Default)]
pub struct Uploads {
    sizes: Mutex<HashMap<String, BTreeMap<u16, u64>>>,
    /// Number and size of the parts of uploads that got none here: as if a client had sent them straight to the store.
    straight: Option<(u16, u64)>,
}

/// A parameter of a request's target.
fn parameter<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    target.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn key(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

impl Uploads {
    /// Has as many parts of that size of every upload that got none.
    pub fn straight(count: u16, size: u64) -> Uploads {
        Uploads { straight: Some((count, size)), ..Uploads::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<u16, u64>>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// UploadPart.
    pub fn store(&self, target: &str, length: u64) {
        let number = parameter(target, "partnumber").and_then(|number| number.parse().ok()).unwrap_or_default();
        self.lock().entry(key(target).to_owned()).or_default().insert(number, length);
    }

    fn parts(&self, target: &str) -> BTreeMap<u16, u64> {
        let stored = self.lock().get(key(target)).cloned();
        stored.or_else(|| self.straight.map(|(count, size)| (1..=count).map(|number| (number, size)).collect())).unwrap_or_default()
    }

    /// The size of the object or of what is there of it, bytes; None of one that nobody uploads.
    pub fn size(&self, target: &str) -> Option<u64> {
        let parts = self.parts(target);
        (!parts.is_empty()).then(|| parts.values().sum())
    }

    /// Whether the document of CompleteMultipartUpload has as many parts as there are.
    pub fn complete(&self, target: &str, document: &[u8]) -> bool {
        let named = String::from_utf8_lossy(document).matches("<PartNumber>").count();
        named > 0 && named == self.parts(target).len()
    }

    /// A page of ListParts.
    pub fn listing(&self, target: &str) -> String {
        let marker: u16 = parameter(target, "part-number-marker").and_then(|number| number.parse().ok()).unwrap_or_default();
        let parts = self.parts(target);
        let mut later = parts.range(marker.saturating_add(1)..);
        let (mut list, mut last) = (String::new(), marker);
        for (number, size) in later.by_ref().take(PAGE) {
            last = *number;
            let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>\"{ETAG}\"</ETag><Size>{size}</Size></Part>");
        }
        let more = later.next().is_some();
        format!("<ListPartsResult><IsTruncated>{more}</IsTruncated><NextPartNumberMarker>{last}</NextPartNumberMarker>{list}</ListPartsResult>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_has_the_bytes_of_its_parts_and_a_repeated_part_counts_once() {
        let uploads = Uploads::default();
        assert_eq!(uploads.size("/b/k"), None);
        for (number, length) in [(1, 5), (2, 3), (1, 5)] {
            uploads.store(&format!("/b/k?partnumber={number}&uploadid=u"), length);
        }
        assert_eq!((uploads.size("/b/k"), uploads.size("/b/other")), (Some(8), None));
        assert!(uploads.complete("/b/k?uploadid=u", b"<Part><PartNumber>1</PartNumber></Part><Part><PartNumber>2</PartNumber></Part>"));
        assert!(!uploads.complete("/b/k?uploadid=u", b"<Part><PartNumber>1</PartNumber></Part>"));
    }

    #[test]
    fn parts_are_listed_in_pages_of_a_thousand() {
        let uploads = Uploads::straight(1_500, 7);
        let first = uploads.listing("/b/k?max-parts=1000&uploadid=u");
        assert_eq!((first.matches("<Part>").count(), first.contains("<IsTruncated>true</IsTruncated>")), (1_000, true));
        let second = uploads.listing("/b/k?part-number-marker=1000&uploadid=u");
        assert_eq!((second.matches("<Part>").count(), second.contains("<IsTruncated>false</IsTruncated>")), (500, true));
        assert!(second.contains("<NextPartNumberMarker>1500</NextPartNumberMarker>"));
    }
}
