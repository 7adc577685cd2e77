//! Carries out the twists of a dialect on one request and its answer.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, RANGE, TRANSFER_ENCODING};
use hyper::{Method, Request, Response};

use crate::proxy::body::{Body, Hangup, dripping, error_document, full, gzip, half, read_up_to, refuse, unsized_body, with};
use crate::proxy::dialect::{Dialect, Twist};

/// The twists of `dialects` that are of this request.
pub(super) fn of_request(dialects: &[Dialect], method: &Method, target: &str) -> Vec<Twist> {
    dialects.iter().flat_map(|dialect| dialect.iter()).filter(|(of, _)| of.is(method, target)).map(|(_, twist)| *twist).collect()
}

/// The answer of a store that does not look at the whole request; `None` if it has to see it.
pub(super) async fn before(twists: &[Twist], request: &mut Request<Incoming>) -> Option<Response<Body>> {
    for twist in twists {
        match *twist {
            Twist::Early(status, code, after) => {
                read_up_to(request.body_mut(), after).await;
                return Some(with(refuse(status, code), "connection", "close"));
            }
            Twist::EarlyCut(status, code, after) => {
                read_up_to(request.body_mut(), after).await;
                let document = Bytes::from(error_document(code));
                let length = document.len().to_string();
                return Some(with(with(refuse(status, code), "connection", "close"), "content-length", &length).map(|_| half(&document)));
            }
            Twist::Redirect(status, location) => {
                read_up_to(request.body_mut(), u64::MAX).await;
                return Some(with(refuse(status, "TemporaryRedirect"), "location", location));
            }
            Twist::PresignedUnsigned if signs_payload_hash(request) => {
                read_up_to(request.body_mut(), u64::MAX).await;
                return Some(refuse(403, "SignatureDoesNotMatch"));
            }
            Twist::PresignedUnchecked if signs_payload_hash(request) => {
                read_up_to(request.body_mut(), u64::MAX).await;
                return Some(with(refuse(200, "None"), "etag", "\"unchecked\""));
            }
            _ => {}
        }
    }
    None
}

fn signs_payload_hash(request: &Request<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "X-Amz-SignedHeaders" && value.split(';').any(|signed| signed == "x-amz-content-sha256"))
}

/// The answer as the dialect writes it. `asked` are the request's headers.
pub(super) async fn answer(twists: &[Twist], asked: &HeaderMap, response: Response<Body>) -> Result<Response<Body>, Hangup> {
    let mut response = response;
    for twist in twists {
        response = match *twist {
            Twist::Without("content-length") => without_length(response),
            Twist::Without(name) => {
                response.headers_mut().remove(name);
                response
            }
            Twist::With(name, value) => with(response, name, value),
            Twist::Rewritten(name, write) => rewritten(response, name, write),
            Twist::WeakUnlessIdentity if asked.get(ACCEPT_ENCODING).is_none_or(|value| value != "identity") => {
                without_length(rewritten(response, ETAG.as_str(), |etag| format!("W/{etag}")))
            }
            Twist::Xml(write) if is_xml(&response) => {
                let (mut head, bytes) = whole(response).await?;
                let text = write(String::from_utf8_lossy(&bytes).into_owned());
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
                Response::from_parts(head, full(text.into()))
            }
            Twist::Chunked => {
                let (head, bytes) = whole(response).await?;
                without_length(Response::from_parts(head, unsized_body(bytes)))
            }
            Twist::GzipWhole if asked.contains_key(RANGE) => response,
            Twist::Gzip | Twist::GzipWhole => {
                let (mut head, bytes) = whole(response).await?;
                let packed = gzip(&bytes);
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Response::from_parts(head, full(packed))
            }
            Twist::Drip(bytes, ms) => {
                let (head, whole) = whole(response).await?;
                Response::from_parts(head, dripping(&whole, bytes, ms))
            }
            _ => response,
        };
    }
    Ok(response)
}

fn rewritten(mut response: Response<Body>, name: &'static str, write: fn(&str) -> String) -> Response<Body> {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok()).map(write);
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Without a length in its head, and of a body that does not tell one.
fn without_length(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().remove(TRANSFER_ENCODING);
    response.map(|body| if hyper::body::Body::size_hint(&body).exact() == Some(0) { unsized_body(Bytes::new()) } else { body })
}

fn is_xml(response: &Response<Body>) -> bool {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    let text = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.contains("xml") && length != Some(0)
}

async fn whole(response: Response<Body>) -> Result<(hyper::http::response::Parts, Bytes), Hangup> {
    let (head, body) = response.into_parts();
    Ok((head, body.collect().await.map_err(|_| Hangup)?.to_bytes()))
}
