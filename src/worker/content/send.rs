//! Body of a content response: a single slice directly; several slices and the part headers of `multipart/byteranges` through a stream of known length.

use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::future::join;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{WritableStream, WritableStreamDefaultWriter};

use crate::delivery::cache_entry::{Freshness, Origin};
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::slices::Slice;
use crate::http::range::{ByteRanges, Multipart, Span};
use crate::problem::Problem;
use crate::worker::content::fill::{Bytes, SliceBody};
use crate::worker::content::pipe::pipe;
use crate::worker::content::{cache_stats, fill, whole_object};
use crate::worker::http::call::Routed;
use crate::worker::http::reply;
use crate::worker::platform::js::FixedLengthStream;

/// A piece of a body.
enum Piece {
    Text(String),
    Slice(Slice),
}

fn pieces(source: &ContentDescriptor, wanted: &ByteRanges, multipart: Option<Multipart>) -> VecDeque<Piece> {
    match multipart {
        Some(frame) => {
            let parts =
                frame.parts.into_iter().flat_map(|(head, span)| std::iter::once(Piece::Text(head)).chain(source.slices(span).map(Piece::Slice)));
            parts.chain(std::iter::once(Piece::Text(frame.end))).collect()
        }
        None => source.spans(wanted).into_iter().flat_map(|span| source.slices(span)).map(Piece::Slice).collect(),
    }
}

/// The body of `bytes` bytes, and the source of its first slice. The first slice is read before this returns, so an origin error until then becomes an error
/// response; a later one ends the connection before the announced length.
///
/// # Errors
/// 502, 503, 504 from the origin.
pub async fn body(
    call: &Routed,
    source: &Rc<ContentDescriptor>,
    wanted: &ByteRanges,
    multipart: Option<Multipart>,
    bytes: u64,
) -> Result<(reply::Body, Option<Origin>), Problem> {
    let single_range = single_range(source, wanted);
    if let Some(span) = single_range
        && let Some(got) = whole_object::find_whole(source, span).await
    {
        cache_stats::from_cache(source, span.bytes());
        return Ok((reply_of(got.bytes), Some(got.origin)));
    }
    let mut pieces = pieces(source, wanted, multipart);
    let Some(first) = pieces.iter().find_map(|piece| if let Piece::Slice(slice) = piece { Some(*slice) } else { None }) else {
        return Ok((reply::Body::Text(String::new()), None));
    };
    let got = fill::slice(call, source, first).await?;
    let origin = Some(got.origin);
    if pieces.len() == 1 {
        return Ok((reply_of(got.bytes), origin));
    }
    let thrown = |error: JsValue| call.thrown("stream", &error);
    let stream = FixedLengthStream::new(bytes as f64).map_err(thrown)?;
    let (readable, writable) = (stream.readable(), stream.writable());
    let (held, source) = (call.clone(), Rc::clone(source));
    call.wait_until(async move {
        let pumped = async {
            while let Some(Piece::Text(text)) = pieces.front() {
                if let Err(reason) = write(&Uint8Array::from(text.as_bytes()), &writable).await {
                    got.discard();
                    return Err(reason);
                }
                pieces.pop_front();
            }
            pieces.pop_front();
            pump(&held, &source, pieces, got, &writable).await
        };
        match (pumped.await, single_range) {
            // All slices were fresh in the cache: assemble the whole-object entry for the next request.
            (Ok(true), Some(span)) => whole_object::begin(&held, &source, span),
            (Ok(_), _) => {}
            (Err(reason), _) => {
                // An error of this service is logged where it occurs. The client sees the connection end before the announced length.
                let _ = writable.abort_with_reason(&reason);
            }
        }
    });
    Ok((reply::Body::Stream(readable), origin))
}

/// The requested byte range, if it is a single one.
fn single_range(source: &ContentDescriptor, wanted: &ByteRanges) -> Option<Span> {
    match wanted {
        ByteRanges::Whole | ByteRanges::One(_) => source.spans(wanted).pop(),
        ByteRanges::Several(_) => None,
    }
}

fn reply_of(bytes: Bytes) -> reply::Body {
    match bytes {
        Bytes::Stream(stream) => reply::Body::Stream(stream),
        Bytes::Buffer(buffer) => reply::Body::Bytes(buffer),
    }
}

/// Writes `got` and all following pieces; returns whether every slice was fresh in the cache. The next slice is read while the current one is sent.
async fn pump(
    call: &Routed,
    source: &Rc<ContentDescriptor>,
    mut pieces: VecDeque<Piece>,
    got: SliceBody,
    writable: &WritableStream,
) -> Result<bool, JsValue> {
    let mut present = Some(got);
    let mut all_fresh = true;
    while let Some(got) = present.take() {
        all_fresh &= matches!(got.origin, Origin::Cache(Freshness::Fresh(_)));
        let mut texts = Vec::new();
        while let Some(Piece::Text(text)) = pieces.front() {
            texts.push(text.clone());
            pieces.pop_front();
        }
        let next = match pieces.pop_front() {
            Some(Piece::Slice(slice)) => Some(slice),
            _ => None,
        };
        let coming = async {
            match next {
                Some(slice) => fill::slice(call, source, slice).await.map(Some),
                None => Ok(None),
            }
        };
        let (written, coming) = join(put(got.bytes, writable), coming).await;
        let written = match written {
            Ok(()) => write_all(&texts, writable).await,
            Err(reason) => Err(reason),
        };
        if let (Err(_), Ok(Some(unread))) = (&written, &coming) {
            unread.discard();
        }
        written?;
        present = coming.map_err(|problem| JsValue::from_str(problem.kind().code))?;
    }
    JsFuture::from(writable.close()).await.map(|_| all_fresh)
}

async fn put(bytes: Bytes, writable: &WritableStream) -> Result<(), JsValue> {
    match bytes {
        Bytes::Buffer(buffer) => {
            let view = buffer.dyn_into::<Uint8Array>().unwrap_or_else(|buffer| Uint8Array::new(&buffer));
            write(&view, writable).await
        }
        Bytes::Stream(stream) => pipe(&stream, writable).await,
    }
}

async fn write_all(texts: &[String], writable: &WritableStream) -> Result<(), JsValue> {
    for text in texts {
        write(&Uint8Array::from(text.as_bytes()), writable).await?;
    }
    Ok(())
}

async fn write(bytes: &Uint8Array, writable: &WritableStream) -> Result<(), JsValue> {
    let writer: WritableStreamDefaultWriter = writable.get_writer()?;
    let written = JsFuture::from(writer.write_with_chunk(bytes)).await;
    writer.release_lock();
    written.map(|_| ())
}
