//! The XML of answers, and of the one request that has a body of XML.

use std::fmt::Write;

use jettyspeed_edge::base::time::EpochMs;

use crate::store::multipart::Part;

/// A refusal.
pub fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>as simulated</Message></Error>")
}

/// CreateMultipartUpload.
pub fn initiated(key: &str, id: &str) -> String {
    format!("<InitiateMultipartUploadResult><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>")
}

/// UploadPartCopy.
pub fn copied(etag: &str) -> String {
    format!("<CopyPartResult><ETag>&quot;{etag}&quot;</ETag></CopyPartResult>")
}

/// CompleteMultipartUpload.
pub fn completed(key: &str, etag: &str) -> String {
    format!("<CompleteMultipartUploadResult><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>")
}

/// ListParts.
pub fn parts(parts: &[(u16, &Part)], truncated: bool) -> String {
    let mut text = format!("<ListPartsResult><IsTruncated>{truncated}</IsTruncated>");
    if let Some((last, _)) = parts.last().filter(|_| truncated) {
        let _ = write!(text, "<NextPartNumberMarker>{last}</NextPartNumberMarker>");
    }
    for (number, part) in parts {
        let (etag, size) = (&part.etag, part.content.len());
        let _ = write!(text, "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Part>");
    }
    text + "</ListPartsResult>"
}

/// ListMultipartUploads.
pub fn uploads(uploads: &[(&str, &str, EpochMs)], truncated: bool) -> String {
    let mut text = format!("<ListMultipartUploadsResult><IsTruncated>{truncated}</IsTruncated>");
    if let Some((key, id, _)) = uploads.last().filter(|_| truncated) {
        let _ = write!(text, "<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>");
    }
    for (key, id, initiated) in uploads {
        let at = initiated.rfc3339();
        let _ = write!(text, "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{at}</Initiated></Upload>");
    }
    text + "</ListMultipartUploadsResult>"
}

/// The parts that a CompleteMultipartUpload names: numbers and ETags without quotes, as the product writes them.
pub fn part_list(text: &str) -> Vec<(u16, String)> {
    let between = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned())
    };
    let part = |text: &str| {
        let etag = between(text, "ETag")?.replace("&quot;", "\"");
        Some((between(text, "PartNumber")?.trim().parse().ok()?, etag.trim_matches('"').to_owned()))
    };
    text.split("<Part>").skip(1).filter_map(part).collect()
}
