//! Accounts from D1, remembered by the isolate for a while.

use std::cell::RefCell;
use std::rc::Rc;

use crate::accounts::account::Account;
use crate::accounts::repository;
use crate::auth::api_key::PresentedCredentials;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::ttl_map::TtlMap;
use crate::problem::{AuthFailure, Problem};
use crate::worker::http::call::Call;
use crate::worker::platform::{bindings, clock, d1};

/// SPEC section 2: a positive lookup may be kept for 30 s.
const KEEP_MS: u64 = 30_000;

/// Bounds the isolate's memory: about 500 bytes each.
const MAX_KEEP: usize = 2_000;

/// An account with its tier and names, bytes: ids are at most 136 characters, the rest is numbers.
const ACCOUNT_BYTES: usize = 1_024;

/// Bound of the isolate's memory for accounts, bytes.
const MAX_BYTES: usize = 2_000_000;

thread_local! {
    static ACCOUNTS: RefCell<TtlMap<Sha256Hex, Rc<Account>>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |_, _| ACCOUNT_BYTES));
}

/// The account of these credentials.
///
/// # Errors
/// 401; unknown key and wrong secret are the same.
pub async fn account(call: &Call, presented: &PresentedCredentials) -> Result<Rc<Account>, Problem> {
    let now = clock::now();
    if let Some(account) = ACCOUNTS.with_borrow(|accounts| accounts.get(&presented.key_hash, now).map(Rc::clone)) {
        account.authenticate(presented.secret_hash.as_str(), now).map_err(Problem::Unauthenticated)?;
        return Ok(account);
    }
    let row: Option<Account> = d1::first(&bindings::db(&call.env)?, &repository::by_key(&presented.key_hash)).await?;
    call.span("auth", now);
    let account = Rc::new(row.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?);
    account.authenticate(presented.secret_hash.as_str(), now).map_err(Problem::Unauthenticated)?;
    // Its age counts from the query: a change made while D1 was answering must not be missed for longer.
    ACCOUNTS.with_borrow_mut(|accounts| accounts.insert(presented.key_hash.clone(), Rc::clone(&account), now.plus(KEEP_MS), clock::now()));
    Ok(account)
}

/// Forgets an account that was changed.
pub fn forget(account: Id) {
    ACCOUNTS.with_borrow_mut(|accounts| accounts.retain(|_, kept| kept.id != account));
}

/// Forgets all, for a changed tier.
pub fn forget_all() {
    ACCOUNTS.with_borrow_mut(TtlMap::clear);
}
