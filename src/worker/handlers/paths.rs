//! Files by path: `GET|DELETE /api/storage/files?prefix=`, `POST /api/storage/files/{id}/copy`.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::files::asset::Asset;
use crate::files::paths::change::Copy;
use crate::files::paths::prefix::{PrefixListing, check_prefix};
use crate::files::paths::repository::{MAX_COUNTED, Tree};
use crate::http::json_body::MAX_BODY;
use crate::http::pagination;
use crate::http::validate::check_namespace;
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services;
use crate::services::namespaces::of_upload;
use crate::services::{idempotency, paths};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::unicode::compose;

/// The namespace that the query names, or the account's own.
fn namespace(call: &Routed, account: &Account) -> Result<Name, Problem> {
    of_upload::name(account, check_namespace("namespace", call.query("namespace").as_deref())?.as_ref())
}

/// Lists files and folders with a prefix.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let limit = pagination::limit(call.query("limit").as_deref())?;
    if call.query("sort").is_some() || call.query("search").is_some() || call.query("order").is_some() {
        return Err(Problem::invalid("prefix", "can not be had with sort, order or search: files are in the order of their paths"));
    }
    let listing = PrefixListing::read(
        call.query("prefix").as_deref().unwrap_or_default(),
        call.query("delimiter").as_deref(),
        call.query("cursor").as_deref(),
    )?;
    let namespace = namespace(call, &account)?;
    account.must_be_active()?;
    let page = paths::list::page(&call.io, Tree { account: account.id, namespace: &namespace }, &listing, limit).await?;
    let files: Vec<_> = page.files.iter().map(|asset| asset.view(&call.base)).collect();
    Reply::json(200, &json!({ "files": files, "prefixes": page.folders, "cursor": page.cursor }))
}

/// Counts the files with a prefix, and has them deleted unless it is a trial.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let prefix = check_prefix(call.query("prefix").as_deref().unwrap_or_default())?;
    if prefix.is_empty() {
        return Err(Problem::invalid("prefix", "is required, and must not be empty"));
    }
    let is_trial = match call.query("dryRun").as_deref() {
        None | Some("0" | "false") => false,
        Some("1" | "true") => true,
        Some(_) => return Err(Problem::invalid("dryRun", "must be true or false")),
    };
    let namespace = namespace(call, &account)?;
    account.must_be_active()?;
    let counted = paths::list::count(&call.io, Tree { account: account.id, namespace: &namespace }, &prefix).await?;
    let answer = json!({ "prefix": prefix, "files": counted.files, "bytes": counted.bytes, "more": counted.files == MAX_COUNTED });
    if is_trial {
        return Reply::json(200, &answer);
    }
    if counted.files > 0 {
        let job = Job::DeletePrefix {
            account: account.id,
            namespace,
            prefix,
            until: call.service.now(),
            base: call.base.to_string(),
            after: String::new(),
        };
        call.io.enqueue(&job, 0).await?;
    }
    Reply::json(202, &answer)
}

/// Copies a file. The call runs to its end also if the client hangs up.
pub async fn copy(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let (placement, name) = call.json::<Copy>(MAX_BODY).await?.check(compose)?;
    let account = call.account()?;
    account.must_be_active()?;
    let id = call.params.get("id").unwrap_or_default();
    let slot = call.slot(&account.id.to_string(), format!("{id}\n{}", String::from_utf8_lossy(&body)).as_bytes())?;
    let asset: Asset = call.service.find_owned(ResourceKind::Asset, id).await?;
    let held = call.service.clone();
    let work = async move {
        let copying = held.clone();
        let copied = held.detached(async move { paths::copy::copy(&copying, &account, asset, &placement, name).await }).await;
        let asset = copied.unwrap_or(Err(Problem::Internal))?;
        services::reply::Reply::json(201, &json!({ "asset": asset.view(&held.base) }))
    };
    idempotency::once(&call.service, slot, work).await.map(Reply::from)
}
