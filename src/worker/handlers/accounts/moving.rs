//! `POST /api/portal/accounts/{user}/move`.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::accounts::directory::Item;
use crate::accounts::moving::MoveRequest;
use crate::accounts::provisioning::{Record, check_user};
use crate::clients::shards;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::services::accounts::moving;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Moves an account to another shard, by a job. Repeated, it tells how far that is.
pub async fn move_account(call: &Routed) -> Result<Reply, Problem> {
    let MoveRequest { shard, restart } = call.json(MAX_BODY).await?;
    if !shards::all(&call.io).any(|bound| bound == shard) {
        return Err(Problem::invalid("shard", "is the number of no database of this deployment"));
    }
    let user = check_user(call.params.get("user").unwrap_or_default())?;
    shards::forget();
    let record: Record = call.service.find_owned(ResourceKind::User, user.as_str()).await?;
    let at = shards::find(&call.io, Item::User(&user)).await?;
    let view = |status: u16, moving: bool| Reply::json(status, &json!({ "agentcache_user_id": user, "shard": at.shard, "moving": moving }));
    if at.shard == shard && !at.moving {
        if restart {
            // What it left behind may not have been deleted.
            moving::resume(&call.io, &record).await?;
        }
        return view(200, false);
    }
    if at.shard == shard {
        if restart {
            moving::resume(&call.io, &record).await?;
        }
    } else if restart || !at.moving {
        moving::begin(&call.io, &record, at.shard, shard).await?;
    }
    view(202, true)
}
