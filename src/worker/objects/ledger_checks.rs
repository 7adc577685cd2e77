//! What a ledger does against D1: it is opened from D1, asks D1 how pending changes ended, and writes its figures there.

use worker::{Env, Result};

use crate::base::id::Id;
use crate::jobs::Job;
use crate::ledger::machine::{Ledger, Outcome};
use crate::ledger::state::{Effect, PendingCheck, Seen};
use crate::problem::Problem;
use crate::worker::clients::ledger_records;
use crate::worker::objects::ledger_memory::LedgerMemory;
use crate::worker::platform::{clock, enqueue};

/// How many assets in doubt one alarm looks into, so that it stays short; the next one goes on.
const MAX_CHECKS: usize = 100;

fn failed(problem: Problem) -> worker::Error {
    worker::Error::RustError(problem.to_string())
}

/// Takes over what D1 says. Until that is done no message is booked, so nothing can change in between but deletions, whose release then comes here.
pub async fn open(memory: &LedgerMemory, env: &Env, account: Id) -> Result<()> {
    let now = clock::now();
    let limits = ledger_records::limits(env, account).await.map_err(failed)?;
    let stored = ledger_records::stored(env, account).await.map_err(failed)?;
    let (bandwidth, requests) = ledger_records::counted(env, account, now).await.map_err(failed)?;
    if memory.load()? {
        // Another message opened it meanwhile.
        return Ok(());
    }
    let mut ledger = Ledger::open(account, limits, memory.storage.take_over(stored)?, now);
    (ledger.books.bandwidth, ledger.books.requests) = (bandwidth, requests);
    memory.begin(ledger)
}

/// Asks D1 about everything that is due, then writes the figures that are due.
pub async fn run_due(memory: &LedgerMemory, env: &Env, account: Id) -> Result<()> {
    if !memory.load()? {
        return Ok(());
    }
    let due = memory.with(|ledger| ledger.due(clock::now(), MAX_CHECKS)).unwrap_or_default();
    for (asset, watch) in due {
        check(memory, env, account, asset, watch).await?;
    }
    checkpoint(memory, env, account).await
}

async fn check(memory: &LedgerMemory, env: &Env, account: Id, asset: Id, watch: PendingCheck) -> Result<()> {
    let seen = ledger_records::look(env, asset).await;
    memory.load()?;
    let outcome = memory.with(|ledger| ledger.after_look(asset, watch, seen, clock::now())).unwrap_or(Outcome::Nothing);
    match outcome {
        Outcome::Nothing => Ok(()),
        Outcome::Book(message) => {
            if seen == Seen::Gone {
                let job = match memory.storage.place(asset)? {
                    Some(place) => Job::ReconcileVideo { account, version: asset, place },
                    None => Job::Orphan { account, object: asset },
                };
                // First: should this not get there, it is looked into again.
                enqueue::enqueue(env, &job).await?;
                memory.load()?;
                // Somebody may have told its end meanwhile.
                if memory.with(|ledger| ledger.watches.get(&asset) == Some(&watch)) != Some(true) {
                    return Ok(());
                }
            }
            memory.change(|ledger| ((), ledger.looked(asset)))?;
            memory.book(message).map(|_| ())
        }
        Outcome::LookAgain(at) => memory.change(|ledger| ((), ledger.postpone(asset, at))),
    }
}

async fn checkpoint(memory: &LedgerMemory, env: &Env, account: Id) -> Result<()> {
    memory.load()?;
    let now = clock::now();
    let due = memory.change(|ledger| (ledger.due_checkpoint(now), vec![Effect::PutState]))?;
    let Some(usage) = due else { return Ok(()) };
    // What fails is logged there, and due again in a while.
    if ledger_records::write(env, account, &usage, now).await.is_err() {
        return Ok(());
    }
    memory.load()?;
    memory.change(|ledger| {
        ledger.checkpointed(&usage);
        ((), vec![Effect::PutState])
    })
}
