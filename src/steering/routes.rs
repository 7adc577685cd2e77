//! `POST /api/jetty/optimal-edges`.

use serde_json::json;

use super::edge::own_edge;

use crate::dedup::{self, duplicate::DuplicateView};
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::namespaces;
use crate::problem::Problem;
use crate::upload::plan::plan;
use crate::upload::request::{self, OptimalEdges};

/// The edge and the plan for an upload. Tier limits do not apply here.
pub async fn optimal_edges(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let wanted: OptimalEdges = call.json(MAX_BODY).await?;
    request::check_file_size(wanted.file_size)?;
    if let Some(name) = &wanted.file_name {
        request::check_file_name("fileName", name)?;
    }
    let hash = request::check_hash("fileHash", wanted.file_hash.as_deref())?;
    request::check_content_type(wanted.content_type.as_deref(), wanted.file_name.as_deref().unwrap_or_default())?;
    let place = wanted.location.map(|place| place.check()).transpose()?;
    account.must_be_active()?;
    let namespace = namespaces::routes::for_upload(call, &account, None).await?;
    let strategy = plan(wanted.file_size, namespace.chunk_size, &call.config.plan)?;
    let duplicate = match hash {
        Some(hash) => Some(dedup::routes::duplicate(call, &account, &hash, wanted.file_size).await?).filter(DuplicateView::is_one),
        None => None,
    };
    let client = call.geo().at(place);
    Reply::json(200, &json!({ "edges": [own_edge(&client, &call.base)], "strategy": strategy, "duplicate": duplicate, "client": client }))
}
