//! `GET /problems/{code}`: what the `type` of a problem points to.

use serde_json::json;

use crate::http::pages::prefers_html;
use crate::problem::{self, Problem};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Explains a problem code: HTML for browsers, JSON for programs.
///
/// # Errors
/// 404 for a code that no problem has.
pub fn explain(call: &Routed) -> Result<Reply, Problem> {
    let kind = call.params.get("code").and_then(problem::explain).ok_or(Problem::NotFound)?;
    let mut reply = if prefers_html(call.header("accept").as_deref()) {
        Reply::html(200, problem::page(kind))
    } else {
        Reply::json(200, &json!({ "code": kind.code, "status": kind.status, "title": kind.title, "description": kind.about }))?
    };
    reply.headers.push(("vary", "Accept".to_owned()));
    Ok(reply)
}
