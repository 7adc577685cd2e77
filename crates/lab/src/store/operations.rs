//! The operations: a request in, an answer out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::body::Incoming;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::answers::{Answer, document, element, empty, error, objects, of_slices, parts, stored, uploads, with};
use super::body::{Received, receive};
use super::contents::{Contents, Keeper, Object, Upload, joined_etag, lock};

/// Parts on a page, and the smallest part but the last, as on AWS.
const PAGE: usize = 1_000;
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// Largest body of a request that is a document.
const LARGEST_DOCUMENT: u64 = 4_000_000;

/// The store.
pub struct Store {
    contents: Mutex<Contents>,
    keeper: Keeper,
}

struct Target {
    key: String,
    query: BTreeMap<String, String>,
}

impl Target {
    fn of<B>(request: &Request<B>) -> Target {
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
        Target { key: key_of(request.uri().path()), query }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> u16 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

/// The key in `/bucket/key`; empty for the bucket itself.
fn key_of(path: &str) -> String {
    let key = path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    // A plus sign is one in a path, unlike in a form.
    let pair = format!("k={}", key.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn now() -> DateTime<Utc> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    DateTime::from_timestamp(since_epoch.as_secs().cast_signed(), since_epoch.subsec_nanos()).unwrap_or_default()
}

/// What of a request's header fields belongs to the object.
fn own(headers: &HeaderMap) -> HeaderMap {
    let is_own = |name: &str| matches!(name, "content-type" | "content-disposition" | "cache-control") || name.starts_with("x-amz-meta-");
    headers.iter().filter(|(name, _)| is_own(name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Store {
    /// An empty one that keeps up to `most` bytes.
    pub fn new(most: u64) -> Store {
        Store { contents: Mutex::default(), keeper: Keeper::new(most) }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        let target = Target::of(&request);
        let (head, body) = request.into_parts();
        let headers = head.headers;
        let (on_object, upload) = (!target.key.is_empty(), target.text("uploadId").map(str::to_owned));
        if head.method == Method::PUT && on_object && headers.contains_key("x-amz-copy-source") {
            return self.copy(&headers, &target, upload.as_deref());
        }
        if head.method == Method::PUT && on_object {
            return match receive(&headers, body, self.keeper.largest()).await {
                Ok(received) => self.put(&headers, &target, upload.as_deref(), received),
                Err(code) => error(400, code),
            };
        }
        if head.method == Method::POST {
            let Ok(received) = receive(&headers, body, LARGEST_DOCUMENT).await else { return error(400, "IncompleteBody") };
            return match (upload, target.text("uploads")) {
                (Some(id), _) => self.complete(&id, &received.bytes.unwrap_or_default()),
                (None, Some(_)) => self.create(&headers, &target),
                (None, None) => error(501, "NotImplemented"),
            };
        }
        match (head.method, on_object) {
            (Method::GET, true) if upload.is_some() => self.list_parts(&target),
            (method @ (Method::GET | Method::HEAD), true) => self.get(&headers, &target, method == Method::HEAD),
            (Method::DELETE, true) => self.delete(&target),
            (Method::GET, false) => self.list(&target),
            (Method::PUT | Method::HEAD, false) => empty(StatusCode::OK),
            _ => error(501, "NotImplemented"),
        }
    }

    fn put(&self, headers: &HeaderMap, target: &Target, upload: Option<&str>, received: Received) -> Answer {
        let piece = self.keeper.keep(received);
        let etag = piece.etag.clone();
        let mut contents = lock(&self.contents);
        if let Some(id) = upload {
            let Some(upload) = contents.uploads.get_mut(id) else { return error(404, "NoSuchUpload") };
            upload.parts.insert(target.number("partNumber"), piece);
            return stored(&etag);
        }
        if headers.contains_key(IF_NONE_MATCH) && contents.objects.contains_key(&target.key) {
            return error(412, "PreconditionFailed");
        }
        let object = Object { pieces: vec![piece], etag: etag.clone(), headers: own(headers), modified: now() };
        contents.objects.insert(target.key.clone(), object);
        stored(&etag)
    }

    /// CopyObject and UploadPartCopy.
    fn copy(&self, headers: &HeaderMap, target: &Target, upload: Option<&str>) -> Answer {
        let source = format!("/{}", header(headers, "x-amz-copy-source").trim_start_matches('/'));
        let Some(object) = lock(&self.contents).objects.get(&key_of(&source)).cloned() else { return error(404, "NoSuchKey") };
        let range = header(headers, "x-amz-copy-source-range");
        let Some((first, last)) = (if range.is_empty() { Some((0, object.size().saturating_sub(1))) } else { parse_range(range, object.size()) })
        else {
            return error(400, "InvalidRange");
        };
        let Some(slices) = object.slices(first, last) else { return error(403, "InvalidObjectState") };
        let bytes = Bytes::from(slices.concat());
        let received = Received { length: bytes.len() as u64, sha256: hex::encode(Sha256::digest(&bytes)), bytes: Some(bytes) };
        let etag = received.sha256.clone();
        let answer = self.put(&object.headers, target, upload, received);
        if answer.status() != StatusCode::OK {
            return answer;
        }
        let name = if upload.is_some() { "CopyPartResult" } else { "CopyObjectResult" };
        document(name, &(element("ETag", &format!("\"{etag}\"")) + &element("LastModified", &now().to_rfc3339())))
    }

    fn create(&self, headers: &HeaderMap, target: &Target) -> Answer {
        let mut contents = lock(&self.contents);
        contents.created += 1;
        let id = format!("{:032x}", contents.created);
        let upload = Upload { key: target.key.clone(), headers: own(headers), parts: BTreeMap::new(), initiated: now() };
        contents.uploads.insert(id.clone(), upload);
        document("InitiateMultipartUploadResult", &(element("Bucket", "lab") + &element("Key", &target.key) + &element("UploadId", &id)))
    }

    fn complete(&self, id: &str, body: &[u8]) -> Answer {
        let Ok(wanted) = quick_xml::de::from_reader::<_, Completion>(body) else { return error(400, "MalformedXML") };
        let mut contents = lock(&self.contents);
        let Some(upload) = contents.uploads.get(id) else { return error(404, "NoSuchUpload") };
        let found = wanted.parts.iter().map(|part| {
            let piece = upload.parts.get(&part.number)?;
            (part.etag.trim_matches('"') == piece.etag).then(|| Arc::clone(piece))
        });
        let Some(pieces) = found.collect::<Option<Vec<_>>>().filter(|pieces| !pieces.is_empty()) else { return error(400, "InvalidPart") };
        if !wanted.parts.is_sorted_by(|one, next| one.number < next.number) {
            return error(400, "InvalidPartOrder");
        }
        if pieces.iter().rev().skip(1).any(|piece| piece.length < SMALLEST_PART) {
            return error(400, "EntityTooSmall");
        }
        let Some(upload) = contents.uploads.remove(id) else { return error(404, "NoSuchUpload") };
        let etag = joined_etag(&pieces);
        contents.objects.insert(upload.key.clone(), Object { pieces, etag: etag.clone(), headers: upload.headers, modified: now() });
        document("CompleteMultipartUploadResult", &(element("Key", &upload.key) + &element("ETag", &format!("\"{etag}\""))))
    }

    fn list_parts(&self, target: &Target) -> Answer {
        let contents = lock(&self.contents);
        let Some(upload) = target.text("uploadId").and_then(|id| contents.uploads.get(id)) else { return error(404, "NoSuchUpload") };
        parts(upload, target.number("part-number-marker"), PAGE)
    }

    fn list(&self, target: &Target) -> Answer {
        let contents = lock(&self.contents);
        let prefix = target.text("prefix").unwrap_or_default();
        match target.text("uploads") {
            Some(_) => uploads(contents.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix))),
            None if target.text("location").is_some() => document("LocationConstraint", ""),
            None => objects(contents.objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix))),
        }
    }

    fn get(&self, headers: &HeaderMap, target: &Target, head: bool) -> Answer {
        let Some(object) = lock(&self.contents).objects.get(&target.key).cloned() else {
            return if head { empty(StatusCode::NOT_FOUND) } else { error(404, "NoSuchKey") };
        };
        let (size, range) = (object.size(), headers.get(RANGE).and_then(|value| value.to_str().ok()));
        let span = match range {
            Some(range) => match parse_range(range, size) {
                Some(span) => Some(span),
                None => return error(416, "InvalidRange"),
            },
            None => None,
        };
        let (first, last) = span.unwrap_or((0, size.saturating_sub(1)));
        let mut answer = if head {
            with(empty(StatusCode::OK), hyper::header::CONTENT_LENGTH, &size.to_string())
        } else {
            // As S3 says of objects that have been archived.
            let Some(slices) = object.slices(first, last) else { return error(403, "InvalidObjectState") };
            of_slices(if span.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, slices)
        };
        answer.headers_mut().extend(object.headers.clone());
        for (asked, name) in [("response-content-type", CONTENT_TYPE), ("response-content-disposition", hyper::header::CONTENT_DISPOSITION)] {
            if let Some(value) = target.text(asked) {
                answer = with(answer, name, value);
            }
        }
        if span.is_some() && !head {
            answer = with(answer, CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"));
        }
        let modified = object.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        with(with(with(answer, ETAG, &format!("\"{}\"", object.etag)), LAST_MODIFIED, &modified), ACCEPT_RANGES, "bytes")
    }

    fn delete(&self, target: &Target) -> Answer {
        let mut contents = lock(&self.contents);
        match target.text("uploadId") {
            Some(id) if contents.uploads.remove(id).is_none() => error(404, "NoSuchUpload"),
            Some(_) => empty(StatusCode::NO_CONTENT),
            None => {
                contents.objects.remove(&target.key);
                empty(StatusCode::NO_CONTENT)
            }
        }
    }
}

/// First and last byte of `bytes=a-b`, `a-` or `-n`.
fn parse_range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last.min(end)),
        (Ok(first), Err(_)) => (first, end),
        (Err(_), Ok(count)) if count > 0 => (size.saturating_sub(count), end),
        _ => return None,
    };
    (first <= last).then_some((first, last))
}

