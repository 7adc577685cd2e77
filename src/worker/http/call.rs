//! A request and its context.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{Context, Env};

use crate::access::caller::Caller;
use crate::access::routes::{Params, Route};
use crate::accounts::account::Account;
use crate::auth::api_key;
use crate::auth::rate_limit::RateLimitStatus;
use crate::base::body_pace;
use crate::base::id::{Id, Name};
use crate::base::memory_budget::{MemoryPermit, Owner, Pool};
use crate::base::time::EpochMs;
use crate::config::Config;
use crate::delivery::count::Country;
use crate::edges::geo::GeoHint;
use crate::http::{json_body, validate};
use crate::idempotency::repository::Slot;
use crate::io::Io;
use crate::log;
use crate::problem::Problem;
use crate::services::idempotency;
use crate::services::request::{Request, lost};
use crate::worker::platform::io::{Forget, WorkerIo};
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{clock, geo_hint, js, memory, read_body};

/// The longest time for which a body that has arrived is in use, ms: several calls of the store, of up to 30 s each.
const HANDLING_MS: u64 = 120_000;

/// A request with its bindings and execution context.
pub struct Call {
    /// The raw request; its body has not been read.
    pub request: web_sys::Request,
    /// The platform.
    pub io: WorkerIo,
    /// `X-Request-Id` of the response.
    pub id: String,
    /// When the request arrived.
    pub started: EpochMs,
    /// `https://host`, as in the client's URL.
    pub base: String,
    /// The PoP's cache.
    pub cache: Rc<PopCache>,
    /// Path, percent-encoded.
    pub path: String,
    query: String,
    /// The body, after it has been read whole, with its permit.
    body: RefCell<Option<(Rc<[u8]>, MemoryPermit)>>,
    /// Permits for what is in memory until the call has been answered.
    held: RefCell<Vec<MemoryPermit>>,
    /// Whose memory a whole body is. Set when the caller is known.
    pub owner: Cell<Owner>,
    /// The rate limit that the response's header fields describe.
    pub limited: Cell<Option<AppliedLimit>>,
    /// What the log tells of this call.
    pub noted: Noted,
    /// Whether the account is suspended according to its ledger. For callers with a token, whose account is not loaded.
    pub suspended: Cell<bool>,
    /// The browser's session that proved the caller.
    pub browser_session: Cell<Option<Id>>,
    /// Whether the bandwidth of the content's owner was checked before the answer began.
    pub bandwidth_checked: Cell<bool>,
}

/// What the log tells of a call, as far as it is known.
#[derive(Default)]
pub struct Noted {
    /// The row of the route table.
    pub route: Cell<Option<&'static Route>>,
    /// Whose content was asked for.
    pub account: Cell<Option<Id>>,
    /// The namespace that a token or the path names.
    pub namespace: RefCell<Option<Name>>,
}

impl Noted {
    /// Notes the namespace that the call is bound to.
    pub fn note_namespace(&self, caller: &Caller, params: &Params) {
        self.namespace.replace(match caller {
            Caller::Token(claims) => Some(claims.namespace.clone()),
            Caller::File(claims) => Some(claims.namespace.clone()),
            Caller::Video(claims) => Some(claims.namespace.clone()),
            _ => params.get("ns").and_then(Name::parse),
        });
    }
}

/// A rate limit that this call was counted against.
#[derive(Debug, Clone, Copy)]
pub struct AppliedLimit {
    /// The policy's name.
    pub policy: &'static str,
    /// The policy's window.
    pub window_seconds: u64,
    /// The state after this call.
    pub pace: RateLimitStatus,
}

/// A call with its route, caller, path parameters and configuration. Cheap to clone, for work that continues after the client disconnects.
#[derive(Clone)]
pub struct Routed {
    /// The call.
    pub call: Rc<Call>,
    /// The row of the route table.
    pub route: &'static Route,
    /// The authenticated caller.
    pub caller: Rc<Caller>,
    /// Decoded path segments.
    pub params: Params,
    /// Vars and secrets.
    pub config: Rc<Config>,
    /// The same request for services.
    pub service: Request<WorkerIo>,
}

impl std::ops::Deref for Routed {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Routed {
    /// A call that is routed and authenticated.
    pub fn new(call: &Rc<Call>, route: &'static Route, caller: Caller, params: Params, config: Rc<Config>) -> Routed {
        let caller = Rc::new(caller);
        let service = Request {
            io: call.io.clone(),
            config: Rc::clone(&config),
            route,
            caller: Rc::clone(&caller),
            suspended: call.suspended.get(),
            started: call.started,
            base: call.base.as_str().into(),
            owner: call.owner.get(),
            claim: Rc::default(),
        };
        Routed { call: Rc::clone(call), route, caller, params, config, service }
    }

    /// The slot of the request's `Idempotency-Key`, if it has one. `body` is what a repeat must have in common with the first request.
    ///
    /// # Errors
    /// 400 for a malformed key.
    pub fn slot(&self, scope: &str, body: &[u8]) -> Result<Option<Slot>, Problem> {
        idempotency::slot(self.route, self.header("idempotency-key").as_deref(), scope, body)
    }

