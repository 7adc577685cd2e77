//! `GET /api/health`: what this deployment is, and with `?deep=1` (operator) how its parts are.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::health::part::{failing, view, works};
use crate::problem;
use crate::problem::Problem;
use crate::services::uploads::{bucket_owner, payload_hash_probe, presigned_hash_probe};
use crate::uploads::bucket_owner::shown;
use crate::worker::http::browser_session;
use crate::worker::http::call::Call;
use crate::worker::http::reply::Reply;
use crate::worker::platform::bindings;
use crate::worker::services::health;
use crate::worker::services::health::database;

/// Configuration only, unless it is asked for more.
pub async fn health(call: &Rc<Call>) -> Result<Reply, Problem> {
    match bindings::config(&call.io.env) {
        Err(Problem::Misconfigured { names }) => {
            let mut body = facts(call, "misconfigured", None).await;
            body.insert("names".to_owned(), json!(names));
            Reply::json(503, &body)
        }
        Err(problem) => Err(problem),
        Ok(_) if call.query("deep").as_deref() != Some("1") => {
            // null: not probed yet. `deep=1` and every completion run the probe.
            let known = (payload_hash_probe::known(&call.io).await, presigned_hash_probe::known(&call.io).await);
            Reply::json(200, &facts(call, "ok", Some(known)).await)
        }
        Ok(config) if call.is_operator(&config) || browser_session::is_operator(call, &config).await? => deep(call, &config).await,
        Ok(_) => Err(Problem::Unauthenticated(problem::AuthFailure::Missing)),
    }
}

async fn deep(call: &Call, config: &Rc<Config>) -> Result<Reply, Problem> {
    let found = health::look(call, config).await;
    let failing = failing(&found.parts);
    let well = failing.is_empty();
    // Anew, because what is known may be of another store. What no probe finds out now, an earlier one may have; a store that does not
    // store and delete is not asked.
    let probed = if works(&found.parts, "store_put") && works(&found.parts, "store_delete") {
        (payload_hash_probe::probe(&call.io, config).await, presigned_hash_probe::probe(&call.io, config).await)
    } else {
        (Ok(None), Ok(None))
    };
    let probed = match probed {
        (Ok(Some(enforced)), Ok(Some(bound))) => (Some(enforced), Some(bound)),
        (enforced, bound) => (
            enforced.ok().flatten().or(payload_hash_probe::known(&call.io).await),
            bound.ok().flatten().or(presigned_hash_probe::known(&call.io).await),
        ),
    };
    let mut body = facts(call, if well { "ok" } else { "degraded" }, Some(probed)).await;
    let more = [
        ("checks", json!({ "d1": works(&found.parts, "d1"), "origin": works(&found.parts, "store") })),
        ("parts", view(&found.parts)),
        ("failing", json!(failing)),
        ("missingMigrations", json!(found.missing_migrations)),
        ("clockSkewMs", json!(found.clock_skew_ms)),
    ];
    body.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Reply::json(if well { 200 } else { 503 }, &body)
}

/// What every answer says. `probed`: whether the store enforces payload hashes, and those of presigned URLs.
async fn facts(call: &Call, status: &str, probed: Option<(Option<bool>, Option<bool>)>) -> Map<String, Value> {
    let (enforced, bound) = probed.unwrap_or_default();
    let fields = [
        ("status", json!(status)),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("revision", json!(env!("JETTYSPEED_REVISION"))),
        ("schema", json!(database::schema())),
        ("colo", json!(call.geo().colo)),
        ("payloadHashEnforced", json!(enforced)),
        ("presignedHashBound", json!(bound)),
        ("bucketOwner", json!(shown(bucket_owner::known(&call.io).await))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
