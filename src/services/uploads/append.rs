//! Appends a request's body to an upload by offset (docs/resumable.md): the body is cut at the boundaries of the plan, each cut is hashed by the platform, stored as
//! a part that is signed with that hash, and recorded; what does not fill a part is parked as a fragment.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

use crate::auth::upload_token::UploadClaims;
use crate::base::id::Id;
use crate::base::memory_budget::Pool;
use crate::base::sha256::Sha256Hex;
use crate::chunking::{MAX_APPENDED_CHUNK, part_len};
use crate::clients::store::BUFFERED_PART_MS;
use crate::clients::{database, shards, store};
use crate::io::Io;
use crate::io::answer::Answer;
use crate::problem::{OriginFailure, Problem};
use crate::resumable::MAX_CHECKED;
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::error::StoreError;
use crate::s3::etag::unquote;
use crate::s3::operations::{put_object, upload_part};
use crate::services::request::{Request, lost};
use crate::services::send_body::{self, Outgoing};
use crate::services::uploads::{fragments, part_refused, recover, upload_gone};
use crate::uploads::part::Admitted;
use crate::uploads::repository;
use crate::uploads::session::appending::{Fragment, MAX_FRAGMENTS, fragment_key};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::progress::{Change, Progress};
use crate::uploads::session::state::{Evidence, Part, Status};

/// Longest time for which a cut is collected, ms: what a slower client has sent by then is parked, and its memory given back.
pub const CUT_MS: u64 = 30_000;

/// How often the lease is renewed while bytes come or go, ms.
const RENEW_MS: u64 = 3_000;

/// The longest time for which a cut that has come is held, ms: fetching fragments and all attempts at the store.
const STORING_MS: u64 = 300_000;

/// How a piece of a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// There may be more.
    More,
    /// The body has ended.
    Whole,
    /// The connection broke off, or nothing came for long.
    Broken,
}

/// Bytes of a body.
pub struct Piece<B> {
    /// Room for what precedes the bytes, then the bytes.
    pub buffer: B,
    /// How many came.
    pub bytes: u64,
    /// See [`End`].
    pub end: End,
}

/// A request's body, which stays outside of WebAssembly.
// One thread: nothing here is Send.
#[allow(async_fn_in_trait)]
pub trait Source<B> {
    /// The next bytes, at most `most`, behind `lead` bytes of room; fewer if the body ends, breaks off, or [`CUT_MS`] are over.
    async fn next(&mut self, lead: u64, most: u64) -> Result<Piece<B>, Problem>;
    /// Counts the bytes that have come.
    fn arrived(&self) -> Rc<Cell<u64>>;
    /// The bytes behind the room.
    fn behind(&self, buffer: &B, lead: u64) -> Result<B, Problem>;
    /// Fills room in a buffer, from byte `at` on.
    fn fill(&self, buffer: &B, at: u64, bytes: &B) -> Result<(), Problem>;
    /// The problem of a body that does not have the checksum it should have, once it was read.
    async fn mismatch(&mut self) -> Option<Problem>;
    /// Whether it should have one.
    fn is_checked(&self) -> bool;
}

/// Where to append.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// The request's offset, bytes.
    pub offset: u64,
    /// Whether it ends an append that is running.
    pub takes_over: bool,
    /// Whether the upload ends with this body: one whose length is not known has that of its end.
    pub is_last: bool,
}

/// What an append has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The upload's offset, bytes.
    pub offset: u64,
    /// The upload's length, bytes; `None` while it is not known.
    pub length: Option<u64>,
    /// Whether it is a partial upload, which becomes no file by itself.
    pub is_partial: bool,
}

/// An append that is running.
struct Append<'a, I: Io, S, E> {
    call: &'a Request<I>,
    claims: &'a UploadClaims,
    lease: Id,
    source: S,
    edge: E,
    /// The fragments in front of the next byte.
    parked: Vec<Fragment>,
    /// What belongs to a body that has to be checked first.
    held: Vec<Change>,
    offset: u64,
    /// The upload's length, or the most that it may have, bytes.
    size: u64,
    is_deferred: bool,
    is_last: bool,
}

