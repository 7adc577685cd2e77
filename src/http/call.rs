//! One request on its way through the Worker.

use std::cell::RefCell;
use std::rc::Rc;

use worker::{Context, Env};

use super::json;
use super::router::Params;
use crate::config::Config;
use crate::ids::Id;
use crate::platform::{clock, js, log};
use crate::problem::Problem;
use crate::steering::geo::GeoHint;
use crate::units::EpochMs;
use wasm_bindgen_futures::JsFuture;

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
    spans: RefCell<Vec<(&'static str, u64)>>,
}

/// A call with its route's params and the configuration. Cheap to clone, for work that must outlive the client's patience.
#[derive(Clone)]
pub struct Routed {
    /// The call.
    pub call: Rc<Call>,
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

    /// A query parameter, decoded; the first of its name.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| {
                let spaced = value.replace('+', " ");
                percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
            })
        })
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    /// 411, 413, 400, 422.
    pub async fn json<T: serde::de::DeserializeOwned>(&self, limit: u64) -> Result<T, Problem> {
        json::check_length(self.header("content-length").as_deref(), limit)?;
        let lost = |_| Problem::Malformed { detail: "The body did not arrive whole.".to_owned() };
        let buffer = JsFuture::from(self.request.array_buffer().map_err(lost)?).await.map_err(lost)?;
        json::parse(&js_sys::Uint8Array::new(&buffer).to_vec())
    }

    /// Where the request comes from.
    pub fn geo(&self) -> GeoHint {
        crate::steering::hint::of(&self.request)
    }

    /// Runs `work` to its end even if the client hangs up meanwhile: the runtime cancels a request's own future then, not what `waitUntil` holds
    /// (for up to 30 s more, Workers documentation, "Context"). None if it was cut off all the same.
    pub async fn to_the_end<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T> {
        let (sender, receiver) = futures_channel::oneshot::channel();
        self.context.wait_until(async move {
            // Nobody may be listening any more; the work is done nevertheless.
            let _ = sender.send(work.await);
        });
        receiver.await.ok()
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
