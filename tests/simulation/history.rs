//! What happens: steps that print well and shrink to few.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// What a client says of its file's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Nothing,
    TheTruth,
    /// That it is the hash of the other file of its length.
    ALie,
}

/// A file and how it is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct File {
    pub who: usize,
    pub file: usize,
    pub claim: Claim,
    /// Whether the hashes of its chunks are told.
    pub chunks: bool,
    /// Into the shared namespace, where the account is a member.
    pub shared: bool,
    /// Under another name than usual.
    pub renamed: bool,
}

/// Numbers of things that are there by then count from the newest, 0, and start again at the end.
pub type Nth = usize;

/// What somebody does.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// Start, every missing part, complete: until the first refusal.
    Upload(File),
    /// Start and every missing part.
    Send(File),
    Start(File),
    /// The part of that number; `twin`: of the other file of that length.
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
    /// The queue delivers a job; `twice`: it will do so again.
    Job {
        which: Nth,
        twice: bool,
    },
    Daily,
}

/// How an operation is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Its next call happens, and the answer is lost.
    Lose,
    /// Its next call does not get there.
    Cut,
    /// It dies; its next call is never made.
    Die,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Well,
    /// It dies after so many calls.
    Dies(usize),
}

/// What becomes of alarms that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarms {
    /// Each is done.
    Done,
    /// Each rings, and waits before its first call.
    Begun,
    /// None rings before more time passes.
    Late,
}

/// So much time.
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

/// See the module.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// From its beginning to its end, undisturbed.
    Do(Op),
    /// The same, but disturbed after so many calls.
    Broken { op: Op, after: usize, how: How },
    /// It stops after so many calls, another runs, and it goes on.
    Interrupted { op: Op, after: usize, by: Op, by_end: End, end: End },
    /// It begins, and waits before its first call.
    Begin(Op),
    /// So many calls of one that waits.
    Go { which: Nth, calls: usize },
    /// One that waits is disturbed.
    Break { which: Nth, how: How },
    /// What lasts too long dies; then alarms that are due ring.
    Pass { span: Span, alarms: Alarms },
    /// Every job that is due, one after the other.
    Jobs,
    /// The Durable Objects are forgotten, but for their storage.
    Evict,
}

/// A whole history; what still waits at its end is finished or dies.
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

/// What a kind of history is about: chances of what it consists of.
struct Kind {
    /// Accounts and files that take part, the first of them most often.
    who: Vec<(u32, usize)>,
    file: Vec<(u32, usize)>,
    shared: f64,
    /// Whole uploads; sessions step by step; jobs and deletions.
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

    /// That many of them at most, after `first`.
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

/// Histories: of everybody and everything, of twins in one namespace, of one account's sessions; of the latter two also such that begin with what they are
/// about.
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
