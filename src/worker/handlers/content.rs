//! `GET /api/storage/download` and `GET|HEAD /files/{token}/{name}`.

use std::rc::Rc;

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::auth::file_token::{FileClaims, TTL_MS};
use crate::clients::{database, ledger, store};
use crate::delivery::content_descriptor::{ContentDescriptor, FileRow};
use crate::files::asset::{Asset, content_url};
use crate::files::direct;
use crate::http::content_disposition;
use crate::io::body::Body;
use crate::problem::Problem;
use crate::s3::action::ObjectHeaders;
use crate::s3::operations::{get_object, head_object};
use crate::worker::content::serve::{cached_origin, serve};
use crate::worker::content::{ahead, cache_stats, kv, metadata_cache, store_reads};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{clock, origin};

/// Returns URLs of a file: through this service and, on demand, directly at the store.
pub async fn download(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let id = call.query("assetId").ok_or_else(|| Problem::invalid("assetId", "is required"))?;
    account.must_be_active()?;
    let (statement, rows) = call.service.find_rows(&call.caller.principal(), ResourceKind::Asset, &id).await?;
    let (asset, row): (Asset, FileRow) = (first_row(&rows, &statement)?, first_row(&rows, &statement)?);
    let source = Rc::new(ContentDescriptor::from(row));
    let direct = direct::is_wanted(call.query("direct").as_deref(), &call.request.method(), asset.borrowed);
    ledger::charge(&call.io, &account, if direct { asset.size } else { 0 }).await?;
    if direct {
        store_reads::count(call, &source, asset.size);
    }
    if origin::read_latency_ms().is_none() {
        // This isolate has no latency sample of the store yet: HeadObject takes one.
        // On an error the latency stays unknown; the URLs are valid nevertheless.
        if let Err(error) = store::send(&call.io, &call.config, &head_object::head_object(&asset.s3_key), Body::Empty).await {
            let _ = store::problem("HeadObject", &error);
        }
    }
    let lookup_started = clock::now();
    let provider = if cached_origin(&call.cache, &source).await.is_some() {
        "edge"
    } else if kv::has_file(&call.io.env, &source).await {
        "kv"
    } else {
        "origin"
    };
    if provider == "origin" && !direct {
        ahead::read_first(call, &source);
    }
    let now = clock::now();
    let expires = now.plus(TTL_MS);
    let token = FileClaims { namespace: asset.namespace.clone(), asset: asset.id, expires }.seal(&call.config.token_keys)?;
    let url = content_url(&call.base, &token, &asset.name);
    let at_store = origin::read_latency_ms();
    let crossing = call.geo().rtt_ms.unwrap_or(0.0);
    // Content that is not cached is read from the store in both cases; through this service the client's own connection adds its round trip.
    let through_edge = if provider == "origin" { at_store.map(|ms| ms + crossing) } else { Some(now.since(lookup_started) as f64 + crossing) };
    let through = if provider == "origin" { "edge" } else { provider };
    let mut candidates = vec![json!({ "provider": through, "url": url, "latencyMs": through_edge })];
    if direct {
        let headers = ObjectHeaders { content_type: &asset.content_type, content_disposition: &content_disposition::for_store(&asset.name) };
        let presigned = call.config.store.presign(&get_object::get_object_as(&asset.s3_key, headers), now, direct::TTL_MS / 1000);
        let ends = now.plus(direct::TTL_MS).rfc3339();
        candidates.push(json!({ "provider": "origin", "url": presigned.url, "latencyMs": at_store, "expiresAt": ends }));
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

fn first_row<T: serde::de::DeserializeOwned>(rows: &str, statement: &crate::base::sql::Statement) -> Result<T, Problem> {
    database::read(rows, statement)?.into_iter().next().ok_or(Problem::NotFound)
}

/// Serves the bytes. The first segment of the path is a token, or an asset id with the owner's credentials (the asset's stable `url`).
pub async fn content(call: &Routed, method: &str) -> Result<Reply, Problem> {
    let read = async |fresh| {
        // With the owner's credentials the segment is the asset id; with a token the claims contain it.
        let row: FileRow = call.service.find_near(ResourceKind::Asset, call.params.get("token").unwrap_or_default(), fresh).await?;
        Ok(ContentDescriptor::from(row))
    };
    let (source, expires) = match &*call.caller {
        Caller::File(claims) => {
            let name = metadata_cache::file(&claims.namespace, claims.asset);
            (metadata_cache::get_or_read(call, &claims.namespace, &name, read).await?, claims.expires)
        }
        _ => (Rc::new(read(true).await?), clock::now().plus(TTL_MS)),
    };
    let outcome = serve(call, method, Rc::clone(&source), expires).await;
    cache_stats::replied(call, &source, &outcome);
    outcome
}
