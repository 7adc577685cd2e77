//! What operators and the identity backend do, and clients beside them, in some histories: accounts, namespaces, keys of repeated requests, moves, bandwidth.

use fastrand::Rng;

use crate::chance::{child, happens, pick, stream, weighted};
use crate::history::{Op, Step};
use crate::parties::{ACCOUNTS, USERS};

/// What is asked of another account's things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intrusion {
    /// To read a file.
    Read,
    /// To delete a file.
    Delete,
    /// To complete an upload.
    Complete,
    /// To end an upload.
    Fail,
    /// The progress of an upload.
    Progress,
    /// To delete a video in its namespace.
    DeleteVideo,
    /// To read its namespace.
    Namespace,
    /// To change its namespace.
    ChangeNamespace,
}

/// An operation. `user` is a number in [`crate::parties::user`], `space` one in [`crate::parties::SPACES`].
#[derive(Debug, Clone, Copy)]
pub enum Admin {
    /// Provision a user, in so many calls at once, with the webhook id of that number.
    Provision { user: usize, tier: usize, calls: u8, webhook: Option<u8> },
    /// Move an account to a tier.
    Upgrade { user: usize, tier: usize, force: bool },
    /// New credentials; the old ones are good for so many s.
    Rotate { user: usize, overlap: u64 },
    /// Suspend or resume.
    Switch { user: usize, suspended: bool },
    /// Change what the tier `pro` holds: GB, objects.
    Tier { storage: u64, objects: u64 },
    /// Call with the credentials that were the newest so many rotations ago.
    UseKey { user: usize, nth: usize },
    /// Create a namespace, in so many calls at once, with an Idempotency-Key.
    Create { space: usize, calls: u8, key: Option<u8> },
    /// Make a user a member.
    Join { space: usize, user: usize, manager: bool },
    /// Remove a member.
    Leave { space: usize, user: usize },
    /// Change a namespace, as an account or as the operator; `operators`: a field that only operators may change.
    Change { space: usize, by: Option<usize>, value: u8, operators: bool },
    /// Purge a namespace.
    Purge { space: usize },
    /// Delete a namespace.
    Drop { space: usize },
    /// Store a file in one request with the key of that number, in so many calls at once.
    Keyed { account: usize, file: usize, key: u8, calls: u8 },
    /// Ask for another account's thing.
    Intrude { account: usize, nth: usize, what: Intrusion },
    /// Move an account to the other database.
    Move { user: usize, restart: bool },
    /// The ledger of an account loses its storage.
    LoseLedger { account: usize },
    /// Charge the account with so many GB.
    Charge { account: usize, gb: u64 },
    /// Count so many GB at the PoP's meter; `flush`: have the ledger told at once.
    Meter { account: usize, gb: u64, flush: bool },
    /// Ask the PoP's meter.
    Ask { account: usize },
}

/// Whether a history has such operations.
pub fn is_administered(seed: u64) -> bool {
    happens(&mut stream(child(seed, 3)), 350)
}

/// Delays between the beginnings of operations, ms. The last is longer than credentials are told again.
const DELAYS: [(u32, u64); 9] =
    [(60, 0), (60, 30), (50, 300), (30, 5_000), (30, 61_000), (15, 400_000), (8, 4_000_000), (8, 30_000_000), (1, 2_700_000_000)];

/// Weights of the families, for each kind of history: accounts, namespaces, keys, others' things, moves, bandwidth.
const KINDS: [[u32; 6]; 6] = [[6, 1, 1, 1, 1, 1], [1, 6, 1, 1, 0, 0], [1, 1, 6, 1, 0, 0], [1, 2, 1, 5, 1, 1], [1, 1, 0, 0, 6, 1], [2, 0, 0, 0, 1, 6]];

/// Adds the operations of a seed to the steps of its clients.
pub fn mix(seed: u64, steps: Vec<Step>) -> Vec<Step> {
    if !is_administered(seed) {
        return steps;
    }
    let mut rng = stream(child(seed, 5));
    let count = weighted(&mut rng, &[(3, 2), (4, 5), (3, 9)]);
    let user = happens(&mut rng, 400).then(|| rng.usize(0..USERS));
    let kind = rng.usize(0..KINDS.len());
    let hurried = happens(&mut rng, 300);
    let (mut at, mut all) = (0, Vec::new());
    for step in steps {
        at += step.after;
        all.push((at, step));
    }
    at = 0;
    for number in 0..count {
        let mut rng = stream(child(seed, 30_000 + number));
        at += if hurried { rng.u64(0..200) } else { weighted(&mut rng, &DELAYS) };
        all.push((at, Step { after: 0, op: Op::Admin(op(&mut rng, kind, user)), key: child(seed, 40_000 + number) }));
    }
    all.sort_by_key(|(at, _)| *at);
    let mut before = 0;
    all.into_iter().map(|(at, step)| Step { after: at - std::mem::replace(&mut before, at), ..step }).collect()
}

