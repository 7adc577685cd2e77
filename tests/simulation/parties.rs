//! The accounts and files of the histories: few and small, so that operations collide.

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::ledger::state::Limits;

/// A namespace that the first two accounts share.
pub const SHARED: &str = "jt_customer_shared";
/// Storage quota of each account, bytes: three or four files.
const QUOTAS: [u64; 3] = [18, 14, 22];
/// Files that each account may have: references to what is stored cost no bytes, so that this is reached before the quota, too.
const OBJECTS: u64 = 4;
/// Uploads that each account may have open.
const UPLOADS: u64 = 2;
/// Size of every part except the last, bytes.
pub const CHUNK: u64 = 4;
/// Two pairs of files of equal length; three of them have the same first part.
pub const FILES: [&str; 4] = ["aaaabb", "aaaacc", "aaaa", "bbbb"];
/// Content of the asset that the first account had before ledgers existed.
pub const FOUND: &str = "old!";

/// An account.
#[derive(Debug, Clone)]
pub struct Party {
    pub id: Id,
    pub user: Name,
    /// Its own namespace.
    pub own: Name,
    pub limits: Limits,
}

/// All accounts.
pub fn all() -> Vec<Party> {
    (1u8..).zip(QUOTAS).map(|(number, storage)| party(number, storage)).collect()
}

fn party(number: u8, storage: u64) -> Party {
    let limits = Limits {
        storage,
        bandwidth: 1 << 40,
        per_minute: 60,
        objects: OBJECTS,
        uploads: UPLOADS,
        suspended: false,
        version: (EpochMs(0), EpochMs(0)),
    };
    let user = Name::parse(&format!("u{number}")).unwrap();
    let own = Name::parse(&format!("jt_user_{user}")).unwrap();
    Party { id: Id::from_random([number; 16]), user, own, limits }
}

/// The other file of the same length.
pub fn twin(file: usize) -> usize {
    file ^ 1
}

/// The hash that a client sends for a file.
pub fn hash(text: &str) -> Sha256Hex {
    Sha256Hex::of(text.as_bytes())
}

/// The parts of a file in order.
pub fn parts(text: &str) -> Vec<&[u8]> {
    text.as_bytes().chunks(CHUNK as usize).collect()
}
