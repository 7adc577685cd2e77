//! `GET /api/storage/download` and `GET|HEAD /files/{token}/{name}`.

use std::rc::Rc;

use serde_json::json;

use super::conditional::{Conditions, Verdict};
use super::entry::Origin;
use super::path_token::{FileClaims, TTL_MS};
use super::range::{Multipart, Span, Wanted, wanted};
use super::source::{FileRow, Source};
use super::{content, disposition, fill, known, kv, meter, send, tally};
use crate::accounts::ledger::link;
use crate::assets::asset::{Asset, content_url};
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::proof::Reach;
use crate::http::reply::{Body as ReplyBody, Reply};
use crate::platform::origin::{self, Body};
use crate::platform::{clock, random};
use crate::problem::Problem;
use crate::s3::actions::{self, ObjectHeaders};
use crate::units::{EpochMs, hex};

/// The most slices that several ranges may lie in.
const MOST_SLICES: usize = 16;

/// Where to get a file: here, or at the store; what is nearest first.
pub async fn download(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let id = call.query("assetId").ok_or_else(|| Problem::Invalid { field: "assetId", detail: "is required".to_owned() })?;
    account.must_be_active()?;
    let (statement, rows) = call.find(&call.caller.who(), Reach::Asset, &id).await?;
    let (asset, row): (Asset, FileRow) = (first(&rows, &statement)?, first(&rows, &statement)?);
    let source = Rc::new(Source::from(row));
    // The store's own URL can be used without our seeing it, so it is billed when it is issued; direct=0 goes without.
    // Nor does a HEAD hand one out.
    // And that of an object of another namespace would name its owner.
    let direct = call.query("direct").as_deref() != Some("0") && call.request.method() != "HEAD" && !asset.borrowed;
    link::charge(&call.env, &account, if direct { asset.size } else { 0 }).await?;
    if origin::read_latency_ms().is_none() {
        // Nothing was read from the store by this isolate yet: this is how the latency below gets its first sample.
        // Without an answer it stays unknown; the URLs are good all the same.
        if let Err(error) = origin::send(&call.config, &actions::head_object(&asset.s3_key), Body::Empty).await {
            let _ = origin::problem("HeadObject", &error);
        }
    }
    let looked = clock::now();
    let provider = if here(&source).await.is_some() {
        "edge"
    } else if kv::has(&call.env, &source).await {
        "kv"
    } else {
        "origin"
    };
    let now = clock::now();
    let expires = now.plus(TTL_MS);
    let token = FileClaims { namespace: asset.namespace.clone(), asset: asset.id, expires }.seal(&call.config.token_keys)?;
    let url = content_url(&call.base, &token, &asset.name);
    let at_store = origin::read_latency_ms();
    let crossing = call.geo().tcp_rtt_ms.unwrap_or(0.0);
    // What is not cached comes from the store either way; through here it also crosses the client's own connection.
    let through_edge = if provider == "origin" { at_store.map(|ms| ms + crossing) } else { Some(now.since(looked) as f64 + crossing) };
    let through = if provider == "origin" { "edge" } else { provider };
    let mut candidates = vec![json!({ "provider": through, "url": url, "latencyMs": through_edge })];
    if direct {
        let headers = ObjectHeaders { content_type: &asset.content_type, content_disposition: &disposition::for_store(&asset.name) };
        let presigned = call.config.store.presign(&actions::get_object_as(&asset.s3_key, headers), now, TTL_MS / 1000);
        candidates.push(json!({ "provider": "origin", "url": presigned.url, "latencyMs": at_store }));
    }
    Reply::json(
        200,
        &json!({
            "url": url,
            "cached": provider != "origin",
            "provider": through,
            "latencyMs": through_edge,
            "expiresAt": expires.rfc3339(),
            "candidates": candidates,
        }),
    )
}

fn first<T: serde::de::DeserializeOwned>(rows: &str, statement: &crate::sql::Statement) -> Result<T, Problem> {
    crate::platform::d1::read(rows, statement)?.into_iter().next().ok_or(Problem::NotFound)
}

/// Where the first bytes would come from, if they are here.
async fn here(source: &Source) -> Option<Origin> {
    let first = source.slices(Span { first: 0, last: source.size.checked_sub(1)? }).next()?;
    fill::here(source, &first).await
}

/// The bytes. The path's first segment is a token, or an asset id with the owner's credentials (the asset's stable `url`).
pub async fn content(call: &Routed, method: &str) -> Result<Reply, Problem> {
    let read = async {
        // For the owner the segment is the asset's id; for the holder of a token the token says which.
        let row: FileRow = call.own(Reach::Asset, call.params.get("token").unwrap_or_default()).await?;
        Ok(Source::from(row))
    };
    let (source, expires) = match &*call.caller {
        Caller::File(claims) => (known::get(call, &known::file(&claims.namespace, claims.asset), read).await?, claims.expires),
        _ => (Rc::new(read.await?), clock::now().plus(TTL_MS)),
    };
    serve(call, method, source, expires).await
}

/// A thing that is known to be the caller's to read, as the request asks for it.
///
/// # Errors
/// 403, 412, 416, 429; 502, 503, 504.
pub async fn serve(call: &Routed, method: &str, source: Rc<Source>, expires: EpochMs) -> Result<Reply, Problem> {
    if source.suspended {
        return Err(Problem::Suspended);
    }
    meter::may_send(call, source.account).await?;
    let now = clock::now();
    let fields = ["if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "if-range"].map(|name| call.header(name));
    let [if_match, if_unmodified_since, if_none_match, if_modified_since, if_range] = fields.each_ref().map(Option::as_deref);
    let conditions = Conditions { if_match, if_unmodified_since, if_none_match, if_modified_since, if_range };
    match conditions.verdict(source.version()) {
        Verdict::Send => {}
        Verdict::NotModified => {
            let headers = content::validators(&source, here(&source).await, expires, now);
            return Ok(Reply { status: 304, headers, body: ReplyBody::Empty });
        }
        Verdict::Failed => return Err(Problem::PreconditionFailed),
    }
    // A Range on anything but GET means nothing (RFC 9110 section 14.2).
    let range = call.header("range").filter(|_| method == "GET" && conditions.range_holds(source.version(), now));
    let wanted = match wanted(range.as_deref(), source.size)? {
        // Each slice is read whole: a few bytes of each of many are not worth it (RFC 9110 section 14.2 lets a server ignore such a field).
        Wanted::Several(spans) if spans.iter().flat_map(|span| source.slices(*span)).take(MOST_SLICES + 1).count() > MOST_SLICES => Wanted::Whole,
        wanted => wanted,
    };
    let multipart = match &wanted {
        Wanted::Several(spans) => Some(Multipart::new(spans, &source.content_type, source.size, &hex(&random::bytes::<16>()?))),
        _ => None,
    };
    let mut headers = content::headers(&source, &wanted, multipart.as_ref());
    let status = if wanted == Wanted::Whole { 200 } else { 206 };
    if method == "HEAD" {
        headers.extend(content::validators(&source, here(&source).await, expires, now));
        return Ok(Reply { status, headers, body: ReplyBody::Empty });
    }
    let bytes = match &multipart {
        Some(body) => body.bytes(),
        None => source.spans(&wanted).iter().map(|span| span.bytes()).sum(),
    };
    let (body, origin) = send::body(call, &source, &wanted, multipart, bytes).await?;
    headers.extend(content::validators(&source, origin, expires, now));
    meter::count(call, source.account, bytes);
    tally::answered(call, &source, origin);
    Ok(Reply { status, headers, body })
}
