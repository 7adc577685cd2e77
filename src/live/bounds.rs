//! Bounds of an account's feed.

/// Connections of an account at once.
pub const MAX_CONNECTIONS: usize = 20;

/// The longest message, bytes; a longer one is not sent.
pub const MAX_MESSAGE: usize = 4_096;

/// Messages that wait for a client that reads slowly; behind that its stream ends.
pub const MAX_WAITING: usize = 64;

/// Between two comments in a stream without events, ms, so that nothing on the way takes it to be dead.
pub const HEARTBEAT_MS: u64 = 15_000;

/// After what time a client connects again, ms.
pub const RETRY_MS: u64 = 5_000;

/// How long the ledger says that somebody listens, after it was told so, ms.
pub const LISTENED_MS: u64 = 300_000;

/// How often it is told again while somebody does, ms.
pub const RENEW_MS: u64 = 150_000;
