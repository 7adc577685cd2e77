//! The edge's side of the gateway: requests to the store go through it, and straight to the store where there is none, or none that works.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};
use worker::Env;

use crate::base::time::EpochMs;
use crate::gateway::fields::{FIELD, KEPT};
use crate::gateway::pass::Passage;
use crate::gateway::repeat::{is_asked, is_repeatable};
use crate::log;
use crate::log::LogLevel;
use crate::s3::action::Action;
use crate::worker::platform::js::Fetcher;
use crate::worker::platform::{bindings, clock, js};

/// Calls of the gateway for one request or job; what follows goes straight to the store. The platform allows 32 invocations of Workers for each (Workers
/// documentation, "Service bindings", Limits), of which the request is one and static assets may be another.
const CALLS: u32 = 30;

thread_local! {
    /// When the gateway last failed.
    static FAILED_AT: Cell<Option<EpochMs>> = const { Cell::new(None) };
}

/// The way to the store of one request or job.
#[derive(Clone)]
pub struct Way {
    env: Env,
    left: Rc<Cell<u32>>,
}

impl Way {
    /// With all calls of the gateway, if there is one.
    pub fn new(env: &Env) -> Way {
        Way { env: env.clone(), left: Rc::new(Cell::new(CALLS)) }
    }

    fn gateway(&self) -> Option<Fetcher> {
        let gateway = bindings::gateway(&self.env).filter(|_| is_asked(FAILED_AT.get(), clock::now()))?;
        self.left.set(self.left.get().checked_sub(1)?);
        Some(gateway)
    }

    /// The store's answer to the request `init` for `url`, which is `action`. `can_repeat`: its body, if it has one, can be sent again, as it is if the gateway
    /// itself fails.
    ///
    /// # Errors
    /// What the runtime throws: no answer.
    pub async fn fetch(&self, action: &Action, url: &str, init: &RequestInit, can_repeat: bool) -> Result<Response, JsValue> {
        if let Some(gateway) = self.gateway() {
            log::step("gateway", action.method);
            let error = match through(&gateway, &self.env, action, url, init).await {
                Ok(Some(response)) => return Ok(response),
                Ok(None) => JsValue::from_str("the gateway answered by itself"),
                Err(error) => error,
            };
            // Whoever aborts does not want another answer.
            let was_aborted = init.get_signal().is_some_and(|signal| signal.aborted());
            let repeats = !was_aborted && can_repeat && is_repeatable(action);
            log::event(LogLevel::Warn, "gateway", json!({ "error": js::error_text(&error), "repeated": repeats }));
            if !repeats {
                return Err(error);
            }
            // Only then: a body that breaks off is its client's failure.
            FAILED_AT.set(Some(clock::now()));
        }
        log::step("origin", action.method);
        JsFuture::from(js::fetch(url, init)?).await.map(JsCast::unchecked_into)
    }
}

/// The store's answer through the gateway; None for an answer of the gateway's own.
async fn through(gateway: &Fetcher, env: &Env, action: &Action, url: &str, init: &RequestInit) -> Result<Option<Response>, JsValue> {
    let keys = bindings::config(env).map_err(|_| JsValue::from_str("no configuration"))?;
    let kept = action.kept.as_deref().unwrap_or_default();
    let pass = Passage { method: action.method, url, kept }.issue(&keys.token_keys, clock::now()).unwrap_or_default();
    let headers: Headers = init.get_headers().unchecked_into();
    headers.set(FIELD, &pass)?;
    if !kept.is_empty() {
        headers.set(KEPT, kept)?;
    }
    let answered = JsFuture::from(gateway.fetch(url, init)?).await;
    // The store gets neither, if it is asked directly.
    headers.delete(FIELD)?;
    headers.delete(KEPT)?;
    let response: Response = answered?.unchecked_into();
    if response.headers().has(FIELD)? {
        return Ok(Some(response));
    }
    if let Some(body) = response.body() {
        let _ = body.cancel();
    }
    Ok(None)
}
