//! The port: what services call, answered by the world.

use std::future::Future;

use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::memory_budget::MemoryPermit;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::geo::GeoHint;
use jettyspeed_edge::io::answer::Answer;
use jettyspeed_edge::io::body::{Body, Kept, Relayed, Whole};
use jettyspeed_edge::io::notice::{Answered, Notice};
use jettyspeed_edge::io::object::{Kind, Undelivered};
use jettyspeed_edge::io::stale::Stale;
use jettyspeed_edge::io::{Io, Sending};
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::s3::action::Action;
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::s3::request::Store as Bucket;

use crate::chance::child;
use crate::content::Content;
use crate::database::SimDb;
use crate::fault::{Fault, Port, Verb};
use crate::scheduler::Begun;
use crate::store::{Incoming, Reply, Signed};
use crate::task::{Pause, Role};
use crate::world::{BEGIN, Event, Sim};

/// Distributions of how long a call takes, ms: of ten thousand, how many take at most that long.
const PACES: [[(u32, u64); 4]; 3] = [
    [(7_000, 3), (9_000, 40), (9_900, 400), (10_000, 3_000)],
    [(3_000, 1), (9_000, 5), (9_990, 30), (10_000, 30_000)],
    [(5_000, 100), (9_000, 1_000), (9_900, 10_000), (10_000, 40_000)],
];

/// A body that a client sends.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its bytes.
    pub content: Content,
    /// Whether it breaks off.
    pub breaks: bool,
}

/// An answer of the store.
pub struct SimAnswer {
    reply: Reply,
    is_cut: bool,
}

impl SimAnswer {
    /// The body of an object, unless it breaks off.
    pub fn content(&self) -> Option<&Content> {
        (!self.is_cut).then_some(&self.reply.body)
    }
}

impl Answer for SimAnswer {
    fn status(&self) -> u16 {
        self.reply.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.reply.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    async fn text(&self) -> Result<String, StoreError> {
        if self.is_cut { Err(StoreError::unreachable("cut".to_owned())) } else { Ok(self.reply.text.clone()) }
    }

    async fn listing(&self) -> Result<String, StoreError> {
        self.text().await
    }

    fn discard(&self) {}
}

impl Sim {
    /// Stops the running task at a call of the port, until its turn comes. Returns what goes wrong, except what ends the task.
    pub async fn pass(&self, port: Port, what: impl FnOnce() -> String) -> Fault {
        let number = self.current();
        let (key, call, role, service) = {
            let mut tasks = self.tasks.borrow_mut();
            let task = &mut tasks[number];
            task.calls += 1;
            (task.key, task.calls, task.role, task.service)
        };
        let fault = self.faults.borrow_mut().draw(key, call, port, role);
        self.coverage.borrow_mut().call(service, port, fault);
        let ms = if self.is_quiet() { 1 } else { self.latency(key, call) };
        let stall = if let Fault::Stalls(seconds) = fault { u64::from(seconds) * 1000 } else { 0 };
        Pause::new(self, ms + stall).await;
        self.note(number, port, fault, what);
        match fault {
            Fault::DiesBefore => self.die().await,
            Fault::HangsUp => self.hang_up().await,
            fault => fault,
        }
    }

    /// Whether the store refuses everything.
    fn is_out(&self) -> bool {
        let since = self.time() - BEGIN;
        !self.is_quiet() && self.settings.outage.is_some_and(|(from, until)| (from..until).contains(&since))
    }

    fn latency(&self, key: u64, call: u32) -> u64 {
        let drawn = child(key ^ 0x7a7e, u64::from(call));
        let within = (drawn % 10_000) as u32;
        let most = PACES[self.settings.pace].iter().find(|(share, _)| within < *share).map_or(1, |(_, most)| *most);
        (drawn >> 32) % (most + 1)
    }

    fn serve(&self, action: &Action, body: &Incoming, signed: Signed, as_of: u64) -> Reply {
        let reply = self.store.borrow_mut().serve(action, body, signed, self.present(), EpochMs(as_of));
        if action.method == "DELETE" {
            if let Some((_, upload)) = action.query.iter().find(|(name, _)| name == "uploadId") {
                crate::check::sweep_spares(self, upload);
            }
            self.changed.set(true);
            crate::check::between_calls(self);
        }
        reply
    }

