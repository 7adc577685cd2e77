//! Accounts: provisioned, changed and suspended by the identity backend.

mod browser;
mod credentials;
mod portal;
mod provisioning;
mod suspension;
mod tiers;

use jettyspeed_devstack::state::AccountAccess;
use serde_json::{Value, json};

use crate::harness::{Stack, credentials};

const PROVISION: &str = "/api/agentcache/provision";

fn provision_body(user: &str, tier: &str) -> Value {
    json!({ "agentcache_user_id": user, "agentcache_email": format!("{user}@example.com"), "tier": tier })
}

fn user_body(user: &str) -> Value {
    json!({ "agentcache_user_id": user })
}

async fn rotate(stack: &Stack, body: Value) -> AccountAccess {
    let (status, body) = stack.webhook("/api/agentcache/rotate", body).await;
    assert_eq!(status, 200, "{body}");
    credentials(&body)
}

/// The status of listing the account's files: 200 if its credentials work.
async fn files_status(stack: &Stack, account: &AccountAccess) -> u16 {
    stack.get(account, "/api/storage/files").await.0
}
