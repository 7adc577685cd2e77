//! Samples for the edges' Durable Objects, gathered in the isolate for up to 3 s.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::edges::edge::serving;
use crate::edges::metrics::sample::Sample;
use crate::edges::metrics::{row, wire};
use crate::edges::request;
use crate::io::Io;
use crate::s3::error::StoreError;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock, objects};
use crate::worker::services::edges::registry;

/// Maximum interval between flushes, ms.
const FLUSH_MS: u64 = 3_000;

/// Maximum samples per account and edge between two flushes.
const MAX: usize = 200;

/// Maximum accounts and edges between two flushes; what comes beyond is not counted.
const MAX_KEYS: usize = 2_000;

/// Edge id; account id; whether the Worker measured it itself.
type Key = (String, String, bool);

thread_local! {
    static GATHERED: RefCell<BTreeMap<Key, Vec<Sample>>> = RefCell::default();
    /// Deadline of the flush in progress.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
}

/// Adds a client's measurements of existing edges.
pub async fn from_client(call: &Routed, account: Id, samples: &[request::Sample]) {
    let edges = registry::last_known(&call.call).await;
    let place = call.geo().place();
    for sample in samples {
        if let Some(edge) = edges.iter().find(|edge| edge.id.as_str() == sample.edge) {
            let km = place.map(|place| place.km_to(edge.place()));
            note(call, (sample.edge.clone(), account.to_string(), false), Sample { bytes: sample.bytes, ms: sample.ms, ok: sample.ok, km });
        }
    }
}

/// Adds the Worker's own measurement of a part sent to the store and the round-trip time of the client's connection; returns the id of this edge.
pub async fn seen(call: &Routed, account: Id, bytes: u64, ms: u64, error: Option<&StoreError>) -> String {
    let edges = registry::last_known(&call.call).await;
    let hint = call.geo();
    let id = serving(&edges, &hint, &call.base);
    let Some(edge) = edges.iter().find(|edge| edge.id.as_str() == id) else { return id };
    let key = || (id.clone(), account.to_string(), true);
    // A refusal by the store is not a failure of the edge.
    if error.is_none_or(StoreError::is_outage) {
        note(call, key(), Sample { bytes, ms: ms as f64, ok: error.is_none(), km: None });
    }
    if let Some(ms) = hint.rtt_ms {
        note(call, key(), Sample { bytes: 0, ms, ok: true, km: hint.place().map(|place| place.km_to(edge.place())) });
    }
    id
}

fn note(call: &Routed, key: Key, sample: Sample) {
    GATHERED.with_borrow_mut(|gathered| {
        if gathered.len() < MAX_KEYS || gathered.contains_key(&key) {
            let samples = gathered.entry(key).or_default();
            if samples.len() < MAX {
                samples.push(sample);
            }
        }
    });
    let now = clock::now();
    // A flush past its deadline was cancelled together with the request that ran it.
    if now < DUE.get() {
        return;
    }
    let wait = FLUSH_MS.min(call.config.edge_metrics_seconds.saturating_mul(500));
    DUE.set(now.plus(2 * wait));
    let held = call.clone();
    call.io.afterwards(async move {
        worker::Delay::from(Duration::from_millis(wait)).await;
        DUE.set(EpochMs(0));
        flush(&held).await;
    });
}

async fn flush(call: &Routed) {
    let mut gathered = GATHERED.take();
    let edges = registry::last_known(&call.call).await;
    let Some(objects) = bindings::edges(&call.io.env) else { return };
    while let Some(id) = gathered.first_key_value().map(|((id, _, _), _)| id.clone()) {
        let capacity = edges.iter().find(|edge| edge.id.as_str() == id).map(|edge| edge.capacity_mbps);
        let mut message = wire::Message::head(&id, capacity.unwrap_or_default(), call.config.edge_metrics_seconds);
        gathered.retain(|(of, account, seen), samples| {
            if *of == id {
                message.add(account, *seen, samples);
            }
            *of != id
        });
        if capacity.is_some() {
            // The error is logged in `objects`. The samples are lost.
            let _ = objects::send::<_, row::Numbers>(&objects, &id, &message.0, false).await;
        }
    }
}
