//! Histories in which something once went wrong, as the search found and shrank them: too rare to wait for.

use super::history::{Claim, File, History, How, Op, Step};

/// A file in one request: the database took its rows and lost the answer, they were deleted again, and the deletion of its bytes never reached the store.
/// Nothing named the bytes any more, and nobody was to look for them.
pub fn bytes_that_could_not_be_taken_back() -> History {
    let file = File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false };
    let steps = vec![
        Step::Begin(Op::Simple(file)),
        Step::Go { which: 0, calls: 5 },
        Step::Break { which: 0, how: How::Lose },
        Step::Go { which: 0, calls: 1 },
        Step::Break { which: 0, how: How::Cut },
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}
