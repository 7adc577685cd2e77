//! What a PoP's meter tells the accounts' ledgers and asks of them.

use futures_util::future::join_all;
use worker::{Env, Result};

use crate::base::id::Id;
use crate::ledger::message::Message;
use crate::ledger::pop_meter::message::Counted;
use crate::worker::clients::ledger;
use crate::worker::objects::meter_storage::MeterStorage;
use crate::worker::platform::{clock, log};

/// Ledgers that are told at once: a Durable Object's request has six connections (Workers documentation, "Limits").
const AT_ONCE: usize = 6;

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

/// Tells the account's ledger what was counted for it, if anything was.
pub async fn tell(env: &Env, storage: &MeterStorage, account: Id) -> Result<()> {
    let counted = storage.take(account)?;
    if counted.is_nothing() {
        return Ok(());
    }
    let Counted { bytes, reads, .. } = counted;
    send(env, storage, account, &Message::Meter { bytes, reads }).await
}

/// Asks the account's ledger for its usage.
pub async fn ask(env: &Env, storage: &MeterStorage, account: Id) -> Result<()> {
    send(env, storage, account, &Message::Usage { limits: None }).await
}

async fn send(env: &Env, storage: &MeterStorage, account: Id, message: &Message) -> Result<()> {
    // The error is logged in `objects`.
    if let Ok(usage) = ledger::usage(env, account, message).await {
        storage.loaded()?.note(account, usage, clock::now());
    }
    Ok(())
}
