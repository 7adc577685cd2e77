//! Regression histories: failures that the random search found and shrank, too rare to be found in every run.

use super::history::{Alarms, Claim, End, File, History, How, Op, Span, Step};

/// A single-request upload: the insert of its rows failed, and the deletion of its bytes did not reach the store. No row referenced the bytes, and no job was
/// scheduled to delete them.
pub fn bytes_that_could_not_be_taken_back() -> History {
    let file = File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false };
    let steps = vec![
        Step::Begin(Op::Simple(file)),
        Step::Go { which: 0, calls: 7 },
        Step::Break { which: 0, how: How::Cut },
        Step::Go { which: 0, calls: 2 },
        Step::Break { which: 0, how: How::Cut },
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}

/// A merge that paused for over a minute between scheduling its check and merging, and died right after: the check ran before the merge was visible, and the
/// repeated job could not know which holdings had moved.
pub fn a_late_join_that_died() -> History {
    let file = |renamed| File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: true, renamed };
    let simple = Op::Simple(file(false));
    let steps = vec![
        Step::Interrupted { op: simple, after: 8, by: simple, by_end: End::Well, end: End::Well },
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

/// A single-request upload: its rows were inserted but the answer was lost; the client saw the file and deleted it; the cleanup deleted the rows again, and with
/// them the collector's reference to the bytes; then the request died. The ledger had the outcome from the client's deletion only.
pub fn deleted_while_it_was_taken_back() -> History {
    let file = File { who: 0, file: 2, claim: Claim::TheTruth, chunks: false, shared: false, renamed: false };
    let steps = vec![
        Step::Begin(Op::Simple(file)),
        Step::Go { which: 0, calls: 7 },
        Step::Break { which: 0, how: How::Lose },
        Step::Do(Op::Delete { who: 0, asset: 0 }),
        Step::Go { which: 0, calls: 1 },
    ];
    History { steps, finish: false }
}

/// The same, but the repeated job ran only after the collector had deleted the merged object.
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
