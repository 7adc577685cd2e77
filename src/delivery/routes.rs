//! `GET /api/storage/download` and `GET|HEAD /files/{token}/{name}`.

use serde_json::json;

use super::path_token::{FileClaims, TTL_MS};
use super::range::{Wanted, wanted};
use super::{content, disposition};
use crate::assets::asset::{Asset, content_url};
use crate::assets::store;
use crate::http::auth;
use crate::http::call::Routed;
use crate::http::reply::{Body as ReplyBody, Reply};
use crate::ids::Id;
use crate::platform::origin::{self, Body};
use crate::platform::{bindings, clock, d1};
use crate::problem::{AuthFailure, Problem};
use crate::s3::actions::{self, ObjectHeaders};

/// Where to get a file: here, or at the store.
pub async fn download(call: &Routed) -> Result<Reply, Problem> {
    let account = auth::account(call).await?;
    let id = call.query("assetId").ok_or_else(|| Problem::Invalid { field: "assetId", detail: "is required".to_owned() })?;
    let id = Id::parse(&id).ok_or(Problem::NotFound)?;
    let asset: Option<Asset> = d1::first(&bindings::db(&call.env)?, &store::by_id(id)).await?;
    let asset = asset.filter(|asset| asset.account_id == account.id).ok_or(Problem::NotFound)?;
    account.must_be_active()?;
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
    let headers = ObjectHeaders { content_type: &asset.content_type, content_disposition: &disposition::for_store(&asset.name) };
    let direct = call.config.store.presign(&actions::get_object_as(&asset.s3_key, headers), now, TTL_MS / 1000);
    let at_store = origin::read_latency_ms();
    // What is not cached comes from the store either way; through here it also crosses the client's own connection.
    let through_edge = at_store.map(|ms| ms + call.geo().tcp_rtt_ms.unwrap_or(0.0));
    Reply::json(
        200,
        &json!({
            "url": url,
            "cached": false,
            "provider": "edge",
            "latencyMs": through_edge,
            "expiresAt": expires.rfc3339(),
            "candidates": [
                { "provider": "edge", "url": url, "latencyMs": through_edge },
                { "provider": "origin", "url": direct, "latencyMs": at_store },
            ],
        }),
    )
}

/// The bytes. The path's first segment is a token, or an asset id with the owner's credentials (the asset's stable `url`).
pub async fn content(call: &Routed, method: &str) -> Result<Reply, Problem> {
    let segment = call.params.get("token").unwrap_or_default();
    let by_owner = Id::parse(segment);
    let claims = match by_owner {
        Some(_) => None,
        None => Some(FileClaims::open(segment, &call.config.token_keys, clock::now()).map_err(Problem::Unauthenticated)?),
    };
    let owner = match by_owner {
        Some(_) => Some(auth::account(call).await?),
        None => None,
    };
    let id = claims.as_ref().map(|claims| claims.asset).or(by_owner).ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?;
    let started = clock::now();
    let asset: Option<Asset> = d1::first(&bindings::db(&call.env)?, &store::by_id(id)).await?;
    call.span("d1", started);
    let asset = asset
        .filter(|asset| owner.as_ref().is_none_or(|owner| owner.id == asset.account_id))
        .filter(|asset| claims.as_ref().is_none_or(|claims| claims.namespace == asset.namespace))
        .ok_or(Problem::NotFound)?;
    if let Some(owner) = owner {
        owner.must_be_active()?;
    }
    let (range, if_range) = (call.header("range"), call.header("if-range"));
    // A Range on anything but GET means nothing (RFC 9110 section 14.2).
    let range = range.filter(|_| method == "GET");
    if content::not_modified(call.header("if-none-match").as_deref(), &asset.etag) {
        return Ok(Reply { status: 304, headers: content::validators(&asset), body: ReplyBody::Empty });
    }
    let wanted = wanted(range.as_deref(), if_range.as_deref(), asset.size, &asset.etag)?;
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
    Ok(Reply { status, headers, body: ReplyBody::Stream(stream) })
}
