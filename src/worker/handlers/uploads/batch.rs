//! `POST /api/storage/batch`: many small files in one request, as a tar archive. It is read entry by entry, and some files are stored while the next one is read.

use std::pin::Pin;
use std::rc::Rc;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use js_sys::Uint8Array;

use crate::accounts::account::Account;
use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::edges::edge::Work;
use crate::files::paths::path::Path;
use crate::files::paths::placement::{HEADERS, IfExists};
use crate::http::validate::check_namespace;
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services;
use crate::services::idempotency;
use crate::services::namespaces::of_upload;
use crate::services::send_body::Outgoing;
use crate::services::uploads::simple::{Incoming, STORING_MS, must_fit, store_file};
use crate::uploads::batch::archive::{Archive, Entry, Step};
use crate::uploads::batch::head::BLOCK;
use crate::uploads::batch::results::{FileResult, Results};
use crate::uploads::batch::{check_type, has_room, length};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::cut_body::CutBody;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::unicode::compose;
use crate::worker::services::edges::registry;

/// A file that has been stored, or not.
struct Stored {
    bytes: u64,
    result: FileResult,
}

/// The files that are being stored, and their bytes.
#[derive(Default)]
struct Storing {
    files: FuturesUnordered<Pin<Box<dyn Future<Output = Stored>>>>,
    bytes: u64,
}

/// Stores the files of the archive, and tells what became of each.
pub async fn upload(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    check_type(call.header("content-type").as_deref())?;
    let size = length(call.content_length().as_deref())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    let places = Places::of(call)?;
    registry::must_take(call, Work::New).await?;
    // The fingerprint of a streamed body (docs/api.md, Idempotency).
    let declared = call.header("content-digest").unwrap_or_default();
    let mut body = format!("{size}\n{declared}\n{}", wanted.as_ref().map_or("-", |name| name.as_str()));
    if let Some(places) = &places {
        body.push_str(&format!("\n{places:?}"));
    }
    let slot = call.slot(&account.id.to_string(), body.as_bytes())?;
    account.must_be_active()?;
    let held = call.clone();
    let work = async move {
        // What can be refused is refused before a byte is read; but not a repetition, for which there need be no room any more.
        must_fit(&held.service, &account, 0).await?;
        let namespace = of_upload::for_upload(&held.service, &account, wanted.as_ref()).await?;
        let batch = Batch { call: held, account, namespace: Rc::new(namespace), places, results: Results::default() };
        services::reply::Reply::json(200, &batch.store(size).await?)
    };
    idempotency::once(&call.service, slot, work).await.map(Reply::from)
}

struct Batch {
    call: Routed,
    account: Rc<Account>,
    namespace: Rc<Namespace>,
    places: Option<Places>,
    results: Results,
}

/// Where the files of an archive that has folders are to be.
#[derive(Debug)]
struct Places {
    /// What their paths begin with.
    prefix: String,
    if_exists: IfExists,
}

impl Places {
    /// What the header fields say; none: the files get no paths.
    fn of(call: &Routed) -> Result<Option<Places>, Problem> {
        let if_exists = IfExists::check(HEADERS.1, call.header(HEADERS.1).as_deref())?;
        let Some(encoded) = call.header("x-path-prefix") else { return Ok(None) };
        let prefix = percent_encoding::percent_decode_str(&encoded).decode_utf8();
        let prefix = prefix.map_err(|_| Problem::invalid("X-Path-Prefix", "must be percent-encoded UTF-8"))?.into_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            return Err(Problem::invalid("X-Path-Prefix", "must be empty or end with a slash"));
        }
        if let Some(folder) = prefix.strip_suffix('/') {
            Path::check("X-Path-Prefix", folder, compose)?;
        }
        Ok(Some(Places { prefix, if_exists }))
    }
}

