//! Bounds of an account's feed.

/// Connections of an account at once.
pub const MAX_CONNECTIONS: usize = 20;

/// The longest message, bytes; a longer one is not sent.
pub const MAX_MESSAGE: usize = 4_096;

/// Messages that wait for a client that reads slowly; behind that its stream ends.
pub const MAX_WAITING: usize = 64;

/// Bytes that wait for the client of a WebSocket that reads slowly; behind that it is closed. What the network holds on the way is not among them.
const MAX_WAITING_BYTES: usize = MAX_WAITING * MAX_MESSAGE;

/// Whether a WebSocket that `waiting` bytes wait for can take no further message.
pub fn is_behind(waiting: u32, message: &str) -> bool {
    usize::try_from(waiting).unwrap_or(usize::MAX).saturating_add(message.len()) > MAX_WAITING_BYTES
}

/// Between two comments in a stream without events, ms, so that nothing on the way takes it to be dead.
pub const HEARTBEAT_MS: u64 = 15_000;

/// After what time a client connects again, ms.
pub const RETRY_MS: u64 = 5_000;

/// How long the ledger says that somebody listens, after it was told so, ms.
pub const LISTENED_MS: u64 = 300_000;

/// How often it is told again while somebody does, ms.
pub const RENEW_MS: u64 = 150_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_takes_64_of_the_longest_messages_and_is_behind_with_another_byte() {
        let longest = "x".repeat(MAX_MESSAGE);
        for (waiting, message, behind) in [
            (0, longest.as_str(), false),
            (63 * 4_096, &longest, false),
            (63 * 4_096 + 1, &longest, true),
            (64 * 4_096, "x", true),
            (u32::MAX, "", true),
        ] {
            assert_eq!(is_behind(waiting, message), behind, "{waiting}");
        }
    }
}
