//! The job `deliver_webhook`: sends an event to an endpoint, once at a time, and again until the endpoint has taken it.

use serde_json::json;

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::config::Config;
use crate::io::database::Database;
use crate::io::notice::{Answered, Notice};
use crate::io::{Io, MAX_DELAY_SECONDS};
use crate::jobs::Job;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::webhooks::delivery::{KEPT_ANSWER, Outgoing, beginning};
use crate::webhooks::repository::{self, Attempt};
use crate::webhooks::retry::{ANSWER_MS, MAX_ANSWER, Next, Outcome, next, outcome};
use crate::webhooks::secret::{self, Secret};
use crate::webhooks::{data, target};

/// Of how many deliveries that are over one has the endpoint's old ones deleted.
const TRIM_SHARE: u8 = 64;

/// Rows that it then deletes at most.
const TRIM_ROWS: u64 = 1_000;

/// Sends a delivery if it is due and no other attempt has it, and enqueues the next look at it.
///
/// # Errors
/// Of D1 and the queue; the job is repeated.
pub async fn deliver(io: &impl Io, config: &Config, namespace: &Name, delivery: Id) -> Result<(), Problem> {
    let db = shards::of_namespace(io, namespace).await?;
    let claim = io.id()?;
    let statements = [repository::claim(namespace, delivery, claim, io.now()), repository::outgoing(namespace, delivery)];
    let found: Option<Outgoing> = database::results(&db, &statements).await?.skip(1).first()?;
    // Deleted with its endpoint.
    let Some(found) = found else { return Ok(()) };
    let job = Job::DeliverWebhook { namespace: namespace.clone(), delivery };
    match next(found.standing(claim), io.now()) {
        Next::Nothing => return Ok(()),
        Next::Wait(seconds) => return io.enqueue(&job, seconds.min(MAX_DELAY_SECONDS)).await,
        Next::Send => {}
    }
    let answer = post(io, config, &found).await;
    let now = io.now();
    let attempt = attempted(&found, answer, now);
    database::batch(&db, &[repository::record(namespace, delivery, claim, &attempt)]).await?;
    if attempt.status == "pending" {
        return io.enqueue(&job, attempt.due_at.since(now).div_ceil(1_000).min(MAX_DELAY_SECONDS)).await;
    }
    trim_sometimes(io, &db, found.endpoint_id).await;
    Ok(())
}

/// Signs the event for its endpoint and posts it.
async fn post(io: &impl Io, config: &Config, found: &Outgoing) -> Result<Answered, String> {
    // The vars, or the rule, may have changed since the endpoint was added.
    target::check(&found.url, config.webhook_targets).map_err(|reason| format!("The URL {reason}."))?;
    let row = secret::row(found.endpoint_id);
    let open = |sealed: &str| config.vault.open(&row, sealed).and_then(|text| Secret::parse(&text));
    let Some(secrets) = found.sealed_secrets(io.now()).map(open).collect::<Option<Vec<Secret>>>() else {
        let _ = log::internal("vault", "a webhook's secret does not open: was CREDENTIAL_KEY changed?");
        return Err("The secret can not be read: set another one.".to_owned());
    };
    let body = data::signed(&found.body, &config.receipt_keys);
    let headers = secret::headers(&secrets, &found.message_id, io.now(), &body);
    io.post(&Notice { url: &found.url, headers: &headers, body: &body, timeout_ms: ANSWER_MS, max_answer: MAX_ANSWER, kept: KEPT_ANSWER }).await
}

/// What is recorded of an attempt.
fn attempted(found: &Outgoing, answer: Result<Answered, String>, now: EpochMs) -> Attempt {
    let (response_status, response, error) = match answer {
        Ok(answer) => (Some(answer.status), Some(beginning(&answer.text)), None),
        Err(error) => (None, None, Some(beginning(&error))),
    };
    let (status, due_at) = match outcome(found.attempts, response_status, now) {
        Outcome::Delivered => ("delivered", found.due_at),
        Outcome::Again(at) => ("pending", at),
        Outcome::Failed => ("failed", found.due_at),
    };
    log::event(
        if status == "delivered" { LogLevel::Debug } else { LogLevel::Info },
        "webhook",
        json!({ "endpoint": found.endpoint_id, "attempt": found.attempts, "status": status, "response": response_status }),
    );
    Attempt { status, due_at, response_status, response, error }
}

/// Deletes the oldest of an endpoint's deliveries that are over, now and then: what is kept of an endpoint is bounded, whatever happens in its namespace.
async fn trim_sometimes(io: &impl Io, db: &impl Database, endpoint: Id) {
    if io.random::<1>().is_ok_and(|[drawn]| drawn % TRIM_SHARE == 0) {
        // Another delivery does it if this fails.
        let _ = database::batch(db, &[repository::trim(endpoint, TRIM_ROWS)]).await;
    }
}
