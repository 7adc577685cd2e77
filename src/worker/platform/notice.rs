//! Posts to addresses that customers gave. Redirects are not followed; an answer is read up to a bound and a time, and its beginning kept.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStream, RequestInit, RequestRedirect};

use crate::io::notice::{Answered, Notice};
use crate::worker::platform::js::StreamReader;
use crate::worker::platform::{clock, js};

/// See [`crate::io::Io::post`].
///
/// # Errors
/// What the runtime throws, or that no answer came in time.
pub async fn post(notice: &Notice<'_>) -> Result<Answered, String> {
    crate::log::step("webhook", "POST");
    let started = clock::now();
    let controller = AbortController::new().map_err(thrown)?;
    // Ends the request, and what is left of its answer, however this ends.
    let _given_up = AbortOnDrop(controller.clone());
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&js::headers(notice.headers).map_err(thrown)?.into());
    init.set_redirect(RequestRedirect::Manual);
    init.set_body(&JsValue::from_str(notice.body));
    init.set_signal(Some(&controller.signal()));
    let sent = JsFuture::from(js::fetch(notice.url, &init).map_err(thrown)?);
    let head = clock::within(notice.timeout_ms, sent).await.ok_or_else(|| format!("No answer came within {} s.", notice.timeout_ms / 1_000))?;
    let response: web_sys::Response = head.map_err(thrown)?.unchecked_into();
    let status = response.status();
    let left = notice.timeout_ms.saturating_sub(u32::try_from(clock::now().since(started)).unwrap_or(u32::MAX));
    let mut kept = Vec::new();
    if let Some(body) = response.body() {
        // What came until then is kept: the status has said what the endpoint means.
        let _ = clock::within(left, read(&body, notice, &mut kept)).await;
    }
    Ok(Answered { status, text: String::from_utf8_lossy(&kept).into_owned() })
}

/// Reads a body up to its bound; its beginning goes into `kept`.
async fn read(body: &ReadableStream, notice: &Notice<'_>, kept: &mut Vec<u8>) -> Result<(), JsValue> {
    let reader = StreamReader::new(body)?;
    let mut seen = 0usize;
    while let Some(chunk) = reader.chunk().await? {
        let room = notice.kept.saturating_sub(kept.len());
        kept.extend(chunk.subarray(0, chunk.length().min(u32::try_from(room).unwrap_or(u32::MAX))).to_vec());
        seen = seen.saturating_add(usize::try_from(chunk.length()).unwrap_or(usize::MAX));
        if seen >= notice.max_answer {
            let _ = reader.cancel();
            break;
        }
    }
    Ok(())
}

fn thrown(error: JsValue) -> String {
    js::error_text(&error)
}

struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
