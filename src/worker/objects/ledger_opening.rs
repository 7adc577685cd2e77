//! Initialises a ledger from D1, page by page, because an account may have more files than fit into memory. No message is applied before it is done, so only
//! deletions can happen meanwhile, and their releases arrive afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use worker::{Env, Result};

use crate::base::id::Id;
use crate::ledger::machine::Ledger;
use crate::ledger::state::{Claim, PendingCheck};
use crate::ledger::timing::START_CHECK_MS;
use crate::problem::Problem;
use crate::worker::clients::ledger_records;
use crate::worker::clients::ledger_records::{PAGE, Page};
use crate::worker::objects::ledger_memory::LedgerMemory;
use crate::worker::platform::clock;

/// How often a message looks whether another one has initialised the ledger.
const POLL: Duration = Duration::from_millis(25);

fn to_worker_error(problem: Problem) -> worker::Error {
    worker::Error::RustError(problem.to_string())
}

/// Initialises the ledger, or waits until another message has.
pub async fn open(memory: &LedgerMemory, env: &Env, account: Id) -> Result<()> {
    while !memory.load()? {
        let attempt = memory.opening.borrow_mut().begin(clock::now());
        if let Some(attempt) = attempt {
            let opened = read(memory, env, account, attempt).await;
            memory.opening.borrow_mut().end(attempt);
            return opened;
        }
        worker::Delay::from(POLL).await;
    }
    Ok(())
}

async fn read(memory: &LedgerMemory, env: &Env, account: Id, attempt: u64) -> Result<()> {
    let progress = || if memory.opening.borrow_mut().progress(attempt, clock::now()) { Ok(()) } else { Err("another message opens it") };
    memory.storage.clear()?;
    let limits = ledger_records::limits(env, account).await.map_err(to_worker_error)?;
    progress()?;
    // Open uploads first: one that completes meanwhile is found among the files, too.
    let mut open = BTreeMap::new();
    let mut after = String::new();
    loop {
        let rows = ledger_records::open_uploads(env, account, &after).await.map_err(to_worker_error)?;
        progress()?;
        let at = clock::now().plus(START_CHECK_MS);
        open.extend(rows.iter().filter_map(|row| Some((row.asset?, PendingCheck { bytes: row.size, at, doubt: false, claim: Claim::Upload }))));
        match rows.last() {
            Some(row) if rows.len() == PAGE => after = row.id.to_string(),
            _ => break,
        }
    }
    let mut page = Page::first();
    while let Some(wanted) = page {
        let stored = ledger_records::holdings(env, account, &wanted).await.map_err(to_worker_error)?;
        progress()?;
        page = wanted.after(&stored);
        memory.storage.put_holdings(stored)?;
    }
    let (bandwidth, requests, accrual) = ledger_records::month_usage(env, account, clock::now()).await.map_err(to_worker_error)?;
    progress()?;
    // No await from here on: what was read becomes the ledger as a whole.
    for asset in open.keys().copied().collect::<Vec<_>>() {
        if memory.storage.holds(asset)? {
            open.remove(&asset);
        }
    }
    let mut ledger = Ledger::open(account, limits, (memory.storage.distinct_bytes()?, memory.storage.count()?), open, clock::now());
    (ledger.books.bandwidth, ledger.books.requests, ledger.books.accrual) = (bandwidth, requests, accrual);
    memory.begin(ledger)
}
