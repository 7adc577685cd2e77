//! `GET /api/agentcache/statement`: an account reads its own, an operator that of any account.

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::accounts::provisioning::{Record, check_user};
use crate::accounts::statement;
use crate::http::accept::prefers;
use crate::problem::Problem;
use crate::services::accounts::statement::{Whose, statement as read};
use crate::worker::content::meter;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// The statement of a month, as JSON or CSV.
pub async fn statement(call: &Routed) -> Result<Reply, Problem> {
    let period = statement::period(call.query("period").as_deref(), call.started)?;
    let user = call.query("agentcache_user_id");
    let statement = match &*call.caller {
        Caller::Account(account) => {
            // An account sees only itself; another account gives the same 404 as an absent one.
            if user.is_some_and(|user| user != account.agentcache_user_id.as_str()) {
                return Err(Problem::NotFound);
            }
            account.must_be_active()?;
            meter::settle(call, account.id).await;
            let whose = Whose { account: account.id, user: &account.agentcache_user_id, has_ledger: true };
            read(&call.service, &whose, period).await?
        }
        _ => {
            let user = user.ok_or_else(|| Problem::invalid("agentcache_user_id", "is required"))?;
            let record: Record = call.service.find_owned(ResourceKind::User, check_user(&user)?.as_str()).await?;
            if record.ledger_region.is_some() {
                meter::settle(call, record.id).await;
            }
            read(&call.service, &Whose::from(&record), period).await?
        }
    };
    let mut reply = if prefers(call.header("accept").as_deref(), "text/csv") { Reply::csv(statement.csv()) } else { Reply::json(200, &statement)? };
    reply.headers.push(("vary", "Accept".to_owned()));
    Ok(reply)
}
