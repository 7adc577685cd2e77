//! `GET /api/live`: leads a caller to the feed of its account, by WebSocket or as a stream of events.

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::accounts::provisioning::{Record, check_user};
use crate::http::accept::prefers;
use crate::live::bounds::MAX_CONNECTIONS;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::{Body, Reply};
use crate::worker::platform::{bindings, js, objects};

/// Seconds after which a caller may find a free place.
const RETRY_SECONDS: u32 = 60;

/// Opens a connection. An operator names the account.
pub async fn live(call: &Routed) -> Result<Reply, Problem> {
    let account = match &*call.caller {
        Caller::Account(account) => {
            if call.query("agentcache_user_id").is_some_and(|user| user != account.agentcache_user_id.as_str()) {
                return Err(Problem::NotFound);
            }
            account.must_be_active()?;
            account.id
        }
        _ => {
            let user = call.query("agentcache_user_id").ok_or_else(|| Problem::invalid("agentcache_user_id", "is required"))?;
            call.service.find_owned::<Record>(ResourceKind::User, check_user(&user)?.as_str()).await?.id
        }
    };
    let is_socket = call.header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    if !is_socket && !prefers(call.header("accept").as_deref(), "text/event-stream") {
        return Err(Problem::invalid("Accept", "must be text/event-stream, unless the call is an upgrade to a WebSocket"));
    }
    let response = objects::open(&bindings::live(&call.io.env)?, &account.to_string(), is_socket).await?;
    let limit = u64::try_from(MAX_CONNECTIONS).unwrap_or(u64::MAX);
    match response.status() {
        101 => Ok(Reply { status: 101, headers: Vec::new(), body: Body::Socket(js::socket_of(&response)) }),
        200 => {
            let body = response.body().ok_or(Problem::Internal)?;
            let headers =
                vec![("content-type", "text/event-stream".to_owned()), ("cache-control", "no-store".to_owned()), ("vary", "Accept".to_owned())];
            Ok(Reply { status: 200, headers, body: Body::Stream(body) })
        }
        429 => Err(Problem::RateLimited { limit, retry_after: RETRY_SECONDS }),
        _ => Err(Problem::Internal),
    }
}
