//! Initialises a ledger from D1, page by page, because an account may have more files than fit into memory. No message is applied before it is done, so only
//! deletions can happen meanwhile, and their releases arrive afterwards.

use std::collections::BTreeMap;

use crate::base::id::Id;
use crate::clients::ledger_records;
use crate::clients::ledger_records::{PAGE, Page};
use crate::io::Io;
use crate::io::object::ObjectState;
use crate::ledger::machine::Ledger;
use crate::ledger::state::{Claim, PendingCheck};
use crate::ledger::timing::START_CHECK_MS;
use crate::log;
use crate::objects::ledger::memory::LedgerMemory;
use crate::problem::Problem;

/// How often a message looks whether another one has initialised the ledger.
const POLL_MS: u64 = 25;

/// Initialises the ledger, or waits until another message has.
pub async fn open(memory: &LedgerMemory<impl ObjectState>, io: &impl Io, account: Id) -> Result<(), Problem> {
    while !memory.load()? {
        let attempt = memory.opening.borrow_mut().begin(io.now());
        if let Some(attempt) = attempt {
            let opened = read(memory, io, account, attempt).await;
            memory.opening.borrow_mut().end(attempt);
            return opened;
        }
        io.sleep(POLL_MS).await;
    }
    Ok(())
}

async fn read(memory: &LedgerMemory<impl ObjectState>, io: &impl Io, account: Id, attempt: u64) -> Result<(), Problem> {
    let progress =
        || if memory.opening.borrow_mut().progress(attempt, io.now()) { Ok(()) } else { Err(log::internal("ledger", "another message opens it")) };
    memory.storage.clear()?;
    let limits = ledger_records::limits(io, account).await?;
    progress()?;
    // Open uploads first: one that completes meanwhile is found among the files, too.
    let mut open = BTreeMap::new();
    let mut after = String::new();
    loop {
        let rows = ledger_records::open_uploads(io, account, &after).await?;
        progress()?;
        let at = io.now().plus(START_CHECK_MS);
        open.extend(
            rows.iter().filter_map(|row| Some((row.asset?, PendingCheck { bytes: row.size, claim: Claim::Upload, ..PendingCheck::of_request(at) }))),
        );
        match rows.last() {
            Some(row) if rows.len() == PAGE => after = row.id.to_string(),
            _ => break,
        }
    }
    let mut page = Page::first();
    while let Some(wanted) = page {
        let stored = ledger_records::holdings(io, account, &wanted).await?;
        progress()?;
        page = wanted.after(&stored);
        memory.storage.put_holdings(stored)?;
    }
    let (bandwidth, requests, accrual) = ledger_records::month_usage(io, account, io.now()).await?;
    progress()?;
    // No await from here on: what was read becomes the ledger as a whole.
    for asset in open.keys().copied().collect::<Vec<_>>() {
        if memory.storage.holds(asset)? {
            open.remove(&asset);
        }
    }
    let mut ledger = Ledger::open(account, limits, (memory.storage.distinct_bytes()?, memory.storage.count()?), open, io.now());
    (ledger.books.bandwidth, ledger.books.requests, ledger.books.accrual) = (bandwidth, requests, accrual);
    memory.begin(ledger)
}
