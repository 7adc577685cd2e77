//! Runs a request once per idempotency key and replays its response (docs/api.md, Idempotency).

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use serde::Deserialize;

use crate::access::routes::Route;
use crate::base::aead::NONCE_BYTES;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::shard::Shard;
use crate::base::sql::Statement;
use crate::clients::{database, shards};
use crate::idempotency::answer::{CLAIM_MS, Found, Next};
use crate::idempotency::key_limit::{KeyLimit, MAX_KEYS, Room};
use crate::idempotency::repository::{Slot, count_keys};
use crate::io::Io;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::{Claim, Request};

/// How long a repeated webhook call waits for the first one's response, ms. Webhook senders treat a 409 as a failure, so waiting is better than refusing.
const WAIT_MS: u64 = 20_000;

/// The slot of an `Idempotency-Key`, if the request has one. `body` is what a repeat must have in common with the first request.
///
/// # Errors
/// 400 for a malformed key.
pub fn slot(route: &Route, key: Option<&str>, scope: &str, body: &[u8]) -> Result<Option<Slot>, Problem> {
    let key = crate::idempotency::answer::key(key)?;
    Ok(key.map(|key| {
        let fingerprint: Sha256Hex = crate::idempotency::answer::fingerprint(route.method, route.pattern, body);
        Slot::Key { scope: scope.to_owned(), key, fingerprint: String::from(fingerprint) }
    }))
}

/// Runs `work`, or replays the stored response if it ran under this slot before. The work continues if the client disconnects.
///
/// # Errors
/// Those of the work; 409 while the first request is running, 422 for another request with the same key, 429 for a caller with too many keys.
pub async fn once(
    call: &Request<impl Io>,
    slot: Option<Slot>,
    work: impl Future<Output = Result<Reply, Problem>> + 'static,
) -> Result<Reply, Problem> {
    run(call, slot, Box::pin(work)).await
}

async fn run(call: &Request<impl Io>, slot: Option<Slot>, work: Pin<Box<dyn Future<Output = Result<Reply, Problem>>>>) -> Result<Reply, Problem> {
    let Some(slot) = slot else { return call.detached(work).await.unwrap_or(Err(Problem::Internal)) };
    let claim = call.id()?.to_string();
    let (started, db) = (call.now(), db_of(call, &slot).await?);
    must_have_room(&call.io, &db, &slot).await?;
    let mut pause_ms = 100;
    while database::first::<serde_json::Value>(&db, &slot.claim(&claim, call.now())).await?.is_none() {
        // Another request has the claim: poll until it has stored its response or its claim has expired.
        loop {
            let Some(found) = database::first::<Found>(&db, &slot.find_response()).await? else { break };
            match found.next(slot.fingerprint(), call.now()) {
                Next::Repeat { status, sealed } => return replay(call, &slot, status, &sealed),
                Next::Refuse => return Err(Problem::KeyReused),
                Next::Claim => break,
                Next::Running if matches!(slot, Slot::Webhook { .. }) && call.now().since(started) < WAIT_MS => {
                    call.sleep(pause_ms).await;
                    pause_ms = (pause_ms * 2).min(1_000);
                }
                Next::Running => return Err(Problem::StillRunning),
            }
        }
    }
    let _ = call.claim.set(Claim { slot: slot.clone(), holder: claim.clone() });
    let (routed, done) = (call.clone(), Rc::new(Cell::new(false)));
    call.afterwards(renew(call.clone(), slot.clone(), claim.clone(), Rc::clone(&done)));
    let answer = call.detached(async move {
        let outcome = work.await;
        record_outcome(&routed, &slot, &claim, &outcome).await;
        done.set(true);
        outcome
    });
    answer.await.unwrap_or(Err(Problem::Internal))
}

/// What a transaction in the account's database begins with, if the request has an `Idempotency-Key`: if the request was held up for so long that another call has its
/// claim, nothing of the transaction takes effect.
pub fn fence(call: &Request<impl Io>) -> Option<Statement> {
    let Claim { slot, holder } = call.claim.get()?;
    matches!(slot, Slot::Key { .. }).then(|| slot.hold(holder))
}

