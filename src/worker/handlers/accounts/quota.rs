//! `GET /api/agentcache/quota`: an account reads its own quota, the identity backend that of any account.

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::accounts::provisioning::{Record, check_user};
use crate::accounts::quota;
use crate::clients::ledger;
use crate::ledger::message::Message;
use crate::problem::Problem;
use crate::worker::content::meter;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// The account's quota.
pub async fn quota(call: &Routed) -> Result<Reply, Problem> {
    let (tier, figures) = match &*call.caller {
        Caller::Account(account) => {
            // An account sees only itself; another account gives the same 404 as an absent one.
            if call.query("agentcache_user_id").is_some_and(|user| user != account.agentcache_user_id.as_str()) {
                return Err(Problem::NotFound);
            }
            account.must_be_active()?;
            meter::settle(call, account.id).await;
            let message = Message::Usage { limits: Some(account.limits()) };
            (account.tier.tier.clone(), ledger::usage(&call.io, account.id, &message).await?)
        }
        _ => {
            let user = call.query("agentcache_user_id");
            let user = user.ok_or_else(|| Problem::invalid("agentcache_user_id", "is required"))?;
            let record: Record = call.service.find_owned(ResourceKind::User, check_user(&user)?.as_str()).await?;
            if record.ledger_region.is_some() {
                meter::settle(call, record.id).await;
            }
            (record.tier.tier.clone(), ledger::usage_of(&call.io, &record).await?)
        }
    };
    Reply::json(200, &quota::quota(&tier, &figures))
}
