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
    let etag = upload_part_copy(&call.io, &call.config, meta, &copy).await?;
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

async fn upload_part_copy(io: &impl Io, config: &Config, meta: &Meta, copy: &Copy) -> Option<String> {
    let source = format!("/{}/{}", config.bucket, copy.s3_key);
    let action = upload_part_copy::upload_part_copy(&meta.key, &meta.upload_id, copy.number, &source, copy.first, copy.last);
    let answer = match store::send(io, config, &action, Body::Empty).await {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    let body = answer.map_err(|error| store::problem("UploadPartCopy", &error)).ok()?;
    upload_part_copy::copied_part(&body).map_err(|error| store::problem("UploadPartCopy", &error)).ok()
}
