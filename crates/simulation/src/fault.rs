//! What goes wrong at a call of the port, and how often.

use std::collections::BTreeSet;
use std::fmt;

use fastrand::Rng;
use jettyspeed_edge::io::object::Kind;
use jettyspeed_edge::s3::action::Action;

use crate::chance::{child, stream, weighted};
use crate::task::Role;

/// Requests to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Put,
    PutPart,
    CopyPart,
    Create,
    Complete,
    Abort,
    Delete,
    Get,
    Head,
    ListParts,
    ListUploads,
}

impl Verb {
    /// Of a request.
    pub fn of(action: &Action) -> Verb {
        let has = |name: &str| action.query.iter().any(|(key, _)| key == name);
        match (action.method, has("uploadId")) {
            ("PUT", true) if action.signed_headers.iter().any(|(name, _)| *name == "x-amz-copy-source") => Verb::CopyPart,
            ("PUT", true) => Verb::PutPart,
            ("PUT", false) => Verb::Put,
            ("POST", true) => Verb::Complete,
            ("POST", false) => Verb::Create,
            ("DELETE", true) => Verb::Abort,
            ("DELETE", false) => Verb::Delete,
            ("HEAD", _) => Verb::Head,
            (_, true) => Verb::ListParts,
            _ if action.key.is_none() => Verb::ListUploads,
            _ => Verb::Get,
        }
    }

    /// Whether it changes the store.
    pub fn changes(self) -> bool {
        !matches!(self, Verb::Get | Verb::Head | Verb::ListParts | Verb::ListUploads)
    }
}

/// The calls of the port at which something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// Rows of one statement.
    Rows,
    /// Several statements in one transaction.
    Batch,
    /// A message to a Durable Object.
    Object(Kind),
    /// A job.
    Enqueue,
    /// A request to the store.
    Store(Verb),
    /// A post to a customer's endpoint.
    Post,
    /// The body of an answer.
    Body,
    /// Only time passes.
    Wait,
}

impl Port {
    /// Its name in stories and figures.
    pub fn name(self) -> &'static str {
        match self {
            Port::Rows => "D1 rows",
            Port::Batch => "D1 batch",
            Port::Object(Kind::Session) => "session",
            Port::Object(Kind::Ledger) => "ledger",
            Port::Object(Kind::Meter) => "meter",
            Port::Object(Kind::Live) => "live",
            Port::Enqueue => "enqueue",
            Port::Store(Verb::Put) => "PutObject",
            Port::Store(Verb::PutPart) => "UploadPart",
            Port::Store(Verb::CopyPart) => "UploadPartCopy",
            Port::Store(Verb::Create) => "CreateMultipartUpload",
            Port::Store(Verb::Complete) => "CompleteMultipartUpload",
            Port::Store(Verb::Abort) => "AbortMultipartUpload",
            Port::Store(Verb::Delete) => "DeleteObject",
            Port::Store(Verb::Get) => "GetObject",
            Port::Store(Verb::Head) => "HeadObject",
            Port::Store(Verb::ListParts) => "ListParts",
            Port::Store(Verb::ListUploads) => "ListMultipartUploads",
            Port::Post => "post an event",
            Port::Body => "read a body",
            Port::Wait => "wait",
        }
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// Not done; no answer.
    Before,
    /// Done; the answer is lost.
    Lost,
    /// Done; the answer comes after the time limit.
    TimedOut,
    /// Done much later, in s; no answer.
    Late(u32),
    /// Done with what is there, in so many s, whatever becomes of the upload until then; no answer.
    Assembles(u32),
    /// Refused for now: overloaded.
    Busy,
    /// Not done, answered with 500.
    Failed,
    /// Done, answered with 500.
    FailedAfter,
    /// Not done; a gateway answers in its own words with this status.
    Gateway(u16),
    /// A 200 with an error inside; not done.
    ErrorInside,
    /// Done; the body of the answer breaks off.
    Cut,
    /// The answer has no ETag.
    NoETag,
    /// The answer is as of some seconds ago.
    Stale(u32),
    /// The store forgets the upload.
    Forgets,
    /// The object is evicted from memory before.
    Evicted,
    /// The object crashes before; what runs in it fails.
    Crashed,
    /// The isolate dies before the call.
    DiesBefore,
    /// The isolate dies behind the call.
    DiesAfter,
    /// The client hangs up before the call.
    HangsUp,
    /// The call is made much later, in s.
    Stalls(u32),
}

