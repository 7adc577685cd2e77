//! What a PoP's meter tells the accounts' ledgers and asks of them.

use futures_util::future::join_all;

use crate::base::id::Id;
use crate::clients::ledger;
use crate::clients::ledger::Sent;
use crate::io::Io;
use crate::io::object::ObjectState;
use crate::ledger::message::Message;
use crate::ledger::pop_meter::message::Counted;
use crate::objects::meter::storage::MeterStorage;
use crate::problem::Problem;

/// Ledgers that are told at once, so that thousands of accounts are told within seconds.
const AT_ONCE: usize = 50;

/// Tells every ledger what was counted for its account.
pub async fn tell_all(io: &impl Io, storage: &MeterStorage<impl ObjectState>) -> Result<(), Problem> {
    let untold = storage.loaded()?.untold();
    for accounts in untold.chunks(AT_ONCE) {
        for told in join_all(accounts.iter().map(|account| tell(io, storage, *account))).await {
            // Logged; what was not told is told later.
            let _ = told;
        }
    }
    Ok(())
}

/// Tells the account's ledger what was counted for it, if anything was. What the ledger has certainly not heard is told it later.
pub async fn tell(io: &impl Io, storage: &MeterStorage<impl ObjectState>, account: Id) -> Result<(), Problem> {
    let counted = storage.take(account)?;
    if counted.is_nothing() {
        return Ok(());
    }
    let Counted { bytes, reads, .. } = counted;
    match ledger::meter(io, account, &Message::Meter { bytes, reads }).await {
        Sent::Answered(usage) => storage.loaded()?.note(account, usage, io.now()),
        Sent::Refused => storage.add(counted)?,
        // Logged in `objects`.
        Sent::Lost => {}
    }
    Ok(())
}

/// Asks the account's ledger for its usage.
pub async fn ask(io: &impl Io, storage: &MeterStorage<impl ObjectState>, account: Id) -> Result<(), Problem> {
    // The error is logged in `objects`.
    if let Ok(usage) = ledger::usage(io, account, &Message::Usage { limits: None }).await {
        storage.loaded()?.note(account, usage, io.now());
    }
    Ok(())
}
