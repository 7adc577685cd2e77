//! Bodies on their way to the store.

use crate::io::Io;
use crate::s3::error::StoreError;

/// The body of a request to the store.
pub enum Body<I: Io> {
    /// No body.
    Empty,
    /// A text.
    Text(String),
    /// A client's stream of that many bytes, from a client that is still sending: what the store leaves unread is read and dropped.
    Client(I::Stream, u64),
    /// Bytes in memory, so that they can be sent again.
    Buffered(I::Buffer),
}

/// Bytes in memory, with what reserved the memory.
pub struct Kept<B> {
    /// The bytes.
    pub buffer: B,
    /// Gives the memory back when it is dropped.
    pub permit: crate::base::memory_budget::MemoryPermit,
}

/// What came of a stream that was kept while it was sent.
pub enum Relayed<I: Io> {
    /// The store has answered.
    Answered(I::Answer),
    /// The store has refused; the bytes if all have come in time and the refusal is not final.
    Refused(StoreError, Option<Kept<I::Buffer>>),
    /// The body has come whole and the store has said nothing in time.
    Silent(Kept<I::Buffer>),
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
