//! Bodies on their way to the store.

use crate::base::memory_budget::MemoryPermit;
use crate::s3::error::StoreError;

/// The body of a request to the store: `S` is a client's stream, `B` bytes in memory.
pub enum Body<S, B> {
    /// No body.
    Empty,
    /// A text.
    Text(String),
    /// A client's stream of that many bytes, from a client that is still sending: what the store leaves unread is read and dropped.
    Client(S, u64),
    /// Bytes in memory, so that they can be sent again.
    Buffered(B),
}

/// Bytes in memory, with what reserved the memory.
pub struct Kept<B> {
    /// The bytes.
    pub buffer: B,
    /// Gives the memory back when it is dropped.
    pub permit: MemoryPermit,
}

/// What came of a stream that was kept while it was sent: `A` is the store's answer, `B` bytes in memory.
pub enum Relayed<A, B> {
    /// The store has answered.
    Answered(A),
    /// The store has refused; the bytes if all have come in time and the refusal is not final.
    Refused(StoreError, Option<Kept<B>>),
    /// The body has come whole and the store has said nothing in time.
    Silent(Kept<B>),
    /// The client's body broke off.
    Lost,
}

/// A client's body, read.
pub enum Whole<B> {
    /// All of it.
    Buffer(B),
    /// It came too slowly.
    Slow,
}
