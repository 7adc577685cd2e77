//! Copies stored chunks into an upload inside the store (UploadPartCopy).

use futures_util::stream::{self, StreamExt};

use crate::base::sha256::Sha256Hex;
use crate::chunking::Strategy;
use crate::clients::{session, store};
use crate::config::Config;
use crate::dedup::chunk::Stored;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::problem::Problem;
use crate::s3::operations::upload_part_copy;
use crate::services::request::Request;
use crate::uploads::copy_chunks::{COPIES_AT_ONCE, Copy, copies};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{COPIED, Evidence, Meta, Part};

/// Copies the parts whose chunks are among `stored`, and returns the recorded part numbers. A part that can not be copied is sent by the client.
pub async fn copy_known(call: &Request<impl Io>, meta: &Meta, strategy: Strategy, hashes: &[Sha256Hex], stored: Vec<Stored>) -> Vec<u16> {
    let copies = copies(meta.file_size, strategy, hashes, stored);
    if copies.is_empty() {
        return vec![];
    }
    let started = call.now();
    let done = stream::iter(copies).map(|copy| copy_part(call, meta, copy)).buffer_unordered(COPIES_AT_ONCE).filter_map(|done| async move { done });
    let done = done.collect().await;
    call.span("copy", started);
    done
}

async fn copy_part(call: &Request<impl Io>, meta: &Meta, copy: Copy) -> Option<u16> {
    let etag = copy_range(&call.io, &call.config, meta, copy.number, &copy.s3_key, copy.first, copy.last).await.ok()?;
    let part = Part {
        number: copy.number,
        etag,
        size: copy.size,
        sha256: Some(copy.sha256),
        edge: COPIED.to_owned(),
        at: call.now(),
        evidence: Evidence::Seen,
        took_ms: None,
    };
    let reply = session::send(&call.io, meta.session, &Message::Record { part, receipt: false }).await;
    matches!(reply, Ok(SessionReply::Done)).then_some(copy.number)
}

/// Copies bytes `first..=last` of the object `key` to a part: its ETag.
///
/// # Errors
/// The store's.
pub async fn copy_range(io: &impl Io, config: &Config, meta: &Meta, number: u16, key: &str, first: u64, last: u64) -> Result<String, Problem> {
    let source = format!("/{}/{key}", config.bucket);
    let action = upload_part_copy::upload_part_copy(&meta.key, &meta.upload_id, number, &source, first, last);
    let answer = match store::send(io, config, &action, Body::Empty).await {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    let body = answer.map_err(|error| store::problem("UploadPartCopy", &error))?;
    upload_part_copy::copied_part(&body).map_err(|error| store::problem("UploadPartCopy", &error))
}
