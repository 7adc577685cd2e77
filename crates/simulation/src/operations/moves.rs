//! Moves of an account from one database to the other.

use jettyspeed_edge::access::authorize::ResourceKind;
use jettyspeed_edge::accounts::directory::Item;
use jettyspeed_edge::accounts::provisioning::Record;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::clients::shards;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::accounts::moving;
use jettyspeed_edge::services::reply::Reply;
use serde_json::json;

use crate::operations::{As, Client};
use crate::parties::user;
use crate::world::Sim;

/// Moves an account to the other database, or goes on with a move that has begun; `restart`: begins it anew.
pub async fn move_account(sim: &Sim, number: usize, restart: bool) {
    if sim.databases.len() < 2 {
        return;
    }
    let client = Client { sim: sim.clone(), account: number };
    let user = user(number);
    let _ = client
        .request("move", ("POST", "/api/portal/accounts/{user}/move"), As::Operator, move |call| async move {
            shards::forget();
            let record: Record = call.find_owned(ResourceKind::User, user.as_str()).await?;
            let at = shards::find(&call.io, Item::User(&user)).await?;
            // Where it was not when it was last asked for: a move that is under way is asked for again.
            let to = target(&call.io, record.id.to_string().as_str()).unwrap_or(if at.shard.is_main() { 1 } else { 0 });
            let shard = Shard::new(to).ok_or(Problem::Internal)?;
            if at.shard == shard {
                if restart {
                    moving::resume(&call.io, &record).await?;
                }
            } else if restart || !at.moving {
                moving::begin(&call.io, &record, at.shard, shard).await?;
            }
            Reply::json(202, &json!({}))
        })
        .await;
}

/// Where an account that is being moved goes to.
fn target(sim: &Sim, account: &str) -> Option<u8> {
    crate::check::shards::under_way(sim).into_iter().find(|(moved, _)| moved == account).map(|(_, to)| to)
}

/// What an operator does about moves that do not get on: their jobs were lost.
pub fn finish_all(sim: &Sim) {
    use crate::chance::child;
    use crate::scheduler::Begun;
    use crate::task::Role;
    for (number, found) in sim.model.borrow().admin.users.iter().enumerate() {
        let Some(id) = found.id else { continue };
        if target(sim, &id.to_string()).is_none() {
            continue;
        }
        let held = sim.clone();
        let begun = Begun::alone(Role::Client, child(sim.seed, sim.time() ^ number as u64), "client");
        let number = sim.begin(begun, async move { move_account(&held, number, true).await });
        sim.wake(number, 1);
    }
}
