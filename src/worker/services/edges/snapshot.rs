//! Readings of all edges. Each edge's Durable Object publishes its reading as the metadata of a KV key, so that one list call reads all of them; isolates
//! cache the result.

use std::cell::RefCell;
use std::rc::Rc;

use worker::Env;
use worker::kv::{Key, KvError, KvStore};

use crate::base::time::EpochMs;
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::Numbers;
use crate::io::Io;
use crate::log;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock};

/// Prefix of the keys; the edge id follows.
const PREFIX: &str = "e1/";

/// Lifetime of a reading, s: a day without samples removes it.
const TTL_SECONDS: u64 = 86_400;

/// Readings by edge id, sorted.
pub type Readings = Rc<Vec<(String, Reading)>>;

/// The reading of an edge.
pub fn reading_of<'a>(readings: &'a [(String, Reading)], edge: &str) -> Option<&'a Reading> {
    let index = readings.binary_search_by(|(known, _)| known.as_str().cmp(edge)).ok()?;
    readings.get(index).map(|(_, reading)| reading)
}

thread_local! {
    static KNOWN: RefCell<Option<(EpochMs, Readings)>> = const { RefCell::new(None) };
}

/// Publishes a reading; visible in every PoP within 60 s.
pub async fn publish(env: &Env, edge: &str, reading: &Reading) {
    let Some(kv) = bindings::content_store(env) else { return };
    log::step("kv", "write");
    let put = async { kv.put(&format!("{PREFIX}{edge}"), "")?.metadata(reading.numbers())?.expiration_ttl(TTL_SECONDS).execute().await };
    if let Err(error) = put.await {
        let _ = log::internal("kv", &error.to_string());
    }
}

async fn list_readings(kv: &KvStore) -> Result<Readings, KvError> {
    log::step("kv", "list");
    let listed = kv.list().prefix(PREFIX.to_owned()).execute().await?;
    let of = |key: Key| {
        let numbers: Numbers = serde_json::from_value(key.metadata?).ok()?;
        Some((key.name.strip_prefix(PREFIX)?.to_owned(), Reading::from_numbers(&numbers)?))
    };
    // KV lists keys in lexicographic order.
    Ok(Rc::new(listed.keys.into_iter().filter_map(of).collect()))
}

async fn refresh(env: &Env) -> Readings {
    let now = clock::now();
    let read = match bindings::content_store(env) {
        Some(kv) => list_readings(&kv).await.map_err(|error| log::internal("kv", &error.to_string())).ok(),
        None => None,
    };
    // After an error the previous readings stay in use.
    let readings = read.unwrap_or_else(|| KNOWN.with_borrow(|known| known.as_ref().map(|(_, readings)| Rc::clone(readings)).unwrap_or_default()));
    KNOWN.set(Some((now, Rc::clone(&readings))));
    readings
}

/// The readings, at most two intervals of `EDGE_METRICS_SECONDS` old.
pub async fn readings(call: &Routed) -> Readings {
    let every = call.config.edge_metrics_seconds.saturating_mul(1000);
    let now = clock::now();
    match KNOWN.with_borrow(Clone::clone) {
        Some((at, readings)) if now.since(at) < 2 * every => {
            if now.since(at) >= every {
                // Concurrent requests may refresh as well; each is detached, so a cancelled one does no harm.
                let held = call.clone();
                call.io.afterwards(async move {
                    refresh(&held.io.env).await;
                });
            }
            readings
        }
        _ => refresh(&call.io.env).await,
    }
}
