//! Readings of all edges. Each edge's Durable Object publishes its reading as the metadata of a KV key, so that one list call reads all of them; isolates
//! cache the result.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{JSON, Object, Reflect};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::base::json;
use crate::base::time::EpochMs;
use crate::edges::metrics::reading::Reading;
use crate::edges::metrics::row::Numbers;
use crate::worker::http::call::Routed;
use crate::worker::platform::js::Kv;
use crate::worker::platform::{bindings, clock, js, log};

/// Prefix of the keys; the edge id follows.
const PREFIX: &str = "e1/";

/// Lifetime of a reading, s: a day without samples removes it.
const TTL_SECONDS: f64 = 86_400.0;

/// Readings by edge id, sorted.
pub type Readings = Rc<Vec<(String, Reading)>>;

/// The reading of an edge.
pub fn reading_of<'a>(readings: &'a [(String, Reading)], edge: &str) -> Option<&'a Reading> {
    let index = readings.binary_search_by(|(known, _)| known.as_str().cmp(edge)).ok()?;
    readings.get(index).map(|(_, reading)| reading)
}

#[derive(Deserialize)]
struct Key {
    name: String,
    #[serde(default)]
    metadata: Option<Numbers>,
}

thread_local! {
    static KNOWN: RefCell<Option<(EpochMs, Readings)>> = const { RefCell::new(None) };
}

/// Publishes a reading; visible in every PoP within 60 s.
pub async fn publish(env: &Env, edge: &str, reading: &Reading) {
    let Some(kv) = bindings::content(env) else { return };
    let put = async {
        let text = json::write(&reading.numbers()).map_err(|error| JsValue::from_str(&error.to_string()))?;
        let options = Object::new();
        Reflect::set(&options, &"metadata".into(), &JSON::parse(&text)?)?;
        Reflect::set(&options, &"expirationTtl".into(), &JsValue::from_f64(TTL_SECONDS))?;
        JsFuture::from(kv.keep(&format!("{PREFIX}{edge}"), &JsValue::from_str(""), &options)?).await.map(|_| ())
    };
    if let Err(error) = put.await {
        let _ = log::internal("kv", &js::words(&error));
    }
}

async fn list_readings(kv: &Kv) -> Result<Readings, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"prefix".into(), &PREFIX.into())?;
    let listed = JsFuture::from(kv.list(&options)?).await?;
    let text: String = JSON::stringify(&Reflect::get(&listed, &"keys".into())?)?.into();
    let keys: Vec<Key> = json::read(&text).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let of = |key: Key| Some((key.name.strip_prefix(PREFIX)?.to_owned(), Reading::from_numbers(&key.metadata?)?));
    // KV lists keys in lexicographic order.
    Ok(Rc::new(keys.into_iter().filter_map(of).collect()))
}

async fn refresh(env: &Env) -> Readings {
    let now = clock::now();
    let read = match bindings::content(env) {
        Some(kv) => list_readings(&kv).await.map_err(|error| log::internal("kv", &js::words(&error))).ok(),
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
                call.afterwards(async move {
                    refresh(&held.env).await;
                });
            }
            readings
        }
        _ => refresh(&call.env).await,
    }
}
