//! The payload-hash probe: run once a day for all isolates.

use worker::Env;

use crate::base::sha256::Sha256Hex;
use crate::config::{Config, LogLevel};
use crate::http::content_disposition;
use crate::problem::Problem;
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::operations::put_object;
use crate::uploads::payload_hash_probe::verdict;
use crate::uploads::store_facts::Fact;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{log, origin};
use crate::worker::services::uploads::store_facts;

/// The stored result, without a request to the store.
pub async fn known(env: &Env) -> Option<bool> {
    store_facts::known(env, Fact::PayloadHashEnforced).await
}

/// The stored result; runs the probe if there is none. `None` if the probe was inconclusive.
pub async fn enforced(env: &Env, config: &Config) -> Option<bool> {
    match known(env).await {
        Some(fact) => Some(fact),
        None => probe(env, config).await.ok().flatten(),
    }
}

/// Runs the probe and stores its result.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn probe(env: &Env, config: &Config) -> Result<Option<bool>, Problem> {
    let key = store_facts::probe_key()?;
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("probe") };
    let action = put_object::put_object(&key, headers, Payload::Sha256(Sha256Hex::of(b"something else")));
    let outcome = origin::send(config, &action, Body::Text("probe".to_owned())).await.map(|answer| {
        answer.discard();
        answer.status
    });
    if outcome.is_ok() {
        let _ = origin::delete(config, &key).await;
    }
    let fact = verdict(&outcome);
    if let Some(enforced) = fact {
        if !enforced {
            log::event(LogLevel::Error, "store", serde_json::json!({ "error": "does not check x-amz-content-sha256" }));
        }
        store_facts::keep(env, Fact::PayloadHashEnforced, enforced).await?;
    }
    Ok(fact)
}
