//! From request to answer: route, dispatch, and what every answer has in common.

use std::pin::Pin;
use std::rc::Rc;

use serde_json::json;
use worker::{Context, Env};

use super::call::{Call, Routed};
use super::reply::{Body, Reply};
use super::router::{self, Endpoint, Proof};
use super::{auth, cors, health};
use crate::accounts::guard;
use crate::config::LogLevel;
use crate::platform::{bindings, log, random};
use crate::problem::Problem;
use crate::{accounts, namespaces};

/// Serves one request.
pub async fn serve(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let id = match random::id() {
        Ok(id) => id,
        Err(problem) => return Reply::problem(&problem, "").into_response(),
    };
    let call = Rc::new(Call::new(request, env, context, id));
    let method = call.request.method();
    let outcome = if method == "OPTIONS" { preflight(&call) } else { dispatch(&call, &method).await };
    let mut reply = outcome.unwrap_or_else(|problem| {
        let kind = problem.kind();
        let level = if kind.status >= 500 { LogLevel::Error } else { LogLevel::Debug };
        log::event(level, "problem", json!({ "requestId": call.id, "method": method, "code": kind.code }));
        Reply::problem(&problem, &call.id)
    });
    if method == "HEAD" {
        reply.body = Body::Empty;
    }
    let config = bindings::config(&call.env).ok();
    let allowed_origins = config.as_ref().map_or(&[][..], |config| &config.cors_origins);
    reply.headers.extend(cors::headers(&call.path, call.header("origin").as_deref(), allowed_origins));
    if let Some(limited) = call.limited.get() {
        reply.headers.extend(limited.pace.headers(limited.policy, limited.window_seconds));
    }
    reply.headers.push(("x-request-id", call.id.clone()));
    reply.headers.push(("server-timing", call.server_timing()));
    if log::enabled(LogLevel::Info) {
        log::event(LogLevel::Info, "request", json!({ "requestId": call.id, "method": method, "status": reply.status }));
    }
    reply.into_response()
}

fn preflight(call: &Call) -> Result<Reply, Problem> {
    let allow = router::allowed(&call.path).ok_or(Problem::NotFound)?;
    let mut reply = Reply::empty(204);
    reply.headers = cors::preflight(&allow, call.header("access-control-request-headers").as_deref());
    reply.headers.push(("allow", allow));
    Ok(reply)
}

async fn dispatch(call: &Rc<Call>, method: &str) -> Result<Reply, Problem> {
    let (route, params) = router::find(method, &call.path)?;
    if route.proof == Proof::None {
        guard::admit(call).await?;
    }
    if route.endpoint == Endpoint::Health {
        // Before the configuration, whose state it tells.
        return Box::pin(health::health(call)).await;
    }
    let config = bindings::config(&call.env)?;
    let outcome = match auth::admitted(call, route, &params, &config).await {
        Ok(caller) => {
            let call = Routed { call: Rc::clone(call), route, caller: Rc::new(caller), params, config };
            handler(&call, route.endpoint, method).await
        }
        Err(problem) => Err(problem),
    };
    if let Err(Problem::Unauthenticated(_)) = outcome {
        guard::admit(call).await?;
    }
    outcome
}

/// The endpoint's future, boxed: in one function with all others, the hot path would be compiled and optimised together with the cold ones, which costs
/// V8's optimising compiler tens of megabytes at its peak (measured: `script/bench chunk`).
fn handler<'a>(call: &'a Routed, endpoint: Endpoint, method: &'a str) -> Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>> {
    match endpoint {
        Endpoint::Health => Box::pin(health::health(&call.call)),
        Endpoint::ExplainProblem => Box::pin(async { health::explain(call) }),
        Endpoint::OptimalEdges => Box::pin(crate::steering::routes::optimal_edges(call)),
        Endpoint::Edges => Box::pin(crate::steering::routes::edges(call)),
        Endpoint::EdgeMetrics => Box::pin(crate::steering::routes::metrics(call)),
        Endpoint::CreateEdge => Box::pin(crate::steering::operators::create(call)),
        Endpoint::ChangeEdge => Box::pin(crate::steering::operators::change(call)),
        Endpoint::DeleteEdge => Box::pin(crate::steering::operators::delete(call)),
        Endpoint::Sessions => Box::pin(crate::upload::routes::sessions::list(call)),
        Endpoint::TrackUpload => Box::pin(crate::upload::routes::track::track(call)),
        Endpoint::CacheChunk => Box::pin(crate::upload::routes::sessions::cache_chunk(call)),
        Endpoint::ChunkUrls => Box::pin(crate::upload::routes::direct::chunk_urls(call)),
        Endpoint::RecordChunk => Box::pin(crate::upload::routes::direct::record(call)),
        Endpoint::Chunk => Box::pin(crate::upload::routes::chunk::chunk(call)),
        Endpoint::SimpleUpload => Box::pin(crate::upload::routes::simple::upload(call)),
        Endpoint::Files => Box::pin(crate::assets::routes::list(call)),
        Endpoint::File => Box::pin(crate::assets::routes::get(call)),
        Endpoint::DeleteFile => Box::pin(crate::assets::routes::delete(call)),
        Endpoint::Download => Box::pin(crate::delivery::routes::download(call)),
        Endpoint::Content => Box::pin(crate::delivery::routes::content(call, method)),
        Endpoint::PutVideo => Box::pin(crate::video::routes::put(call)),
        Endpoint::DeleteVideo => Box::pin(crate::video::routes::delete(call)),
        Endpoint::Playback => Box::pin(crate::video::routes::playback(call)),
        Endpoint::Play => Box::pin(crate::video::routes::play(call, method)),
        Endpoint::CheckDuplicate => Box::pin(crate::dedup::routes::check_duplicate(call)),
        Endpoint::Provision => Box::pin(accounts::routes::provision::provision(call)),
        Endpoint::Upgrade => Box::pin(accounts::routes::change::upgrade(call)),
        Endpoint::Rotate => Box::pin(accounts::routes::change::rotate(call)),
        Endpoint::Suspend => Box::pin(accounts::routes::change::switch(call, true)),
        Endpoint::Resume => Box::pin(accounts::routes::change::switch(call, false)),
        Endpoint::Quota => Box::pin(accounts::routes::quota::quota(call)),
        Endpoint::Tiers => Box::pin(accounts::routes::tiers::list(call)),
        Endpoint::ChangeTier => Box::pin(accounts::routes::tiers::change(call)),
        Endpoint::CreateNamespace => Box::pin(namespaces::routes::create(call)),
        Endpoint::Namespaces => Box::pin(namespaces::routes::list(call)),
        Endpoint::Namespace => Box::pin(namespaces::routes::get(call)),
        Endpoint::ChangeNamespace => Box::pin(namespaces::routes::change(call)),
        Endpoint::DeleteNamespace => Box::pin(namespaces::routes::delete(call)),
        Endpoint::NamespaceStats => Box::pin(namespaces::routes::stats(call)),
        Endpoint::PurgeNamespace => Box::pin(namespaces::routes::purge(call)),
        Endpoint::AddMember => Box::pin(namespaces::routes::add_member(call)),
        Endpoint::RemoveMember => Box::pin(namespaces::routes::remove_member(call)),
    }
}
