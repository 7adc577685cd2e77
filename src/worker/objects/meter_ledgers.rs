//! What a PoP's meter tells the accounts' ledgers and asks of them.

use futures_util::future::join_all;
use worker::{Env, Result};

use crate::base::id::Id;
use crate::ledger::message::Message;
use crate::ledger::pop_meter::message::Counted;
use crate::worker::clients::ledger;
use crate::worker::clients::ledger::Sent;
use crate::worker::objects::meter_storage::MeterStorage;
use crate::worker::platform::{clock, log};

/// Ledgers that are told at once, so that thousands of accounts are told within seconds.
const AT_ONCE: usize = 50;

/// Tells every ledger what was counted for its account.
pub async fn tell_all(env: &Env, storage: &MeterStorage) -> Result<()> {
    let untold = storage.loaded()?.untold();
    for accounts in untold.chunks(AT_ONCE) {
        for told in join_all(accounts.iter().map(|account| tell(env, storage, *account))).await {
            if let Err(error) = told {
                let _ = log::internal("meter", &error.to_string());
            }
        }
    }
    Ok(())
}

/// Tells the account's ledger what was counted for it, if anything was. What the ledger has certainly not heard is told it later.
pub async fn tell(env: &Env, storage: &MeterStorage, account: Id) -> Result<()> {
    let counted = storage.take(account)?;
    if counted.is_nothing() {
        return Ok(());
    }
    let Counted { bytes, reads, .. } = counted;
    match ledger::meter(env, account, &Message::Meter { bytes, reads }).await {
        Sent::Answered(usage) => storage.loaded()?.note(account, usage, clock::now()),
        Sent::Refused => storage.add(counted)?,
        // Logged in `objects`.
        Sent::Lost => {}
    }
    Ok(())
}

/// Asks the account's ledger for its usage.
pub async fn ask(env: &Env, storage: &MeterStorage, account: Id) -> Result<()> {
    // The error is logged in `objects`.
    if let Ok(usage) = ledger::usage(env, account, &Message::Usage { limits: None }).await {
        storage.loaded()?.note(account, usage, clock::now());
    }
    Ok(())
}
