//! Body of a content response: a small one from a single slice directly; all others through a stream of known length, which tells what has left.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::future::join;
use wasm_bindgen::JsValue;

use crate::delivery::cache_entry::{Freshness, Origin};
use crate::delivery::content_descriptor::{ContentDescriptor, WholeObjectKeys};
use crate::delivery::count::Answered;
use crate::delivery::outflow::{DIRECT_BYTES, PIECE_BYTES};
use crate::delivery::slices::{Layout, Slice, slices_of};
use crate::http::range::{ByteRanges, Multipart, Span};
use crate::io::Io;
use crate::problem::Problem;
use crate::worker::content::fill::{Bytes, SliceBody};
use crate::worker::content::pipe::Outflow;
use crate::worker::content::{cache_stats, fill, meter, store_reads, whole_object};
use crate::worker::http::call::Routed;
use crate::worker::http::reply;
use crate::worker::platform::clock;
use crate::worker::platform::js::FixedLengthStream;

/// Calls of the cache that a slice takes which is not cached: match, put, match.
const CALLS_PER_SLICE: u32 = 3;

/// A piece of a body.
enum Piece {
    Text(String),
    Slice(Slice),
    /// A part of the file from its whole-object entry.
    Joined(Span),
}

/// Bytes that are ready to be written.
struct Ready {
    got: SliceBody,
    bytes: u64,
}

/// What a body is made of, and from where.
struct Sender {
    call: Routed,
    source: Rc<ContentDescriptor>,
    names: Option<WholeObjectKeys>,
    /// How the ranges of a multi-range answer lie.
    layout: Option<Layout>,
    pieces: VecDeque<Piece>,
    /// Whether the origin was not asked so far.
    is_hit: bool,
    /// Whether every slice so far was fresh in the cache.
    all_fresh: bool,
}

