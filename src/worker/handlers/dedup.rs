//! `POST /api/jetty/check-duplicate`.

use crate::dedup::lookup::Check;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::services::dedup::reference::duplicate;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Reports whether the caller's namespaces store a file with this hash and size.
pub async fn check_duplicate(call: &Routed) -> Result<Reply, Problem> {
    let (hash, size) = call.json::<Check>(MAX_BODY).await?.check()?;
    let account = call.account()?;
    account.must_be_active()?;
    Reply::json(200, &duplicate(&call.service, &account, &hash, size).await?)
}
