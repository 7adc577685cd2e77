//! The ledger's work against D1: checks of pending changes, and writing usage.

use worker::{Env, Result};

use crate::base::id::Id;
use crate::jobs::Job;
use crate::ledger::machine::Outcome;
use crate::ledger::state::{Effect, PendingCheck, Seen};
use crate::worker::clients::ledger_records;
use crate::worker::objects::ledger_memory::LedgerMemory;
use crate::worker::platform::{clock, enqueue};

/// Maximum checks per alarm, so that it stays short; the next alarm continues.
const MAX_CHECKS: usize = 100;

/// Runs the checks that are due, then writes the usage that is due.
pub async fn run_due(memory: &LedgerMemory, env: &Env) -> Result<()> {
    memory.load()?;
    let Some(account) = memory.with(|ledger| ledger.books.account) else { return Ok(()) };
    let due = memory.with(|ledger| ledger.due(clock::now(), MAX_CHECKS)).unwrap_or_default();
    for (asset, watch) in due {
        check(memory, env, account, asset, watch).await?;
    }
    checkpoint(memory, env, account).await
}

async fn check(memory: &LedgerMemory, env: &Env, account: Id, asset: Id, watch: PendingCheck) -> Result<()> {
    let seen = ledger_records::asset_outcome(env, account, asset).await;
    memory.load()?;
    let outcome = memory.with(|ledger| ledger.resolve_check(asset, watch, seen, clock::now())).unwrap_or(Outcome::Nothing);
    match outcome {
        Outcome::Nothing => Ok(()),
        Outcome::Apply(message) => {
            if seen == Seen::Gone {
                let job = match memory.storage.place(asset)? {
                    Some(place) => Job::ReconcileVideo { account, version: asset, place },
                    None => Job::Orphan { account, object: asset },
                };
                // Before the change is applied: if the job can not be enqueued, the check is repeated.
                enqueue::enqueue(env, &job).await?;
                memory.load()?;
                // The outcome may have been reported meanwhile.
                if memory.with(|ledger| ledger.watches.get(&asset) == Some(&watch)) != Some(true) {
                    return Ok(());
                }
            }
            memory.change(|ledger| ((), ledger.check_done(asset)))?;
            memory.apply(message).map(|_| ())
        }
        Outcome::CheckAgain(at) => memory.change(|ledger| ((), ledger.postpone(asset, at))),
    }
}

async fn checkpoint(memory: &LedgerMemory, env: &Env, account: Id) -> Result<()> {
    memory.load()?;
    let now = clock::now();
    let due = memory.change(|ledger| (ledger.due_checkpoint(now), vec![]))?;
    let Some(usage) = due else { return Ok(()) };
    // The error is logged in `d1`; the write is due again later.
    if ledger_records::write(env, account, &usage, now).await.is_err() {
        return Ok(());
    }
    memory.load()?;
    memory.change(|ledger| {
        ledger.checkpointed(&usage);
        ((), vec![Effect::PutState])
    })
}
