//! Bodies that are cut, late, short, slow, without a length, or compressed.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};

/// The body of any answer.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// Closes the connection without an answer.
#[derive(Debug)]
pub(super) struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hang up")
    }
}

impl std::error::Error for Hangup {}

pub(super) async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Reads a body until `most` bytes have arrived.
pub(super) async fn read_up_to(body: &mut Incoming, most: u64) {
    let mut read = 0;
    while read < most {
        let Some(Ok(frame)) = body.frame().await else { return };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

pub(super) fn with<B>(mut response: Response<B>, name: &str, value: &str) -> Response<B> {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn never(infallible: Infallible) -> hyper::Error {
    match infallible {}
}

/// A body of known length.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::from(bytes).map_err(never).boxed()
}

/// A body without a length: HTTP/1.1 sends it in chunks.
pub(super) fn unsized_body(bytes: Bytes) -> Body {
    BodyExt::boxed(StreamBody::new(stream::once(ready(Ok(Frame::data(bytes))))))
}

/// A body of which `piece` bytes leave every `ms`.
pub(super) fn dripping(bytes: &Bytes, piece: usize, ms: u64) -> Body {
    let pieces: Vec<Bytes> = bytes.chunks(piece.max(1)).map(Bytes::copy_from_slice).collect();
    BodyExt::boxed(StreamBody::new(stream::iter(pieces).then(move |piece| async move {
        pause(ms).await;
        Ok(Frame::data(piece))
    })))
}

/// The first half of `bytes`, after which the connection ends.
pub(super) fn half(bytes: &Bytes) -> Body {
    let half = stream::once(ready(Ok(Frame::data(bytes.slice(..bytes.len() / 2)))));
    // What was sent so far must be flushed before the connection ends.
    let end = stream::once(pause(50)).filter_map(|()| ready(None));
    BodyExt::boxed(StreamBody::new(half.chain(end)))
}

/// `bytes` as gzip in stored blocks (RFC 1951 section 3.2.4, RFC 1952).
pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = if bytes.is_empty() { vec![&[]] } else { bytes.chunks(0xffff).collect() };
    for (index, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(index + 1 == blocks.len()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes());
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.into()
}

/// An answer without the last byte of its body and a matching Content-Length.
pub(super) async fn short(response: Response<Incoming>) -> Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let body = body.slice(..body.len().saturating_sub(1));
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Response::from_parts(head, full(body)))
}

/// The first half of an answer, under a Content-Length for the whole and `more`.
pub(super) async fn cut(response: Response<Incoming>, more: usize) -> Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len() + more));
    Ok(Response::from_parts(head, half(&body)))
}

/// The answer with a pause of `ms` in the middle of its body.
pub(super) async fn late(response: Response<Incoming>, ms: u64) -> Result<Response<Body>, Hangup> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
    let breath = stream::once(pause(ms)).map(move |()| Ok(Frame::data(second.clone())));
    Ok(Response::from_parts(head, BodyExt::boxed(StreamBody::new(stream::once(ready(Ok(Frame::data(first)))).chain(breath)))))
}

/// The body of an S3 error.
pub(super) fn error_document(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>injected</Message></Error>")
}

/// A refusal with an S3 error.
pub(super) fn refuse(status: u16, code: &str) -> Response<Body> {
    let text = error_document(code);
    let mut response = Response::new(if status == 204 { Empty::new().map_err(never).boxed() } else { full(text.into()) });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with(response, "content-type", "application/xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_of_hello_is_the_stored_form() {
        assert_eq!(
            hex::encode(gzip(b"hello")),
            // Header, one final stored block of 5 bytes, CRC-32 0x3610a686, length 5.
            "1f8b08000000000000ff010500faff68656c6c6f86a6103605000000"
        );
        assert_eq!(gzip(&[0; 70_000]).len(), 10 + 5 + 0xffff + 5 + (70_000 - 0xffff) + 8);
    }
}
