//! An S3 store as the product's own requests see it: it takes an [`Action`], changes what it has and answers in XML.

mod documents;
mod listing;
mod multipart;

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::{Action, Payload};

use crate::content::Content;

/// What a request brings beside its fields.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// A text, such as a part list.
    Text(String),
    /// A file's bytes, or some of them.
    Bytes(Content),
}

impl Incoming {
    /// No body.
    pub fn nothing() -> Incoming {
        Incoming::Bytes(Content::default())
    }

    /// The bytes.
    pub fn content(&self) -> Content {
        match self {
            Incoming::Text(text) => Content::of_text(text),
            Incoming::Bytes(content) => content.clone(),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Content,
    /// The body of an answer that is a text.
    pub text: String,
}

impl Reply {
    /// An answer that is a text.
    pub fn text(status: u16, text: String) -> Reply {
        Reply { status, headers: vec![("content-length", text.len().to_string())], body: Content::default(), text }
    }

    /// A refusal with its code.
    pub fn refusal(status: u16, code: &str) -> Reply {
        Reply::text(status, documents::error(code))
    }

    fn empty(status: u16, etag: Option<&str>) -> Reply {
        let headers = etag.map(|etag| ("etag", format!("\"{etag}\""))).into_iter().collect();
        Reply { status, headers, body: Content::default(), text: String::new() }
    }
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its bytes.
    pub content: Content,
    /// Without quotes.
    pub etag: String,
}

/// What stores do in different ways.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Whether `x-amz-content-sha256` is compared with the body.
    pub verifies_hashes: bool,
    /// Whether that also holds for presigned URLs; one that does not refuses the signature.
    pub binds_presigned: bool,
    /// Whether `If-None-Match: *` is heeded.
    pub has_conditions: bool,
    /// Whether answers to uploads bear an ETag that is strong.
    pub strong_etags: bool,
    /// Parts or uploads on a page of a listing, at most.
    pub page: usize,
}

/// The store.
#[derive(Debug)]
pub struct Store {
    /// Its manner.
    pub dialect: Dialect,
    /// Objects by key.
    pub objects: BTreeMap<String, Object>,
    /// Unfinished multipart uploads by their id.
    pub uploads: BTreeMap<String, multipart::Upload>,
    /// Whether an upload was forgotten.
    pub has_forgotten: bool,
    /// Ids of those that are being assembled; another completion is refused meanwhile.
    assembling: BTreeSet<String>,
    /// Ids of those that were aborted.
    aborted: BTreeSet<String>,
    created: u64,
}

/// How a request was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// In its header fields.
    InHeaders,
    /// In its URL.
    InUrl,
}

impl Store {
    /// An empty one.
    pub fn new(dialect: Dialect) -> Store {
        Store {
            dialect,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            has_forgotten: false,
            assembling: BTreeSet::new(),
            aborted: BTreeSet::new(),
            created: 0,
        }
    }

    /// Does what a request asks for. `as_of`: the time from which listings are; `now` or earlier.
    pub fn serve(&mut self, action: &Action, body: &Incoming, signed: Signed, now: EpochMs, as_of: EpochMs) -> Reply {
        if let Some(refusal) = self.refuses_payload(action, body, signed) {
            return refusal;
        }
        let query = |name: &str| action.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let upload = query("uploadId");
        match (action.method, action.key.as_deref(), upload) {
            ("PUT", Some(key), None) => self.put(action, key, body),
            ("PUT", Some(_), Some(upload)) => {
                let number = query("partNumber").and_then(|text| text.parse().ok()).unwrap_or_default();
                match header(action, "x-amz-copy-source") {
                    Some(source) => self.copy_part(action, upload, number, source, now),
                    None => self.put_part(upload, number, body.content(), now),
                }
            }
            ("POST", Some(key), None) if query("uploads").is_some() => self.create(key, now),
            ("POST", Some(_), Some(upload)) => self.complete(upload, body),
            ("DELETE", Some(_), Some(upload)) => self.abort(upload),
            ("DELETE", Some(key), None) => {
                self.objects.remove(key);
                Reply::empty(204, None)
            }
            ("GET", Some(_), Some(upload)) => self.list_parts(action, upload, as_of),
            ("GET", None, None) if query("uploads").is_some() => self.list_uploads(action, as_of),
            ("GET" | "HEAD", Some(key), None) => self.get(action, key),
            _ => Reply::refusal(400, "InvalidRequest"),
        }
    }

    fn refuses_payload(&self, action: &Action, body: &Incoming, signed: Signed) -> Option<Reply> {
        let Payload::Sha256(hash) = &action.payload else { return None };
        let verifies = match signed {
            Signed::InHeaders => self.dialect.verifies_hashes,
            Signed::InUrl if !self.dialect.binds_presigned => return Some(Reply::refusal(403, "SignatureDoesNotMatch")),
            Signed::InUrl => true,
        };
        let right = !verifies || body.content().sha256() == *hash;
        (!right).then(|| Reply::refusal(400, "XAmzContentSHA256Mismatch"))
    }

    fn put(&mut self, action: &Action, key: &str, body: &Incoming) -> Reply {
        if header(action, "if-none-match").is_some() {
            if !self.dialect.has_conditions {
                return Reply::refusal(501, "NotImplemented");
            }
            if self.objects.contains_key(key) {
                return Reply::refusal(412, "PreconditionFailed");
            }
        }
        let content = body.content();
        let etag = content.etag();
        let reply = self.tagged(200, &etag);
        self.objects.insert(key.to_owned(), Object { content, etag });
        reply
    }

    /// An empty answer with the ETag of what was stored.
    fn tagged(&self, status: u16, etag: &str) -> Reply {
        if self.dialect.strong_etags {
            return Reply::empty(status, Some(etag));
        }
        Reply { headers: vec![("etag", format!("W/\"{etag}\""))], ..Reply::empty(status, None) }
    }

    fn get(&self, action: &Action, key: &str) -> Reply {
        let Some(object) = self.objects.get(key) else {
            // An answer to HEAD has no body, and so no code.
            return if action.method == "HEAD" { Reply::empty(404, None) } else { Reply::refusal(404, "NoSuchKey") };
        };
        let size = object.content.len();
        let (mut reply, body) = match header(action, "range").and_then(range) {
            Some((first, _)) if first >= size => return Reply::refusal(416, "InvalidRange"),
            Some((first, last)) => {
                let last = last.min(size.saturating_sub(1));
                let mut reply = Reply::empty(206, Some(&object.etag));
                reply.headers.push(("content-range", format!("bytes {first}-{last}/{size}")));
                (reply, object.content.slice(first, last + 1))
            }
            None => (Reply::empty(200, Some(&object.etag)), object.content.clone()),
        };
        reply.headers.push(("content-length", body.len().to_string()));
        if action.method == "GET" {
            reply.text = body.bytes().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            reply.body = body;
        }
        reply
    }
}

/// A header field of the request.
fn header<'a>(action: &'a Action, name: &str) -> Option<&'a str> {
    let fields = action.signed_headers.iter().chain(&action.plain_headers);
    fields.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
}

/// `bytes=first-last`.
fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