    async fn ask_store(&self, action: &Action, body: Incoming, sending: Sending) -> Result<SimAnswer, StoreError> {
        let verb = crate::fault::Verb::of(action);
        let signed = if sending.presigned_for.is_some() { Signed::InUrl } else { Signed::InHeaders };
        let fault = self.pass(Port::Store(verb), || described(action, &body)).await;
        let now = self.time();
        let none = || Err(StoreError::unreachable("reset".to_owned()));
        if self.is_out() {
            return refused(&Reply::refusal(503, "ServiceUnavailable"));
        }
        match fault {
            Fault::Before => return none(),
            Fault::Busy => return refused(&Reply::refusal(503, "SlowDown")),
            Fault::Failed => return refused(&Reply::refusal(500, "InternalError")),
            Fault::Gateway(status) => return refused(&Reply::text(status, "<html><body>gateway</body></html>".to_owned())),
            Fault::ErrorInside => return Ok(SimAnswer { reply: Reply { status: 200, ..Reply::refusal(200, "InternalError") }, is_cut: false }),
            Fault::Late(seconds) => {
                // The key of a video's file is written again: a deletion is done before its repetition, or not at all.
                let seconds =
                    if verb == Verb::Delete && action.key.as_ref().is_some_and(|key| key.contains("/v/")) { seconds.min(50) } else { seconds };
                let (action, number) = (action.clone(), self.current());
                self.later(u64::from(seconds) * 1000, move |sim| {
                    sim.note(number, Port::Store(verb), Fault::None, || format!("takes effect now: {}", described(&action, &body)));
                    sim.serve(&action, &body, signed, sim.time());
                });
                if seconds % 2 == 0 {
                    return none();
                }
                Pause::new(self, u64::from(sending.timeout_ms)).await;
                return Err(StoreError::timeout());
            }
            Fault::Assembles(seconds) => {
                let (number, upload) = (self.current(), action.query.iter().find(|(name, _)| name == "uploadId").map(|(_, id)| id.clone()));
                let upload = upload.unwrap_or_default();
                let assembled = self.store.borrow_mut().assemble_slowly(&upload, &body);
                self.later(u64::from(seconds) * 1000, move |sim| {
                    sim.note(number, Port::Store(verb), Fault::None, || format!("is assembled now: {upload}"));
                    if let Some((key, object)) = assembled {
                        sim.store.borrow_mut().finish_late(&upload, key, object);
                    }
                });
                return none();
            }
            Fault::Forgets => {
                if let Some((_, id)) = action.query.iter().find(|(name, _)| name == "uploadId") {
                    let mut store = self.store.borrow_mut();
                    store.uploads.remove(id);
                    store.has_forgotten = true;
                }
            }
            _ => {}
        }
        let as_of = if let Fault::Stale(seconds) = fault { now.saturating_sub(u64::from(seconds) * 1000) } else { now };
        let mut reply = self.serve(action, &body, signed, as_of);
        match fault {
            Fault::DiesAfter => self.die().await,
            Fault::Lost => return none(),
            Fault::FailedAfter => return refused(&Reply::refusal(500, "InternalError")),
            Fault::TimedOut => {
                Pause::new(self, u64::from(sending.timeout_ms)).await;
                return Err(StoreError::timeout());
            }
            Fault::NoETag => reply.headers.retain(|(name, _)| *name != "etag"),
            _ => {}
        }
        if reply.status >= 300 {
            return refused(&reply);
        }
        Ok(SimAnswer { reply, is_cut: fault == Fault::Cut })
    }
}

fn refused<T>(reply: &Reply) -> Result<T, StoreError> {
    Err(StoreError::read(reply.status, &reply.text))
}

fn described(action: &Action, body: &Incoming) -> String {
    let query: Vec<String> = action.query.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    let what = match body {
        Incoming::Bytes(content) if content.is_empty() => String::new(),
        Incoming::Bytes(content) => format!(" <- {}", content.text()),
        Incoming::Text(text) if text.len() < 60 => format!(" <- {text}"),
        Incoming::Text(_) => " <- a document".to_owned(),
    };
    format!("{} {}{what}", action.key.as_deref().unwrap_or("-"), query.join("&"))
}

impl Io for Sim {
    type Db = SimDb;
    type Answer = SimAnswer;
    type Stream = Stream;
    type Buffer = Content;

    fn now(&self) -> EpochMs {
        let skew = self.tasks.borrow().get(self.current()).map_or(0, |task| task.skew);
        EpochMs(self.time().saturating_add_signed(skew))
    }

    fn geo(&self) -> GeoHint {
        GeoHint::default()
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), Problem> {
        let mut tasks = self.tasks.borrow_mut();
        tasks[self.current()].rng.fill(buffer);
        Ok(())
    }

    async fn sleep(&self, ms: u64) {
        Pause::new(self, ms).await;
    }

    fn databases(&self) -> u8 {
        u8::try_from(self.databases.len()).unwrap_or(1)
    }

    fn db(&self, shard: Shard) -> Result<SimDb, Problem> {
        let number = usize::from(shard.number());
        if number < self.databases.len() { Ok(SimDb { sim: self.clone(), number, is_copy: false }) } else { Err(Problem::Internal) }
    }

    async fn call(&self, kind: Kind, name: &str, _near: Option<&str>, message: &str) -> Result<Option<String>, Undelivered> {
        // Nobody listens.
        if kind == Kind::Live {
            return Ok(None);
        }
        self.send(kind, name, message.to_owned()).await
    }

    async fn enqueue(&self, job: &Job, seconds: u64) -> Result<(), Problem> {
        self.send_job(job, seconds).await
    }