/// Appends the body. A problem does not undo what was recorded before it, unless the body has a checksum.
///
/// # Errors
/// 403, 404, 408, 409, 410, 413, 423, 460, 503; the store's.
pub async fn append<I: Io, S: Source<I::Buffer>>(
    call: &Request<I>,
    claims: &UploadClaims,
    at: At,
    source: S,
    edge: impl AsyncFn(u64, u64, Option<&StoreError>) -> String,
) -> Result<Appended, Problem> {
    if claims.chunk_size > MAX_APPENDED_CHUNK {
        return Err(Problem::NotAppendable);
    }
    let lease = call.id()?;
    let begin = Message::BeginAppend { lease, offset: at.offset, takes_over: at.takes_over };
    let (meta, offset) = match tell(call, claims, &begin).await? {
        SessionReply::At { meta, offset, .. } => (meta, offset),
        _ => return Err(Problem::Internal),
    };
    let appending = meta.appending.clone().unwrap_or_default();
    if appending.is_final() {
        return Err(Problem::FinalUpload);
    }
    if offset != at.offset {
        return Err(Problem::WrongOffset { expected: offset, provided: at.offset });
    }
    let (is_deferred, is_partial) = (appending.deferred, appending.is_partial());
    if meta.status == Status::Complete || (offset >= meta.file_size && !is_deferred && appending.parked.is_empty()) {
        // Nothing is left to append; an empty body is what a client sends to see the upload completed.
        return Ok(Appended { offset, length: Some(meta.file_size), is_partial });
    }
    if appending.lease.is_none_or(|held| held.id != lease) {
        return Err(Problem::UploadLocked);
    }
    let mut append = Append {
        call,
        claims,
        lease,
        source,
        edge,
        parked: appending.parked,
        held: Vec::new(),
        offset,
        size: meta.file_size,
        is_deferred,
        is_last: at.is_last,
    };
    let outcome = append.run().await;
    // The lease goes whatever became of the body; what this does not reach, its end in time does.
    let deleted = fragments::delete(&call.io, &call.config, &claims.key, &appending.stale).await;
    let progress = Progress { deleted, ends: true, ..Progress::default() };
    let _ = recover::send_or_recover(&call.io, &call.config, claims.account, claims.session, &Message::Append { lease, progress }).await;
    outcome.map(|()| Appended { offset: append.offset, length: (!append.is_deferred).then_some(append.size), is_partial })
}

/// Sets the length of an upload that began without one: the session's, then that of its row.
///
/// # Errors
/// 400 for another length than it has, for one under its offset and for one over the most that it may have; as [`tell`].
pub async fn set_length(call: &Request<impl Io>, claims: &UploadClaims, length: u64) -> Result<(), Problem> {
    let message = Message::SetLength { length };
    let reply = recover::send_or_recover(&call.io, &call.config, claims.account, claims.session, &message).await?;
    match refused(call, claims, reply).await? {
        SessionReply::NotInPlan => Err(Problem::InconsistentLength),
        _ if claims.file_size == length => Ok(()),
        _ => {
            let db = shards::of_account(&call.io, claims.account).await?;
            database::batch(&db, &[repository::set_length(claims.session, length)]).await
        }
    }
}

/// Sends a message to the upload's session.
///
/// # Errors
/// 403, 404, 410, 423.
pub async fn tell(call: &Request<impl Io>, claims: &UploadClaims, message: &Message) -> Result<SessionReply, Problem> {
    let reply = recover::send_or_recover(&call.io, &call.config, claims.account, claims.session, message).await?;
    match refused(call, claims, reply).await? {
        SessionReply::NotInPlan => Err(Problem::UploadLocked),
        reply => Ok(reply),
    }
}

/// The reply, if it is none that refuses.
async fn refused(call: &Request<impl Io>, claims: &UploadClaims, reply: SessionReply) -> Result<SessionReply, Problem> {
    match reply {
        SessionReply::Busy => Err(Problem::UploadLocked),
        SessionReply::Suspended => Err(Problem::Suspended),
        SessionReply::Closed { status: Status::Completing } => Err(Problem::UploadLocked),
        SessionReply::Closed { status } => Err(Problem::UploadClosed { status: status.as_str() }),
        SessionReply::Unknown => Err(upload_gone::closed_without_record(call, claims).await),
        reply => Ok(reply),
    }
}

