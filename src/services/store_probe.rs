//! Stores an object, reads it and deletes it, to see whether the store does what this service needs (docs/api.md, `GET /api/health`).

use std::rc::Rc;

use crate::base::sha256::Sha256Hex;
use crate::clients::store;
use crate::config::Config;
use crate::health::part::Tried;
use crate::health::store_probe::{AGAIN_MS, BYTES, NOT_TRIED, OTHER_BYTES, is_gone, may_be_left};
use crate::http::content_disposition;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::io::{BodyOf, Io};
use crate::problem::Problem;
use crate::s3::action::{Action, ObjectHeaders, Payload};
use crate::s3::error::StoreError;
use crate::s3::operations::{delete_object, get_object, put_object};
use crate::services::uploads::store_facts;

/// The outcome of each step, in which the store may take `limit_ms`. The object is deleted whatever became of the steps before; where it may be there all the same,
/// once more some seconds later, and in any case by the next check, since it always has the same key.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn run<I: Io>(io: &I, config: &Rc<Config>, limit_ms: u32) -> Result<[Tried; 3], Problem> {
    let key = store_facts::health_key()?;
    let (mut put_ms, mut stored) = timed(io, put(io, config, &key, limit_ms)).await;
    let mut read = None;
    if stored.is_ok() {
        let mut got = timed(io, get(io, config, &key, limit_ms)).await;
        if is_gone(&got.1) {
            (put_ms, stored) = timed(io, put(io, config, &key, limit_ms)).await;
            got = timed(io, get(io, config, &key, limit_ms)).await;
        }
        read = Some(got);
    }
    let (delete_ms, deleted) = timed(io, delete(io, config, &key, limit_ms)).await;
    if may_be_left(&stored, &deleted) {
        let (held, config) = (io.clone(), Rc::clone(config));
        io.afterwards(async move {
            held.sleep(AGAIN_MS).await;
            // What fails now is left to the next check.
            let _ = delete(&held, &config, &key, limit_ms).await;
        });
    }
    let (get_ms, read) = match read {
        None => (0, Err(NOT_TRIED)),
        Some((ms, Ok(text))) => (ms, if text == BYTES { Ok(()) } else { Err(OTHER_BYTES) }),
        Some((ms, Err(error))) => (ms, Err(code("GetObject", &error))),
    };
    // An absent object is deleted, too: another check may have done it.
    let deleted = match deleted {
        Err(error) if error.code != "NoSuchKey" => Err(code("DeleteObject", &error)),
        _ => Ok(()),
    };
    Ok([
        Tried { name: "store_put", ms: put_ms, outcome: stored.map_err(|error| code("PutObject", &error)) },
        Tried { name: "store_get", ms: get_ms, outcome: read },
        Tried { name: "store_delete", ms: delete_ms, outcome: deleted },
    ])
}

/// The cause is in the log.
fn code(action: &'static str, error: &StoreError) -> &'static str {
    store::problem(action, error).kind().code
}

async fn timed<T>(io: &impl Io, work: impl Future<Output = T>) -> (u64, T) {
    let started = io.now();
    let done = work.await;
    (io.now().since(started), done)
}

async fn send<I: Io>(io: &I, config: &Config, action: &Action, body: BodyOf<I>, limit_ms: u32) -> Result<I::Answer, StoreError> {
    store::send_within(io, config, action, body, limit_ms).await
}

async fn put<I: Io>(io: &I, config: &Config, key: &str, limit_ms: u32) -> Result<(), StoreError> {
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("health") };
    let action = put_object::put_object(key, headers, Payload::Sha256(Sha256Hex::of(BYTES.as_bytes())));
    send(io, config, &action, Body::Text(BYTES.to_owned()), limit_ms).await.map(|answer| answer.discard())
}

async fn get<I: Io>(io: &I, config: &Config, key: &str, limit_ms: u32) -> Result<String, StoreError> {
    send(io, config, &get_object::get_object(key, None), Body::Empty, limit_ms).await?.text().await
}

async fn delete<I: Io>(io: &I, config: &Config, key: &str, limit_ms: u32) -> Result<(), StoreError> {
    send(io, config, &delete_object::delete_object(key), Body::Empty, limit_ms).await.map(|answer| answer.discard())
}
