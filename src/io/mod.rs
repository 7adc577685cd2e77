//! The port: what services ask of the platform. The Worker answers with bindings and `fetch` (`worker/io.rs`), the simulation with a world of its own
//! (`crates/simulation`). Bytes of bodies pass as values of associated types, so that they never enter WebAssembly.

pub mod answer;
pub mod body;
pub mod database;
pub mod notice;
pub mod object;
pub mod stale;

use crate::base::id::Id;
use crate::base::memory_budget::MemoryPermit;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::edges::geo::GeoHint;
use crate::io::answer::Answer;
use crate::io::body::{Body, Relayed, Whole};
use crate::io::database::Database;
use crate::io::notice::{Answered, Notice};
use crate::io::object::{Kind, Undelivered};
use crate::io::stale::Stale;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::s3::request::Store;

/// Maximum delay of a job, s (Cloudflare Queues documentation, "Limits").
pub const MAX_DELAY_SECONDS: u64 = 43_200;

/// The body of a request to the store.
pub type BodyOf<I> = Body<<I as Io>::Stream, <I as Io>::Buffer>;

/// How a request to the store is sent.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// Timeout of the whole answer, ms; for an object's bytes, of its head. A stream that a client sends has none, as the client determines its speed.
    pub timeout_ms: u32,
    /// Validity of a presigned URL, s: the request is sent as whoever holds that URL sends it. None: signed in its header fields.
    pub presigned_for: Option<u64>,
}

/// The platform, as one request, job or Durable Object sees it. A clone is the same platform, for work that continues after the request.
#[allow(async_fn_in_trait)] // Dispatched statically, on one thread.
pub trait Io: Clone + 'static {
    /// A database, or its nearest copy.
    type Db: Database;
    /// The store's answer.
    type Answer: Answer;
    /// A body that a client sends, not read yet.
    type Stream: 'static;
    /// Bytes in memory outside of WebAssembly.
    type Buffer: Clone + 'static;

    /// The clock.
    fn now(&self) -> EpochMs;

    /// Where the client is; nothing is known of the place of a job.
    fn geo(&self) -> GeoHint;

    /// Fills `buffer` with cryptographically random bytes.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), Problem>;

    /// Waits.
    async fn sleep(&self, ms: u64);

    /// How many databases are bound, at least 1.
    fn databases(&self) -> u8;

    /// The database of that number.
    ///
    /// # Errors
    /// [`Problem::Internal`] if it is not bound.
    fn db(&self, shard: Shard) -> Result<Self::Db, Problem>;

    /// Sends a message to a Durable Object, creating it near the location hint `near`, and waits for its answer; what it wrote is durable by then. None: it has
    /// nothing to say (204).
    ///
    /// # Errors
    /// [`Undelivered`], logged.
    async fn call(&self, kind: Kind, name: &str, near: Option<&str>, message: &str) -> Result<Option<String>, Undelivered>;

    /// Sends a job, which is delivered at least once, after `seconds`, at most [`MAX_DELAY_SECONDS`].
    ///
    /// # Errors
    /// Of the queue, logged.
    async fn enqueue(&self, job: &Job, seconds: u64) -> Result<(), Problem>;

    /// Signs `action` and sends it with `body`. Err for a status of 300 or above and for no answer.
    ///
    /// # Errors
    /// The store's.
    async fn exchange(&self, store: &Store, action: &Action, body: BodyOf<Self>, sending: Sending) -> Result<Self::Answer, StoreError>;

    /// As [`Io::exchange`], with a client's stream of `size` bytes that is kept while it is sent, at the client's pace, so that it can be sent again; not if the
    /// outcome is final. `answer_ms`: maximum time for the store's answer after the last byte.
    ///
    /// # Errors
    /// What the platform throws.
    #[allow(clippy::too_many_arguments)]
    async fn relay(
        &self,
        store: &Store,
        action: &Action,
        stream: Self::Stream,
        size: u64,
        permit: MemoryPermit,
        sending: Sending,
        is_final: impl Fn(&StoreError) -> bool,
    ) -> Result<Relayed<Self::Answer, Self::Buffer>, Problem>;

    /// Reads a client's stream of `size` bytes whole.
    ///
    /// # Errors
    /// 400 for a body that breaks off.
    async fn read_whole(&self, stream: Self::Stream, size: u64) -> Result<Whole<Self::Buffer>, Problem>;

    /// A copy of the bytes, for a text of limited length.
    fn copy_of(&self, buffer: &Self::Buffer) -> Vec<u8>;

    /// Length, bytes.
    fn length_of(&self, buffer: &Self::Buffer) -> Option<u64>;

    /// SHA-256 of the bytes, as hex.
    async fn sha256(&self, buffer: &Self::Buffer) -> Option<String>;

    /// The body of an answer of at most `bytes` bytes, if it arrives within `timeout_ms`.
    ///
    /// # Errors
    /// The store's.
    async fn buffer_of(&self, answer: &Self::Answer, bytes: u64, timeout_ms: u32) -> Result<Self::Buffer, StoreError>;

    /// Posts a notice to an address that a customer gave. Redirects are not followed, and what is longer or slower than the notice allows is cut.
    ///
    /// # Errors
    /// Why there is no answer, in the platform's words.
    async fn post(&self, notice: &Notice<'_>) -> Result<Answered, String>;

    /// HMAC-SHA-256 over the buffers, one after the other, each without its last `left_out` bytes.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    async fn hmac(&self, key: &[u8], buffers: &[Self::Buffer], left_out: u32) -> Result<[u8; 32], Problem>;

    /// SHA-256 of an answer's body, as hex; computed by the platform. None if the body has not `size` bytes or breaks off; logged.
    async fn digest_of(&self, answer: &Self::Answer, size: u64) -> Option<String>;

    /// Passes the body of an answer to `take`, piece by piece, until that says false. False if the body breaks off; logged. For jobs only: the bytes pass through
    /// WebAssembly.
    async fn read_pieces(&self, answer: &Self::Answer, take: impl FnMut(&[u8]) -> bool) -> bool;

    /// Has what this isolate and its PoP remember forgotten.
    async fn forget(&self, what: Stale<'_>);

    /// Runs `work` to its end even if the client hangs up. None if the platform cancelled it.
    async fn detached<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T>;

    /// Runs `work` after the answer.
    fn afterwards(&self, work: impl Future<Output = ()> + 'static);

    /// Notes that an attempt at the store is repeated.
    fn retried(&self) {}

    /// Notes how long a step took that began at `since`.
    fn span(&self, name: &'static str, since: EpochMs);

    /// Random bytes.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    fn random<const N: usize>(&self) -> Result<[u8; N], Problem> {
        let mut bytes = [0; N];
        self.fill_random(&mut bytes)?;
        Ok(bytes)
    }

    /// A new random id.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    fn id(&self) -> Result<Id, Problem> {
        Ok(Id::from_random(self.random()?))
    }
}
