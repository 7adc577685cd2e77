//! Accounts from D1, remembered by the isolate for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use worker::Env;

use super::access::{Account, Namespace};
use super::keys::Presented;
use super::store;
use crate::ids::Name;
use crate::platform::{bindings, clock, d1};
use crate::problem::{AuthFailure, Problem};
use crate::units::{EpochMs, Sha256Hex};

/// SPEC section 2: a positive lookup may be kept for 30 s; so a suspension is felt within that.
const KEEP_MS: u64 = 30_000;
/// Bounds the isolate's memory: about 500 bytes each.
const KEEP_MOST: usize = 2_000;

thread_local! {
    static KNOWN: RefCell<HashMap<Sha256Hex, (EpochMs, Rc<Account>)>> = RefCell::default();
}

/// The account of these credentials.
///
/// # Errors
/// 401; unknown key and wrong secret are the same.
pub async fn account(env: &Env, presented: &Presented) -> Result<Rc<Account>, Problem> {
    let now = clock::now();
    let known =
        KNOWN.with_borrow(|known| known.get(&presented.key_hash).filter(|(at, _)| now.since(*at) < KEEP_MS).map(|(_, account)| Rc::clone(account)));
    let account = match known {
        Some(account) => account,
        None => {
            let row: Option<Account> = d1::first(&bindings::db(env)?, &store::by_key(&presented.key_hash)).await?;
            Rc::new(row.ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?)
        }
    };
    account.authenticate(presented.secret_hash.as_str(), now).map_err(Problem::Unauthenticated)?;
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= KEEP_MOST {
            known.clear();
        }
        known
            .entry(presented.key_hash.clone())
            .and_modify(|entry| {
                if now.since(entry.0) >= KEEP_MS {
                    *entry = (now, Rc::clone(&account));
                }
            })
            .or_insert_with(|| (now, Rc::clone(&account)));
    });
    Ok(account)
}

/// The namespace an upload goes to: the one asked for, or the account's own.
///
/// # Errors
/// 404 if the account is no member: absent and another's are the same.
pub async fn namespace(env: &Env, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let own = account.own_namespace();
    let name = wanted.or(own.as_ref()).ok_or(Problem::NotFound)?;
    d1::first(&bindings::db(env)?, &store::membership(account.id, name)).await?.ok_or(Problem::NotFound)
}

/// Bytes the account stores.
pub async fn storage_used(env: &Env, account: &Account) -> Result<u64, Problem> {
    #[derive(serde::Deserialize)]
    struct Row {
        bytes: u64,
    }
    let row: Option<Row> = d1::first(&bindings::db(env)?, &store::storage_used(account.id)).await?;
    Ok(row.map_or(0, |row| row.bytes))
}
