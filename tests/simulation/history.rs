//! Histories: sequences of steps that print well and shrink to few.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// The hash that a client claims for its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Nothing,
    TheTruth,
    /// The hash of the other file of the same length.
    ALie,
}

/// A file and how it is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct File {
    pub who: usize,
    pub file: usize,
    pub claim: Claim,
    /// Whether the hashes of its chunks are sent.
    pub chunks: bool,
    /// Into the shared namespace, where the account is a member.
    pub shared: bool,
    /// Under another name than the default.
    pub renamed: bool,
}

/// Index from the newest entry (0), modulo the number of entries.
pub type Nth = usize;

/// An operation of a client or of the platform.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// Start, send every missing part, complete; ends at the first error.
    Upload(File),
    /// Start and send every missing part.
    Send(File),
    Start(File),
    /// Send part `part`; `twin`: with the bytes of the other file of the same length.
    Chunk {
        session: Nth,
        part: usize,
        twin: bool,
    },
    Complete {
        session: Nth,
        claim: Claim,
        guarded: bool,
    },
    Fail {
        session: Nth,
    },
    Progress {
        session: Nth,
    },
    Simple(File),
    Delete {
        who: usize,
        asset: Nth,
    },
    /// The queue delivers a job; `twice`: it will deliver it again regardless of the outcome.
    Job {
        which: Nth,
        twice: bool,
    },
    Daily,
}

/// A fault of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Its next call takes effect, and the answer is lost.
    Lose,
    /// Its next call does not take effect, and there is no answer.
    Cut,
    /// The operation is killed before its next call.
    Die,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Well,
    /// It is killed after this many calls.
    Dies(usize),
}

/// How due alarms are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarms {
    /// Each runs to its end.
    Done,
    /// Each starts and stops before its first call.
    Begun,
    /// None runs before more time has passed.
    Late,
}

/// A duration.
#[derive(Debug, Clone, Copy)]
pub enum Span {
    Seconds10,
    Seconds61,
    Seconds121,
    Minutes61,
    Hours25,
    Days8,
    Days31,
}

impl Span {
    pub fn ms(self) -> u64 {
        match self {
            Span::Seconds10 => 10_000,
            Span::Seconds61 => 61_000,
            Span::Seconds121 => 121_000,
            Span::Minutes61 => 3_660_000,
            Span::Hours25 => 90_000_000,
            Span::Days8 => 691_200_000,
            Span::Days31 => 2_678_400_000,
        }
    }
}

/// One step of a history.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Runs an operation without faults.
    Do(Op),
    /// Runs an operation with a fault after `after` calls.
    Broken { op: Op, after: usize, how: How },
    /// Stops an operation after `after` calls, runs another, then resumes the first.
    Interrupted { op: Op, after: usize, by: Op, by_end: End, end: End },
    /// Starts an operation and stops it before its first call.
    Begin(Op),
    /// Resumes a stopped operation for `calls` calls.
    Go { which: Nth, calls: usize },
    /// Applies a fault to a stopped operation.
    Break { which: Nth, how: How },
    /// Advances the clock; operations past their deadline are killed, then due alarms run.
    Pass { span: Span, alarms: Alarms },
    /// Runs every due job, one after the other.
    Jobs,
    /// Evicts the Durable Objects from memory; their storage stays.
    Evict,
}

/// A whole history; `finish`: operations still stopped at its end are finished, otherwise killed.
#[derive(Debug, Clone)]
pub struct History {
    pub steps: Vec<Step>,
    pub finish: bool,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))?;
        writeln!(f, "what waits {}", if self.finish { "is finished" } else { "dies" })
    }
}

/// A distribution of histories: weights of their elements.
struct Kind {
    /// Accounts and files that take part, with their weights.
    who: Vec<(u32, usize)>,
    file: Vec<(u32, usize)>,
    shared: f64,
    /// Weights of whole uploads, of session steps, and of jobs and deletions.
    uploads: u32,
    sessions: u32,
    cleaning: u32,
}

fn one_of(weighted: &[(u32, usize)]) -> BoxedStrategy<usize> {
    Union::new_weighted(weighted.iter().map(|(weight, value)| (*weight, Just(*value))).collect()).boxed()
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![4 => Just(Claim::TheTruth), 2 => Just(Claim::Nothing), 1 => Just(Claim::ALie)]
}

impl Kind {
    fn file(&self) -> impl Strategy<Value = File> + use<> {
        let flags = (prop::bool::weighted(0.3), prop::bool::weighted(self.shared), prop::bool::weighted(0.3));
        (one_of(&self.who), one_of(&self.file), claim(), flags).prop_map(|(who, file, claim, (chunks, shared, renamed))| File {
            who,
            file,
            claim,
            chunks,
            shared,
            renamed,
        })
    }

