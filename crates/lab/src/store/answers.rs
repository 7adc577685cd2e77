//! The store's answers.

use std::convert::Infallible;
use std::fmt::Write;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{Iter, iter};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use quick_xml::escape::escape;

use super::contents::{Object, Upload};

/// A body of slices that are there already.
pub type Body = StreamBody<Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;
/// An answer.
pub type Answer = Response<Body>;

/// An answer of these slices.
pub fn of_slices(status: StatusCode, slices: Vec<Bytes>) -> Answer {
    let length: usize = slices.iter().map(Bytes::len).sum();
    let frames: Vec<_> = slices.into_iter().map(|slice| Ok(Frame::data(slice))).collect();
    let mut answer = Response::new(StreamBody::new(iter(frames)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    of_slices(status, vec![])
}

/// 200 with an ETag.
pub fn stored(etag: &str) -> Answer {
    with(empty(StatusCode::OK), ETAG, &format!("\"{etag}\""))
}

/// The same with a header field.
pub fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// A document whose root is `name`.
pub fn document(name: &str, content: &str) -> Answer {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}</{name}>");
    with(of_slices(StatusCode::OK, vec![text.into()]), CONTENT_TYPE, "application/xml")
}

/// A refusal.
pub fn error(status: u16, code: &str) -> Answer {
    let mut answer = document("Error", &format!("<Code>{code}</Code><Message>{code}</Message>"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// An element with text.
pub fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// ListParts.
pub fn parts(upload: &Upload, after: u16, most: usize) -> Answer {
    let mut rest = upload.parts.range(after.saturating_add(1)..);
    let page: Vec<_> = rest.by_ref().take(most).collect();
    let mut text = element("Key", &upload.key) + &element("IsTruncated", &rest.next().is_some().to_string());
    if let Some((last, _)) = page.last() {
        text += &element("NextPartNumberMarker", &last.to_string());
    }
    for (number, piece) in page {
        let (etag, size) = (&piece.etag, piece.length);
        let _ = write!(text, "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Part>");
    }
    document("ListPartsResult", &text)
}

/// ListMultipartUploads; all on one page.
pub fn uploads<'a>(uploads: impl Iterator<Item = (&'a String, &'a Upload)>) -> Answer {
    let of = |(id, upload): (&String, &Upload)| {
        format!("<Upload>{}{}{}</Upload>", element("Key", &upload.key), element("UploadId", id), element("Initiated", &time(upload.initiated)))
    };
    document("ListMultipartUploadsResult", &(element("IsTruncated", "false") + &uploads.map(of).collect::<String>()))
}

/// ListObjectsV2; all on one page.
pub fn objects<'a>(objects: impl Iterator<Item = (&'a String, &'a Object)>) -> Answer {
    let (mut count, mut text) = (0, String::new());
    for (key, object) in objects {
        count += 1;
        let (etag, size, modified) = (&object.etag, object.size(), time(object.modified));
        let _ = write!(
            text,
            "<Contents>{}<LastModified>{modified}</LastModified><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Contents>",
            element("Key", key)
        );
    }
    document("ListBucketResult", &format!("<IsTruncated>false</IsTruncated><KeyCount>{count}</KeyCount>{text}"))
}
