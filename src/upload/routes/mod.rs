//! The routes of uploads. Glue: each asks a pure file what to do and does it.

pub mod chunk;
mod complete;
pub mod direct;
mod sending;
pub mod sessions;
pub mod simple;
pub mod track;

use super::session::{Message, Reply as Said, Status};
use super::{ending, link};
use crate::http::call::Routed;
use crate::ids::Id;
use crate::platform::origin;
use crate::problem::Problem;

/// The store says that the upload does not exist: if the session did not know, it ends here, so that nobody waits for it or sends into it.
/// Unless it is gone because it became an object, and only the answer was lost: then it wants to be completed.
async fn gone_at_store(call: &Routed, session: Id) -> Result<Problem, Problem> {
    let Said::State { meta, .. } = link::tell(&call.env, session, &Message::Snapshot).await? else {
        return Ok(Problem::UploadClosed { status: Status::Failed.as_str() });
    };
    match meta.status {
        Status::Uploading => {}
        status => return Ok(Problem::UploadClosed { status: status.as_str() }),
    }
    if ending::is_a_file(&call.env, &meta).await? {
        return Ok(Problem::UploadClosed { status: "complete" });
    }
    let seen = complete::look(call, &meta).await.map_err(|error| origin::problem("HeadObject", &error))?;
    if seen.is_some_and(|seen| seen.size == meta.file_size) {
        return Ok(Problem::UploadClosed { status: Status::Completing.as_str() });
    }
    match link::tell(&call.env, session, &Message::Fail).await? {
        Said::State { meta, .. } => {
            let held = call.clone();
            let status = meta.status.as_str();
            call.to_the_end(async move { ending::give_up(&held.env, &held.config, &meta).await }).await.unwrap_or(Err(Problem::Internal))?;
            Ok(Problem::UploadClosed { status })
        }
        Said::Closed { status } => Ok(Problem::UploadClosed { status: status.as_str() }),
        _ => Ok(Problem::UploadClosed { status: Status::Completing.as_str() }),
    }
}
