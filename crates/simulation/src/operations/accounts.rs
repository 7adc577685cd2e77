//! What the identity backend and the operator do: accounts are provisioned, suspended and resumed, and taken out of a namespace and into it.

use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::accounts::find::record;
use jettyspeed_edge::services::accounts::{change, provision};
use jettyspeed_edge::services::namespaces::change::find;
use jettyspeed_edge::services::namespaces::members;

use crate::operations::{As, Client, body};
use crate::parties::{SHARED, name, user};
use crate::task::Number;
use crate::world::Sim;

/// Calls at once of one provisioning.
const CALLS: usize = 3;

/// Suspends an account, or resumes it.
pub async fn switch(client: &Client, suspended: bool) {
    let (user, path) = (user(client.account), if suspended { "/api/agentcache/suspend" } else { "/api/agentcache/resume" });
    let service = if suspended { "suspend" } else { "resume" };
    let _ = client.request(service, ("POST", path), As::Backend, move |call| async move { change::switch(&call, &user, suspended).await }).await;
}

/// Takes an account out of the shared namespace, or into it.
pub async fn membership(client: &Client, member: bool) {
    client.sim.model.borrow_mut().members_changed = true;
    let user = user(client.account);
    let (service, method) = if member { ("add member", "PUT") } else { ("remove member", "DELETE") };
    let _ = client
        .request(service, (method, "/api/portal/namespaces/ns/members/user"), As::Operator, move |call| async move {
            let namespace = find(&call, SHARED).await?;
            let found = record(&call, &user).await?.ok_or(Problem::NotFound)?;
            if member { members::add(&call, &namespace, &found, Role::Member).await } else { members::remove(&call, &namespace, &found).await }
        })
        .await;
}

/// Provisions a new user, several times at once: all answers name the same account with the same credentials.
pub async fn provision(client: &Client, number: usize) {
    let calls: Vec<_> = (0..CALLS).map(|_| begin(client, number)).collect();
    for call in calls {
        let _ = call.1.await;
    }
}

fn begin(client: &Client, number: usize) -> (Number, crate::task::Waiting<()>) {
    let held = client.clone();
    let begun = crate::scheduler::Begun::by(&client.sim, crate::task::Role::Client, "");
    client.sim.begin_with_result(begun, async move { provision_once(&held, number).await })
}

async fn provision_once(client: &Client, number: usize) {
    let user = name(&format!("new{number}"));
    let wanted = ProvisionParams { user: user.clone(), email: "new@example.com".to_owned(), tier: "free".to_owned() };
    let told = client
        .request("provision", ("POST", "/api/agentcache/provision"), As::Backend, move |call| async move {
            provision::provision_account(&call, wanted).await
        })
        .await;
    let Some(Ok(reply)) = told else { return };
    let account = body(&reply)["account"].clone();
    let told = (account["id"].to_string(), account["api_key"].to_string());
    let first = client.sim.model.borrow_mut().provisioned.entry(user.to_string()).or_insert_with(|| told.clone()).clone();
    if first != told {
        client.sim.fail(|| format!("{user} was provisioned as {first:?}, and as {told:?}"));
    }
}

/// Whether a user has several accounts.
pub fn has_several(sim: &Sim) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Row {
        user: String,
    }
    let rows: Vec<Row> =
        crate::check::select(sim, "SELECT agentcache_user_id AS user FROM accounts GROUP BY agentcache_user_id HAVING COUNT(*) > 1", vec![]);
    rows.into_iter().next().map(|row| row.user)
}