    fn op(&self) -> BoxedStrategy<Op> {
        let nth = 0usize..3;
        let uploads = prop_oneof![2 => self.file().prop_map(Op::Upload), 1 => self.file().prop_map(Op::Simple)];
        let sessions = prop_oneof![
            2 => self.file().prop_map(Op::Send),
            1 => self.file().prop_map(Op::Start),
            2 => (nth.clone(), 0usize..2, prop::bool::weighted(0.2)).prop_map(|(session, part, twin)| Op::Chunk { session, part, twin }),
            4 => (nth.clone(), claim(), any::<bool>()).prop_map(|(session, claim, guarded)| Op::Complete { session, claim, guarded }),
            2 => nth.clone().prop_map(|session| Op::Fail { session }),
            1 => nth.clone().prop_map(|session| Op::Progress { session }),
        ];
        let cleaning = prop_oneof![
            4 => (one_of(&self.who), 0usize..3).prop_map(|(who, asset)| Op::Delete { who, asset }),
            6 => (nth, prop::bool::weighted(0.2)).prop_map(|(which, twice)| Op::Job { which, twice }),
            1 => Just(Op::Daily),
        ];
        prop_oneof![self.uploads => uploads, self.sessions => sessions, self.cleaning => cleaning].boxed()
    }

    /// The steps `first` and then at most `most` more.
    fn steps(&self, first: Vec<BoxedStrategy<Op>>, most: usize) -> BoxedStrategy<Vec<Step>> {
        let first: Vec<_> = first.into_iter().map(|op| op.prop_map(Step::Do)).collect();
        (first, vec(step(self.op()), 1..most)).prop_map(|(first, steps)| [first, steps].concat()).boxed()
    }
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![2 => Just(How::Die), 1 => Just(How::Lose), 1 => Just(How::Cut)]
}

fn span() -> impl Strategy<Value = Span> {
    use Span::*;
    prop_oneof![
        2 => Just(Seconds10),
        3 => Just(Seconds61),
        3 => Just(Seconds121),
        2 => Just(Minutes61),
        2 => Just(Hours25),
        1 => Just(Days8),
        1 => Just(Days31),
    ]
}

fn alarms() -> impl Strategy<Value = Alarms> {
    prop_oneof![6 => Just(Alarms::Done), 1 => Just(Alarms::Begun), 1 => Just(Alarms::Late)]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![3 => Just(End::Well), 1 => (0usize..6).prop_map(End::Dies)]
}

fn interrupted(op: BoxedStrategy<Op>) -> impl Strategy<Value = Step> {
    let after = prop_oneof![1usize..5, 5usize..12];
    (op.clone(), after, op, end(), end()).prop_map(|(op, after, by, by_end, end)| Step::Interrupted { op, after, by, by_end, end })
}

fn step(op: BoxedStrategy<Op>) -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => op.clone().prop_map(Step::Do),
        7 => interrupted(op.clone()),
        4 => (op.clone(), 0usize..12, how()).prop_map(|(op, after, how)| Step::Broken { op, after, how }),
        3 => op.prop_map(Step::Begin),
        5 => (0usize..3, 1usize..7).prop_map(|(which, calls)| Step::Go { which, calls }),
        1 => (0usize..3, how()).prop_map(|(which, how)| Step::Break { which, how }),
        4 => (span(), alarms()).prop_map(|(span, alarms)| Step::Pass { span, alarms }),
        2 => Just(Step::Jobs),
        1 => Just(Step::Evict),
    ]
}

/// Histories over all accounts and files, over files of equal length in one namespace, and over the sessions of one account; some of the latter two begin with
/// the operations that they are meant to exercise.
pub fn histories() -> impl Strategy<Value = History> {
    let all =
        Kind { who: vec![(3, 0), (3, 1), (2, 2)], file: vec![(3, 0), (2, 1), (2, 2), (1, 3)], shared: 0.5, uploads: 3, sessions: 4, cleaning: 3 };
    let twins = Kind { who: vec![(1, 0), (1, 1)], file: vec![(8, 2), (1, 3)], shared: 0.9, uploads: 4, sessions: 1, cleaning: 5 };
    let sessions = Kind { who: vec![(1, 0)], file: vec![(3, 0), (1, 2)], shared: 0.0, uploads: 1, sessions: 8, cleaning: 2 };
    let twin = |who| Op::Upload(File { who, file: 2, claim: Claim::TheTruth, chunks: false, shared: true, renamed: false });
    let two = || (0usize..2).prop_map(twin).boxed();
    let sent = sessions.file().prop_map(Op::Send).boxed();
    let steps = prop_oneof![
        all.steps(vec![], 30),
        twins.steps(vec![], 30),
        sessions.steps(vec![], 30),
        twins.steps(vec![two(), two()], 12),
        sessions.steps(vec![sent], 14)
    ];
    (steps, any::<bool>()).prop_map(|(steps, finish)| History { steps, finish })
}
