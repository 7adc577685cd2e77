//! Marks the bucket with this deployment's id, and finds out whether it bears another's (docs/deploying.md, "One bucket, one deployment").

use std::cell::Cell;

use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::{database, store};
use crate::config::Config;
use crate::http::content_disposition;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::s3::action::{Action, ObjectHeaders, Payload};
use crate::s3::operations::{get_object, put_object};
use crate::uploads::bucket_owner::{KEY, MAX_BYTES, Marking, marking};
use crate::uploads::store_facts;
use crate::uploads::store_facts::Deployment;

/// Lifetime of what is known in the isolate, ms.
const KEEP_MS: u64 = 30_000;

thread_local! {
    static KNOWN: Cell<Option<(EpochMs, Option<bool>)>> = const { Cell::new(None) };
}

/// Whether the bucket is this deployment's, as found out by the last sweep; `None` before the first.
pub async fn known(io: &impl Io) -> Option<bool> {
    let now = io.now();
    if let Some((at, owns)) = KNOWN.get()
        && now.since(at) < KEEP_MS
    {
        return owns;
    }
    let row = match io.db(Shard::MAIN) {
        Ok(db) => database::first::<Deployment>(&db, &store_facts::deployment()).await.ok().flatten(),
        Err(_) => None,
    };
    let owns = row.and_then(|row| row.owns_bucket());
    KNOWN.set(Some((now, owns)));
    owns
}

/// Looks whose the bucket is, and marks it if it is nobody's.
///
/// # Errors
/// Errors of the store and D1.
pub async fn check(io: &impl Io, config: &Config) -> Result<Marking, Problem> {
    let db = io.db(Shard::MAIN)?;
    database::batch(&db, &[store_facts::draw_deployment(io.id()?)]).await?;
    let own = database::first::<Deployment>(&db, &store_facts::deployment()).await?.ok_or(Problem::Internal)?;
    let content = content(io, config).await?;
    let now = io.now();
    let marking = marking(content.as_deref(), own.id, own.marked_at, now);
    match marking {
        Marking::Own | Marking::Anothers => {
            let owns = marking == Marking::Own;
            if !owns {
                log::event(
                    LogLevel::Error,
                    "bucket",
                    serde_json::json!({ "error": "is marked as another deployment's; it is not swept", "key": KEY }),
                );
            }
            database::batch(&db, &[store_facts::put_owns_bucket(owns, now)]).await?;
            KNOWN.set(Some((now, Some(owns))));
        }
        Marking::Write => {
            database::batch(&db, &[store_facts::put_marked(now)]).await?;
            write(io, config, own.id.to_string()).await?;
        }
        Marking::Leave => log::event(LogLevel::Error, "bucket", serde_json::json!({ "error": "does not show the object that marks it", "key": KEY })),
    }
    Ok(marking)
}

/// What the object holds; `None` only if the store says that there is none: a 404 without that code may come from a gateway.
async fn content(io: &impl Io, config: &Config) -> Result<Option<String>, Problem> {
    let refused = |error| store::problem("GetObject", &error);
    match store::send(io, config, &get_object::get_object(KEY, None), Body::Empty).await {
        Ok(answer) => {
            if answer.content_length().is_some_and(|bytes| bytes > MAX_BYTES) {
                answer.discard();
                // Not written by this service.
                return Ok(Some(String::new()));
            }
            answer.text().await.map(Some).map_err(refused)
        }
        Err(error) if error.code == "NoSuchKey" => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// Writes the id, if the store has no such object: conditionally, or without the condition at a store that refuses it. It is read back later.
async fn write(io: &impl Io, config: &Config, id: String) -> Result<(), Problem> {
    let headers = ObjectHeaders { content_type: "text/plain", content_disposition: &content_disposition::for_store("deployment") };
    let plain = put_object::put_object(KEY, headers, Payload::Unsigned);
    let mut conditional = Action { ..plain.clone() };
    conditional.plain_headers.push(("if-none-match", "*".to_owned()));
    let first = store::send(io, config, &conditional, Body::Text(id.clone())).await;
    let answer = match first {
        // Another deployment was first.
        Err(error) if matches!(error.status, 409 | 412) => return Ok(()),
        Err(error) if matches!(error.status, 400..=499 | 501) => store::send(io, config, &plain, Body::Text(id)).await,
        answer => answer,
    };
    answer.map(|answer| answer.discard()).map_err(|error| store::problem("PutObject", &error))
}
