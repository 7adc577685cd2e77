//! `/api/portal/edges`: operators add, change, drain, disable and delete edges.

use super::edge::Edge;
use super::request::{Create, Patch};
use super::{registry, store};
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::platform::{bindings, clock, d1};
use crate::problem::Problem;
use crate::replay::keep;

/// How often a change is tried that others get ahead of.
const TRIES: u32 = 10;

/// The edge of the path.
///
/// # Errors
/// 404.
pub async fn named(call: &Routed) -> Result<Edge, Problem> {
    let id = call.params.get("edge").unwrap_or_default();
    d1::first(&bindings::db(&call.env)?, &store::by_id(id)).await?.ok_or(Problem::NotFound)
}

/// The edge as `/api/edges` lists it, and as the rest of the portal spells things (SPEC section 1).
fn view(status: u16, edge: &Edge) -> Result<Reply, Problem> {
    let mut view = serde_json::to_value(edge).map_err(|_| Problem::Internal)?;
    if let Some(view) = view.as_object_mut() {
        view.insert("capacity_mbps".to_owned(), edge.capacity_mbps.into());
    }
    Reply::json(status, &view)
}

/// Adds an edge.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let edge = call.json::<Create>(MAX_BODY).await?.check()?;
    let (slot, held) = (keep::slot(call, "operator", &body)?, call.clone());
    let work = async move {
        let created: Option<serde_json::Value> = d1::first(&bindings::db(&held.env)?, &store::insert(&edge, clock::now())).await?;
        created.ok_or(Problem::AlreadyExists { field: "id" })?;
        registry::forget();
        view(201, &edge)
    };
    keep::once(call, slot, work).await
}

/// Changes what the body names.
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: Patch = call.json(MAX_BODY).await?;
    for _ in 0..TRIES {
        let edge = patch.clone().apply(named(call).await?)?;
        let written: Option<serde_json::Value> = d1::first(&bindings::db(&call.env)?, &store::update(&edge, clock::now())).await?;
        if written.is_some() {
            registry::forget();
            return view(200, &edge);
        }
    }
    Err(Problem::StillRunning)
}

/// Deletes one. What was measured there stays.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let id = call.params.get("edge").unwrap_or_default();
    let gone: Option<serde_json::Value> = d1::first(&bindings::db(&call.env)?, &store::delete(id)).await?;
    registry::forget();
    gone.map(|_| Reply::empty(204)).ok_or(Problem::NotFound)
}
