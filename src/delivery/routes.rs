//! `GET /api/storage/download` and `GET|HEAD /files/{token}/{name}`.

use serde_json::json;

use super::path_token::{FileClaims, TTL_MS};
use super::range::{Wanted, wanted};
use super::{content, disposition, meter};
use crate::accounts::ledger::link;
use crate::assets::asset::{Asset, content_url};
use crate::http::call::Routed;
use crate::http::proof::Reach;
use crate::http::reply::{Body as ReplyBody, Reply};
use crate::platform::clock;
use crate::platform::origin::{self, Body};
use crate::problem::Problem;
use crate::s3::actions::{self, ObjectHeaders};

/// Where to get a file: here, or at the store.
pub async fn download(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let id = call.query("assetId").ok_or_else(|| Problem::Invalid { field: "assetId", detail: "is required".to_owned() })?;
    account.must_be_active()?;
    let asset: Asset = call.own(Reach::Asset, &id).await?;
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
    let now = clock::now();
    let expires = now.plus(TTL_MS);
    let token = FileClaims { namespace: asset.namespace.clone(), asset: asset.id, expires }.seal(&call.config.token_keys)?;
    let url = content_url(&call.base, &token, &asset.name);
    let at_store = origin::read_latency_ms();
    // What is not cached comes from the store either way; through here it also crosses the client's own connection.
    let through_edge = at_store.map(|ms| ms + call.geo().tcp_rtt_ms.unwrap_or(0.0));
    let mut candidates = vec![json!({ "provider": "edge", "url": url, "latencyMs": through_edge })];
    if direct {
        let headers = ObjectHeaders { content_type: &asset.content_type, content_disposition: &disposition::for_store(&asset.name) };
        let presigned = call.config.store.presign(&actions::get_object_as(&asset.s3_key, headers), now, TTL_MS / 1000);
        candidates.push(json!({ "provider": "origin", "url": presigned.url, "latencyMs": at_store }));
    }
    Reply::json(
        200,
        &json!({
            "url": url,
            "cached": false,
            "provider": "edge",
            "latencyMs": through_edge,
            "expiresAt": expires.rfc3339(),
            "candidates": candidates,
        }),
    )
}

/// The bytes. The path's first segment is a token, or an asset id with the owner's credentials (the asset's stable `url`).
pub async fn content(call: &Routed, method: &str) -> Result<Reply, Problem> {
    // For the owner the segment is the asset's id; for the holder of a token the token says which.
    let asset: Asset = call.own(Reach::Asset, call.params.get("token").unwrap_or_default()).await?;
    if asset.owner_status != "active" {
        return Err(Problem::Suspended);
    }
    meter::may_send(call, asset.account_id).await?;
    let (range, if_range) = (call.header("range"), call.header("if-range"));
    // A Range on anything but GET means nothing (RFC 9110 section 14.2).
    let range = range.filter(|_| method == "GET");
    if content::not_modified(call.header("if-none-match").as_deref(), asset.version()) {
        return Ok(Reply { status: 304, headers: content::validators(&asset), body: ReplyBody::Empty });
    }
    let wanted = wanted(range.as_deref(), if_range.as_deref(), asset.size, asset.version())?;
    let headers = content::headers(&asset, wanted);
    let status = if wanted == Wanted::Whole { 200 } else { 206 };
    if method == "HEAD" {
        return Ok(Reply { status, headers, body: ReplyBody::Empty });
    }
    if wanted.len(asset.size) == 0 {
        return Ok(Reply { status, headers, body: ReplyBody::Text(String::new()) });
    }
    let slice = match wanted {
        Wanted::Whole => None,
        Wanted::Slice { first, last } => Some((first, last)),
    };
    let started = clock::now();
    let answer = origin::send(&call.config, &actions::get_object(&asset.s3_key, slice), Body::Empty).await;
    call.span("origin", started);
    let answer = answer.map_err(|error| origin::problem("GetObject", &error))?;
    let (length, etag) = (answer.header("content-length"), answer.header("etag"));
    if let Err(problem) = content::check_answer(answer.status, length.as_deref(), etag.as_deref(), &asset, wanted) {
        answer.discard();
        return Err(problem);
    }
    let stream = answer.body().ok_or(Problem::Internal)?;
    meter::count(call, asset.account_id, wanted.len(asset.size));
    Ok(Reply { status, headers, body: ReplyBody::Stream(stream) })
}
