//! Counted bytes at rest.

use serde::Deserialize;

use crate::check::{ensure, select};
use crate::parties::{ACCOUNTS, id};
use crate::world::Sim;

#[derive(Debug, Deserialize)]
struct Sum {
    bytes: Option<u64>,
}

const SUM: &str = "SELECT SUM(bandwidth_bytes) AS bytes FROM storage_usage WHERE account_id = ?1";

/// Nothing is counted twice; what was told is counted, as far as that is promised.
///
/// # Errors
/// The first account of which it is not so.
pub fn check(sim: &Sim) -> Result<(), String> {
    for account in 0..ACCOUNTS {
        let sums: Vec<Sum> = select(sim, SUM, vec![id(account).to_string().into()]);
        let counted: u64 = sums.iter().filter_map(|sum| sum.bytes).sum();
        let model = sim.model.borrow();
        let Some(known) = model.admin.bandwidth.get(account) else { continue };
        ensure(counted <= known.begun, || format!("account {account}: {counted} bytes were counted, and {known:?} sent"))?;
        // What a meter has told a ledger without an answer is not told again, in the customer's favour. Nor is what a ledger refuses that takes too long to open.
        let least = if crate::operations::backend::is_certain(sim) { known.charged + known.reported } else { known.charged };
        ensure(known.lost || counted >= least, || format!("account {account}: only {counted} bytes were counted of {known:?}"))?;
    }
    Ok(())
}
