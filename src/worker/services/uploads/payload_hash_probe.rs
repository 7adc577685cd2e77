//! The payload-hash probe: run once a day for all isolates, stored in D1 and cached in the isolate.

use std::cell::Cell;

use serde::Deserialize;
use worker::Env;

use crate::base::id::Name;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::config::{Config, LogLevel};
use crate::files::object_key::file_key;
use crate::http::content_disposition;
use crate::problem::Problem;
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::operations::put_object;
use crate::uploads::payload_hash_probe::{FRESH_MS, verdict};
use crate::uploads::store_facts;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{bindings, clock, d1, log, origin, random};

/// Lifetime of the cached result, ms.
const KEEP_MS: u64 = 600_000;

/// Lifetime of a cached missing result, ms.
const KEEP_UNKNOWN_MS: u64 = 30_000;

/// User id in the key of the probe's object: the key has this service's layout, so that a sweep finds it.
const USER: &str = "jettyspeed-probe";

thread_local! {
    static KNOWN: Cell<Option<(EpochMs, Option<bool>)>> = const { Cell::new(None) };
}

#[derive(Deserialize)]
struct Row {
    value: u8,
    checked_at: EpochMs,
}

/// The stored result, without a request to the store.
pub async fn known(env: &Env) -> Option<bool> {
    let now = clock::now();
    if let Some((at, fact)) = KNOWN.get() {
        let keep = if fact.is_some() { KEEP_MS } else { KEEP_UNKNOWN_MS };
        if now.since(at) < keep {
            return fact;
        }
    }
    let row = match bindings::db(env) {
        Ok(db) => d1::first::<Row>(&db, &store_facts::payload_hash_fact()).await.ok().flatten(),
        Err(_) => None,
    };
    let fact = row.filter(|row| now.since(row.checked_at) < FRESH_MS).map(|row| row.value != 0);
    KNOWN.set(Some((now, fact)));
    fact
}

/// The stored result; runs the probe if there is none. `None` if the probe was inconclusive.
pub async fn enforced(env: &Env, config: &Config) -> Option<bool> {
    match known(env).await {
        Some(fact) => Some(fact),
        None => probe(env, config).await.ok().flatten(),
    }
}

/// Runs the probe and stores its result.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn probe(env: &Env, config: &Config) -> Result<Option<bool>, Problem> {
    let user = Name::parse(USER).ok_or(Problem::Internal)?;
    let key = file_key(&user, random::id()?);
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("probe") };
    let action = put_object::put_object(&key, headers, Payload::Sha256(Sha256Hex::of(b"something else")));
    let outcome = origin::send(config, &action, Body::Text("probe".to_owned())).await.map(|answer| {
        answer.discard();
        answer.status
    });
    if outcome.is_ok() {
        let _ = origin::delete(config, &key).await;
    }
    let fact = verdict(&outcome);
    if let Some(enforced) = fact {
        let now = clock::now();
        if !enforced {
            log::event(LogLevel::Error, "store", serde_json::json!({ "error": "does not check x-amz-content-sha256" }));
        }
        KNOWN.set(Some((now, fact)));
        d1::batch(&bindings::db(env)?, &[store_facts::put_payload_hash_fact(enforced, now)]).await?;
    }
    Ok(fact)
}
