//! Tells failures to the error tracker of the deployment (docs/deploying.md, Errors).

use std::cell::Cell;

use crate::io::Io;
use crate::io::notice::Notice;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::sentry::budget::Budget;
use crate::sentry::dsn::Dsn;
use crate::sentry::event::{Failure, envelope};

/// Time in which the tracker has to answer, ms.
const TIMEOUT_MS: u32 = 5_000;

/// What is read of its answer, bytes.
const MAX_ANSWER: usize = 1_024;

const VERSION: &str = env!("CARGO_PKG_VERSION");

thread_local! {
    static BUDGET: Cell<Budget> = Cell::default();
}

/// Sends a failure, unless this isolate has told enough of them in this minute. It fails silently but for a line of the log: nothing depends on it.
pub async fn tell(io: &impl Io, dsn: &Dsn, failure: &Failure) {
    let mut budget = BUDGET.get();
    let untold = budget.spend(io.now());
    BUDGET.set(budget);
    let (Some(untold), Ok(id)) = (untold, io.id()) else { return };
    let body = envelope(failure, id, untold, VERSION, io.now());
    let headers = dsn.headers(VERSION);
    let notice = Notice { url: dsn.endpoint(), headers: &headers, body: &body, timeout_ms: TIMEOUT_MS, max_answer: MAX_ANSWER, kept: 0 };
    let refused = match io.post(&notice).await {
        Ok(answered) if answered.status < 300 => return,
        Ok(answered) => answered.status,
        Err(_) => 0,
    };
    log::event(LogLevel::Warn, "failure not told", serde_json::json!({ "status": refused }));
}

/// The failure of a job.
pub fn of_job(what: String, problem: &Problem, trace: Option<crate::base::trace_context::TraceContext>) -> Failure {
    Failure { what, code: problem.kind().code, status: None, method: None, request_id: None, trace }
}
