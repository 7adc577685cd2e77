//! Serves GET and HEAD of content: conditional requests, ranges, header fields, body (RFC 9110 sections 13 and 14).

use std::rc::Rc;

use crate::base::time::EpochMs;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::response_headers;
use crate::delivery::response_headers::Coding;
use crate::delivery::slices::Layout;
use crate::http::accept_encoding;
use crate::http::conditional::{Conditions, Verdict};
use crate::http::range::{ByteRanges, Multipart, Span, parse_ranges};
use crate::problem::Problem;
use crate::worker::content::{fill, meter, send};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::{Body as ReplyBody, Reply};
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{clock, random};

/// Serves content that the caller is authorised to read.
///
/// # Errors
/// 403, 412, 416, 429; 502, 503, 504 from the origin.
pub async fn serve(call: &Routed, method: &str, source: Rc<ContentDescriptor>, expires: EpochMs) -> Result<Reply, Problem> {
    call.noted.account.set(Some(source.account));
    if source.suspended {
        return Err(Problem::Suspended);
    }
    meter::may_send(call, source.account)?;
    let now = clock::now();
    let fields = ["if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "if-range"].map(|name| call.header(name));
    let [if_match, if_unmodified_since, if_none_match, if_modified_since, if_range] = fields.each_ref().map(Option::as_deref);
    let conditions = Conditions { if_match, if_unmodified_since, if_none_match, if_modified_since, if_range };
    match conditions.verdict(source.version()) {
        Verdict::Send => {}
        Verdict::NotModified => {
            let coding = Coding::of(&source, &ByteRanges::Whole, asks_for_gzip(call));
            let headers = response_headers::validators(&source, cached_origin(&call.cache, &source).await, coding, expires, now);
            return Ok(Reply { status: 304, headers, body: ReplyBody::Empty });
        }
        Verdict::Failed => return Err(Problem::PreconditionFailed),
    }
    // Range is defined for GET only (RFC 9110 section 14.2).
    let range = call.header("range").filter(|_| method == "GET" && conditions.if_range_matches(source.version(), now));
    let wanted = match parse_ranges(range.as_deref(), source.size)? {
        // A server may ignore the field (RFC 9110 section 14.2).
        ByteRanges::Several(spans) if source.layout(&spans) == Layout::Everywhere => ByteRanges::Whole,
        wanted => wanted,
    };
    let multipart = match &wanted {
        ByteRanges::Several(spans) => Some(Multipart::new(spans, &source.content_type, source.size, &hex::encode(random::bytes::<16>()?))),
        _ => None,
    };
    let coding = Coding::of(&source, &wanted, asks_for_gzip(call));
    let mut headers = response_headers::headers(&source, &wanted, multipart.as_ref(), coding);
    let status = if wanted == ByteRanges::Whole { 200 } else { 206 };
    if method == "HEAD" {
        headers.extend(response_headers::validators(&source, cached_origin(&call.cache, &source).await, coding, expires, now));
        return Ok(Reply { status, headers, body: ReplyBody::Empty });
    }
    let bytes = match &multipart {
        Some(body) => body.bytes(),
        None => source.spans(&wanted).iter().map(|span| span.bytes()).sum(),
    };
    let (body, origin) = send::body(call, &source, &wanted, multipart, bytes).await?;
    headers.extend(response_headers::validators(&source, origin, coding, expires, now));
    Ok(Reply { status, headers, body })
}

/// Whether the client asks for gzip. Where the platform has replaced the field, it keeps the client's own (Workers documentation, "Request",
/// `cf.clientAcceptEncoding`).
fn asks_for_gzip(call: &Routed) -> bool {
    let own = js_sys::Reflect::get(&call.request, &"cf".into()).and_then(|cf| js_sys::Reflect::get(&cf, &"clientAcceptEncoding".into()));
    let field = own.ok().and_then(|value| value.as_string()).or_else(|| call.header("accept-encoding"));
    field.is_some_and(|field| accept_encoding::asks_for_gzip(&field))
}

/// The source of the first bytes if they are in this PoP's cache.
pub async fn cached_origin(pop: &PopCache, source: &ContentDescriptor) -> Option<Origin> {
    let first = source.slices(Span { first: 0, last: source.size.checked_sub(1)? }).next()?;
    fill::cached_origin(pop, source, &first).await
}
