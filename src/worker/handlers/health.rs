//! `GET /api/health`.

use std::rc::Rc;

use serde_json::json;

use crate::base::shard::Shard;
use crate::base::sql::Statement;
use crate::problem;
use crate::problem::Problem;
use crate::s3::operations::list_multipart_uploads;
use crate::uploads::bucket_owner::shown;
use crate::worker::http::call::Call;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, d1, origin};
use crate::worker::services::uploads::{bucket_owner, payload_hash_probe, presigned_hash_probe};

/// Configuration only. `?deep=1` (operator) also queries D1 and the store.
pub async fn health(call: &Rc<Call>) -> Result<Reply, Problem> {
    // null: not probed yet. `deep=1` and every completion run the probe.
    let known = (payload_hash_probe::known(&call.env).await, presigned_hash_probe::known(&call.env).await);
    let bucket_owner = shown(bucket_owner::known(&call.env).await);
    let facts = |status: &str, (enforced, bound): (Option<bool>, Option<bool>)| {
        json!({
            "status": status,
            "version": env!("CARGO_PKG_VERSION"),
            "revision": env!("JETTYSPEED_REVISION"),
            "schema": env!("JETTYSPEED_SCHEMA").parse::<u32>().unwrap_or_default(),
            "payloadHashEnforced": enforced,
            "presignedHashBound": bound,
            "bucketOwner": bucket_owner,
        })
    };
    let config = match bindings::config(&call.env) {
        Ok(config) => config,
        Err(problem) => {
            let mut body = facts("misconfigured", (None, None));
            if let (Some(body), Problem::Misconfigured { names }) = (body.as_object_mut(), &problem) {
                body.insert("names".to_owned(), json!(names));
            }
            return Reply::json(503, &body);
        }
    };
    if call.query("deep").as_deref() != Some("1") {
        return Reply::json(200, &facts("ok", known));
    }
    if !call.is_operator(&config) {
        return Err(Problem::Unauthenticated(problem::AuthFailure::Missing));
    }
    let database = match bindings::db(&call.env, Shard::MAIN) {
        Ok(db) => d1::all::<serde_json::Value>(&db, &Statement { sql: "SELECT 1 AS one", args: vec![] }).await.is_ok(),
        Err(_) => false,
    };
    let store = match origin::send(&config, &list_multipart_uploads::list_multipart_uploads("users/", None), origin::Body::Empty).await {
        Ok(answer) => {
            answer.discard();
            true
        }
        Err(error) => {
            let _ = origin::problem("ListMultipartUploads", &error);
            false
        }
    };
    let well = database && store;
    let probed = (payload_hash_probe::enforced(&call.env, &config).await, presigned_hash_probe::bound(&call.env, &config).await);
    let mut body = facts(if well { "ok" } else { "degraded" }, probed);
    if let Some(body) = body.as_object_mut() {
        body.insert("checks".to_owned(), json!({ "d1": database, "origin": store }));
    }
    Reply::json(if well { 200 } else { 503 }, &body)
}
