//! The gateway's side: does the store's requests of edges, and keeps the slices that they name. Only requests to this deployment's own store that have the
//! pass of an edge; every other is one like any to this Worker.

use std::pin::Pin;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response, ResponseInit};
use worker::{Context, Env};

use crate::base::memory_budget::{MemoryPermit, Owner, Pool};
use crate::config::Config;
use crate::delivery::cache_entry::Freshness;
use crate::delivery::fill_lock::shard::FILL_MS;
use crate::delivery::response_headers::Answered;
use crate::delivery::slices::Slice;
use crate::gateway::fields::{FIELD, FROM_SHIELD, FROM_STORE, KEPT, SENT_ON, accept_encoding};
use crate::gateway::pass::Passage;
use crate::gateway::shield::Kept;
use crate::log;
use crate::worker::content::cache;
use crate::worker::platform::origin::Answer;
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{bindings, clock, js, origin};

/// The longest time for which a slice is in memory, ms: its read, and a put into the cache.
const SLICE_MS: u64 = FILL_MS as u64 + 30_000;

/// The answer to a request with `pass`, the value of [`FIELD`]; None if it is not an edge's. 502 without [`FIELD`]: the store gave no answer.
pub async fn forward(request: &Request, env: &Env, context: &Context, pass: &str) -> Option<Response> {
    bindings::begin_log(env);
    let config = bindings::config(env).ok()?;
    let (method, url, kept) = (request.method(), request.url(), request.headers().get(KEPT).ok().flatten().unwrap_or_default());
    let is_edge = Passage { method: &method, url: &url, kept: &kept }.admits(&config.token_keys, pass, clock::now());
    if !is_edge || !is_of_store(&config, &url) {
        return None;
    }
    let whole = !request.headers().has("range").unwrap_or_default();
    let answer = match Kept::parse(&kept, whole).filter(|_| method == "GET") {
        Some(kept) => shielded(request, context, kept).await,
        None => pass_on(request).await.and_then(|answer| Response::new_with_opt_readable_stream_and_init(answer.body().as_ref(), &marked(&answer)?)),
    };
    answer.inspect_err(|error| drop(log::internal("gateway", &js::error_text(error)))).or_else(|_| bad_gateway()).ok()
}

/// Never another host than the configured one.
fn is_of_store(config: &Config, url: &str) -> bool {
    url.strip_prefix(&config.store.location().endpoint()).is_some_and(|rest| rest.starts_with('/'))
}

fn bad_gateway() -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(502);
    Response::new_with_opt_readable_stream_and_init(None, &init)
}

/// The store's answer.
async fn pass_on(request: &Request) -> Result<Response, JsValue> {
    let (method, headers) = (request.method(), Headers::new()?);
    for name in SENT_ON {
        if let Some(value) = request.headers().get(name)? {
            headers.set(name, &value)?;
        }
    }
    if let Some(encoding) = accept_encoding(&method) {
        headers.set("accept-encoding", encoding)?;
    }
    let init = origin::init_of(&method, &headers);
    if let Some(body) = request.body() {
        init.set_body(&body);
    }
    log::step("origin", &method);
    JsFuture::from(js::fetch(&request.url(), &init)?).await.map(JsCast::unchecked_into)
}

/// Status and header fields of an answer of the store, with the mark of the gateway.
fn marked(answer: &Response) -> Result<ResponseInit, JsValue> {
    let headers = Headers::new_with_headers(&answer.headers())?;
    headers.set(FIELD, FROM_STORE)?;
    let init = ResponseInit::new();
    init.set_status(answer.status());
    init.set_headers(&headers);
    Ok(init)
}

/// The slice from the cache, else from the store, into the cache once it is whole.
async fn shielded(request: &Request, context: &Context, kept: Kept<'_>) -> Result<Response, JsValue> {
    let (pop, entry, now, bytes) = (PopCache::of_request(kept.base), kept.entry(), clock::now(), kept.span.bytes());
    let whole = Slice { index: 0, span: kept.span, from: 0, to: bytes.saturating_sub(1) };
    if let Some(found) = cache::find_entry(&pop, &entry, &whole, now).await {
        if matches!(found.freshness, Freshness::Fresh(_)) {
            let answer = Response::new_with_opt_readable_stream(found.stream().as_ref())?;
            answer.headers().set(FIELD, FROM_SHIELD)?;
            return Ok(answer);
        }
        found.discard();
    }
    let read = pass_on(request).await?;
    let (init, read) = (marked(&read)?, Answer::of(read));
    let Some(permit) = MemoryPermit::reserve(Pool::Slices, Owner::Service, bytes, SLICE_MS, now).filter(|_| is_slice(&kept, &read)) else {
        return Response::new_with_opt_readable_stream_and_init(read.body().as_ref(), &init);
    };
    let buffer = read.bytes(bytes, FILL_MS).await.map_err(|error| JsValue::from_str(&error.message))?;
    if js::byte_length(&buffer) != Some(bytes) {
        return bad_gateway();
    }
    let answer = Response::new_with_opt_buffer_source_and_init(buffer.dyn_ref(), &init);
    let fresh_until = now.plus(kept.seconds.saturating_mul(1000));
    // Boxed, so that the conversion of a future to a promise is compiled only once.
    let keeping: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
        if let Err(error) = cache::put(&pop, &entry, &buffer, fresh_until, now).await {
            let _ = log::internal("cache", &js::error_text(&error));
        }
        drop(permit);
    });
    context.wait_until(keeping);
    answer
}

fn is_slice(kept: &Kept<'_>, read: &Answer) -> bool {
    let [length, range, etag, encoding] = read.told();
    let (length, range, etag, encoding) = (length.as_deref(), range.as_deref(), etag.as_deref(), encoding.as_deref());
    kept.is_answer(Answered { status: read.status, length, range, etag, encoding })
}
