//! The deep health check: tries each part of the deployment, all at once (docs/api.md, `GET /api/health`).

pub mod database;
mod parts;
mod store;

use std::rc::Rc;

use futures_util::future::join5;

use crate::config::Config;
use crate::health::part::Tried;
use crate::problem::Problem;
use crate::worker::http::call::Call;
use crate::worker::platform::clock;

/// How long a part may take, ms; each step of the probe of the store by itself.
const LIMIT_MS: u32 = 10_000;

/// What was found.
pub struct Findings {
    /// The parts.
    pub parts: Vec<Tried>,
    /// Migrations of this build that the database lacks; `None` if it does not tell.
    pub missing_migrations: Option<Vec<u32>>,
    /// How far the store's clock is ahead of this one, ms; `None` if it does not tell.
    pub clock_skew_ms: Option<i64>,
}

/// Tries everything.
pub async fn look(call: &Call, config: &Rc<Config>) -> Findings {
    let (d1, (migrations, missing_migrations), (store, clock_skew_ms), kept, mut parts) = join5(
        database::answers(call),
        database::migrations(call),
        store::answers(&call.io, config),
        store::keeps(&call.io, config),
        parts::all(call),
    )
    .await;
    parts.extend([d1, migrations, store]);
    parts.extend(kept);
    Findings { parts, missing_migrations, clock_skew_ms }
}

/// The outcome of `work` on the part of that name, and what it returned.
async fn tried<T>(name: &'static str, work: impl Future<Output = Result<T, &'static str>>) -> (Tried, Option<T>) {
    let started = clock::now();
    let outcome = clock::within(LIMIT_MS, work).await.unwrap_or(Err("timeout"));
    let ms = clock::now().since(started);
    match outcome {
        Ok(found) => (Tried { name, ms, outcome: Ok(()) }, Some(found)),
        Err(code) => (Tried { name, ms, outcome: Err(code) }, None),
    }
}

/// What the answer says of a problem, whose cause is in the log.
fn code(problem: &Problem) -> &'static str {
    problem.kind().code
}
