//! Accounts ask for what is not theirs: it is answered as what does not exist.

use jettyspeed_edge::access::authorize::{Principal, ResourceKind};
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sql::Arg;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::namespaces::patch::Patch;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::delete_file::delete_file;
use jettyspeed_edge::services::namespaces::change;
use jettyspeed_edge::services::namespaces::of_upload::for_upload;
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::request::Request;
use jettyspeed_edge::services::uploads;
use jettyspeed_edge::services::uploads::complete::Expected;
use jettyspeed_edge::services::video::delete;
use jettyspeed_edge::uploads::repository::SessionRow;
use serde_json::json;

use crate::administration::Intrusion;
use crate::operations::{As, Client, Told, nth};
use crate::parties::{id, name, own_namespace};
use crate::world::Sim;

/// Another account than `account`.
fn victim(account: usize, which: usize) -> usize {
    (account + 1 + which % 2) % crate::parties::ACCOUNTS
}

/// Asks for another account's thing.
pub async fn intrude(sim: &Sim, account: usize, which: usize, what: Intrusion) {
    let client = Client { sim: sim.clone(), account };
    match what {
        Intrusion::Read | Intrusion::Delete => asset(&client, which, what).await,
        Intrusion::Complete | Intrusion::Fail | Intrusion::Progress => session(&client, which, what).await,
        Intrusion::DeleteVideo | Intrusion::Namespace | Intrusion::ChangeNamespace => own(&client, which, what).await,
    }
}

fn judge(client: &Client, what: Intrusion, told: &Told) {
    let is_hidden = match told {
        Some(Ok(_)) => false,
        Some(Err(Problem::NotFound | Problem::Suspended | Problem::Unauthenticated(_) | Problem::AccountMoving)) | None => true,
        Some(Err(problem)) => problem.kind().status >= 500 || problem.kind().status == 429,
    };
    if !is_hidden {
        client.sim.fail(|| format!("{what:?} by account {} of what is not its own: {told:?}", client.account));
    }
}

#[derive(serde::Deserialize)]
struct Held {
    namespace: String,
}

const NAMESPACE_OF: &str = "SELECT namespace FROM assets WHERE id = ?1";

const MANAGED: &str = "SELECT m.namespace FROM namespace_members m WHERE m.namespace = ?1 AND m.account_id = ?2 AND m.role = 'manager'";

fn namespace_of(sim: &Sim, asset: Id) -> Option<String> {
    crate::check::select::<Held>(sim, NAMESPACE_OF, vec![asset.to_string().into()]).pop().map(|found| found.namespace)
}

/// Whether an account manages the namespace of a file, which may be deleted by now.
fn manages(sim: &Sim, namespace: Option<&String>, account: usize) -> bool {
    let args = |namespace: &String| -> Vec<Arg> { vec![namespace.clone().into(), id(account).to_string().into()] };
    namespace.is_some_and(|namespace| !crate::check::select::<Held>(sim, MANAGED, args(namespace)).is_empty())
}

async fn asset(client: &Client, which: usize, what: Intrusion) {
    let others: Vec<Id> = {
        let model = client.sim.model.borrow();
        model.known.iter().filter(|(account, _)| *account != client.account).map(|(_, asset)| *asset).collect()
    };
    let Some(asset) = nth(&others, which) else { return };
    let changes = |client: &Client| -> u64 {
        let model = client.sim.model.borrow();
        model.admin.spaces.iter().filter_map(|space| space.members.get(&client.account)).map(|role| role.begun).sum()
    };
    // A role that is being given when this begins may be there when the file is looked for.
    let is_changing = {
        let model = client.sim.model.borrow();
        model.admin.spaces.iter().filter_map(|space| space.members.get(&client.account)).any(crate::model_admin::Register::is_changing)
    };
    let namespace = namespace_of(&client.sim, asset);
    let before = (changes(client), is_changing || manages(&client.sim, namespace.as_ref(), client.account));
    if what == Intrusion::Delete && before.1 {
        client.sim.model.borrow_mut().deleting.insert(asset);
    }
    let is_delete = what == Intrusion::Delete;
    let route = if is_delete { ("DELETE", "/api/storage/files/{id}") } else { ("GET", "/api/storage/files/{id}") };
    let told = client
        .request("intrude", route, As::Account, move |call| async move {
            call.account()?.must_be_active()?;
            let found: Asset = call.find_owned(ResourceKind::Asset, &asset.to_string()).await?;
            if is_delete { delete_file(&call, &found).await } else { Reply::json(200, &json!({ "id": found.id })) }
        })
        .await;
    let namespace = namespace.or_else(|| namespace_of(&client.sim, asset));
    if before == (changes(client), false) && !manages(&client.sim, namespace.as_ref(), client.account) {
        judge(client, what, &told);
    } else if is_delete {
        client.sim.model.borrow_mut().deleting.insert(asset);
    }
}

async fn session(client: &Client, which: usize, what: Intrusion) {
    let others: Vec<Id> = {
        let model = client.sim.model.borrow();
        model.sessions.iter().filter(|session| session.account != client.account).map(|session| session.id).collect()
    };
    let Some(session) = nth(&others, which) else { return };
    let told = client
        .request("intrude", ("POST", "/api/jetty/track-upload"), As::Account, move |call: Request<Sim>| async move {
            let account = call.account()?;
            account.must_be_active()?;
            if what == Intrusion::Progress {
                let upload = uploads::progress::readable(&call, session).await?;
                return uploads::progress::progress_of(&call, &upload, false).await;
            }
            let row: SessionRow = call.find_owned_as(&Principal::Account(account.id), ResourceKind::Session, &session.to_string()).await?;
            if what == Intrusion::Fail {
                return uploads::fail::fail(&call, &row).await;
            }
            uploads::complete::complete(&call, account.id, row.id, Expected { file_hash: None, chunk_hashes: None, if_exists: None }).await
        })
        .await;
    judge(client, what, &told);
}

/// In the namespace that came with another account.
async fn own(client: &Client, which: usize, what: Intrusion) {
    let theirs = own_namespace(victim(client.account, which));
    let route = match what {
        Intrusion::DeleteVideo => ("DELETE", "/api/video/film"),
        Intrusion::Namespace => ("GET", "/api/portal/namespaces/{ns}"),
        _ => ("PATCH", "/api/portal/namespaces/{ns}"),
    };
    let told = client
        .request("intrude", route, As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            match what {
                Intrusion::DeleteVideo => {
                    let namespace = for_upload(&call, &account, Some(&theirs)).await?;
                    delete::delete(&call, &account, &namespace, &name("film")).await
                }
                Intrusion::Namespace => {
                    let namespace = change::find(&call, theirs.as_str()).await?;
                    Reply::json(200, &namespace.view())
                }
                _ => {
                    let patch: Patch = serde_json::from_value(json!({ "display_name": "mine" })).map_err(|_| Problem::Internal)?;
                    change::change(&call, theirs.as_str(), &patch).await
                }
            }
        })
        .await;
    judge(client, what, &told);
}
