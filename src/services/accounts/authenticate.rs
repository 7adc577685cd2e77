//! The account of a key, for authentication.

use crate::accounts::account::Account;
use crate::accounts::directory::Item;
use crate::accounts::{directory, repository};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::{Shard, Whereabouts};
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;

/// How often a key is looked for where the directory says that it is: a read that is late may come to a database that the account has left meanwhile.
const MAX_LOOKUPS: u32 = 3;

/// The account of a key; None only if there certainly is none. Where there are several databases the first one tells in the same round trip whether the key is its
/// own or whose it is.
///
/// # Errors
/// [`Problem::AccountMoving`] for an account that was moved again and again meanwhile; [`Problem::Internal`].
pub async fn by_key(io: &impl Io, key: &Sha256Hex) -> Result<Option<Account>, Problem> {
    let (main, by_key) = (io.db(Shard::MAIN)?, repository::by_key(key));
    if !shards::are_several(io) {
        return database::first(&main, &by_key).await;
    }
    let mut asked = None;
    for _ in 0..MAX_LOOKUPS {
        let now = io.now();
        let mut rows = database::results(&main, &[directory::repository::find(Item::Key(key)), by_key.clone()]).await?;
        let found: Whereabouts = rows.first()?.unwrap_or_default();
        // What the first database has, and that nobody else has it, was read at once.
        let is_certain = found.shard.is_main() || asked == Some(found.shard);
        let account: Option<Account> = match found.shard {
            Shard::MAIN => rows.first()?,
            other => database::first(&io.db(other)?, &by_key).await?,
        };
        if let Some(account) = &account {
            shards::remember(io, Item::Account(account.id), found, now);
            if let Some(own) = account.own_namespace() {
                shards::remember(io, Item::Namespace(&own), found, now);
            }
        }
        if account.is_some() || is_certain {
            return Ok(account);
        }
        asked = Some(found.shard);
    }
    Err(Problem::AccountMoving)
}

/// The account, with a note of where its ledger is. An account's first call creates it, near the caller: `region` is a location hint of Durable Objects, empty if
/// nothing is known of the caller.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn with_ledger(io: &impl Io, account: Account, region: &str) -> Result<Account, Problem> {
    if account.ledger_region.is_some() {
        return Ok(account);
    }
    database::batch(&shards::of_account(io, account.id).await?, &[repository::place_ledger(account.id, region)]).await?;
    Ok(Account { ledger_region: Some(region.to_owned()), ..account })
}
