//! One request on its way through the Worker.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use wasm_bindgen_futures::JsFuture;
use worker::{Context, Env};

use crate::access::caller::Caller;
use crate::access::routes::{Params, Route};
use crate::accounts::account::Account;
use crate::auth::rate_limit::RateLimitStatus;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::config::Config;
use crate::edges::geo::GeoHint;
use crate::http::json_body;
use crate::problem::{AuthFailure, Problem};
use crate::worker::platform::{clock, js, log};

/// The request, what is known of it, and what it needs.
pub struct Call {
    /// The raw request; its body has not been touched.
    pub request: web_sys::Request,
    /// Bindings.
    pub env: Env,
    context: Context,
    /// `X-Request-Id` of the answer.
    pub id: String,
    /// When it came.
    pub started: EpochMs,
    /// `https://host`, as the client addressed us.
    pub base: String,
    /// Path, percent-encoded.
    pub path: String,
    query: String,
    /// The body, once somebody read it whole.
    body: RefCell<Option<Rc<[u8]>>>,
    /// What the answer tells of rate limits.
    pub limited: Cell<Option<Limited>>,
    /// What the ledger said of the account, for callers with a token only.
    pub suspended: Cell<bool>,
    spans: RefCell<Vec<(&'static str, u64)>>,
}

/// A limit this call was counted against.
#[derive(Debug, Clone, Copy)]
pub struct Limited {
    /// Its name.
    pub policy: &'static str,
    /// Its window.
    pub window_seconds: u64,
    /// What is left.
    pub pace: RateLimitStatus,
}

/// A call on its route: who calls, the path's params, the configuration. Cheap to clone, for work that must outlive the client's patience.
#[derive(Clone)]
pub struct Routed {
    /// The call.
    pub call: Rc<Call>,
    /// The row of the route table.
    pub route: &'static Route,
    /// Proven.
    pub caller: Rc<Caller>,
    /// Decoded path segments.
    pub params: Params,
    /// Vars and secrets.
    pub config: Rc<Config>,
}

impl std::ops::Deref for Routed {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Routed {
    /// The calling account.
    ///
    /// # Errors
    /// 401.
    pub fn account(&self) -> Result<Rc<Account>, Problem> {
        match &*self.caller {
            Caller::Account(account) => Ok(Rc::clone(account)),
            _ => Err(Problem::Unauthenticated(AuthFailure::Missing)),
        }
    }
}

impl Call {
    /// Takes a request in.
    pub fn new(request: web_sys::Request, env: Env, context: Context, id: Id) -> Call {
        let url = request.url();
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", ""));
        let (authority, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        Call {
            id: id.to_string(),
            started: clock::now(),
            base: format!("{scheme}://{authority}"),
            path: path.to_owned(),
            query: query.to_owned(),
            body: RefCell::default(),
            limited: Cell::new(None),
            suspended: Cell::new(false),
            spans: RefCell::default(),
            request,
            env,
            context,
        }
    }

    /// A header; several of one name come joined by ", ".
    pub fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten()
    }

    /// Bytes of the body, as announced. No body at all is 0 bytes, whether or not whoever passed the request on to us kept the field that says so.
    pub fn content_length(&self) -> Option<String> {
        self.header("content-length").or_else(|| self.request.body().is_none().then(|| "0".to_owned()))
    }

    /// A query parameter, decoded (`+` is a space, bytes that are no UTF-8 become U+FFFD); the first of its name.
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    /// 411, 413, 400, 422.
    pub async fn json<T: DeserializeOwned>(&self, limit: u64) -> Result<T, Problem> {
        json_body::parse(&self.bytes(limit).await?)
    }

    /// The whole body, for bodies of a few KB.
    ///
    /// # Errors
    /// 411, 413, 400.
    pub async fn bytes(&self, limit: u64) -> Result<Rc<[u8]>, Problem> {
        json_body::check_length(self.content_length().as_deref(), limit)?;
        if let Some(bytes) = self.body.borrow().as_ref() {
            return Ok(Rc::clone(bytes));
        }
        let lost = |_| Problem::Malformed { detail: "The body did not arrive whole.".to_owned() };
        let buffer = JsFuture::from(self.request.array_buffer().map_err(lost)?).await.map_err(lost)?;
        let bytes: Rc<[u8]> = js_sys::Uint8Array::new(&buffer).to_vec().into();
        self.body.replace(Some(Rc::clone(&bytes)));
        Ok(bytes)
    }

    /// Where the request comes from.
    pub fn geo(&self) -> GeoHint {
        crate::worker::http::geo_hint::of(&self.request)
    }

    /// Runs `work` to its end even if the client hangs up meanwhile: the runtime cancels a request's own future then, not what `waitUntil` holds
    /// (for up to 30 s more, Workers documentation, "Context"). None if it was cut off all the same.
    pub async fn run_detached<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T> {
        // Boxed: the future is long, and would otherwise be compiled into everything that passes it on.
        let work: Pin<Box<dyn Future<Output = T>>> = Box::pin(work);
        let (sender, receiver) = futures_channel::oneshot::channel();
        self.afterwards(async move {
            // Nobody may be listening any more; the work is done nevertheless.
            let _ = sender.send(work.await);
        });
        receiver.await.ok()
    }

    /// Runs `work` after the answer.
    pub fn afterwards(&self, work: impl Future<Output = ()> + 'static) {
        // Boxed: what turns a future into a promise is compiled once, then.
        let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
        self.context.wait_until(work);
    }

    /// Notes how long a step took, for Server-Timing.
    pub fn span(&self, name: &'static str, since: EpochMs) {
        self.spans.borrow_mut().push((name, clock::now().since(since)));
    }

    /// The Server-Timing field (W3C Server Timing). The clock moves only with I/O, so these are times of waiting, not of computing.
    pub fn server_timing(&self) -> String {
        let mut text = format!("total;dur={}", clock::now().since(self.started));
        for (name, ms) in self.spans.borrow().iter() {
            text.push_str(&format!(", {name};dur={ms}"));
        }
        text
    }

    /// Logs a thrown value of the platform.
    pub fn thrown(&self, what: &str, error: &wasm_bindgen::JsValue) -> Problem {
        log::internal(what, &js::words(error))
    }
}