impl<I: Io, S: Source<I::Buffer>, E: AsyncFn(u64, u64, Option<&StoreError>) -> String> Append<'_, I, S, E> {
    async fn run(&mut self) -> Result<(), Problem> {
        let began = self.offset;
        while self.offset < self.size {
            let end = self.step().await?;
            if self.source.is_checked() && self.offset.saturating_sub(began) > MAX_CHECKED {
                return Err(Problem::BodyTooLarge { limit: MAX_CHECKED, hint: "Send at most 64 MiB with a checksum." });
            }
            match end {
                End::More => {}
                End::Whole => return self.finish().await,
                End::Broken => return Err(lost()),
            }
        }
        // One byte more than the upload has room for is too much.
        let rest = self.source.next(0, 1).await?;
        if rest.bytes > 0 {
            return Err(Problem::BodyTooLarge { limit: self.size, hint: "The body goes beyond the upload's length." });
        }
        self.finish().await
    }

    /// Records what was held until the body was checked.
    async fn finish(&mut self) -> Result<(), Problem> {
        if let Some(problem) = self.source.mismatch().await {
            return Err(problem);
        }
        let changes = std::mem::take(&mut self.held);
        if !changes.is_empty() {
            self.progress(Progress { changes, ..Progress::default() }).await?;
        }
        if self.is_deferred && self.is_last && self.offset > 0 {
            set_length(self.call, self.claims, self.offset).await?;
            (self.size, self.is_deferred) = (self.offset, false);
        }
        if self.is_deferred || self.offset < self.size || self.parked.is_empty() {
            return Ok(());
        }
        // The last part of an upload whose length was told after its bytes.
        let (number, size) = self.part()?;
        let lead = self.parked.iter().map(|fragment| fragment.size).sum();
        let _permit = self.call.reserve(Pool::Bodies, size.saturating_add(lead), size, STORING_MS).await?;
        let buffer = self.source.next(lead, 0).await?.buffer;
        let (call, claims, lease, started) = (self.call, self.claims, self.lease, self.call.now());
        let part = alive(call, claims, lease, always(), Box::pin(self.store_part(number, size, buffer, started))).await??;
        self.progress(Progress { changes: vec![part], ..Progress::default() }).await
    }

    /// Number and size of the part that the fragments and the next byte belong to, bytes.
    fn part(&self) -> Result<(u16, u64), Problem> {
        let chunk = self.claims.chunk_size.max(1);
        let parked: u64 = self.parked.iter().map(|fragment| fragment.size).sum();
        let number = u16::try_from(self.offset.saturating_sub(parked) / chunk + 1).map_err(|_| Problem::Internal)?;
        let size = part_len(self.size, chunk, u32::from(number)).ok_or(Problem::Internal)?;
        Ok((number, size))
    }

    /// Stores the next cut, or what came of it.
    async fn step(&mut self) -> Result<End, Problem> {
        let (number, whole) = self.part()?;
        let lead = self.offset % self.claims.chunk_size.max(1);
        let most = whole.saturating_sub(lead);
        // The fragments, while they are copied to their place, are a second time in memory.
        let permit = self.call.reserve(Pool::Bodies, whole.saturating_add(lead), most, CUT_MS.saturating_add(STORING_MS)).await?;
        let started = self.call.now();
        let arrived = self.source.arrived();
        let (call, claims, lease) = (self.call, self.claims, self.lease);
        let piece = alive(call, claims, lease, || arrived.get(), self.source.next(lead, most)).await??;
        if piece.bytes == 0 {
            return Ok(piece.end);
        }
        // What came of a body with a checksum that breaks off can not be checked.
        if piece.end == End::Broken && self.source.is_checked() {
            return Ok(piece.end);
        }
        let end = piece.end;
        let bytes = piece.bytes;
        let storing: std::pin::Pin<Box<dyn Future<Output = Result<Change, Problem>> + '_>> = if bytes == most {
            Box::pin(self.store_part(number, whole, piece.buffer, started))
        } else {
            Box::pin(self.park(number, bytes, lead, piece.buffer))
        };
        let change = alive(call, claims, lease, always(), storing).await??;
        drop(permit);
        self.offset = self.offset.saturating_add(bytes);
        match &change {
            Change::Part(_) => self.parked.clear(),
            Change::Park { fragment, joined, .. } => {
                if *joined {
                    self.parked.clear();
                }
                self.parked.push(fragment.clone());
            }
        }
        if self.source.is_checked() {
            self.held.push(change);
        } else {
            self.progress(Progress { changes: vec![change], ..Progress::default() }).await?;
        }
        Ok(end)
    }

    async fn progress(&self, progress: Progress) -> Result<(), Problem> {
        let message = Message::Append { lease: self.lease, progress };
        tell(self.call, self.claims, &message).await.map(|_| ())
    }

    /// Puts the fragments in front of the bytes.
    async fn join(&self, buffer: &I::Buffer) -> Result<(), Problem> {
        let mut at = 0;
        for fragment in &self.parked {
            let key = fragment_key(&self.claims.key, fragment.id);
            let read = async {
                let answer = store::get(&self.call.io, &self.call.config, &key, fragment.size, None, None).await?;
                self.call.buffer_of(&answer, fragment.size, BUFFERED_PART_MS).await
            };
            let bytes = read.await.map_err(|error| store::problem("GetObject of a fragment", &error))?;
            if self.call.sha256(&bytes).await.as_deref() != Some(fragment.sha256.as_str()) {
                return Err(Problem::Origin(OriginFailure::Unexpected("Fragment".to_owned())));
            }
            self.source.fill(buffer, at, &bytes)?;
            at = at.saturating_add(fragment.size);
        }
        Ok(())
    }

    async fn hash(&self, buffer: &I::Buffer) -> Result<Sha256Hex, Problem> {
        self.call.sha256(buffer).await.and_then(|hash| Sha256Hex::parse(&hash)).ok_or(Problem::Internal)
    }

    async fn store_part(&self, number: u16, size: u64, buffer: I::Buffer, started: crate::base::time::EpochMs) -> Result<Change, Problem> {
        self.join(&buffer).await?;
        let sha256 = self.hash(&buffer).await?;
        let admitted = Admitted { part_number: number, size, sha256: Some(sha256) };
        let action = upload_part::upload_part(&self.claims.key, &self.claims.upload_id, number, admitted.payload());
        let sending = self.call.now();
        let answer = send_body::send_any(self.call, &action, Outgoing::Buffer(buffer), size, admitted.sha256.as_ref()).await?;
        self.call.span("origin", sending);
        let ms = self.call.now().since(sending);
        let edge = (self.edge)(size, ms, answer.as_ref().err().map(|refused| &refused.error)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(refused) => return Err(part_refused::part_refused(self.call, self.claims, &admitted, &refused).await),
        };
        let etag = answer.header("etag");
        answer.discard();
        let etag = etag.ok_or_else(|| Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())))?;
        let at = self.call.now();
        let took_ms = Some(at.since(started));
        Ok(Change::Part(Part { number, etag: unquote(&etag).to_owned(), size, sha256: admitted.sha256, edge, at, evidence: Evidence::Seen, took_ms }))
    }

    /// Parks the bytes; with all earlier fragments if there are many.
    async fn park(&self, part: u16, bytes: u64, lead: u64, buffer: I::Buffer) -> Result<Change, Problem> {
        let joined = self.parked.len() >= MAX_FRAGMENTS;
        let (size, buffer) = if joined {
            self.join(&buffer).await?;
            (bytes.saturating_add(lead), buffer)
        } else {
            (bytes, self.source.behind(&buffer, lead)?)
        };
        let sha256 = self.hash(&buffer).await?;
        let id = self.call.id()?;
        self.progress(Progress { announced: Some(id), ..Progress::default() }).await?;
        let headers = ObjectHeaders { content_type: "application/octet-stream", content_disposition: "attachment" };
        let action = put_object::put_object(&fragment_key(&self.claims.key, id), headers, Payload::Sha256(sha256.clone()));
        let sent = send_body::send_any(self.call, &action, Outgoing::Buffer(buffer), size, Some(&sha256)).await?;
        sent.map_err(|refused| store::problem("PutObject of a fragment", &refused.error))?.discard();
        Ok(Change::Park { fragment: Fragment { id, size, sha256 }, part, joined })
    }
}

/// Does `work`, and renews the lease meanwhile as long as `life` changes.
///
/// # Errors
/// [`Problem::UploadLocked`] once another request has taken the upload over.
async fn alive<T>(
    call: &Request<impl Io>,
    claims: &UploadClaims,
    lease: Id,
    life: impl Fn() -> u64,
    work: impl Future<Output = T>,
) -> Result<T, Problem> {
    let mut work = pin!(work);
    let mut last = life();
    loop {
        let pause = pin!(call.sleep(RENEW_MS));
        match select(work.as_mut(), pause).await {
            Either::Left((done, _)) => return Ok(done),
            Either::Right(_) => {}
        }
        let now = life();
        if now != last {
            last = now;
            tell(call, claims, &Message::Append { lease, progress: Progress::default() }).await?;
        }
    }
}

/// Storing is a sign of life by itself.
fn always() -> impl Fn() -> u64 {
    let ticks = Cell::new(0);
    move || {
        ticks.set(ticks.get() + 1);
        ticks.get()
    }
}