    async fn exchange(&self, _store: &Bucket, action: &Action, body: Body<Stream, Content>, sending: Sending) -> Result<SimAnswer, StoreError> {
        let body = match body {
            Body::Empty => Incoming::nothing(),
            Body::Text(text) => Incoming::Text(text),
            Body::Buffered(content) => Incoming::Bytes(content),
            Body::Client(stream, _) if stream.breaks => {
                self.pass(Port::Body, || "the client's body breaks off".to_owned()).await;
                return Err(StoreError::unreachable("the body broke off".to_owned()));
            }
            Body::Client(stream, _) => Incoming::Bytes(stream.content),
        };
        self.ask_store(action, body, sending).await
    }

    async fn relay(
        &self,
        _store: &Bucket,
        action: &Action,
        stream: Stream,
        _size: u64,
        permit: MemoryPermit,
        sending: Sending,
        is_final: impl Fn(&StoreError) -> bool,
    ) -> Result<Relayed<SimAnswer, Content>, Problem> {
        if stream.breaks {
            self.pass(Port::Body, || "the client's body breaks off".to_owned()).await;
            return Ok(Relayed::Lost);
        }
        let kept = Kept { buffer: stream.content.clone(), permit };
        match self.ask_store(action, Incoming::Bytes(stream.content), sending).await {
            Ok(answer) => Ok(Relayed::Answered(answer)),
            Err(error) if error == StoreError::timeout() => Ok(Relayed::Silent(kept)),
            Err(error) if is_final(&error) => Ok(Relayed::Refused(error, None)),
            // A client that has heard nothing may be too slow for its bytes to be kept.
            Err(error) => {
                let is_whole = !self.tasks.borrow()[self.current()].calls.is_multiple_of(5);
                Ok(Relayed::Refused(error, is_whole.then_some(kept)))
            }
        }
    }

    async fn read_whole(&self, stream: Stream, _size: u64) -> Result<Whole<Content>, Problem> {
        let fault = self.pass(Port::Body, || "a client's body".to_owned()).await;
        if stream.breaks {
            return Err(Problem::Malformed { detail: "The body did not arrive whole.".to_owned() });
        }
        Ok(if fault == Fault::Cut { Whole::Slow } else { Whole::Buffer(stream.content) })
    }

    fn copy_of(&self, buffer: &Content) -> Vec<u8> {
        buffer.bytes().unwrap_or_default()
    }

    fn length_of(&self, buffer: &Content) -> Option<u64> {
        Some(buffer.len())
    }

    async fn sha256(&self, buffer: &Content) -> Option<String> {
        Some(buffer.sha256().into())
    }

    async fn buffer_of(&self, answer: &SimAnswer, bytes: u64, _timeout_ms: u32) -> Result<Content, StoreError> {
        let fault = self.pass(Port::Body, || "into memory".to_owned()).await;
        match answer.content().filter(|content| fault != Fault::Cut && content.len() <= bytes) {
            Some(content) => Ok(content.clone()),
            None => Err(StoreError::unreachable("cut".to_owned())),
        }
    }

    async fn post(&self, notice: &Notice<'_>) -> Result<Answered, String> {
        crate::sink::post(self, notice).await
    }

    async fn hmac(&self, key: &[u8], buffers: &[Content], left_out: u32) -> Result<[u8; 32], Problem> {
        Ok(hmac(key, buffers, left_out))
    }

    async fn digest_of(&self, answer: &SimAnswer, size: u64) -> Option<String> {
        let fault = self.pass(Port::Body, || "to hash it".to_owned()).await;
        answer.content().filter(|content| fault != Fault::Cut && content.len() == size).map(|content| content.sha256().into())
    }

    async fn read_pieces(&self, answer: &SimAnswer, mut take: impl FnMut(&[u8]) -> bool) -> bool {
        let Some(bytes) = answer.reply.body.bytes() else {
            self.fail(|| "a large object is read through WebAssembly".to_owned());
            return false;
        };
        let fault = self.pass(Port::Body, || "piece by piece".to_owned()).await;
        let is_cut = answer.is_cut || fault == Fault::Cut;
        let end = if is_cut { bytes.len() / 2 } else { bytes.len() };
        for piece in bytes[..end].chunks(2) {
            if !take(piece) {
                return true;
            }
        }
        !is_cut
    }

    async fn forget(&self, what: Stale<'_>) {
        crate::operations::admission::forget(self, &what);
    }

    async fn detached<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T> {
        let begun = Begun::by(self, Role::Detached, "");
        let (_, result) = self.begin_with_result(begun, work);
        result.await
    }

    fn afterwards(&self, work: impl Future<Output = ()> + 'static) {
        let number = self.begin(Begun::by(self, Role::Detached, ""), work);
        self.at(self.time(), Event::Task(number));
    }

    fn span(&self, _name: &'static str, _since: EpochMs) {}
}

/// The HMAC that a client, too, computes over some ranges of a file.
pub fn hmac(key: &[u8], buffers: &[Content], left_out: u32) -> [u8; 32] {
    let mut all = Content::default();
    for buffer in buffers {
        all.extend(&buffer.slice(0, buffer.len().saturating_sub(u64::from(left_out))));
    }
    MacKey::new(key).sign(&[all.text().as_bytes()])
}
