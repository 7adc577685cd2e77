//! Accounts from D1, remembered by the isolate for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::accounts::account::Account;
use crate::accounts::repository;
use crate::auth::api_key::Presented;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};
use crate::worker::http::call::Call;
use crate::worker::platform::{bindings, clock, d1};

/// SPEC section 2: a positive lookup may be kept for 30 s.
const KEEP_MS: u64 = 30_000;

/// Bounds the isolate's memory: about 500 bytes each.
const MAX_KEEP: usize = 2_000;

thread_local! {
    static KNOWN: RefCell<HashMap<Sha256Hex, (EpochMs, Rc<Account>)>> = RefCell::default();
}

/// The account of these credentials.
///
/// # Errors
/// 401; unknown key and wrong secret are the same.
pub async fn account(call: &Call, presented: &Presented) -> Result<Rc<Account>, Problem> {
    let now = clock::now();
    let known =
        KNOWN.with_borrow(|known| known.get(&presented.key_hash).filter(|(at, _)| now.since(*at) < KEEP_MS).map(|(_, account)| Rc::clone(account)));
    if let Some(account) = known {
        account.authenticate(presented.secret_hash.as_str(), now).map_err(Problem::Unauthenticated)?;
        return Ok(account);
    }
    let row: Option<Account> = d1::first(&bindings::db(&call.env)?, &repository::by_key(&presented.key_hash)).await?;
    call.span("auth", now);
    let account = Rc::new(row.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?);
    account.authenticate(presented.secret_hash.as_str(), now).map_err(Problem::Unauthenticated)?;
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MAX_KEEP {
            known.clear();
        }
        // As old as the question: a change made while D1 was answering must not be missed for longer.
        known.insert(presented.key_hash.clone(), (now, Rc::clone(&account)));
    });
    Ok(account)
}

/// Forgets an account that was changed.
pub fn forget(account: Id) {
    KNOWN.with_borrow_mut(|known| known.retain(|_, (_, kept)| kept.id != account));
}

/// Forgets all, for a changed tier.
pub fn forget_all() {
    KNOWN.with_borrow_mut(HashMap::clear);
}