#[derive(Deserialize)]
struct Completion {
    #[serde(rename = "Part", default)]
    parts: Vec<Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "PartNumber")]
    number: u16,
    #[serde(rename = "ETag")]
    etag: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_what_follows_the_bucket_and_decoded() {
        assert_eq!([key_of("/b/a%20c+d/e&f"), key_of("/b"), key_of("/b/")], ["a c+d/e&f".to_owned(), String::new(), String::new()]);
    }

    #[test]
    fn ranges() {
        assert_eq!(
            [parse_range("bytes=2-4", 10), parse_range("bytes=8-", 10), parse_range("bytes=-3", 10)],
            [Some((2, 4)), Some((8, 9)), Some((7, 9))]
        );
        assert_eq!([parse_range("bytes=5-99", 10), parse_range("bytes=10-", 10), parse_range("bytes=0-", 0)], [Some((5, 9)), None, None]);
    }

    #[test]
    fn part_list_is_read_as_tools_write_it() {
        let text = "<CompleteMultipartUpload xmlns=\"x\"><Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber><ChecksumCRC32>x</ChecksumCRC32></Part>\
                    <Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>";
        let parts = quick_xml::de::from_reader::<_, Completion>(text.as_bytes()).unwrap().parts;
        assert_eq!(parts.iter().map(|part| (part.number, part.etag.trim_matches('"'))).collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
    }
}