fn op(rng: &mut Rng, kind: usize, user: Option<usize>) -> Admin {
    let user = user.unwrap_or_else(|| rng.usize(0..USERS));
    let account = if happens(rng, 500) { user % ACCOUNTS } else { rng.usize(0..ACCOUNTS) };
    let space = rng.usize(0..3);
    let weights = KINDS[kind];
    let families: Vec<(u32, usize)> = weights.into_iter().zip(0..).collect();
    match weighted(rng, &families) {
        0 => accounts(rng, user),
        1 => namespaces(rng, space, user),
        2 => keys(rng, account, space),
        3 => Admin::Intrude {
            account,
            nth: rng.usize(0..3),
            what: pick(
                rng,
                &[
                    Intrusion::Read,
                    Intrusion::Delete,
                    Intrusion::Complete,
                    Intrusion::Fail,
                    Intrusion::Progress,
                    Intrusion::DeleteVideo,
                    Intrusion::Namespace,
                    Intrusion::ChangeNamespace,
                ],
            ),
        },
        // The last of the accounts is in no shared namespace; the others can not be moved unless they leave theirs.
        4 => {
            let movable = if happens(rng, 800) { ACCOUNTS - 1 + rng.usize(0..USERS - ACCOUNTS + 1) } else { user };
            let restart = happens(rng, 200);
            weighted(rng, &[(4, Admin::Move { user: movable, restart }), (1, Admin::Provision { user, tier: 1, calls: 2, webhook: None })])
        }
        _ => {
            let gb = rng.u64(0..30);
            let flush = happens(rng, 400);
            weighted(
                rng,
                &[
                    (2, Admin::LoseLedger { account }),
                    (3, Admin::Charge { account, gb }),
                    (4, Admin::Meter { account, gb, flush }),
                    (2, Admin::Ask { account }),
                ],
            )
        }
    }
}

fn accounts(rng: &mut Rng, user: usize) -> Admin {
    let (tier, force) = (weighted(rng, &[(3, 0), (4, 1), (3, 2), (1, 3)]), happens(rng, 250));
    let calls = weighted(rng, &[(40, 1), (30, 2), (20, 4), (2, 50)]);
    let webhook = happens(rng, 500).then(|| rng.u8(0..2));
    let overlap = pick(rng, &[0, 0, 60, 4_000, 100_000]);
    let suspended = happens(rng, 550);
    let (storage, objects) = (rng.u64(3..9), rng.u64(2..7));
    let nth = rng.usize(0..3);
    weighted(
        rng,
        &[
            (5, Admin::Provision { user, tier, calls, webhook }),
            (3, Admin::Upgrade { user, tier, force }),
            (4, Admin::Rotate { user, overlap }),
            (6, Admin::Switch { user, suspended }),
            (1, Admin::Tier { storage, objects }),
            (4, Admin::UseKey { user, nth }),
        ],
    )
}

fn namespaces(rng: &mut Rng, space: usize, user: usize) -> Admin {
    let (calls, key) = (rng.u8(1..4), happens(rng, 300).then(|| rng.u8(0..2)));
    let manager = happens(rng, 400);
    let by = happens(rng, 600).then_some(user % ACCOUNTS);
    let (value, operators) = (rng.u8(0..4), happens(rng, 200));
    weighted(
        rng,
        &[
            (4, Admin::Create { space, calls, key }),
            (5, Admin::Join { space, user, manager }),
            (4, Admin::Leave { space, user }),
            (3, Admin::Change { space, by, value, operators }),
            (2, Admin::Purge { space }),
            (3, Admin::Drop { space }),
        ],
    )
}

fn keys(rng: &mut Rng, account: usize, space: usize) -> Admin {
    // The other file of the same length: another body under the same key.
    let (file, key, calls) = (4 + rng.usize(0..2), rng.u8(0..2), rng.u8(1..4));
    weighted(rng, &[(6, Admin::Keyed { account, file, key, calls }), (2, Admin::Create { space, calls, key: Some(key) })])
}
