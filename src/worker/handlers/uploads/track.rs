//! `POST /api/jetty/track-upload`: start, progress, complete, fail.

use std::rc::Rc;

use crate::access::authorize::{Principal, ResourceKind};
use crate::accounts::account::Account;
use crate::edges::edge::Work;
use crate::edges::request::check_samples;
use crate::files::paths::placement::IfExists;
use crate::http::json_body::MAX_TRACK_BODY;
use crate::http::validate::{check_chunk_hashes, check_hash, check_session};
use crate::problem::Problem;
use crate::services::idempotency;
use crate::services::uploads::fail::fail;
use crate::services::uploads::start::begin;
use crate::services::uploads::{complete, progress, rights};
use crate::uploads::repository;
use crate::uploads::request::{Start, Track};
use crate::uploads::session::state::Status;
use crate::worker::content::came_from;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::platform::unicode::compose;
use crate::worker::services::edges::ranking::{EDGES, ranking};
use crate::worker::services::edges::{registry, samples};

/// Dispatches on `action`.
pub async fn track(call: &Routed) -> Result<Reply, Problem> {
    match Track::parse(&call.bytes(MAX_TRACK_BODY).await?)? {
        Track::Start(wanted) => start(call, call.account_beside_token().await?, *wanted).await,
        Track::Progress(body) => {
            check_samples(&body.samples)?;
            let upload = progress::readable(&call.service, check_session(&body.session_id)?).await?;
            if !body.samples.is_empty() {
                samples::from_client(call, upload.account, &body.samples).await;
            }
            progress::progress_of(&call.service, &upload, false).await.map(Reply::from)
        }
        Track::Complete(body) => {
            let account = call.account_beside_token().await?;
            let file_hash = check_hash("fileHash", body.file_hash.as_deref())?;
            let chunk_hashes = check_chunk_hashes(body.chunk_hashes.as_deref())?;
            let if_exists = body.if_exists.as_deref().map(|text| IfExists::check("ifExists", Some(text))).transpose()?;
            let row = owned_session(call, &account, &body.session_id).await?;
            // A completed upload has nothing left to be allowed: its first answer is repeated.
            if row.status != Status::Complete.as_str() {
                rights::check(&call.service, &row.claims(account.generation, clock::now())).await?;
            }
            let reply = complete::complete(&call.service, account.id, row.id, complete::Expected { file_hash, chunk_hashes, if_exists }).await?;
            if let Some(object) = row.object() {
                came_from::note(call, object);
            }
            Ok(Reply::from(reply))
        }
        Track::Fail(body) => {
            let account = call.account_beside_token().await?;
            let row = owned_session(call, &account, &body.session_id).await?;
            fail(&call.service, &row).await.map(Reply::from)
        }
    }
}

/// The account's session with this id.
async fn owned_session(call: &Routed, account: &Account, id: &str) -> Result<repository::SessionRow, Problem> {
    let session = check_session(id)?;
    account.must_be_active()?;
    call.service.find_owned_as(&Principal::Account(account.id), ResourceKind::Session, &session.to_string()).await
}

async fn start(call: &Routed, account: Rc<Account>, wanted: Start) -> Result<Reply, Problem> {
    let wanted = wanted.check(compose)?;
    account.must_be_active()?;
    registry::must_take(call, Work::New).await?;
    let slot = call.slot(&account.id.to_string(), &call.bytes(MAX_TRACK_BODY).await?)?;
    let held = call.clone();
    let work = async move {
        let assign = async |account, priority, missing: &[u16]| {
            let ranking = ranking(&held, account, priority, &held.geo(), EDGES).await;
            (ranking.views(&held.base), ranking.assign(&held.base, missing))
        };
        begin(&held.service, &account, wanted, assign).await
    };
    idempotency::once(&call.service, slot, work).await.map(Reply::from)
}
