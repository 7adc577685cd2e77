//! `POST /api/cache/chunk`: brings a slice of a file into this PoP's cache.

use std::rc::Rc;

use crate::access::authorize::ResourceKind;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::{ContentDescriptor, FileRow};
use crate::delivery::warming;
use crate::delivery::warming::{Wanted, Warmed};
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::worker::content::fill::Bytes;
use crate::worker::content::{fill, meter};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;

/// Reads the slice as a GET of it would, so that the account that owns the file pays what the store is asked for.
pub async fn warm(call: &Routed) -> Result<Reply, Problem> {
    let wanted: Wanted = call.json(MAX_BODY).await?;
    let namespace = wanted.check()?;
    call.account()?.must_be_active()?;
    let row: FileRow = call.service.find_owned(ResourceKind::Asset, &wanted.file_id).await?;
    let source = Rc::new(ContentDescriptor::from(row));
    if namespace.is_some_and(|named| named != source.namespace) {
        return Err(Problem::NotFound);
    }
    let slice = warming::slice(&source, wanted.chunk_index)?;
    if source.suspended {
        return Err(Problem::Suspended);
    }
    meter::may_send(call, source.account)?;
    let (cached, bytes, provider) = match slice {
        None => (false, 0, None),
        Some(slice) => {
            let got = fill::find_slice(call, &source, slice).await?;
            // What was not put into the cache, or put and not found there, has come from the store, or has yet to.
            let cached = got.origin != Origin::Passed && matches!(got.bytes, Bytes::Stream(_));
            got.discard();
            (cached, slice.span.bytes(), Some(warming::provider(got.origin)))
        }
    };
    Reply::json(200, &Warmed { cached, bytes, provider, latency_ms: clock::now().since(call.started) })
}
