//! The PoP's cache (Cloudflare Cache API), as one request may use it: under keys on this deployment's own host, with a bounded number of calls.

use std::cell::{Cell, RefCell};

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use crate::config::Config;
use crate::delivery::cache_place;
use crate::http::range::Span;
use crate::log;
use crate::worker::platform::js;

/// See the module. Keys are those of [`crate::delivery::cache_entry`], without a host.
pub struct PopCache {
    /// `https://host` of the keys.
    base: RefCell<String>,
    /// Calls that content may still make.
    left: Cell<u32>,
}

impl PopCache {
    /// The cache of a request to `base` (`https://host`).
    pub fn of_request(base: &str) -> PopCache {
        PopCache { base: RefCell::new(base.to_owned()), left: Cell::new(cache_place::CALLS) }
    }

    /// The cache of a job, which has no request; None if the deployment does not tell its host. It is that of the PoP where the job happens to run.
    pub fn of_job(config: &Config) -> Option<PopCache> {
        let cache = PopCache::of_request(config.public_url.as_deref()?);
        cache.configure(config);
        Some(cache)
    }

    /// Applies the deployment's configuration. A deployment with several hosts has one for its keys, so that they share what is cached.
    pub fn configure(&self, config: &Config) {
        self.left.set(config.cache_calls);
        if let Some(url) = &config.public_url {
            self.base.replace(url.clone());
        }
    }

    /// `https://host` of the keys.
    pub fn base(&self) -> String {
        self.base.borrow().clone()
    }

    /// Whether content may make `calls` more calls. What is small and done once for a request does not ask.
    pub fn has_left(&self, calls: u32) -> bool {
        self.left.get() >= calls
    }

    /// The entry of `key`, or only the bytes `part` of it.
    ///
    /// # Errors
    /// The exception of the Cache API.
    pub async fn find(&self, key: &str, part: Option<Span>) -> Result<Option<Response>, JsValue> {
        let url = self.counted("match", key);
        let found = match part {
            None => js::cache()?.find(&JsValue::from_str(&url))?,
            Some(part) => {
                let headers = Headers::new()?;
                headers.set("range", &format!("bytes={}-{}", part.first, part.last))?;
                let init = RequestInit::new();
                init.set_headers(&headers);
                js::cache()?.find(web_sys::Request::new_with_str_and_init(&url, &init)?.as_ref())?
            }
        };
        let found = JsFuture::from(found).await?;
        Ok((!found.is_undefined()).then(|| found.unchecked_into()))
    }

    /// Stores `response`. Success does not tell that it is kept: the platform may ignore a put (Workers documentation, "Cache").
    ///
    /// # Errors
    /// The exception of the Cache API.
    pub async fn put(&self, key: &str, response: &Response) -> Result<(), JsValue> {
        let url = self.counted("put", key);
        JsFuture::from(js::cache()?.put(&url, response)?).await.map(|_| ())
    }

    /// Deletes an entry in this PoP.
    pub async fn delete(&self, key: &str) {
        let url = self.counted("delete", key);
        if let Ok(promise) = js::cache().and_then(|cache| cache.delete(&url)) {
            let _ = JsFuture::from(promise).await;
        }
    }

    fn counted(&self, what: &str, key: &str) -> String {
        log::step("cache", what);
        self.left.set(self.left.get().saturating_sub(1));
        cache_place::url(&self.base.borrow(), key)
    }
}
