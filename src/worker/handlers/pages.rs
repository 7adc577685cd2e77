//! `GET /`, `GET /docs/{name}` and `GET /openapi.json`: for people who open the address in a browser, and for their tools.

use crate::http::pages;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// The start page.
pub fn start() -> Reply {
    Reply::html(200, pages::start(env!("CARGO_PKG_VERSION")))
}

/// A document of the repository.
///
/// # Errors
/// 404 for any other name.
pub fn document(call: &Routed) -> Result<Reply, Problem> {
    let text = call.params.get("name").and_then(pages::document).ok_or(Problem::NotFound)?;
    Ok(Reply::text(200, "text/markdown; charset=utf-8", text.to_owned()))
}

/// The API as OpenAPI.
pub fn openapi() -> Reply {
    Reply::text(200, "application/json", pages::OPENAPI.to_owned())
}
