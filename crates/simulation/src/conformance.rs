//! One table of requests and answers, against the simulated store and against a real one: what histories believe of a store is what stores do.
//!
//! A case is a few requests in order. A case's keys begin with the prefix that the caller gives, so that a bucket in use can be tested.

use std::future::Future;

use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::chunking::MIN_PART_BYTES;
use jettyspeed_edge::s3::action::{Action, ObjectHeaders, Payload};
use jettyspeed_edge::s3::operations::{
    abort_multipart_upload, complete_multipart_upload, create_multipart_upload, delete_object, get_object, head_object, list_multipart_uploads,
    list_parts, put_object, upload_part, upload_part_copy,
};

/// A body: some text, or that many bytes `x`.
#[derive(Debug, Clone)]
pub enum Body {
    /// A text.
    Text(String),
    /// Bytes, all `x`.
    Filler(u64),
}

/// What a store answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Code of an error.
    pub code: String,
    /// The body, of at most some KB.
    pub text: String,
    /// `ETag`, without quotes.
    pub etag: Option<String>,
    /// `Content-Length`.
    pub length: Option<u64>,
    /// `Content-Range`.
    pub range: Option<String>,
}

/// One request. Names of objects are without the prefix; `upload` is the number of an upload that the case has created, from 0.
#[derive(Debug, Clone)]
pub enum Step {
    /// PutObject with the right hash, a wrong one, or none.
    Put(&'static str, &'static str, Hash),
    /// PutObject, if there is no such object.
    PutNew(&'static str, &'static str),
    /// GetObject, of bytes `first..=last`.
    Get(&'static str, Option<(u64, u64)>),
    /// HeadObject.
    Head(&'static str),
    /// DeleteObject.
    Delete(&'static str),
    /// CreateMultipartUpload.
    Create(&'static str),
    /// UploadPart: of the smallest size, or of a text.
    Part(&'static str, usize, u16, Bytes),
    /// UploadPartCopy of bytes of another object.
    Copy(&'static str, usize, u16, &'static str, (u64, u64)),
    /// CompleteMultipartUpload of parts that were sent; `None` for an ETag that none has.
    Complete(&'static str, usize, &'static [(u16, Tag)]),
    /// AbortMultipartUpload.
    Abort(&'static str, usize),
    /// ListParts.
    Parts(&'static str, usize),
    /// ListMultipartUploads under the object's name.
    Uploads(&'static str),
}

/// The hash that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// That of the body.
    Right,
    /// Another.
    Wrong,
    /// None.
    Nothing,
}

/// Bytes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// As many as a part that is not the last one must have.
    Least,
    /// A text.
    Few(&'static str),
}

/// The ETag that a completion names for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// That of the part's last answer.
    Last,
    /// None that the store has given.
    Other,
}

/// What an answer must be.
#[derive(Debug, Clone)]
pub struct Expected {
    /// HTTP status, one of these.
    pub status: &'static [u16],
    /// Code of the error, one of these; empty: whatever.
    pub code: &'static [&'static str],
    /// What the body contains.
    pub contains: &'static [&'static str],
    /// What it does not contain.
    pub lacks: &'static [&'static str],
    /// Length, bytes.
    pub length: Option<u64>,
}

const DONE: Expected = Expected { status: &[200, 204], code: &[], contains: &[], lacks: &[], length: None };

const fn refused(status: &'static [u16], code: &'static [&'static str]) -> Expected {
    Expected { status, code, contains: &[], lacks: &[], length: None }
}

const fn says(contains: &'static [&'static str], lacks: &'static [&'static str]) -> Expected {
    Expected { status: &[200, 206], code: &[], contains, lacks, length: None }
}

/// A case: its name, its requests with what is expected.
pub type Case = (&'static str, Vec<(Step, Expected)>);

const NO_UPLOAD: Expected = refused(&[404], &["NoSuchUpload"]);
/// Of an upload that was completed: Swift forgets it some time later only, and then says NoSuchKey to AbortMultipartUpload.
const ENDED: Expected = refused(&[200, 204, 404], &["", "NoSuchUpload", "NoSuchKey"]);
const NO_KEY: Expected = refused(&[404], &["NoSuchKey"]);

/// All cases.
pub fn cases() -> Vec<Case> {
    use Bytes::{Few, Least};
    use Step::{Abort, Complete, Copy, Create, Delete, Get, Head, Part, Parts, Put, PutNew, Uploads};
    use Tag::{Last, Other};
    vec![
        ("an object is read as it was put", vec![(Put("a", "hello", Hash::Right), DONE), (Get("a", None), says(&["hello"], &[]))]),
        (
            "an object is replaced",
            vec![(Put("b", "one", Hash::Nothing), DONE), (Put("b", "two", Hash::Right), DONE), (Get("b", None), says(&["two"], &["one"]))],
        ),
        (
            "a range of an object",
            vec![
                (Put("c", "hello", Hash::Right), DONE),
                (Get("c", Some((1, 3))), Expected { status: &[206], length: Some(3), ..says(&["ell"], &["h"]) }),
            ],
        ),
        ("a range behind the end", vec![(Put("d", "hello", Hash::Right), DONE), (Get("d", Some((5, 9))), refused(&[416], &[]))]),
        ("an absent object", vec![(Get("e", None), NO_KEY), (Head("e"), refused(&[404], &[]))]),
        ("the head of an object", vec![(Put("f", "hello", Hash::Right), DONE), (Head("f"), Expected { length: Some(5), ..DONE })]),
        (
            "deleting, also what is not there",
            vec![(Put("g", "x", Hash::Right), DONE), (Delete("g"), DONE), (Get("g", None), NO_KEY), (Delete("g"), DONE)],
        ),
        (
            "a wrong hash",
            vec![(Put("h", "hello", Hash::Wrong), refused(&[400], &["XAmzContentSHA256Mismatch", "BadDigest"])), (Get("h", None), NO_KEY)],
        ),
        (
            "only if there is none",
            vec![(PutNew("i", "one"), DONE), (PutNew("i", "two"), refused(&[412, 501], &[])), (Get("i", None), says(&["one"], &[]))],
        ),
        (
            "an upload of two parts",
            vec![
                (Create("j"), DONE),
                (Part("j", 0, 1, Least), DONE),
                (Part("j", 0, 2, Few("end")), DONE),
                (Complete("j", 0, &[(1, Last), (2, Last)]), DONE),
                (Head("j"), Expected { length: Some(MIN_PART_BYTES + 3), ..DONE }),
                (Get("j", Some((MIN_PART_BYTES, MIN_PART_BYTES + 2))), says(&["end"], &[])),
                (Parts("j", 0), ENDED),
            ],
        ),
        (
            "a part is replaced",
            vec![
                (Create("k"), DONE),
                (Part("k", 0, 1, Few("one")), DONE),
                (Part("k", 0, 1, Few("two")), DONE),
                (Complete("k", 0, &[(1, Last)]), DONE),
                (Get("k", None), says(&["two"], &[])),
            ],
        ),
        (
            "an upload without all of its parts",
            vec![
                (Create("l"), DONE),
                (Part("l", 0, 1, Few("one")), DONE),
                (Complete("l", 0, &[(1, Last), (2, Other)]), refused(&[400], &["InvalidPart"])),
                (Parts("l", 0), says(&["<PartNumber>1</PartNumber>"], &[])),
                (Abort("l", 0), DONE),
            ],
        ),
        (
            "another ETag than the part's",
            vec![
                (Create("m"), DONE),
                (Part("m", 0, 1, Few("one")), DONE),
                (Complete("m", 0, &[(1, Other)]), refused(&[400], &["InvalidPart"])),
                (Abort("m", 0), DONE),
            ],
        ),
        (
            "parts in the wrong order",
            vec![
                (Create("n"), DONE),
                (Part("n", 0, 1, Least), DONE),
                (Part("n", 0, 2, Few("x")), DONE),
                (Complete("n", 0, &[(2, Last), (1, Last)]), refused(&[400], &["InvalidPartOrder"])),
                (Abort("n", 0), DONE),
            ],
        ),
        (
            "a part that is too small",
            vec![
                (Create("o"), DONE),
                (Part("o", 0, 1, Few("x")), DONE),
                (Part("o", 0, 2, Few("y")), DONE),
                (Complete("o", 0, &[(1, Last), (2, Last)]), refused(&[400], &["EntityTooSmall"])),
                (Abort("o", 0), DONE),
            ],
        ),
        (
            "an upload that was aborted",
            vec![
                (Create("p"), DONE),
                (Part("p", 0, 1, Few("x")), DONE),
                (Abort("p", 0), DONE),
                (Part("p", 0, 1, Few("x")), NO_UPLOAD),
                (Complete("p", 0, &[(1, Last)]), NO_UPLOAD),
                (Abort("p", 0), NO_UPLOAD),
                (Get("p", None), NO_KEY),
            ],
        ),
        (
            "an upload that was completed",
            vec![
                (Create("q"), DONE),
                (Part("q", 0, 1, Few("x")), DONE),
                (Complete("q", 0, &[(1, Last)]), DONE),
                (Part("q", 0, 2, Few("y")), ENDED),
                (Abort("q", 0), ENDED),
                (Get("q", None), says(&["x"], &[])),
            ],
        ),
        (
            "two uploads of one key",
            vec![
                (Create("r"), DONE),
                (Create("r"), DONE),
                (Part("r", 0, 1, Few("one")), DONE),
                (Part("r", 1, 1, Few("two")), DONE),
                (Complete("r", 1, &[(1, Last)]), DONE),
                (Parts("r", 0), DONE),
                (Abort("r", 0), DONE),
                (Get("r", None), says(&["two"], &[])),
            ],
        ),
        (
            "parts are listed",
            vec![
                (Create("s"), DONE),
                (Parts("s", 0), says(&[], &["<Part>"])),
                (Part("s", 0, 7, Few("abc")), DONE),
                (Parts("s", 0), says(&["<PartNumber>7</PartNumber>", "<Size>3</Size>"], &[])),
                (Abort("s", 0), DONE),
            ],
        ),
        (
            "uploads are listed",
            vec![(Create("t"), DONE), (Uploads("t"), says(&["<UploadId>"], &[])), (Abort("t", 0), DONE), (Uploads("t"), says(&[], &["<UploadId>"]))],
        ),
        (
            "bytes of another object as a part",
            vec![
                (Put("u", "hello", Hash::Right), DONE),
                (Create("v"), DONE),
                (Copy("v", 0, 1, "u", (1, 3)), DONE),
                (Complete("v", 0, &[(1, Last)]), DONE),
                (Get("v", None), says(&["ell"], &["h"])),
            ],
        ),
        ("bytes of an absent object as a part", vec![(Create("w"), DONE), (Copy("w", 0, 1, "absent", (0, 1)), NO_KEY), (Abort("w", 0), DONE)]),
        (
            "bytes behind the end of another object",
            vec![
                (Put("x", "hello", Hash::Right), DONE),
                (Create("y"), DONE),
                // Swift copies what there is.
                (Copy("y", 0, 1, "x", (3, 9)), refused(&[200, 400, 416], &[])),
                (Abort("y", 0), DONE),
            ],
        ),
    ]
}

/// Runs all cases. `send` sends a request of a bucket; the names of all objects begin with `prefix`.
///
/// # Errors
/// Every answer that is another one than expected.
pub async fn run<F: Future<Output = Answer>>(bucket: &str, prefix: &str, mut send: impl FnMut(Action, Body) -> F) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    for (name, steps) in cases() {
        let mut uploads: Vec<String> = Vec::new();
        let mut tags: Vec<(usize, u16, String)> = Vec::new();
        for (number, (step, expected)) in steps.into_iter().enumerate() {
            let (action, body) = request(bucket, prefix, &step, &uploads, &tags);
            let answer = send(action, body).await;
            if let Some(why) = differs(&answer, &expected) {
                wrong.push(format!("{name}, request {number}, {step:?}: {why}; {answer:?}"));
            }
            match step {
                Step::Create(_) => uploads.push(create_multipart_upload::upload_id(&answer.text).unwrap_or_default()),
                Step::Part(_, upload, part, _) => tags.push((upload, part, answer.etag.unwrap_or_default())),
                Step::Copy(_, upload, part, ..) => tags.push((upload, part, upload_part_copy::copied_part(&answer.text).unwrap_or_default())),
                _ => {}
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn request(bucket: &str, prefix: &str, step: &Step, uploads: &[String], tags: &[(usize, u16, String)]) -> (Action, Body) {
    let key = |name: &str| format!("{prefix}{name}");
    let upload = |number: usize| uploads.get(number).map_or("", String::as_str);
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: "attachment" };
    let payload = |text: &str, hash: Hash| match hash {
        Hash::Right => Payload::Sha256(Sha256Hex::of(text.as_bytes())),
        Hash::Wrong => Payload::Sha256(Sha256Hex::of(b"something else")),
        Hash::Nothing => Payload::Unsigned,
    };
    let nothing = Body::Text(String::new());
    match step {
        Step::Put(name, text, hash) => (put_object::put_object(&key(name), headers, payload(text, *hash)), Body::Text((*text).to_owned())),
        Step::PutNew(name, text) => {
            let mut action = put_object::put_object(&key(name), headers, payload(text, Hash::Right));
            action.plain_headers.push(("if-none-match", "*".to_owned()));
            (action, Body::Text((*text).to_owned()))
        }
        Step::Get(name, range) => (get_object::get_object(&key(name), *range), nothing),
        Step::Head(name) => (head_object::head_object(&key(name)), nothing),
        Step::Delete(name) => (delete_object::delete_object(&key(name)), nothing),
        Step::Create(name) => (create_multipart_upload::create_multipart_upload(&key(name), headers), nothing),
        Step::Part(name, number, part, bytes) => {
            let body = match bytes {
                Bytes::Least => Body::Filler(MIN_PART_BYTES),
                Bytes::Few(text) => Body::Text((*text).to_owned()),
            };
            (upload_part::upload_part(&key(name), upload(*number), *part, Payload::Unsigned), body)
        }
        Step::Copy(name, number, part, source, (first, last)) => {
            let path = format!("/{bucket}/{}", key(source));
            (upload_part_copy::upload_part_copy(&key(name), upload(*number), *part, &path, *first, *last), nothing)
        }
        Step::Complete(name, number, parts) => {
            let tag = |part: u16, tag: Tag| match tag {
                Tag::Last => tags.iter().rev().find(|(of, sent, _)| of == number && *sent == part).map(|(.., etag)| etag.clone()).unwrap_or_default(),
                Tag::Other => "0123456789abcdef0123456789abcdef".to_owned(),
            };
            let list: Vec<(u16, String)> = parts.iter().map(|(part, of)| (*part, tag(*part, *of))).collect();
            let (action, text) = complete_multipart_upload::complete_multipart_upload(&key(name), upload(*number), &list);
            (action, Body::Text(text))
        }
        Step::Abort(name, number) => (abort_multipart_upload::abort_multipart_upload(&key(name), upload(*number)), nothing),
        Step::Parts(name, number) => (list_parts::list_parts(&key(name), upload(*number), None), nothing),
        Step::Uploads(name) => (list_multipart_uploads::list_multipart_uploads(&key(name), None), nothing),
    }
}

fn differs(answer: &Answer, expected: &Expected) -> Option<String> {
    if !expected.status.contains(&answer.status) {
        return Some(format!("status {}, not one of {:?}", answer.status, expected.status));
    }
    if !expected.code.is_empty() && !expected.code.contains(&answer.code.as_str()) {
        return Some(format!("code {:?}, not one of {:?}", answer.code, expected.code));
    }
    if let Some(length) = expected.length.filter(|length| answer.length != Some(*length)) {
        return Some(format!("length {:?}, not {length}", answer.length));
    }
    let lacking = expected.contains.iter().find(|part| !answer.text.contains(**part));
    let surplus = expected.lacks.iter().find(|part| answer.text.contains(**part));
    lacking.map(|part| format!("lacks {part:?}")).or_else(|| surplus.map(|part| format!("has {part:?}")))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::task::{Context, Poll, Waker};

    use jettyspeed_edge::base::time::EpochMs;
    use jettyspeed_edge::s3::error::StoreError;
    use jettyspeed_edge::s3::etag::unquote;

    use super::*;
    use crate::content::Content;
    use crate::store::{Dialect, Incoming, Signed, Store};

    #[test]
    fn the_simulated_store_conforms() {
        let dialect = Dialect { verifies_hashes: true, binds_presigned: true, has_conditions: true, strong_etags: true, page: 1_000 };
        let store = RefCell::new(Store::new(dialect));
        let send = |action: Action, body: Body| {
            let incoming = match body {
                Body::Text(text) => Incoming::Text(text),
                Body::Filler(bytes) => Incoming::Bytes(Content::parse("x").slice(0, bytes)),
            };
            let reply = store.borrow_mut().serve(&action, &incoming, Signed::InHeaders, EpochMs(0), EpochMs(0));
            let header = |name: &str| reply.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
            let answer = Answer {
                status: reply.status,
                code: if reply.status >= 300 { StoreError::read(reply.status, &reply.text).code } else { String::new() },
                etag: header("etag").map(|etag| unquote(&etag).to_owned()),
                length: header("content-length").and_then(|text| text.parse().ok()),
                range: header("content-range"),
                text: reply.text,
            };
            std::future::ready(answer)
        };
        let mut run = Box::pin(run("bucket", "users/conformance/", send));
        let Poll::Ready(outcome) = run.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits") };
        assert_eq!(outcome, Ok(()));
    }
}