/// Checks the same before a change in another database than that of the key. What is held up behind the check changes something all the same.
///
/// # Errors
/// [`Problem::Internal`] if another call has the claim, or D1 does not tell.
pub async fn must_hold_claim(call: &Request<impl Io>) -> Result<(), Problem> {
    let Some(Claim { slot, holder }) = call.claim.get() else { return Ok(()) };
    database::batch(&db_of(call, slot).await?, &[slot.hold(holder)]).await.map(drop)
}

thread_local! {
    static KEYS: RefCell<KeyLimit> = RefCell::default();
}

/// The database with the answers of an account; of other callers, the first one.
async fn db_of<I: Io>(call: &Request<I>, slot: &Slot) -> Result<I::Db, Problem> {
    let account = match slot {
        Slot::Key { scope, .. } => Id::parse(scope),
        Slot::Webhook { .. } => None,
    };
    match account {
        Some(account) => shards::of_account(&call.io, account).await,
        None => call.db(Shard::MAIN),
    }
}

/// Checks that the calling account may have another key. A key that it has already can be repeated all the same.
///
/// # Errors
/// 429.
async fn must_have_room<I: Io>(io: &I, db: &I::Db, slot: &Slot) -> Result<(), Problem> {
    let Slot::Key { scope, .. } = slot else { return Ok(()) };
    if Id::parse(scope).is_none() {
        // Not an account's: the operator's or the identity backend's.
        return Ok(());
    }
    let mut room = KEYS.with_borrow_mut(|keys| keys.add(scope, io.now()));
    if room == Room::Unknown {
        let counted: Option<Keys> = database::first(db, &count_keys(scope)).await?;
        room = KEYS.with_borrow_mut(|keys| {
            keys.counted(scope, counted.map_or(0, |counted| counted.keys), io.now());
            keys.add(scope, io.now())
        });
    }
    match room {
        Room::Full(retry_after) if database::first::<Found>(db, &slot.find_response()).await?.is_none() => {
            Err(Problem::RateLimited { limit: MAX_KEYS, retry_after })
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct Keys {
    keys: u64,
}

/// Renews the claim until the response is stored: another call would run the work again behind the claim's end. If the isolate is evicted, the claim expires and a repeat may run the work.
async fn renew(call: Request<impl Io>, slot: Slot, claim: String, done: Rc<Cell<bool>>) {
    let mut renewed = call.now();
    while !done.get() {
        call.sleep(500).await;
        if !done.get() && call.now().since(renewed) >= CLAIM_MS / 3 {
            renewed = call.now();
            if let Ok(db) = db_of(&call, &slot).await {
                // An error has been logged by `batch`; the next renewal follows.
                let _ = database::batch(&db, &[slot.renew(&claim, renewed)]).await;
            }
        }
    }
}

/// The stored response of the first request.
fn replay(call: &Request<impl Io>, slot: &Slot, status: u16, sealed: &str) -> Result<Reply, Problem> {
    let body = call.config.vault.open(&slot.row(), sealed).ok_or(Problem::Internal)?;
    Ok(Reply { status, body: Some(body), replayed: true })
}

/// Stores a successful response. Releases the claim after any other, also after 202 (a possession challenge), because nothing was created. If the release
/// fails, the claim expires.
async fn record_outcome(call: &Request<impl Io>, slot: &Slot, claim: &str, outcome: &Result<Reply, Problem>) {
    let sealed = match outcome {
        Ok(Reply { status, body: Some(text), .. }) if (200..300).contains(status) && *status != 202 => call
            .random::<NONCE_BYTES>()
            .ok()
            .and_then(|nonce| call.config.vault.seal(&slot.row(), text, nonce))
            .map(|sealed| slot.answer(claim, *status, &sealed)),
        _ => Some(slot.release_claim(claim)),
    };
    if let (Some(statement), Ok(db)) = (sealed, db_of(call, slot).await) {
        // One retry: without the stored response a repeat would run the work again. An error has been logged by `batch`.
        if database::batch(&db, std::slice::from_ref(&statement)).await.is_err() {
            let _ = database::batch(&db, &[statement]).await;
        }
    }
}
