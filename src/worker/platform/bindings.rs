//! Bindings and configuration. Each binding is named here once; build.rs compares these names with wrangler.toml.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsCast;
use worker::kv::KvStore;
use worker::{Env, ObjectNamespace, Queue, RateLimiter};

use crate::base::shard::Shard;
use crate::config::Config;
use crate::log;
use crate::problem::Problem;
use crate::worker::platform::console;
use crate::worker::platform::d1::Db;
use crate::worker::platform::js::{Fetcher, Kv};

/// D1: accounts, assets, history. Further databases are `DB_1`, `DB_2`, … without a gap.
const DB: &str = "DB";

/// Durable Objects: one per upload.
const SESSIONS: &str = "SESSIONS";

/// Durable Objects: one per account.
const ACCOUNTS: &str = "ACCOUNTS";

/// Durable Objects: several per PoP.
const LEASES: &str = "LEASES";

/// Durable Objects: several per PoP.
const METERS: &str = "METERS";

/// Durable Objects: one per account that somebody listens to.
const LIVE: &str = "LIVE";

/// Durable Objects: one per edge.
const EDGES: &str = "EDGES";

/// KV: small files and edge measurements, for PoPs that do not have them in their cache.
const CONTENT: &str = "CONTENT";

/// Queue: jobs of Durable Objects at the origin.
const JOBS: &str = "JOBS";

/// What is served as it is.
const ASSETS: &str = "ASSETS";

/// The platform's rate limiter, for unauthenticated callers.
const GUARD: &str = "GUARD";

thread_local! {
    /// How many databases are bound; 0: not counted yet.
    static BOUND: Cell<u8> = const { Cell::new(0) };
    // Vars do not change within an isolate. Reading them is synchronous, so no I/O object is shared between requests.
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

/// Has the isolate log, from the configured level on. A Durable Object may be the first that runs in its isolate.
pub fn begin_log(env: &Env) {
    log::set_sink(console::write);
    // What is wrong with the configuration is logged there.
    let _ = config(env);
}

/// The configuration, read on the isolate's first request.
///
/// # Errors
/// [`Problem::Misconfigured`] naming every bad value.
pub fn config(env: &Env) -> Result<Rc<Config>, Problem> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return Ok(config);
    }
    let read = Config::read(|name| env.var(name).ok().map(|value| value.to_string()));
    let config = Rc::new(read.map_err(|names| {
        log::event(log::LogLevel::Error, "misconfigured", serde_json::json!({ "names": names }));
        Problem::Misconfigured { names }
    })?);
    log::set_level(config.log_level);
    CONFIG.set(Some(Rc::clone(&config)));
    Ok(config)
}

/// The origins from which browsers may call the API, even if the rest of the configuration cannot be read.
pub fn cors_origins(env: &Env) -> Vec<String> {
    match config(env) {
        Ok(config) => config.cors_origins.clone(),
        Err(_) => crate::config::cors_origins(env.var("CORS_ORIGINS").ok().map(|value| value.to_string()).as_deref()),
    }
}

/// The database of that number. Which one has an account: [`crate::clients::shards`].
pub fn db(env: &Env, shard: Shard) -> Result<Db, Problem> {
    let name = if shard.is_main() { DB.to_owned() } else { shard.binding() };
    object(env, &name).ok_or_else(|| log::internal("binding", &format!("{name} is missing")))
}

/// How many databases are bound, at least 1; counted once.
pub fn databases(env: &Env) -> u8 {
    if BOUND.get() == 0 {
        BOUND.set(count_databases(env));
    }
    BOUND.get()
}

fn count_databases(env: &Env) -> u8 {
    let bound = (1..).map_while(Shard::new).take_while(|shard| object::<Db>(env, &shard.binding()).is_some()).count();
    u8::try_from(bound).unwrap_or_default().saturating_add(1)
}

/// The upload sessions.
pub fn sessions(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(SESSIONS).map_err(|error| log::internal("binding SESSIONS", &error.to_string()))
}

/// The accounts' ledgers.
pub fn accounts(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(ACCOUNTS).map_err(|error| log::internal("binding ACCOUNTS", &error.to_string()))
}

/// The fill locks of slices.
pub fn fill_locks(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(LEASES).map_err(|error| log::internal("binding LEASES", &error.to_string()))
}

/// The meters of PoPs.
pub fn meters(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(METERS).map_err(|error| log::internal("binding METERS", &error.to_string()))
}

/// The feeds of accounts.
pub fn live(env: &Env) -> Result<ObjectNamespace, Problem> {
    env.durable_object(LIVE).map_err(|error| log::internal("binding LIVE", &error.to_string()))
}

/// Edge measurements; None where the binding is missing (plain workerd).
pub fn edges(env: &Env) -> Option<ObjectNamespace> {
    env.durable_object(EDGES).ok()
}

/// Small files and edge measurements; None where the platform has no KV (plain workerd).
pub fn content(env: &Env) -> Option<Kv> {
    object(env, CONTENT)
}

/// The same namespace for small values, which may pass through WebAssembly; None if there is no such binding.
pub fn content_store(env: &Env) -> Option<KvStore> {
    env.kv(CONTENT).ok()
}

/// What is served as it is; None where the platform has none (plain workerd).
pub fn assets(env: &Env) -> Option<Fetcher> {
    object(env, ASSETS)
}

/// The gateway beside the store; None without one. Optional, and therefore none of the names above, which every environment has to have.
pub fn gateway(env: &Env) -> Option<Fetcher> {
    object(env, "GATEWAY")
}

/// The job queue.
pub fn jobs(env: &Env) -> Result<Queue, Problem> {
    object(env, JOBS).ok_or_else(|| log::internal("binding JOBS", "missing"))
}

/// The rate limiter of unauthenticated calls; None where the platform has none (plain workerd).
pub fn rate_limiter(env: &Env) -> Option<RateLimiter> {
    object(env, GUARD)
}

fn object<T: JsCast>(env: &Env, name: &str) -> Option<T> {
    js_sys::Reflect::get(env.as_ref(), &name.into()).ok().filter(|binding| binding.is_object()).map(JsCast::unchecked_into)
}
