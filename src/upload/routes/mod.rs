//! The routes of uploads. Glue: each asks a pure file what to do and does it.

pub mod chunk;
mod complete;
pub mod direct;
mod sending;
pub mod sessions;
pub mod simple;
pub mod track;

use super::session::{Message, Reply as Said};
use super::{ending, link};
use crate::http::call::Routed;
use crate::ids::Id;
use crate::problem::Problem;

/// The store says that the upload does not exist: if the session did not know, it ends here, so that nobody waits for it or sends into it.
async fn gone_at_store(call: &Routed, session: Id) -> Result<Problem, Problem> {
    // Unless it is gone because it became a file, and only the session was not told.
    if let Said::State { meta, .. } = link::tell(&call.env, session, &Message::Snapshot).await?
        && ending::is_a_file(&call.env, &meta).await?
    {
        return Ok(Problem::UploadClosed { status: "complete" });
    }
    let status = match link::tell(&call.env, session, &Message::Fail).await? {
        Said::State { meta, .. } => {
            ending::forget(&call.env, &meta).await?;
            "gone from the store"
        }
        Said::Closed { status } => status.as_str(),
        _ => "completing",
    };
    Ok(Problem::UploadClosed { status })
}
