//! KV, the Durable Objects' classes, the queue and the PoP's cache. Nothing is changed, but for a job that does nothing and a cache entry
//! that is deleted.

use futures_util::future::{join, join_all, join3};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, ObjectNamespace};

use super::{code, tried};
use crate::health::part::Tried;
use crate::io::Io;
use crate::jobs::Job;
use crate::log;
use crate::problem::Problem;
use crate::worker::content::cache;
use crate::worker::http::call::Call;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::{bindings, js, objects, random};

/// Name of the objects that are asked, and of the key that is looked for: no account, session, data centre or edge has it.
const NOBODY: &str = ".health";

/// Lifetime of the cache entry, should its deletion fail, s.
const ENTRY_SECONDS: u64 = 60;

/// A class of Durable Objects by its binding, and how to reach it.
type Class = (&'static str, fn(&Env) -> Result<ObjectNamespace, Problem>);

const CLASSES: [Class; 5] = [
    ("sessions", bindings::sessions),
    ("accounts", bindings::accounts),
    ("leases", bindings::fill_locks),
    ("meters", bindings::meters),
    ("edges", edges),
];

fn edges(env: &Env) -> Result<ObjectNamespace, Problem> {
    bindings::edges(env).ok_or_else(|| log::internal("binding EDGES", "missing"))
}

/// Tries them all.
pub async fn all(call: &Call) -> Vec<Tried> {
    let objects = join_all(CLASSES.map(|class| object(&call.io.env, class)));
    let (objects, (kv, queue, cache)) = join(objects, join3(kv(&call.io.env), queue(&call.io), pop_cache(call))).await;
    objects.into_iter().chain([kv, queue, cache]).collect()
}

async fn object(env: &Env, (name, namespace): Class) -> Tried {
    let asked = async { objects::ping(&namespace(env)?, NOBODY).await };
    tried(name, async { asked.await.map_err(|problem| code(&problem)) }).await.0
}

async fn kv(env: &Env) -> Tried {
    let read = async {
        let kv = bindings::content(env).ok_or("missing")?;
        let thrown = |error| code(&log::internal("kv", &js::error_text(&error)));
        JsFuture::from(kv.get(NOBODY, "text").map_err(thrown)?).await.map(|_| ()).map_err(thrown)
    };
    tried("kv", read).await.0
}

async fn queue(io: &WorkerIo) -> Tried {
    let sent = async { io.enqueue(&Job::Nothing, 0).await.map_err(|problem| code(&problem)) };
    tried("queue", sent).await.0
}

/// The PoP's cache keeps nothing on workers.dev, and does not say so: what was put must be found.
async fn pop_cache(call: &Call) -> Tried {
    let kept = async {
        let id = random::id().map_err(|problem| code(&problem))?.to_string();
        let key = format!("1/health/{id}");
        cache::put_text(&call.cache, &key, &id, ENTRY_SECONDS).await;
        let found = cache::get_text(&call.cache, &key).await;
        call.cache.delete(&key).await;
        if found.as_deref() == Some(id.as_str()) { Ok(()) } else { Err("not-kept") }
    };
    tried("cache", kept).await.0
}
