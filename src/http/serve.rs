//! From request to answer: route, dispatch, and what every answer has in common.

use serde_json::json;
use worker::{Context, Env};

use super::call::{Call, Routed};
use super::reply::Reply;
use super::router::{self, Endpoint};
use super::{cors, health};
use crate::config::LogLevel;
use crate::platform::{bindings, log, random};
use crate::problem::Problem;

/// Serves one request.
pub async fn serve(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let id = match random::id() {
        Ok(id) => id,
        Err(problem) => return Reply::problem(&problem, "").into_response(),
    };
    let call = Call::new(request, env, id);
    let method = call.request.method();
    let outcome = if method == "OPTIONS" { preflight(&call) } else { dispatch(&call, &method).await };
    let mut reply = outcome.unwrap_or_else(|problem| {
        let kind = problem.kind();
        let level = if kind.status >= 500 { LogLevel::Error } else { LogLevel::Debug };
        log::event(level, "problem", json!({ "requestId": call.id, "method": method, "code": kind.code }));
        Reply::problem(&problem, &call.id)
    });
    let allowed_origins = bindings::config(&call.env).map(|config| config.cors_origins.clone()).unwrap_or_default();
    reply.headers.extend(cors::headers(&call.path, call.header("origin").as_deref(), &allowed_origins));
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

async fn dispatch(call: &Call, method: &str) -> Result<Reply, Problem> {
    let (route, params) = router::find(method, &call.path)?;
    if route.endpoint == Endpoint::Health {
        return health::health(call).await;
    }
    let config = bindings::config(&call.env)?;
    let call = Routed { call, params, config };
    match route.endpoint {
        Endpoint::Health => health::health(&call).await,
        Endpoint::ExplainProblem => health::explain(&call),
        Endpoint::OptimalEdges => crate::steering::routes::optimal_edges(&call).await,
        Endpoint::Sessions => crate::upload::routes::sessions::list(&call).await,
        Endpoint::TrackUpload => crate::upload::routes::track::track(&call).await,
        Endpoint::CacheChunk => crate::upload::routes::sessions::cache_chunk(&call).await,
        Endpoint::Chunk => crate::upload::routes::chunk::chunk(&call).await,
        Endpoint::SimpleUpload => crate::upload::routes::simple::upload(&call).await,
        Endpoint::Files => crate::assets::routes::list(&call).await,
        Endpoint::File => crate::assets::routes::get(&call).await,
        Endpoint::DeleteFile => crate::assets::routes::delete(&call).await,
        Endpoint::Download => crate::delivery::routes::download(&call).await,
        Endpoint::Content => crate::delivery::routes::content(&call, method).await,
    }
}