impl Batch {
    async fn store(mut self, size: u64) -> Result<Results, Problem> {
        let mut body = CutBody::new(self.call.request.body(), size)?;
        let (mut archive, mut storing) = (Archive::default(), Storing::default());
        let stopped = loop {
            match self.step(&mut body, &mut archive, &mut storing).await {
                Ok(true) => {}
                Ok(false) => break None,
                Err(problem) => break Some(problem),
            }
        };
        while let Some(stored) = storing.files.next().await {
            self.note(&mut storing, stored);
        }
        body.drain().await;
        self.results.finish(stopped, &self.call.id)
    }

    /// Reads the next entry, and begins to store it if it is a file; false after the last one.
    async fn step(&mut self, body: &mut CutBody, archive: &mut Archive, storing: &mut Storing) -> Result<bool, Problem> {
        // An archive may end with its last entry; two blocks of zeros are usual.
        if body.left() < BLOCK {
            return Ok(false);
        }
        match archive.block(&body.text(BLOCK).await?)? {
            Step::End => return Ok(false),
            Step::Skip(bytes) => body.skip(bytes).await?,
            Step::Extend(bytes, padding) => {
                archive.extend(&body.text(bytes).await?)?;
                body.skip(padding).await?;
            }
            Step::Refuse(refused, bytes) => {
                self.results.push(FileResult::of(refused.index, refused.path, Err(refused.problem), &self.call.id));
                body.skip(bytes).await?;
            }
            Step::File(entry, padding) => {
                while !has_room(storing.files.len(), storing.bytes)
                    && let Some(stored) = storing.files.next().await
                {
                    self.note(storing, stored);
                }
                let incoming = self.incoming(body, &entry, padding).await.inspect_err(|problem| {
                    self.results.push(FileResult::of(entry.index, Some(entry.path.clone()), Err(problem.clone()), &self.call.id));
                })?;
                storing.bytes += entry.size;
                storing.files.push(self.begin(entry, incoming));
                // What was begun goes on by itself once it was polled.
                while let Some(Some(stored)) = storing.files.next().now_or_never() {
                    self.note(storing, stored);
                }
            }
        }
        Ok(true)
    }

    /// The bytes of a file, with the permit for them.
    async fn incoming(&self, body: &mut CutBody, entry: &Entry, padding: u64) -> Result<(Incoming<WorkerIo>, Option<MemoryPermit>), Problem> {
        let permit = if entry.size == 0 { None } else { Some(self.call.reserve(Pool::Bodies, entry.size, entry.size, STORING_MS).await?) };
        let outgoing = match entry.size {
            0 => Outgoing::Empty,
            size => Outgoing::Buffer(Uint8Array::new(&body.piece(size).await?).into()),
        };
        body.skip(padding).await?;
        let Entry { name, content_type, size, sha256, .. } = entry.clone();
        Ok((Incoming { name, content_type, size, placement: None, sha256, body: outgoing }, permit))
    }

    /// Stores a file, detached from the client's connection.
    fn begin(&self, entry: Entry, (incoming, permit): (Incoming<WorkerIo>, Option<MemoryPermit>)) -> Pin<Box<dyn Future<Output = Stored>>> {
        let placement = self.places.as_ref().map(|places| entry.placement(&places.prefix, places.if_exists, compose)).transpose();
        let (call, account, namespace) = (self.call.clone(), Rc::clone(&self.account), Rc::clone(&self.namespace));
        Box::pin(async move {
            let held = call.service.clone();
            let work = async move {
                let _permit = permit;
                account.may_upload_simply(incoming.size)?;
                store_file(&held, &account, &namespace, Incoming { placement: placement?, ..incoming }).await
            };
            let stored = call.io.detached(work).await.unwrap_or(Err(Problem::Internal));
            let result = FileResult::of(entry.index, Some(entry.path), stored.map(|asset| asset.view(&call.base)), &call.id);
            Stored { bytes: entry.size, result }
        })
    }

    /// Notes what became of a file.
    fn note(&mut self, storing: &mut Storing, stored: Stored) {
        storing.bytes = storing.bytes.saturating_sub(stored.bytes);
        self.results.push(stored.result);
    }
}
