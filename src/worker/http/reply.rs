//! Responses as values, and their conversion to the platform's Response.

use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, Response, ResponseInit};

use crate::base::json;
use crate::http::pages::CONTENT_SECURITY_POLICY;
use crate::problem::Problem;
use crate::worker::platform::assets::Asset;
use crate::worker::platform::js;
use crate::{log, services};

/// The body of a reply.
#[derive(Debug)]
pub enum Body {
    /// No body.
    Empty,
    /// A text from WebAssembly.
    Text(String),
    /// Bytes that stay in JavaScript.
    Stream(ReadableStream),
    /// The WebSocket of a 101.
    Socket(JsValue),
    /// Buffered bytes that stay in JavaScript: an ArrayBuffer or a view of one.
    Bytes(JsValue),
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// See [`Body`].
    pub body: Body,
}

impl From<services::reply::Reply> for Reply {
    fn from(reply: services::reply::Reply) -> Reply {
        let Some(text) = reply.body else { return Reply::empty(reply.status) };
        let mut answer = Reply::json_text(reply.status, text);
        if reply.replayed {
            answer.headers.push(("idempotent-replayed", "true".to_owned()));
        }
        answer
    }
}

impl Reply {
    /// JSON.
    ///
    /// # Errors
    /// [`Problem::Internal`] if the value cannot be written.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Reply, Problem> {
        let text = json::write(value).map_err(|error| log::internal("json", &error.to_string()))?;
        Ok(Reply::json_text(status, text))
    }

    /// JSON that is already serialized.
    pub fn json_text(status: u16, text: String) -> Reply {
        Reply::json_body(status, Body::Text(text))
    }

    /// The same of up to some MB: as a text they would pass through UTF-16.
    pub fn json_bytes(status: u16, bytes: &[u8]) -> Reply {
        Reply::json_body(status, Body::Bytes(js_sys::Uint8Array::from(bytes).into()))
    }

    fn json_body(status: u16, body: Body) -> Reply {
        let headers = vec![("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())];
        Reply { status, headers, body }
    }

    /// CSV (RFC 4180), not to be stored.
    pub fn csv(text: String) -> Reply {
        let mut reply = Reply::json_text(200, text);
        reply.headers.retain(|(name, _)| *name != "content-type");
        reply.headers.push(("content-type", "text/csv; charset=utf-8".to_owned()));
        reply
    }

    /// An HTML page.
    pub fn html(status: u16, page: String) -> Reply {
        let mut reply = Reply::text(status, "text/html; charset=utf-8", page);
        reply.headers.push(("content-security-policy", CONTENT_SECURITY_POLICY.to_owned()));
        reply
    }

    /// Public, cacheable text of a media type.
    pub fn text(status: u16, content_type: &str, text: String) -> Reply {
        Reply { status, headers: public(content_type), body: Body::Text(text) }
    }

    /// A static asset: 200, or 304 if the caller has it already.
    pub fn asset(asset: Asset, content_type: &str) -> Reply {
        let mut headers = public(content_type);
        headers.extend(asset.etag.map(|etag| ("etag", etag)));
        match asset.body {
            Some(stream) => Reply { status: 200, headers, body: Body::Stream(stream) },
            None => Reply { status: 304, headers, body: Body::Empty },
        }
    }

    /// No content.
    pub fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Body::Empty }
    }

    /// A problem as RFC 9457 JSON, with the header fields of its status.
    pub fn problem(problem: &Problem, request_id: &str) -> Reply {
        let mut headers = vec![("content-type", "application/problem+json".to_owned()), ("cache-control", "no-store".to_owned())];
        if let Some(seconds) = problem.retry_after() {
            headers.push(("retry-after", seconds.to_string()));
        }
        match problem {
            Problem::MethodNotAllowed { allow } => headers.push(("allow", allow.clone())),
            Problem::Unauthenticated(_) => headers.push(("www-authenticate", "Bearer realm=\"jettyspeed\"".to_owned())),
            Problem::RangeNotSatisfiable { size } => headers.push(("content-range", format!("bytes */{size}"))),
            _ => {}
        }
        Reply { status: problem.kind().status, headers, body: Body::Text(problem.to_json(request_id).to_string()) }
    }

    /// Converts the reply. A reply that the runtime refuses is a defect of this service and becomes a 500 without a body.
    pub fn into_response(self) -> worker::Result<Response> {
        match self.build() {
            Ok(response) => Ok(response),
            Err(error) => {
                let _ = log::internal("response", &js::error_text(&error));
                let init = ResponseInit::new();
                init.set_status(500);
                Response::new_with_opt_str_and_init(None, &init).map_err(worker::Error::from)
            }
        }
    }

    fn build(self) -> Result<Response, JsValue> {
        let headers = js::headers(&self.headers)?;
        let init = ResponseInit::new();
        init.set_status(self.status);
        init.set_headers(&headers);
        match self.body {
            // A 204 or 304 with a body, even an empty one, is refused by the runtime.
            Body::Empty => Response::new_with_opt_str_and_init(None, &init),
            Body::Text(text) => Response::new_with_opt_str_and_init(Some(&text), &init),
            Body::Bytes(bytes) => Response::new_with_opt_buffer_source_and_init(bytes.dyn_ref(), &init),
            Body::Socket(socket) => {
                js_sys::Reflect::set(&init, &"webSocket".into(), &socket)?;
                Response::new_with_opt_str_and_init(None, &init)
            }
            Body::Stream(stream) => Response::new_with_opt_readable_stream_and_init(Some(&stream), &init),
        }
    }
}

/// The header fields of what everybody may keep for some minutes.
fn public(content_type: &str) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", content_type.to_owned()),
        ("cache-control", "public, max-age=300".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ]
}
