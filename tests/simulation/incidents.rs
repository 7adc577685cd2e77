//! Histories in which something once went wrong, as the search found and shrank them: too rare to wait for.

use super::history::{Alarms, Claim, End, File, History, How, Op, Span, Step};

/// A file in one request: the database did not take its rows, and the deletion of its bytes never reached the store. Nothing named the bytes, and nobody was to
/// look for them.
pub fn bytes_that_could_not_be_taken_back() -> History {
    let file = File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false };
    let steps = vec![
        Step::Begin(Op::Simple(file)),
        Step::Go { which: 0, calls: 6 },
        Step::Break { which: 0, how: How::Cut },
        Step::Go { which: 0, calls: 2 },
        Step::Break { which: 0, how: How::Cut },
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}

/// A join that waited for more than a minute between its doubt and its merge, and died right after it: the ledger had looked into the doubt before there was
/// anything to see, and the job that came again could not tell any more what had been moved.
pub fn a_late_join_that_died() -> History {
    let file = |renamed| File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: true, renamed };
    let simple = Op::Simple(file(false));
    let steps = vec![
        Step::Interrupted { op: simple, after: 7, by: simple, by_end: End::Well, end: End::Well },
        Step::Begin(Op::Job { which: 0, twice: false }),
        Step::Jobs,
        Step::Go { which: 0, calls: 5 },
        Step::Do(Op::Upload(file(true))),
        Step::Go { which: 0, calls: 2 },
        Step::Pass { span: Span::Seconds61, alarms: Alarms::Done },
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}

/// A file in one request: the database took its rows and lost the answer; somebody saw the file and deleted it; its rows were deleted once more, and with them
/// what the collector would have known the bytes by; and the Worker died. The ledger had been told by the one who deleted it.
pub fn deleted_while_it_was_taken_back() -> History {
    let file = File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false };
    let steps = vec![
        Step::Begin(Op::Simple(file)),
        Step::Go { which: 0, calls: 6 },
        Step::Break { which: 0, how: How::Lose },
        Step::Do(Op::Delete { who: 0, asset: 0 }),
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}

/// The same, and the job came again only after the collector had buried what was joined.
pub fn a_late_join_whose_job_came_too_late() -> History {
    let upload = Op::Upload(File { who: 0, file: 0, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false });
    let job = |which| Op::Job { which, twice: false };
    let steps = vec![
        Step::Do(Op::Delete { who: 0, asset: 0 }),
        Step::Interrupted { op: upload, after: 1, by: upload, by_end: End::Well, end: End::Well },
        Step::Begin(job(0)),
        Step::Do(upload),
        Step::Interrupted { op: upload, after: 1, by: job(1), by_end: End::Well, end: End::Well },
        Step::Go { which: 0, calls: 7 },
        Step::Pass { span: Span::Seconds61, alarms: Alarms::Done },
        Step::Go { which: 0, calls: 1 },
        Step::Pass { span: Span::Hours25, alarms: Alarms::Done },
    ];
    History { steps, finish: false }
}
