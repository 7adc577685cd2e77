//! A whole file in one request: reserve, store, record.

use crate::accounts::account::Account;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::dedup::repository;
use crate::files::asset::Asset;
use crate::files::object_key::file_key;
use crate::files::repository::{Via, delete_asset, insert};
use crate::http::content_disposition;
use crate::jobs;
use crate::jobs::Job;
use crate::ledger::timing;
use crate::namespaces::namespace::Namespace;
use crate::problem::{OriginFailure, Problem};
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::etag::unquote;
use crate::s3::operations::put_object;
use crate::worker::clients::ledger;
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{bindings, clock, d1, enqueue, origin, random};
use crate::worker::services::dedup::verify;

/// What is to be stored.
pub struct Incoming {
    pub name: String,
    pub content_type: String,
    pub size: u64,
    pub sha256: Option<Sha256Hex>,
    pub body: Body,
}

/// Reserves, stores, settles; whatever fails in between is taken back.
pub async fn book(call: &Routed, account: &Account, namespace: &Namespace, incoming: Incoming) -> Result<Asset, Problem> {
    let (id, size) = (random::id()?, incoming.size);
    ledger::reserve(&call.env, account, id, size, clock::now().plus(timing::SIMPLE_GRACE_MS), None).await?;
    let stored = store(call, account, namespace, id, incoming).await;
    // What fails of these two, the ledger finds out by itself.
    match stored {
        Ok(asset) => {
            let _ = ledger::settle(&call.env, account.id, id, asset.object_id, size).await;
            if asset.claimed_sha256.is_some() {
                verify::enqueue(&call.env, asset.object_id).await;
            }
            Ok(asset)
        }
        Err(Failed::Cleanly(problem)) => {
            let _ = ledger::release(&call.env, account.id, id).await;
            Err(problem)
        }
        Err(Failed::Unclearly(problem)) => {
            let _ = ledger::doubt(&call.env, account.id, id).await;
            Err(problem)
        }
    }
}

/// How storing failed.
enum Failed {
    /// Nothing is left of it.
    Cleanly(Problem),
    /// The file may be there, or bytes that no file names: the ledger finds out.
    Unclearly(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Failed {
        Failed::Cleanly(problem)
    }
}

async fn store(call: &Routed, account: &Account, namespace: &Namespace, id: Id, incoming: Incoming) -> Result<Asset, Failed> {
    // Named by its asset: should this die before a row names it, the ledger still knows where it is.
    let object = id;
    let key = file_key(&account.agentcache_user_id, object);
    let headers = ObjectHeaders { content_type: &incoming.content_type, content_disposition: &content_disposition::for_store(&incoming.name) };
    let payload = incoming.sha256.clone().map_or(Payload::Unsigned, Payload::Sha256);
    let started = clock::now();
    let answer = origin::send(&call.config, &put_object::put_object(&key, headers, payload), incoming.body).await;
    call.span("origin", started);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let problem = origin::problem_of_bytes("PutObject", &error);
            // It may be there all the same, or yet come: then a job deletes it once more. A store that failed on its own may have failed after it wrote.
            if error.outcome_unknown() || error.status == 500 {
                let orphan = Job::Orphan { account: account.id, object };
                return Err(match enqueue::enqueue_later(&call.env, &orphan, jobs::LATE_SECONDS).await {
                    Ok(()) => cleaned_up(call, &key, problem).await,
                    Err(_) => Failed::Unclearly(problem),
                });
            }
            return Err(Failed::Cleanly(problem));
        }
    };
    let etag = answer.header("etag");
    answer.discard();
    let Some(etag) = etag else {
        return Err(cleaned_up(call, &key, Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned()))).await);
    };
    let asset = Asset {
        id,
        account_id: account.id,
        object_id: object,
        name: incoming.name,
        content_type: incoming.content_type,
        namespace: namespace.name.clone(),
        s3_key: key,
        size: incoming.size,
        etag: unquote(&etag).to_owned(),
        verification: if incoming.sha256.is_some() { "pending" } else { "none" }.to_owned(),
        claimed_sha256: incoming.sha256.map(String::from),
        sha256: None,
        created_at: clock::now(),
        owner_status: "active".to_owned(),
        borrowed: false,
    };
    let db = bindings::db(&call.env)?;
    if let Err(problem) = d1::batch(&db, &insert(&asset, Via::Simple, None)).await {
        if d1::batch(&db, &delete_asset(asset.id, account.id, clock::now())).await.is_err() {
            return Err(Failed::Unclearly(problem));
        }
        // Bytes that have a row are the collector's; those that never got one, nobody's.
        return Err(match d1::first::<serde_json::Value>(&db, &repository::object(object)).await {
            Ok(Some(_)) => Failed::Cleanly(problem),
            Ok(None) => cleaned_up(call, &asset.s3_key, problem).await,
            Err(_) => Failed::Unclearly(problem),
        });
    }
    Ok(asset)
}

/// Deletes what was put and that nothing names. If that cannot be done now, the ledger has it done.
async fn cleaned_up(call: &Routed, key: &str, problem: Problem) -> Failed {
    match origin::delete(&call.config, key).await {
        Ok(()) => Failed::Cleanly(problem),
        Err(_) => Failed::Unclearly(problem),
    }
}
