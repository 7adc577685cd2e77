//! `GET /api/portal/alerts`.

use serde::Deserialize;
use serde_json::json;

use crate::access::caller::Caller;
use crate::alerts::alert::{Alert, AlertView, Listed};
use crate::alerts::repository;
use crate::base::id::Name;
use crate::clients::{database, shards};
use crate::http::pagination::{self, Page};
use crate::io::Io;
use crate::io::database::Database;
use crate::namespaces;
use crate::problem::Problem;
use crate::services::namespaces::change;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Namespaces whose alerts are read in one round trip.
const AT_ONCE: usize = 20;

/// The alerts of a namespace; without a name those of all namespaces for an operator, those of its own for an account. Newest first.
///
/// # Errors
/// 403 suspended; 404 for a namespace that the caller may not see.
pub async fn list(call: &Request<impl Io>, namespace: Option<&str>, listed: Listed, page: &Page) -> Result<Reply, Problem> {
    let limit = page.limit.saturating_add(1);
    let mut rows: Vec<Alert> = Vec::new();
    match (namespace, &*call.caller) {
        (Some(wanted), _) => {
            let name: Name = change::find(call, wanted).await?.name;
            let db = shards::of_namespace_to_read(&call.io, &name).await?;
            rows = database::all(&db, &repository::list(Some(&name), listed, page.cursor, limit)).await?;
        }
        (None, Caller::Account(account)) => {
            account.must_be_active()?;
            let db = shards::of_account_to_read(&call.io, account.id).await?;
            let names: Vec<Member> = database::all(&db.nearest(), &namespaces::repository::names_of_member(account.id)).await?;
            for some in names.chunks(AT_ONCE) {
                let statements: Vec<_> = some.iter().map(|row| repository::list(Some(&row.namespace), listed, page.cursor, limit)).collect();
                let mut found = database::results(&db, &statements).await?;
                for _ in some {
                    rows.extend(found.all::<Alert>()?);
                    newest(&mut rows, limit);
                }
            }
        }
        (None, _) => {
            for shard in shards::all(&call.io) {
                let found: Vec<Alert> = database::all(&call.io.db(shard)?, &repository::list(None, listed, page.cursor, limit)).await?;
                rows.extend(found);
                newest(&mut rows, limit);
            }
        }
    }
    let (rows, cursor) = pagination::cut(rows, page.limit, |row| (row.fired_at, row.id));
    let alerts: Vec<AlertView<'_>> = rows.iter().map(Alert::view).collect();
    Reply::json(200, &json!({ "alerts": alerts, "cursor": cursor }))
}

#[derive(Deserialize)]
struct Member {
    namespace: Name,
}

/// Keeps the newest, newest first.
fn newest(rows: &mut Vec<Alert>, limit: u64) {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.fired_at, row.id.to_string())));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
}
