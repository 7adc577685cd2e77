//! The payload-hash probe: run once a day for all isolates.

use crate::base::sha256::Sha256Hex;
use crate::clients::store;
use crate::config::Config;
use crate::http::content_disposition;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::error::StoreError;
use crate::s3::operations::put_object;
use crate::services::uploads::store_facts;
use crate::uploads::payload_hash_probe::verdict;
use crate::uploads::store_facts::Fact;

/// The stored result, without a request to the store.
pub async fn known(io: &impl Io) -> Option<bool> {
    store_facts::known(io, Fact::PayloadHashEnforced).await
}

/// The stored result; runs the probe if there is none. `None` if the probe was inconclusive.
pub async fn enforced(io: &impl Io, config: &Config) -> Option<bool> {
    match known(io).await {
        Some(fact) => Some(fact),
        None => probe(io, config).await.ok().flatten(),
    }
}

/// Runs the probe and stores its result.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn probe(io: &impl Io, config: &Config) -> Result<Option<bool>, Problem> {
    let key = store_facts::probe_key(Fact::PayloadHashEnforced)?;
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("probe") };
    let action = put_object::put_object(&key, headers, Payload::Sha256(Sha256Hex::of(b"something else")));
    let outcome = store::send(io, config, &action, Body::Text("probe".to_owned())).await.map(|answer| {
        answer.discard();
        answer.status()
    });
    // What was refused is not stored; everything else may be, now or later.
    if !outcome.as_ref().is_err_and(StoreError::is_hash_mismatch) {
        let _ = store::delete(io, config, &key).await;
    }
    let fact = verdict(&outcome);
    if let Some(enforced) = fact {
        if !enforced {
            log::event(LogLevel::Error, "store", serde_json::json!({ "error": "does not check x-amz-content-sha256" }));
        }
        store_facts::keep(io, Fact::PayloadHashEnforced, enforced).await?;
    }
    Ok(fact)
}
