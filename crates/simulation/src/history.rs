//! Histories: what clients do, and when.

use fastrand::Rng;

use crate::administration::{self, Admin};
use crate::chance::{child, happens, stream, weighted};
use crate::parties::ACCOUNTS;

/// The hash that a client claims for its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// None.
    Nothing,
    /// Its hash.
    Truth,
    /// The hash of the other file of the same length.
    Lie,
}

/// A file and how it is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Whose.
    pub account: usize,
    /// Which.
    pub file: usize,
    /// The claimed hash.
    pub claim: Claim,
    /// Whether the hashes of its chunks are sent.
    pub chunks: bool,
    /// Into the shared namespace.
    pub shared: bool,
    /// Under another name than the default.
    pub renamed: bool,
    /// Whether parts go straight to the store.
    pub direct: bool,
    /// With an Idempotency-Key of that number.
    pub key: Option<u8>,
}

/// Index from the newest entry (0), modulo the number of entries.
pub type Nth = usize;

/// An operation of a client, or the daily run.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// Start, send every missing part, complete; repeats what has no answer.
    Upload(File),
    /// Start only.
    Start(File),
    /// A file in one request.
    Simple(File),
    /// Delete a file.
    Delete { account: usize, nth: Nth },
    /// Ask whether a file is stored.
    Check { account: usize, file: usize },
    /// Read a file.
    Read { account: usize, nth: Nth },
    /// Send a part; `twin`: of the other file of the same length.
    Part { nth: Nth, part: usize, twin: bool },
    /// The same straight to the store.
    Direct { nth: Nth, part: usize, twin: bool },
    /// Record a part by its receipt.
    Receipt { nth: Nth, part: usize },
    /// Complete.
    Complete { nth: Nth, claim: Claim, guarded: bool },
    /// Abort.
    Fail { nth: Nth },
    /// The session's object loses its record.
    Lose { nth: Nth },
    /// Ask for the progress.
    Progress { nth: Nth, reconcile: bool },
    /// Store or replace a file of a video.
    PutVideo { file: File, video: usize, path: usize },
    /// Delete a video.
    DeleteVideo { file: File, video: usize },
    /// Suspend an account, or resume it.
    Switch { account: usize, suspended: bool },
    /// Take an account into the shared namespace, or out of it.
    Member { account: usize, member: bool },
    /// Provision a new user.
    Provision { number: usize },
    /// What operators and the identity backend do, and clients beside them.
    Admin(Admin),
    /// The daily run.
    Daily,
}

/// One step: an operation, so many ms after the previous one began.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Delay, ms.
    pub after: u64,
    /// What.
    pub op: Op,
    /// What its chance follows from.
    pub key: u64,
}

/// Delays between the beginnings of operations, ms.
const DELAYS: [(u32, u64); 9] = [(8, 0), (8, 30), (6, 300), (4, 5_000), (2, 61_000), (2, 400_000), (1, 4_000_000), (1, 30_000_000), (1, 90_000_000)];

/// Weights of the families of operations, for each kind of history: uploads, steps of sessions, deletions and questions, videos, accounts.
const KINDS: [(u32, u32, u32, u32, u32); 7] =
    [(5, 2, 3, 2, 0), (6, 0, 3, 0, 0), (2, 8, 2, 0, 0), (4, 1, 5, 0, 0), (0, 0, 1, 9, 0), (3, 1, 3, 4, 1), (4, 4, 1, 1, 5)];

/// The steps of a seed.
pub fn draw(seed: u64) -> Vec<Step> {
    let mut rng = stream(child(seed, 2));
    let count = weighted(&mut rng, &[(3, 2), (4, 4), (4, 7), (2, 12)]);
    // Some histories are about one account, one file or one kind of operation.
    let account = happens(&mut rng, 400).then(|| rng.usize(0..ACCOUNTS));
    let file = happens(&mut rng, 400).then(|| rng.usize(0..8));
    let kind = rng.u32(0..7);
    let hurried = happens(&mut rng, 400);
    let steps = (0..count)
        .map(|number| {
            let mut rng = stream(child(seed, 100 + number));
            let after = if hurried { rng.u64(0..100) } else { weighted(&mut rng, &DELAYS) };
            Step { after, op: op(&mut rng, kind, account, file), key: child(seed, 10_000 + number) }
        })
        .collect();
    administration::mix(seed, steps)
}

fn op(rng: &mut Rng, kind: u32, account: Option<usize>, file: Option<usize>) -> Op {
    let account = account.unwrap_or_else(|| rng.usize(0..ACCOUNTS));
    // The same file, or the other one of the same length.
    let other = usize::from(happens(rng, 250));
    let file = file.unwrap_or_else(|| rng.usize(0..8)) ^ other;
    let claim = weighted(rng, &[(5, Claim::Truth), (2, Claim::Nothing), (1, Claim::Lie)]);
    let file = File {
        account,
        file,
        claim,
        chunks: happens(rng, 400),
        shared: happens(rng, 500),
        renamed: happens(rng, 300),
        direct: happens(rng, 150),
        key: happens(rng, 250).then(|| rng.u8(0..2)),
    };
    let nth = rng.usize(0..3);
    let (uploads, sessions, cleaning, videos, accounts) = KINDS[kind as usize % KINDS.len()];
    let family = weighted(rng, &[(uploads, 0), (sessions, 1), (cleaning, 2), (videos, 3), (accounts, 4)]);
    match family {
        0 => weighted(rng, &[(4, Op::Upload(file)), (2, Op::Simple(file))]),
        1 => {
            let (part, twin) = (rng.usize(0..3), happens(rng, 200));
            let guarded = happens(rng, 500);
            let reconcile = happens(rng, 600);
            weighted(
                rng,
                &[
                    (3, Op::Start(file)),
                    (4, Op::Part { nth, part, twin }),
                    (2, Op::Direct { nth, part, twin }),
                    (1, Op::Receipt { nth, part }),
                    (5, Op::Complete { nth, claim, guarded }),
                    (2, Op::Fail { nth }),
                    (2, Op::Progress { nth, reconcile }),
                    (1, Op::Lose { nth }),
                ],
            )
        }
        3 => {
            let (video, path) = (usize::from(happens(rng, 250)), usize::from(happens(rng, 300)));
            weighted(rng, &[(5, Op::PutVideo { file, video, path }), (2, Op::DeleteVideo { file, video })])
        }
        4 => {
            let (suspended, member, number) = (happens(rng, 500), happens(rng, 500), rng.usize(0..2));
            weighted(rng, &[(4, Op::Switch { account, suspended }), (4, Op::Member { account, member }), (2, Op::Provision { number })])
        }
        _ => weighted(
            rng,
            &[(5, Op::Delete { account, nth }), (1, Op::Check { account, file: file.file }), (1, Op::Read { account, nth }), (1, Op::Daily)],
        ),
    }
}
