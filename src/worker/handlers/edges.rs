//! `POST /api/jetty/optimal-edges`, `GET /api/edges`, `GET /api/edges/{edge}/metrics`.

use crate::access::caller::Caller;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::chunking::plan;
use crate::clients::database;
use crate::dedup::lookup::DuplicateView;
use crate::edges::answers::{MetricsView, NowView};
use crate::edges::edge::Edge;
use crate::edges::estimate::Estimate;
use crate::edges::location::Location;
use crate::edges::metrics::hours::{HOUR_MS, Hour};
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::Numbers;
use crate::edges::metrics::wire::Message;
use crate::edges::repository;
use crate::edges::request::OptimalEdges;
use crate::http::json_body::MAX_BODY;
use crate::http::validate;
use crate::io::Io;
use crate::io::database::Database;
use crate::problem::Problem;
use crate::services::dedup::reference;
use crate::services::uploads::look_up;
use crate::uploads::optimal::Optimal;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, objects};
use crate::worker::services::edges::ranking::{EDGES, ranking};
use crate::worker::services::edges::registry;

const MAX_EDGES: u32 = 100;

/// Ranked edges and the chunk plan for an upload. Tier limits do not apply.
pub async fn optimal_edges(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let wanted: OptimalEdges = call.json(MAX_BODY).await?;
    validate::check_file_size(wanted.file_size)?;
    if let Some(name) = &wanted.file_name {
        validate::check_file_name("fileName", name)?;
    }
    let hash = validate::check_hash("fileHash", wanted.file_hash.as_deref())?;
    let chunks = validate::check_chunk_hashes(wanted.chunk_hashes.as_deref())?.unwrap_or_default();
    validate::check_content_type(wanted.content_type.as_deref(), wanted.file_name.as_deref().unwrap_or_default())?;
    let namespace = validate::check_namespace("namespace", wanted.namespace.as_deref())?;
    let place = wanted.location.map(|place| place.check()).transpose()?;
    let count = match wanted.count {
        Some(count) if !(1..=MAX_EDGES).contains(&count) => {
            return Err(Problem::invalid("count", "must be from 1 to 100"));
        }
        count => count.map_or(EDGES, |count| count as usize),
    };
    account.must_be_active()?;
    let (namespace, foreseen) = look_up::foresee(&call.service, &account, namespace.as_ref(), wanted.file_size, &chunks).await?;
    let strategy = plan(wanted.file_size, namespace.chunk_size, &call.config.plan)?;
    let duplicate = match hash {
        Some(hash) => Some(reference::duplicate(&call.service, &account, &hash, wanted.file_size).await?).filter(DuplicateView::is_duplicate),
        None => None,
    };
    let client = call.geo().at(place);
    let ranking = ranking(call, account.id, wanted.priority, &client, count).await;
    let parts: Vec<u16> = (1..=strategy.chunk_count).filter_map(|part| u16::try_from(part).ok()).collect();
    let (edges, assignments) = (ranking.views(&call.base), ranking.assign(&call.base, &parts));
    Reply::json(200, &Optimal { edges, assignments, strategy, duplicate, foreseen, client })
}

/// Lists all edges by id, or by distance from `near`.
pub async fn edges(call: &Routed) -> Result<Reply, Problem> {
    let near = match call.query("near") {
        Some(text) => Some(Location::parse(&text).ok_or_else(|| Problem::invalid("near", "must be lat,lon in degrees"))?),
        None => None,
    };
    let edges = registry::edges(call).await?;
    let mut sorted: Vec<(f64, &Edge)> = edges.iter().map(|edge| (near.map_or(0.0, |near| near.km_to(edge.place())), edge)).collect();
    // A stable sort: without `near` the order is the ids'.
    sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let list: Vec<&Edge> = sorted.into_iter().map(|(_, edge)| edge).collect();
    Reply::json(200, &list)
}

/// Current reading of an edge and its hourly metrics.
pub async fn metrics(call: &Routed) -> Result<Reply, Problem> {
    let period = call.query("period").unwrap_or_else(|| "24h".to_owned());
    let hours = match period.as_str() {
        "24h" => 24,
        "7d" => 7 * 24,
        "30d" => 30 * 24,
        _ => return Err(Problem::invalid("period", "must be 24h, 7d or 30d")),
    };
    if let Caller::Account(account) = &*call.caller {
        account.must_be_active()?;
    }
    let edge = registry::edge_of_path(call).await?;
    let now = clock::now();
    let from = now.0 - now.0 % HOUR_MS;
    let from = EpochMs(from.saturating_sub((hours - 1) * HOUR_MS));
    let rows: Vec<Hour> = database::all(&call.io.db(Shard::MAIN)?.nearest(), &repository::hours(edge.id.as_str(), from, hours)).await?;
    let numbers: Option<Numbers> = match bindings::edges(&call.io.env) {
        Some(objects) => objects::send(&objects, edge.id.as_str(), &Message::default().0, false).await?,
        None => None,
    };
    let reading = numbers.as_deref().and_then(Reading::from_numbers);
    let estimate = Estimate::of(None, edge.capacity_mbps as f64, reading.as_ref(), 1.0, now);
    let mut total = Hour::default();
    rows.iter().for_each(|hour| total.merge(hour));
    let value = |pair: fn(&Reading) -> Option<(f64, f64)>| reading.as_ref().and_then(pair).map(|(value, _)| value);
    let now = NowView {
        latency_ms: value(|reading| reading.latency_ms),
        bandwidth_mbps: value(|reading| reading.mbps),
        error_rate: value(|reading| reading.errors),
        load_percent: estimate.load * 100.0,
        confidence: estimate.confidence,
    };
    Reply::json(200, &MetricsView { edge: edge.id, period, now, total: total.view(), series: rows.iter().map(Hour::view).collect() })
}
