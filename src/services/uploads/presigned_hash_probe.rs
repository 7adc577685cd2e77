//! The probe of presigned URLs: run once a day for all isolates, and before the first URL is issued.

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
use crate::uploads::presigned_hash_probe::{Next, after_other_bytes, after_right_bytes, after_without_hash};
use crate::uploads::store_facts::Fact;

/// Validity of the probe's URLs, s.
const SECONDS: u64 = 300;

const BYTES: &str = "probe";

/// The stored result, without a request to the store.
pub async fn known(io: &impl Io) -> Option<bool> {
    store_facts::known(io, Fact::PresignedHashBound).await
}

/// The stored result; runs the probe if there is none. `None` if the probe was inconclusive.
pub async fn bound(io: &impl Io, config: &Config) -> Option<bool> {
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
    let key = store_facts::probe_key(Fact::PresignedHashBound)?;
    let with_hash = || Payload::Sha256(Sha256Hex::of(BYTES.as_bytes()));
    let first = put(io, config, &key, with_hash(), BYTES).await;
    let fact = match after_right_bytes(&first) {
        Next::OtherBytes => after_other_bytes(&put(io, config, &key, with_hash(), "other").await),
        Next::WithoutHash => after_without_hash(&put(io, config, &key, Payload::Unsigned, BYTES).await),
        Next::Settled(fact) => fact,
    };
    // Most answers of a probe mean that something was stored; deleting nothing is no error.
    let _ = store::delete(io, config, &key).await;
    if let Some(bound) = fact {
        if !bound {
            log::event(LogLevel::Warn, "store", serde_json::json!({ "error": "does not bind presigned URLs to x-amz-content-sha256" }));
        }
        store_facts::keep(io, Fact::PresignedHashBound, bound).await?;
    }
    Ok(fact)
}

async fn put(io: &impl Io, config: &Config, key: &str, payload: Payload, bytes: &str) -> Result<u16, StoreError> {
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("probe") };
    let action = put_object::put_object(key, headers, payload);
    store::send_presigned(io, config, &action, SECONDS, Body::Text(bytes.to_owned())).await.map(|answer| {
        answer.discard();
        answer.status()
    })
}
