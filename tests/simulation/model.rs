//! The reference model: what clients requested and which outcomes were reported to them, as sets.

use super::parties::CHUNK;
use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;

/// The expected content of a requested file.
#[derive(Debug, Clone)]
enum Bytes {
    /// Exactly these bytes.
    These(Vec<u8>),
    /// For each part, any bytes that were sent as that part of the session.
    Sent(Id),
}

/// Requests and reported outcomes of all clients.
#[derive(Debug, Default)]
pub struct Model {
    /// Account and content of every requested file.
    requested: BTreeMap<Id, (Id, Bytes)>,
    /// All bytes that were sent as a part of a session.
    sent: BTreeMap<(Id, u16), BTreeSet<Vec<u8>>>,
    /// Files reported to their client as stored.
    pub kept: BTreeSet<Id>,
    /// Files whose deletion was requested.
    pub deleting: BTreeSet<Id>,
    /// Files reported to their client as deleted.
    pub deleted: BTreeSet<Id>,
}

impl Model {
    /// `account` requests a file of these bytes.
    pub fn wants(&mut self, account: Id, asset: Id, bytes: &[u8]) {
        self.requested.insert(asset, (account, Bytes::These(bytes.to_vec())));
    }

    /// `account` requests a file of the parts that were sent to the session.
    pub fn completes(&mut self, account: Id, asset: Id, session: Id) {
        self.requested.insert(asset, (account, Bytes::Sent(session)));
    }

    /// These bytes may have reached the store as this part.
    pub fn sends(&mut self, session: Id, number: u16, bytes: &[u8]) {
        self.sent.entry((session, number)).or_default().insert(bytes.to_vec());
    }

    /// Whether `account` requested that asset and these may be its bytes.
    pub fn allows(&self, account: Id, asset: Id, bytes: &[u8]) -> bool {
        let Some((owner, content)) = self.requested.get(&asset) else { return false };
        let is_expected = match content {
            Bytes::These(expected) => expected == bytes,
            Bytes::Sent(session) => {
                let mut parts = (1u16..).zip(bytes.chunks(CHUNK as usize));
                parts.all(|(number, part)| self.sent.get(&(*session, number)).is_some_and(|sent| sent.contains(part)))
            }
        };
        *owner == account && is_expected
    }
}
