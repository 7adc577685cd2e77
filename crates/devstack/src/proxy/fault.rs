//! Faults: what a store or the network does to one request.

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;

use crate::proxy::body::{Body, Hangup, cut, late, pause, short, with};

/// A fault to inject into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answer this status with an S3 error of that code; the store does not see the request.
    Answer(u16, &'static str),
    /// Forward the request, then drop the connection instead of answering.
    LoseAnswer,
    /// Answer 200 with an S3 error in the body; the store does not see the request.
    ErrorInside,
    /// Forward the request, then abort the answer in the middle of the body.
    CutAnswer,
    /// Forward the request, send the true Content-Length, and close the connection in the middle of the body.
    CutBody,
    /// Answer the same bytes as a different range of the object.
    OtherRange,
    /// Answer with a shorter body and a matching Content-Length.
    ShortBody,
    /// Answer as a different version of the object.
    OtherVersion,
    /// Drop the connection before reading the body; the store does not see the request.
    ResetBefore,
    /// Drop the connection after this many bytes of the body; the store does not see the request.
    ResetDuring(u64),
    /// Drop the connection after the whole body; the store does not see the request.
    ResetAfter,
    /// Forward the request after this many milliseconds.
    Slow(u64),
    /// Forward the request, and delay the answer by this many milliseconds.
    LateAnswer(u64),
    /// Forward the request, and delay the second half of the answer's body by this many milliseconds.
    LateBody(u64),
}

/// What becomes of the store's answer under `fault`.
pub(super) async fn answer(response: Response<Incoming>, fault: Option<Fault>) -> Result<Response<Body>, Hangup> {
    match fault {
        Some(Fault::LoseAnswer) => {
            let _ = response.into_body().collect().await;
            Err(Hangup)
        }
        Some(Fault::CutAnswer) => cut(response, 64).await,
        Some(Fault::CutBody) => cut(response, 0).await,
        Some(Fault::OtherRange) => Ok(with(response, "content-range", "bytes 1-2/3").map(BodyExt::boxed)),
        Some(Fault::OtherVersion) => Ok(with(response, "etag", "\"another\"").map(BodyExt::boxed)),
        Some(Fault::ShortBody) => short(response).await,
        Some(Fault::LateBody(ms)) => late(response, ms).await,
        Some(Fault::LateAnswer(ms)) => {
            pause(ms).await;
            Ok(response.map(BodyExt::boxed))
        }
        _ => Ok(response.map(BodyExt::boxed)),
    }
}