impl Fault {
    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Fault::None => "none",
            Fault::Before => "not made",
            Fault::Lost => "answer lost",
            Fault::TimedOut => "timed out",
            Fault::Late(_) => "done late",
            Fault::Assembles(_) => "assembles for long",
            Fault::Busy => "busy",
            Fault::Failed => "500, not done",
            Fault::FailedAfter => "500, done",
            Fault::Gateway(_) => "gateway",
            Fault::ErrorInside => "error inside 200",
            Fault::Cut => "answer cut",
            Fault::NoETag => "no ETag",
            Fault::Stale(_) => "stale",
            Fault::Forgets => "upload forgotten",
            Fault::Evicted => "evicted",
            Fault::Crashed => "object crashes",
            Fault::DiesBefore => "dies before",
            Fault::DiesAfter => "dies after",
            Fault::HangsUp => "client hangs up",
            Fault::Stalls(_) => "stalls",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Fault::Late(seconds) | Fault::Assembles(seconds) | Fault::Stale(seconds) | Fault::Stalls(seconds) => write!(f, " {seconds} s"),
            Fault::Gateway(status) => write!(f, " {status}"),
            _ => Ok(()),
        }
    }
}

/// The place of a decision: key of the task, number of its call.
pub type Place = (u64, u32);

/// Decides what goes wrong.
#[derive(Debug, Default)]
pub struct Faults {
    /// Of 100,000 calls, how many.
    pub rate: u32,
    /// How many are left.
    pub left: u32,
    /// Nothing goes wrong any more.
    pub quiet: bool,
    /// Where nothing may go wrong, to find out whether a failure needs it.
    pub masked: BTreeSet<Place>,
    /// Durable Objects, by their names, to which a message takes an hour.
    pub slow: BTreeSet<String>,
    /// Where something went wrong.
    pub injected: Vec<(Place, Fault)>,
}

impl Faults {
    /// What goes wrong at a call.
    pub fn draw(&mut self, key: u64, call: u32, port: Port, role: Role) -> Fault {
        if self.quiet || self.left == 0 || role == Role::Client {
            return Fault::None;
        }
        let decision = child(key ^ 0x5eed_fa17, u64::from(call));
        if decision % 100_000 >= u64::from(self.rate) {
            return Fault::None;
        }
        let fault = choose(&mut stream(decision), port, role);
        // Also where nothing may go wrong, so that nothing else goes wrong instead.
        self.left -= 1;
        if self.masked.contains(&(key, call)) {
            return Fault::None;
        }
        self.injected.push(((key, call), fault));
        fault
    }
}

/// Seconds of a stall.
const STALLS: [(u32, u32); 6] = [(4, 11), (4, 61), (3, 310), (2, 840), (2, 3_700), (1, 5_400)];

/// Seconds until a late effect: up to 50 minutes.
const LATE: [(u32, u32); 5] = [(4, 2), (4, 35), (3, 90), (3, 600), (2, 3_000)];

fn choose(rng: &mut Rng, port: Port, role: Role) -> Fault {
    let mut all: Vec<(u32, Fault)> = vec![(3, Fault::DiesBefore), (3, Fault::DiesAfter), (3, Fault::Stalls(weighted(rng, &STALLS)))];
    if role == Role::Request {
        all.push((3, Fault::HangsUp));
    }
    match port {
        Port::Rows => all.extend([(4, Fault::Before), (1, Fault::Stale(rng.u32(1..60))), (2, Fault::Lost)]),
        Port::Batch => all.extend([(3, Fault::Before), (5, Fault::Lost)]),
        Port::Object(_) => all.extend([(3, Fault::Before), (4, Fault::Lost), (2, Fault::Busy), (3, Fault::Evicted), (2, Fault::Crashed)]),
        Port::Enqueue => all.extend([(4, Fault::Before), (3, Fault::Lost)]),
        Port::Post => all.extend([(3, Fault::Before), (4, Fault::Lost), (6, Fault::Failed), (2, Fault::TimedOut)]),
        Port::Body => all.push((8, Fault::Cut)),
        Port::Wait => {}
        Port::Store(verb) => {
            let status = [404, 502, 520][rng.usize(0..3)];
            all.extend([(3, Fault::Before), (2, Fault::Busy), (2, Fault::Failed), (2, Fault::Gateway(status)), (1, Fault::TimedOut)]);
            if verb.changes() {
                let late = weighted(rng, &LATE);
                all.extend([(4, Fault::Lost), (2, Fault::FailedAfter), (6, Fault::Late(late))]);
            }
            match verb {
                Verb::Complete => {
                    all.extend([(3, Fault::Assembles(weighted(rng, &LATE))), (4, Fault::ErrorInside), (3, Fault::Cut), (1, Fault::Forgets)])
                }
                Verb::CopyPart => all.extend([(3, Fault::ErrorInside), (2, Fault::Cut)]),
                Verb::Create => all.push((2, Fault::Cut)),
                Verb::Put => all.push((3, Fault::NoETag)),
                Verb::PutPart => all.extend([(3, Fault::NoETag), (1, Fault::Forgets)]),
                Verb::ListParts => all.extend([(5, Fault::Stale(rng.u32(1..120))), (2, Fault::Cut)]),
                Verb::ListUploads => all.extend([(3, Fault::Stale(rng.u32(1..120))), (2, Fault::Cut)]),
                Verb::Get => all.push((4, Fault::Cut)),
                Verb::Head => all.push((3, Fault::NoETag)),
                Verb::Abort | Verb::Delete => {}
            }
        }
    }
    weighted(rng, &all)
}