    /// The calling account.
    ///
    /// # Errors
    /// 401.
    pub fn account(&self) -> Result<Rc<Account>, Problem> {
        self.service.account()
    }
}

impl Call {
    /// Wraps a request.
    pub fn new(request: web_sys::Request, env: Env, context: Context, id: Id, forget: Forget) -> Call {
        let url = request.url();
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", ""));
        let (authority, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let base = format!("{scheme}://{authority}");
        let cache = Rc::new(PopCache::of_request(&base));
        Call {
            id: id.to_string(),
            started: clock::now(),
            io: WorkerIo::of_request(env, forget, context, Clone::clone(&request), Rc::clone(&cache)),
            cache,
            base,
            path: path.to_owned(),
            query: query.to_owned(),
            body: RefCell::default(),
            held: RefCell::default(),
            owner: Cell::new(Owner::Unproven),
            limited: Cell::new(None),
            noted: Noted::default(),
            suspended: Cell::new(false),
            browser_session: Cell::new(None),
            bandwidth_checked: Cell::new(false),
            request,
        }
    }

    /// A header; several of one name are joined by ", ".
    pub fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten()
    }

    /// Whether the request carries the operator's token.
    pub fn is_operator(&self, config: &Config) -> bool {
        let authorization = self.header("authorization");
        api_key::bearer(authorization.as_deref()).is_some_and(|token| config.is_operator(token))
    }

    /// `Content-Length`. A request without a body has "0" also if a proxy removed the field.
    pub fn content_length(&self) -> Option<String> {
        self.header("content-length").or_else(|| self.request.body().is_none().then(|| "0".to_owned()))
    }

    /// A query parameter, decoded (`+` is a space, bytes that are no UTF-8 become U+FFFD); the first of its name.
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Refuses a body with a `Content-Encoding`.
    ///
    /// # Errors
    /// 415.
    pub fn check_encoding(&self) -> Result<(), Problem> {
        validate::check_encoding(self.header("content-encoding").as_deref())
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    /// As [`Call::bytes`]; 400, 422.
    pub async fn json<T: DeserializeOwned>(&self, limit: u64) -> Result<T, Problem> {
        json_body::parse(&self.bytes(limit).await?)
    }

    /// The whole body, for bodies of a few KB. It is read once and kept.
    ///
    /// # Errors
    /// 411, 413, 415, 503 without room in memory; 400 for a body that breaks off, 408 for one that is too slow.
    pub async fn bytes(&self, limit: u64) -> Result<Rc<[u8]>, Problem> {
        let length = json_body::check_length(self.content_length().as_deref(), limit)?;
        if let Some((bytes, _)) = self.body.borrow().as_ref() {
            return Ok(Rc::clone(bytes));
        }
        self.check_encoding()?;
        // In JavaScript, and copied into WebAssembly.
        let permit = self.reserve(Pool::Texts, length.saturating_mul(2), length, HANDLING_MS).await?;
        let buffer = self.buffer(length).await?;
        let bytes: Rc<[u8]> = js_sys::Uint8Array::new(&buffer).to_vec().into();
        self.body.replace(Some((Rc::clone(&bytes), permit)));
        Ok(bytes)
    }

    /// A permit for `bytes` bytes of memory, for a body of `length` bytes that is in use for `handling_ms` after its last byte.
    ///
    /// # Errors
    /// 503.
    pub async fn reserve(&self, pool: Pool, bytes: u64, length: u64, handling_ms: u64) -> Result<MemoryPermit, Problem> {
        memory::reserve(pool, self.owner.get(), bytes, body_pace::longest_ms(length).saturating_add(handling_ms)).await
    }

    /// Keeps a permit until the call has been answered.
    pub fn hold(&self, permit: MemoryPermit) {
        self.held.borrow_mut().push(permit);
    }

    /// The body of `length` bytes as an ArrayBuffer, which stays in JavaScript. For bodies with a permit.
    ///
    /// # Errors
    /// 400 for a body that breaks off, 408 for one that is too slow.
    pub async fn buffer(&self, length: u64) -> Result<JsValue, Problem> {
        let Some(stream) = self.request.body().filter(|_| length > 0) else {
            return if length == 0 { Ok(js_sys::ArrayBuffer::new(0).into()) } else { Err(lost()) };
        };
        match read_body::read(stream, length).await.map_err(|_| lost())? {
            read_body::Body::Whole(buffer) => Ok(buffer),
            read_body::Body::Slow => Err(Problem::BodyTooSlow),
        }
    }

    /// The client's location.
    pub fn geo(&self) -> GeoHint {
        self.io.geo()
    }

    /// The client's country, for statistics.
    pub fn country(&self) -> Country {
        Country::parse(geo_hint::country_of(&self.request).as_deref())
    }

    /// Whether the client has hung up (Workers documentation, compatibility flag `enable_request_signal`).
    pub fn client_is_gone(&self) -> bool {
        self.request.signal().aborted()
    }

    /// The Server-Timing field (W3C Server Timing). The platform's clock advances only with I/O, so these are I/O wait times, not CPU times.
    pub fn server_timing(&self) -> String {
        let mut text = format!("total;dur={}", clock::now().since(self.started));
        for (name, ms) in self.io.spans() {
            text.push_str(&format!(", {name};dur={ms}"));
        }
        text
    }

    /// The account that called, or whose content was asked for.
    pub fn account_id(&self) -> Option<Id> {
        match self.owner.get() {
            Owner::Account(account) => Some(account),
            _ => self.noted.account.get(),
        }
    }

    /// Logs a thrown value of the platform.
    pub fn thrown(&self, what: &str, error: &wasm_bindgen::JsValue) -> Problem {
        log::internal(what, &js::error_text(error))
    }
}
