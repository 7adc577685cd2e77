//! Has what this isolate and its PoP remember forgotten, after a change.

use std::pin::Pin;

use crate::io::stale::Stale;
use crate::video::pages::{group, state_name};
use crate::worker::content::video_source::known_as;
use crate::worker::content::{metadata_cache, meter};
use crate::worker::http::account_cache;
use crate::worker::platform::bindings;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::pop_cache::PopCache;

/// See [`crate::io::Io::forget`]. A job has forgotten it in the data centre only if the deployment tells its host.
pub fn forget<'a>(io: &'a WorkerIo, what: Stale<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move {
        let of_job = match &io.of_request {
            Some(_) => None,
            None => bindings::config(&io.env).ok().and_then(|config| PopCache::of_job(&config)),
        };
        let pop = io.of_request.as_ref().map(|request| &*request.cache).or(of_job.as_ref());
        match what {
            Stale::Account(account) => account_cache::evict(account),
            Stale::Accounts => account_cache::evict_all(),
            Stale::Limits(account) => meter::renew(io, account).await,
            Stale::File(namespace, asset) => metadata_cache::invalidate(pop, &metadata_cache::file(namespace, asset)).await,
            Stale::VideoFile(namespace, video, path) => {
                metadata_cache::invalidate(pop, &known_as(namespace, video, path)).await;
                metadata_cache::invalidate(pop, &state_name(namespace, video)).await;
            }
            Stale::Video(namespace, video) => metadata_cache::invalidate_group(pop, namespace, &group(namespace, video)).await,
            Stale::Namespace(namespace) => metadata_cache::invalidate_namespace(pop, namespace).await,
        }
    })
}
