//! Bandwidth: charged with the ledger, counted by the meter of a PoP.

use jettyspeed_edge::clients::{ledger, pop_meter};
use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::ledger::accrual::StoreReads;
use jettyspeed_edge::ledger::message::UsageSnapshot;
use jettyspeed_edge::ledger::pop_meter::message::{Counted, Message};
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::reply::Reply;
use serde_json::json;

use crate::operations::{As, Client};
use crate::parties::id;
use crate::world::Sim;

const GB: u64 = 1_000_000_000;

/// A PoP.
const COLO: &str = "SIN";

/// After this time an answer of the meter is no older than a change, ms.
const SEEN_MS: u64 = 30_000;

/// Charges an account.
pub async fn charge(sim: &Sim, account: usize, gb: u64) {
    let client = Client { sim: sim.clone(), account };
    let before = {
        let model = &mut sim.model.borrow_mut();
        let known = &mut model.admin.bandwidth[account];
        known.begun += gb * GB;
        *known
    };
    let told = client
        .request("charge", ("GET", "/api/storage/download"), As::Account, move |call| async move {
            let account = call.account()?;
            account.must_be_active()?;
            ledger::charge(&call.io, &account, gb * GB).await?;
            Reply::json(200, &json!({}))
        })
        .await;
    let known = &mut sim.model.borrow_mut().admin.bandwidth[account];
    match told {
        Some(Ok(_)) => known.charged += gb * GB,
        // More can not have been used than was sent.
        Some(Err(Problem::BandwidthExceeded { limit, used, .. })) if used > known.begun || used < limit => {
            sim.fail(|| format!("charge of account {account} refused with {used} of {limit} used, {} were sent; {before:?}", known.begun));
        }
        _ => {}
    }
}

/// Counts at the meter.
pub async fn meter(sim: &Sim, account: usize, gb: u64, flush: bool) {
    // Nobody can read anything of an account that has never called.
    if !crate::check::accounts::has_ledger(sim, id(account)) {
        return;
    }
    sim.model.borrow_mut().admin.bandwidth[account].begun += gb * GB;
    let counted = Counted { account: id(account), bytes: gb * GB, reads: StoreReads::default() };
    let message = if flush { Message::Flush { counted } } else { Message::Report { counted: vec![counted] } };
    if ask_meter(sim, account, message).await {
        sim.model.borrow_mut().admin.bandwidth[account].reported += gb * GB;
    }
}

/// Asks the meter for an account's usage.
pub async fn ask(sim: &Sim, account: usize) {
    if !crate::check::accounts::has_ledger(sim, id(account)) {
        return;
    }
    ask_meter(sim, account, Message::Ask { account: id(account) }).await;
}

async fn ask_meter(sim: &Sim, account: usize, message: Message) -> bool {
    let client = Client { sim: sim.clone(), account };
    let began = sim.time();
    let (status, known) = {
        let model = sim.model.borrow();
        let status = &model.admin.users[account].suspended;
        (status.known().map(|suspended| (*suspended, status.begun)), model.admin.bandwidth[account])
    };
    let told = client
        .request("meter", ("GET", "/files/{token}/{name}"), As::Operator, move |call| async move {
            let usage = pop_meter::send(&call.io, COLO, id(account), &message).await?;
            Reply::json(200, &json!(usage))
        })
        .await;
    let Some(Ok(reply)) = told else { return false };
    let usage: Vec<(jettyspeed_edge::base::id::Id, UsageSnapshot)> = serde_json::from_value(crate::operations::body(&reply)).unwrap_or_default();
    let model = sim.model.borrow();
    let (now, user) = (&model.admin.bandwidth[account], &model.admin.users[account]);
    for (_, usage) in usage {
        if usage.bandwidth_used > now.begun {
            sim.fail(|| format!("the meter tells {} bytes of account {account}, and {} were sent", usage.bandwidth_used, now.begun));
        }
        let Some((suspended, begun)) = status.filter(|(_, begun)| user.suspended.begun == *begun) else { continue };
        let since = user.suspended.since();
        let slack = 2 * sim.settings.skew_ms + 100_000;
        if usage.limits.suspended != suspended && began > since + SEEN_MS + slack {
            sim.fail(|| format!("the meter says suspended: {} of account {account}, {suspended} since change {begun}", usage.limits.suspended));
        }
    }
    let _ = known;
    true
}

/// The ledger of an account loses its storage.
pub fn lose_ledger(sim: &Sim, account: usize) {
    sim.model.borrow_mut().admin.bandwidth[account].lost = true;
    let name = id(account).to_string();
    sim.lose(&(Kind::Ledger, name.as_str().into()));
}
