//! Alerts of an account's storage, soon after it has crossed a level.

use crate::accounts;
use crate::accounts::provisioning::{Record, own_namespace};
use crate::alerts::decide::{Open, decide as transitions};
use crate::alerts::figures::Watched;
use crate::alerts::{repository, verdict};
use crate::analytics::period::start_of;
use crate::base::id::{Id, Name};
use crate::base::time::HOUR_MS;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;
use crate::services::alerts::carry_out;

/// The job `quota_alerts`. Its ledger has recorded what it stores.
///
/// # Errors
/// Of D1; [`Problem::AccountMoving`] while the account is moved. The job is repeated.
pub async fn decide(io: &impl Io, account: Id) -> Result<(), Problem> {
    let db = shards::of_account(io, account).await?;
    let Some(record) = database::first::<Record>(&db, &accounts::repository::by_id(account, io.now())).await? else { return Ok(()) };
    let Some(namespace) = Name::parse(&own_namespace(&record.agentcache_user_id)) else { return Ok(()) };
    let mut rows = database::results(&db, &[repository::watched(&namespace), repository::open(&namespace)]).await?;
    let (watched, open): (Option<Watched>, Vec<Open>) = (rows.first()?, rows.all()?);
    let Some(storage) = watched.as_ref().and_then(Watched::storage) else { return Ok(()) };
    let now = io.now();
    let hour = start_of(now, HOUR_MS);
    for transition in transitions(&verdict::of_storage(&storage), &open, hour, now) {
        carry_out(io, &db, &namespace, hour, &transition, Some(&storage), Some(account)).await?;
    }
    Ok(())
}
