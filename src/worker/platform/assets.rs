//! Static assets (Workers documentation, "Static Assets").

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, RequestInit, Response};
use worker::Env;

use crate::log;
use crate::problem::Problem;
use crate::worker::platform::{bindings, js};

/// A file.
#[derive(Debug)]
pub struct Asset {
    /// Its strong or weak entity tag.
    pub etag: Option<String>,
    /// None if the caller has it already.
    pub body: Option<ReadableStream>,
}

/// The file at `path`; None if there is none. `known`: the caller's `If-None-Match`.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn read(env: &Env, path: &str, known: Option<&str>) -> Result<Option<Asset>, Problem> {
    let Some(assets) = bindings::assets(env) else { return Ok(None) };
    let failed = |error: JsValue| log::internal("asset", &js::error_text(&error));
    let init = RequestInit::new();
    if let Some(known) = known {
        init.set_headers(&js::headers(&[("if-none-match", known.to_owned())]).map_err(failed)?.into());
    }
    // The host is of no consequence.
    let promise = assets.fetch(&format!("https://assets{path}"), &init).map_err(failed)?;
    let response: Response = JsFuture::from(promise).await.map_err(failed)?.unchecked_into();
    let etag = response.headers().get("etag").ok().flatten();
    match response.status() {
        200 => Ok(Some(Asset { etag, body: response.body() })),
        304 => Ok(Some(Asset { etag, body: None })),
        404 => Ok(None),
        status => Err(log::internal("asset", &status.to_string())),
    }
}
