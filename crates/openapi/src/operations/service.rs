//! The service itself: health, documents, problems.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::health::job_records::JobsView;
use serde_json::{Value, json};

use crate::operation::{Operation, Types};
use crate::schemas::{Health, ProblemKind};

const TAG: &str = "Service";

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    let health = json!({
        "status": "ok", "version": "0.1.0", "revision": "f49c84f", "schema": 18, "colo": "FRA", "payloadHashEnforced": true, "presignedHashBound": true,
        "bucketOwner": "this-deployment",
    });
    Some(match endpoint {
        Endpoint::Health => Operation::new(TAG, "Is this deployment in order?")
            .query("deep", false, "`1`: tries every part; for operators.", json!({ "type": "string" }))
            .answers::<Health>(types, 200, "It is.", health.clone())
            .answers::<Health>(types, 503, "It is not.", with(health, &[("status", json!("misconfigured")), ("names", json!(["LYVE_ENDPOINT"]))]))
            .fails(&["unauthenticated", "rate-limited"]),
        Endpoint::ExplainProblem => Operation::new(TAG, "What does this code mean?")
            .answers::<ProblemKind>(
                types,
                200,
                "The explanation; HTML for browsers.",
                json!({ "code": "not-found", "status": 404, "title": "Not found", "description": "There is no such thing, or it is not yours." }),
            )
            .or_media("text/html"),
        Endpoint::StartPage => Operation::new(TAG, "To the dashboard").answers_nothing(302, "See `Location`."),
        Endpoint::Documents => Operation::new(TAG, "The documents for callers").answers_media(200, "A page.", &["text/html"], &[]),
        Endpoint::Dashboard => Operation::new(TAG, "The dashboard, and its files")
            .header("If-None-Match", false, "RFC 9110 section 13.1.2.", json!({ "type": "string" }))
            .answers_media(200, "The page, or a file of it.", &["text/html", "text/javascript", "text/css", "image/svg+xml"], &["Cache-Control", "ETag"])
            .answers_media(304, "The client's version is the current one.", &[], &["Cache-Control", "ETag"]),
        Endpoint::Jobs => Operation::new(TAG, "Jobs that wait, fail, or failed too often").answers::<JobsView>(
            types,
            200,
            "What is known of them.",
            json!({
                "waiting": { "verification": 0, "collection": 1, "deliveries": 0, "deliveries_late_seconds": 0, "accounts_deleting": 0, "accounts_moving": 0 },
                "kinds": [{
                    "kind": "verify", "failed": 2, "dead": 0, "last_failed_at": "2026-11-28T03:17:00.000Z", "last_dead_at": null, "last_error": "origin-unreachable",
                }],
                "runs": [{ "name": "daily", "last_at": "2026-11-28T03:17:00.000Z" }],
            }),
        ),
        Endpoint::Document => asset("A document for callers", "The document.", "text/markdown"),
        Endpoint::OpenApi => asset("This document", "OpenAPI 3.1.", "application/json"),
        Endpoint::Metrics => Operation::new(TAG, "What an operator watches, as Prometheus reads it").answers_media(
            200,
            "Text exposition format.",
            &["text/plain"],
            &[],
        ),
        Endpoint::Live => Operation::new("Uploads", "What happens to an account, while it does")
            .query("agentcache_user_id", false, "The user; required of operators.", json!({ "type": "string" }))
            .answers_media(101, "A WebSocket, with `Upgrade: websocket`.", &[], &[])
            .answers_media(200, "A stream of events.", &["text/event-stream"], &[])
            .fails(&["not-found"]),
        _ => return None,
    })
}

fn with(mut value: Value, fields: &[(&str, Value)]) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    value
}

/// A static asset.
fn asset(summary: &'static str, about: &'static str, media_type: &'static str) -> Operation {
    Operation::new(TAG, summary)
        .header("If-None-Match", false, "RFC 9110 section 13.1.2.", json!({ "type": "string" }))
        .answers_media(200, about, &[media_type], &["Cache-Control", "ETag"])
        .answers_media(304, "The client's version is the current one.", &[], &["Cache-Control", "ETag"])
}
