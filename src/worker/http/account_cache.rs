//! Isolate-local cache of accounts read from D1.

use std::cell::RefCell;
use std::rc::Rc;

use crate::accounts::account::Account;
use crate::auth::api_key::PresentedCredentials;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::io::Io;
use crate::problem::{AuthFailure, Problem};
use crate::services::accounts::authenticate;
use crate::worker::http::address_limit;
use crate::worker::http::call::Call;
use crate::worker::platform::clock;

/// Lifetime of an entry, ms (docs/api.md, Account: a positive lookup is kept for up to 30 s).
const TTL_MS: u64 = 30_000;

/// Maximum number of accounts.
const MAX_ACCOUNTS: usize = 2_000;

/// Estimated size of an account with its tier and names, bytes: names have at most 136 characters, the rest is numbers.
const ACCOUNT_BYTES: usize = 1_024;

/// Maximum memory for accounts, bytes.
const MAX_BYTES: usize = 2_000_000;

thread_local! {
    static ACCOUNTS: RefCell<TtlMap<Sha256Hex, Rc<Account>>> = RefCell::new(TtlMap::new(MAX_ACCOUNTS, MAX_BYTES, |_, _| ACCOUNT_BYTES));
}

/// The account of these credentials.
///
/// # Errors
/// 401, the same for an unknown key and a wrong secret; 429 without a lookup for an address that has failed too often.
pub async fn account(call: &Call, presented: &PresentedCredentials) -> Result<Rc<Account>, Problem> {
    let proves = |account: &Account, now| account.authenticate(presented.secret_hash.as_str(), now);
    of_key(call, &presented.key_hash, proves).await
}

/// The account of a key that a browser's session was opened with, as long as the key is good.
///
/// # Errors
/// As [`account`].
pub async fn of_session(call: &Call, key_hash: &Sha256Hex) -> Result<Rc<Account>, Problem> {
    of_key(call, key_hash, Account::must_be_current).await
}

async fn of_key(call: &Call, key_hash: &Sha256Hex, proves: impl Fn(&Account, EpochMs) -> Result<(), AuthFailure>) -> Result<Rc<Account>, Problem> {
    let now = clock::now();
    if let Some(account) = ACCOUNTS.with_borrow(|accounts| accounts.get(key_hash, now).map(Rc::clone)) {
        proves(&account, now).map_err(Problem::Unauthenticated)?;
        return Ok(account);
    }
    let account = address_limit::attempt(call, async {
        let row = authenticate::by_key(&call.io, key_hash).await?;
        call.io.span("auth", now);
        let account = row.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?;
        proves(&account, now).map_err(Problem::Unauthenticated)?;
        Ok(account)
    });
    let region = call.geo().location_hint().unwrap_or_default();
    let account = Rc::new(authenticate::with_ledger(&call.io, account.await?, region).await?);
    // The entry's age counts from the start of the query, because the account may have changed while D1 was answering.
    ACCOUNTS.with_borrow_mut(|accounts| accounts.insert(key_hash.clone(), Rc::clone(&account), now.plus(TTL_MS), clock::now()));
    Ok(account)
}

/// Evicts an account after a change.
pub fn evict(account: Id) {
    ACCOUNTS.with_borrow_mut(|accounts| accounts.retain(|_, cached| cached.id != account));
}

/// Evicts all accounts, after a change of a tier.
pub fn evict_all() {
    ACCOUNTS.with_borrow_mut(TtlMap::clear);
}
