//! The ledger's work against D1: checks of pending changes, and writing usage.

use crate::base::id::Id;
use crate::clients::ledger_records;
use crate::io::Io;
use crate::io::object::ObjectState;
use crate::jobs::Job;
use crate::ledger::checks::Outcome;
use crate::ledger::cost::Prices;
use crate::ledger::machine::Ledger;
use crate::ledger::message::Message;
use crate::ledger::state::{Effect, PendingCheck, Seen};
use crate::objects::ledger::memory::LedgerMemory;
use crate::problem::Problem;

/// Maximum checks per alarm, so that it stays short; the next alarm continues.
const MAX_CHECKS: usize = 100;

/// Runs the checks that are due, then writes the usage that is due.
pub async fn run_due(memory: &LedgerMemory<impl ObjectState>, io: &impl Io, prices: &Prices) -> Result<(), Problem> {
    memory.load()?;
    let Some(account) = memory.with(|ledger| ledger.books.account) else { return Ok(()) };
    let due = memory.with(|ledger| ledger.due(io.now(), MAX_CHECKS)).unwrap_or_default();
    for (asset, watch) in due {
        check(memory, io, account, asset, watch).await?;
    }
    checkpoint(memory, io, prices, account).await
}

async fn check(memory: &LedgerMemory<impl ObjectState>, io: &impl Io, account: Id, asset: Id, watch: PendingCheck) -> Result<(), Problem> {
    let seen = ledger_records::asset_outcome(io, account, asset).await;
    memory.load()?;
    let outcome = memory.with(|ledger| ledger.resolve_check(asset, watch, seen, io.now())).unwrap_or(Outcome::Nothing);
    match outcome {
        Outcome::Nothing => Ok(()),
        Outcome::Apply(message) => {
            let place = memory.storage.place(asset)?;
            let job = match place.clone() {
                // Also of a file that is stored: its writer may have died before it released the version that it replaced.
                Some(place) => Some(Job::ReconcileVideo { account, version: asset, place }),
                None => (seen == Seen::Gone).then_some(Job::Orphan { account, object: asset }),
            };
            if let Some(job) = job {
                // Before the change is applied: if the job can not be enqueued, the check is repeated.
                io.enqueue(&job, 0).await?;
                memory.load()?;
                // The outcome may have been reported meanwhile.
                if memory.with(|ledger| ledger.watches.get(&asset) == Some(&watch)) != Some(true) {
                    return Ok(());
                }
            }
            // A release ends the check itself, and looks first whether it has to check the other holdings of the object.
            if !matches!(message, Message::Release { .. }) {
                memory.change(|ledger| ((), ledger.check_done(asset)))?;
            }
            memory.apply(message, io.now())?;
            memory.change(|ledger| ((), ledger.after_check(asset, watch, place, seen, io.now())))
        }
        Outcome::CheckAgain(at) => memory.change(|ledger| ((), ledger.postpone(asset, at))),
    }
}

async fn checkpoint(memory: &LedgerMemory<impl ObjectState>, io: &impl Io, prices: &Prices, account: Id) -> Result<(), Problem> {
    memory.load()?;
    let now = io.now();
    let due = memory.change(|ledger| (ledger.due_checkpoint(now), vec![]))?;
    let Some(usage) = due else { return Ok(()) };
    // The error is logged in `d1`; the write is due again later.
    if ledger_records::write(io, prices, account, &usage, now).await.is_err() {
        return Ok(());
    }
    memory.load()?;
    // Behind the write, by which alerts are decided. One whose job can not be enqueued is decided by the next checkpoint, or the hourly run.
    let mut level = memory.with(Ledger::new_quota_level).flatten();
    if level.is_some() && io.enqueue(&Job::QuotaAlerts { account }, 0).await.is_err() {
        level = None;
    }
    memory.load()?;
    memory.change(|ledger| {
        ledger.checkpointed(&usage);
        ledger.books.quota_level = level.unwrap_or(ledger.books.quota_level);
        ((), vec![Effect::PutState])
    })
}
