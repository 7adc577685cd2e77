//! Bindings and configuration. Each binding is named here once; build.rs compares these names with wrangler.toml.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use worker::kv::KvStore;
use worker::{D1Database, Env, ObjectNamespace, Queue, RateLimiter};

use crate::config::Config;
use crate::problem::Problem;
use crate::worker::platform::js::Kv;
use crate::worker::platform::log;

/// D1: accounts, assets, history.
const DB: &str = "DB";

/// Durable Objects: one per upload.
const SESSIONS: &str = "SESSIONS";

/// Durable Objects: one per account.
const ACCOUNTS: &str = "ACCOUNTS";

/// Durable Objects: some per PoP.
const LEASES: &str = "LEASES";

/// Durable Objects: one per edge.
const EDGES: &str = "EDGES";

/// KV: small files, and what is measured of edges, for PoPs that have not got them.
const CONTENT: &str = "CONTENT";

/// Queue: what Durable Objects want done at the store.
const JOBS: &str = "JOBS";

/// The platform's rate limiter, for callers that nobody knows.
const GUARD: &str = "GUARD";

thread_local! {
    // A deployment's vars never change within an isolate; reading is synchronous, so nothing is shared across requests but the result.
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

/// The configuration, read at the isolate's first request.
///
/// # Errors
/// [`Problem::Misconfigured`] naming every bad value.
pub fn config(env: &Env) -> Result<Rc<Config>, Problem> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return Ok(config);
    }
    let read = Config::read(|name| env.var(name).ok().map(|value| value.to_string()));
    let config = Rc::new(read.map_err(|names| {
        log::event(crate::config::LogLevel::Error, "misconfigured", serde_json::json!({ "names": names }));
        Problem::Misconfigured { names }
    })?);
    log::set_level(config.log_level);
    CONFIG.set(Some(Rc::clone(&config)));
    Ok(config)
}

/// The database.
pub fn db(env: &Env) -> Result<D1Database, Problem> {
    env.d1(DB).map_err(|error| log::internal("binding DB", &error.to_string()))
}

/// The upload sessions.
pub fn sessions(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(SESSIONS).map_err(|error| log::internal("binding SESSIONS", &error.to_string()))
}

/// The accounts' ledgers.
pub fn accounts(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(ACCOUNTS).map_err(|error| log::internal("binding ACCOUNTS", &error.to_string()))
}

/// The leases of slices.
pub fn leases(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(LEASES).map_err(|error| log::internal("binding LEASES", &error.to_string()))
}

/// What is measured of edges; None where the platform has no such objects (bare workerd).
pub fn edges(env: &Env) -> Option<ObjectNamespace> {
    env.durable_object(EDGES).ok()
}

/// The small files, and what is measured of edges; None where the platform has no KV (bare workerd).
pub fn content(env: &Env) -> Option<Kv> {
    object(env, CONTENT)
}

/// The same namespace for small values, which may pass through WebAssembly; None if there is no such binding.
pub fn content_store(env: &Env) -> Option<KvStore> {
    env.kv(CONTENT).ok()
}

/// The jobs.
pub fn jobs(env: &Env) -> Result<Queue, Problem> {
    env.queue(JOBS).map_err(|error| log::internal("binding JOBS", &error.to_string()))
}

/// The guard against floods of unauthenticated calls; None where the platform has none (bare workerd).
pub fn guard(env: &Env) -> Option<RateLimiter> {
    env.rate_limiter(GUARD).ok()
}

fn object<T: JsCast>(env: &Env, name: &str) -> Option<T> {
    js_sys::Reflect::get(env.as_ref(), &name.into()).ok().filter(|binding| binding.is_object()).map(JsCast::unchecked_into)
}
