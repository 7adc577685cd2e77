//! Steps of traces, made of the runtime's randomness (W3C Trace Context).

use worker::Request;

use crate::base::trace_context::TraceContext;
use crate::base::traced::traced;
use crate::log;
use crate::problem::Problem;
use crate::worker::platform::random;

/// The header field.
pub const TRACEPARENT: &str = "traceparent";

/// Origin of the URLs of objects, which no network sees.
const OBJECT: &str = "https://object/";

/// The URL of a request to a Durable Object that is this step of a trace. As a header field it would cost a part 0.1 ms in calls between WebAssembly and JavaScript.
pub fn url_of(step: TraceContext) -> String {
    format!("{OBJECT}{}", step.to_text())
}

/// The next step of the trace that something came with; a trace of its own for what came with none.
///
/// # Errors
/// Of the runtime's randomness.
pub fn step_of(came_with: Option<TraceContext>) -> Result<TraceContext, Problem> {
    TraceContext::step_of(came_with, random::bytes()?, random::bytes)
}

/// What a Durable Object does for a request, in the request's trace. `object`: its class.
pub async fn of_request<T>(request: &Request, object: &str, work: impl Future<Output = T>) -> T {
    let trace = request.inner().url().strip_prefix(OBJECT).and_then(TraceContext::parse);
    let logged = async {
        log::step("in object", object);
        work.await
    };
    traced(trace, logged).await
}

/// What nobody asks for, as an alarm and the daily run: in a trace of its own, which is that of its jobs and messages. Logs its beginning, which is billed as a
/// request.
pub async fn of_its_own<T>(kind: &str, what: &str, work: impl Future<Output = T>) -> T {
    let logged = async {
        log::step(kind, what);
        work.await
    };
    traced(step_of(None).ok(), logged).await
}
