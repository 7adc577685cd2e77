//! `/api/portal/edges`: operators create, change, drain, disable and delete edges.

use crate::base::shard::Shard;
use crate::clients::database;
use crate::edges::edge::Edge;
use crate::edges::patch::{Create, Patch};
use crate::edges::repository;
use crate::http::json_body::MAX_BODY;
use crate::io::Io;
use crate::problem::Problem;
use crate::services;
use crate::services::idempotency;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::services::edges::registry;
use crate::worker::services::edges::registry::edge_of_path;

/// Maximum attempts of an update under concurrent changes.
const MAX_ATTEMPTS: u32 = 10;

/// The edge as `/api/edges` lists it, with the field names of the portal (docs/api.md, Naming and formats).
fn edge_reply(status: u16, edge: &Edge) -> Result<services::reply::Reply, Problem> {
    let mut view = serde_json::to_value(edge).map_err(|_| Problem::Internal)?;
    if let Some(view) = view.as_object_mut() {
        view.insert("capacity_mbps".to_owned(), edge.capacity_mbps.into());
    }
    services::reply::Reply::json(status, &view)
}

/// Creates an edge.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let edge = Create::parse(&call.bytes(MAX_BODY).await?)?.check()?;
    let (slot, held) = (call.slot("operator", &body)?, call.clone());
    let work = async move {
        let created: Option<serde_json::Value> = database::first(&held.io.db(Shard::MAIN)?, &repository::insert(&edge, clock::now())).await?;
        created.ok_or(Problem::AlreadyExists { field: "id" })?;
        registry::invalidate();
        edge_reply(201, &edge)
    };
    idempotency::once(&call.service, slot, work).await.map(Reply::from)
}

/// Changes the fields in the body.
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: Patch = call.json(MAX_BODY).await?;
    for _ in 0..MAX_ATTEMPTS {
        let edge = patch.clone().apply(edge_of_path(call).await?)?;
        let written: Option<serde_json::Value> = database::first(&call.io.db(Shard::MAIN)?, &repository::update(&edge, clock::now())).await?;
        if written.is_some() {
            registry::invalidate();
            return edge_reply(200, &edge).map(Reply::from);
        }
    }
    Err(Problem::StillRunning)
}

/// Deletes an edge. Its measurements are kept.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let id = call.params.get("edge").unwrap_or_default();
    let gone: Option<serde_json::Value> = database::first(&call.io.db(Shard::MAIN)?, &repository::delete(id)).await?;
    registry::invalidate();
    gone.map(|_| Reply::empty(204)).ok_or(Problem::NotFound)
}