/// The body of `bytes` bytes, and the source of its first slice. The first slice is read before this returns, so an origin error until then becomes an error
/// response; a later one ends the connection before the announced length. What leaves is counted for the account and the statistics.
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
    let mut sender = Sender::new(call, source, wanted, multipart);
    let mut texts = Vec::new();
    while let Some(Piece::Text(text)) = sender.pieces.front_mut() {
        texts.push(std::mem::take(text));
        sender.pieces.pop_front();
    }
    let first = sender.next().await?;
    let answer = Answered { is_hit: true, first_byte_ms: clock::now().since(call.started), bytes, country: call.country() };
    let Some(first) = first else {
        meter::count(call, source.account, bytes);
        cache_stats::answered(call, source, answer);
        return Ok((reply::Body::Text(texts.concat()), None));
    };
    let origin = Some(first.got.origin);
    if bytes <= DIRECT_BYTES && texts.is_empty() && sender.pieces.is_empty() {
        meter::count(call, source.account, bytes);
        cache_stats::answered(call, source, Answered { is_hit: sender.is_hit, ..answer });
        count_passed(call, source, &first.got, bytes);
        return Ok((reply_of(first.got.bytes), origin));
    }
    let stream = FixedLengthStream::new(bytes as f64).map_err(|error| {
        first.got.discard();
        call.thrown("stream", &error)
    })?;
    let (readable, writable) = (stream.readable(), stream.writable());
    let whole = single_range(source, wanted);
    let (held, source) = (call.clone(), Rc::clone(source));
    call.io.afterwards(async move {
        let mut complete = true;
        let (account, was_checked) = (source.account, held.bandwidth_checked.get());
        let (metered, left) = (held.clone(), Rc::new(Cell::new(0_u64)));
        let all_left = Rc::clone(&left);
        let outflow = Outflow::new(writable.clone(), move |bytes| {
            left.set(left.get().saturating_add(bytes));
            meter::count(&metered, account, bytes);
            meter::may_go_on(account, was_checked)
        });
        if let Err(reason) = sender.pump(outflow, texts, first).await {
            complete = false;
            // An error of this service is logged where it occurs. The client sees the connection end before the announced length.
            let _ = writable.abort_with_reason(&reason);
        }
        cache_stats::answered(&held, &source, Answered { is_hit: sender.is_hit, bytes: all_left.get(), ..answer });
        // All slices were fresh in the cache: assemble the whole-object entry for the next request.
        if let Some(span) = whole.filter(|_| sender.all_fresh && complete) {
            whole_object::begin(&held, &source, span);
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

/// Counts `bytes` bytes of what was passed on from the store. A buffer was read, and its reading counted, whole.
fn count_passed(call: &Routed, source: &ContentDescriptor, got: &SliceBody, bytes: u64) {
    if got.origin != Origin::Passed {
        return;
    }
    cache_stats::passed(source, bytes);
    if matches!(got.bytes, Bytes::Stream(_)) {
        store_reads::count(call, source, bytes);
    }
}

fn reply_of(bytes: Bytes) -> reply::Body {
    match bytes {
        Bytes::Stream(stream) => reply::Body::Stream(stream),
        Bytes::Buffer(buffer) => reply::Body::Bytes(buffer),
    }
}

impl Sender {
    fn new(call: &Routed, source: &Rc<ContentDescriptor>, wanted: &ByteRanges, multipart: Option<Multipart>) -> Sender {
        let names = single_range(source, wanted).and_then(|span| source.whole_object_keys(span));
        let pieces = match (multipart, &names) {
            (Some(frame), _) => {
                let parts =
                    frame.parts.into_iter().flat_map(|(head, span)| std::iter::once(Piece::Text(head)).chain(source.slices(span).map(Piece::Slice)));
                parts.chain(std::iter::once(Piece::Text(frame.end))).collect()
            }
            (None, Some(_)) => {
                let part = |slice: Slice| Piece::Joined(Span { first: slice.span.first + slice.from, last: slice.span.first + slice.to });
                source.spans(wanted).into_iter().flat_map(|span| slices_of(span, source.size, PIECE_BYTES)).map(part).collect()
            }
            (None, None) => source.spans(wanted).into_iter().flat_map(|span| source.slices(span)).map(Piece::Slice).collect(),
        };
        let layout = match wanted {
            ByteRanges::Several(spans) => Some(source.layout(spans)),
            _ => None,
        };
        Sender { call: call.clone(), source: Rc::clone(source), names, layout, pieces, is_hit: true, all_fresh: true }
    }

    /// The bytes of the next piece, which is not a text; None if there is none.
    async fn next(&mut self) -> Result<Option<Ready>, Problem> {
        if !self.call.cache.has_left(CALLS_PER_SLICE)
            && let Some(span) = self.take_adjoining()
        {
            (self.is_hit, self.all_fresh) = (false, false);
            return Ok(Some(Ready { got: fill::pass_span(&self.call, &self.source, span).await?, bytes: span.bytes() }));
        }
        loop {
            let (got, bytes) = match self.pieces.front() {
                None | Some(Piece::Text(_)) => return Ok(None),
                Some(Piece::Joined(span)) => {
                    let span = *span;
                    self.pieces.pop_front();
                    let found = match &self.names {
                        Some(names) => whole_object::find_part(&self.call.cache, &self.source, names, span).await,
                        None => None,
                    };
                    let Some(got) = found else {
                        // There is none, or it was evicted meanwhile.
                        let slices: Vec<Slice> = self.source.slices(span).collect();
                        slices.into_iter().rev().for_each(|slice| self.pieces.push_front(Piece::Slice(slice)));
                        continue;
                    };
                    cache_stats::from_cache(&self.call, &self.source, span.bytes());
                    (got, span.bytes())
                }
                Some(Piece::Slice(slice)) => {
                    let slice = *slice;
                    self.pieces.pop_front();
                    let got = if self.layout.as_ref().is_none_or(|layout| layout.reads_whole(slice.index)) {
                        fill::slice(&self.call, &self.source, slice).await?
                    } else {
                        self.all_fresh = false;
                        fill::sparse(&self.call, &self.source, slice).await?
                    };
                    (got, slice.to - slice.from + 1)
                }
            };
            self.is_hit &= got.origin.is_hit();
            self.all_fresh &= matches!(got.origin, Origin::Cache(Freshness::Fresh(_)));
            return Ok(Some(Ready { got, bytes }));
        }
    }

    /// Takes the pieces up to the next text, as one range; None if a text is next, or nothing.
    fn take_adjoining(&mut self) -> Option<Span> {
        let mut all: Option<Span> = None;
        loop {
            let span = match self.pieces.front() {
                Some(Piece::Slice(slice)) => Span { first: slice.span.first + slice.from, last: slice.span.first + slice.to },
                Some(Piece::Joined(span)) => *span,
                Some(Piece::Text(_)) | None => return all,
            };
            self.pieces.pop_front();
            all = Some(Span { first: all.map_or(span.first, |all| all.first), last: span.last });
        }
    }

    /// Writes `texts`, `first` and all following pieces. The next slice is read while the current one is sent.
    async fn pump(&mut self, outflow: Outflow<impl Fn(u64) -> bool>, mut texts: Vec<String>, first: Ready) -> Result<(), JsValue> {
        let mut present = Some(first);
        loop {
            for text in texts.drain(..) {
                if let Err(reason) = outflow.text(&text).await {
                    if let Some(Ready { got, .. }) = &present {
                        got.discard();
                    }
                    return Err(reason);
                }
            }
            let Some(Ready { got, bytes }) = present.take() else { break };
            if self.call.client_is_gone() {
                got.discard();
                return Err(JsValue::from_str("the client has hung up"));
            }
            while let Some(Piece::Text(text)) = self.pieces.front_mut() {
                texts.push(std::mem::take(text));
                self.pieces.pop_front();
            }
            let (call, source, billed) = (self.call.clone(), Rc::clone(&self.source), outflow.billed());
            let written = async {
                let written = match &got.bytes {
                    Bytes::Buffer(buffer) => outflow.buffer(buffer.clone()).await,
                    Bytes::Stream(stream) => outflow.stream(stream, bytes).await,
                };
                count_passed(&call, &source, &got, outflow.billed().saturating_sub(billed));
                written
            };
            let (written, coming) = join(written, self.next()).await;
            if let (Err(_), Ok(Some(unread))) = (&written, &coming) {
                unread.got.discard();
            }
            written?;
            present = coming.map_err(|problem| JsValue::from_str(problem.kind().code))?;
        }
        outflow.close().await
    }
}
