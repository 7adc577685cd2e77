//! How a body is written so that what has left is known: a step is complete when the client's connection has taken its bytes, and a client that hangs up is
//! billed for the complete steps and half of the one under way (docs/accounts.md, Quota).
//!
//! Copying in blocks tells precisely, but costs a call into JavaScript for each; a native pipe costs nothing per byte and tells only when it has ended.

use crate::delivery::slices::SLICE_BYTES;

/// Maximum size of a body that is handed to the runtime as it is and billed when it starts, bytes: the buffers of a connection take as much.
pub const DIRECT_BYTES: u64 = 1024 * 1024;

/// The beginning of a body, where clients hang up most, is written in blocks, bytes.
const HEAD_BYTES: u64 = 1024 * 1024;

/// Size of a block, bytes.
pub const BLOCK_BYTES: u32 = 256 * 1024;

/// Maximum size of a native step, bytes: two slices.
pub const PIECE_BYTES: u64 = 2 * SLICE_BYTES;

/// A step of writing a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Copy up to this many bytes.
    Copy(u64),
    /// Pipe all the rest.
    Pipe(u64),
}

/// The next step for a stream with `rest` bytes to go, in a body of which `sent` bytes were written; None at its end.
pub fn next_step(sent: u64, rest: u64) -> Option<Step> {
    match rest {
        0 => None,
        _ if sent < HEAD_BYTES || rest > PIECE_BYTES => Some(Step::Copy(rest.min(u64::from(BLOCK_BYTES)))),
        _ => Some(Step::Pipe(rest)),
    }
}

/// Bytes to bill of a step of `bytes` bytes that the client's hanging up ended: anything between none and all of it has left.
pub fn of_unfinished(bytes: u64) -> u64 {
    bytes / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn beginning_is_copied_in_blocks_and_the_rest_is_piped() {
        assert_eq!(next_step(0, 5), Some(Step::Copy(5)));
        assert_eq!(next_step(0, PIECE_BYTES), Some(Step::Copy(BLOCK_BYTES.into())));
        assert_eq!(next_step(HEAD_BYTES, PIECE_BYTES), Some(Step::Pipe(PIECE_BYTES)));
        assert_eq!(next_step(HEAD_BYTES, PIECE_BYTES + 1), Some(Step::Copy(BLOCK_BYTES.into())), "not cached and of any length");
        assert_eq!(next_step(7, 0), None);
    }

    proptest! {
        /// Streams of any sizes, one after the other, and a client that hangs up anywhere.
        #[test]
        fn bill_is_within_two_slices_of_what_left(streams in proptest::collection::vec(1u64..40_000_000, 1..6), at in 0u64..240_000_000) {
            let (mut sent, mut billed) = (0, 0);
            let total: u64 = streams.iter().sum();
            let hung_up_at = at % (total + 1);
            'body: for bytes in streams {
                let mut rest = bytes;
                while let Some(Step::Copy(step) | Step::Pipe(step)) = next_step(sent, rest) {
                    prop_assert!(step > 0 && step <= rest && step <= PIECE_BYTES && (sent >= HEAD_BYTES || step <= u64::from(BLOCK_BYTES)));
                    if sent + step > hung_up_at {
                        billed += of_unfinished(step);
                        break 'body;
                    }
                    billed += step;
                    (sent, rest) = (sent + step, rest - step);
                }
            }
            prop_assert!(billed.abs_diff(hung_up_at) <= SLICE_BYTES, "{} billed, {} left", billed, hung_up_at);
            prop_assert!(hung_up_at >= HEAD_BYTES || billed.abs_diff(hung_up_at) <= u64::from(BLOCK_BYTES));
        }
    }
}
