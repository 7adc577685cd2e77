//! The model: what clients asked for and what they were told. Sets, and nothing else.

use super::parties::CHUNK;
use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;

/// What a file that somebody asked for consists of.
#[derive(Debug, Clone)]
enum Bytes {
    /// These.
    These(Vec<u8>),
    /// For each part something that was sent as that part of the session.
    Sent(Id),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Told {
    /// Account and bytes of every file that somebody wanted to have.
    asked: BTreeMap<Id, (Id, Bytes)>,
    /// What was sent as a part of a session.
    sent: BTreeMap<(Id, u16), BTreeSet<Vec<u8>>>,
    /// Files somebody was told to have.
    pub kept: BTreeSet<Id>,
    /// Files somebody wanted to be rid of.
    pub deleting: BTreeSet<Id>,
    /// Files somebody was told to be rid of.
    pub deleted: BTreeSet<Id>,
}

impl Told {
    /// `account` wants a file of these bytes.
    pub fn wants(&mut self, account: Id, asset: Id, bytes: &[u8]) {
        self.asked.insert(asset, (account, Bytes::These(bytes.to_vec())));
    }

    /// `account` wants a file of what was sent to the session.
    pub fn completes(&mut self, account: Id, asset: Id, session: Id) {
        self.asked.insert(asset, (account, Bytes::Sent(session)));
    }

    /// Bytes may have got to the store as this part.
    pub fn sends(&mut self, session: Id, number: u16, bytes: &[u8]) {
        self.sent.entry((session, number)).or_default().insert(bytes.to_vec());
    }

    /// Whether `account` asked for that asset and these may be its bytes.
    pub fn allows(&self, account: Id, asset: Id, bytes: &[u8]) -> bool {
        let Some((owner, wanted)) = self.asked.get(&asset) else { return false };
        let as_wanted = match wanted {
            Bytes::These(wanted) => wanted == bytes,
            Bytes::Sent(session) => {
                let mut parts = (1u16..).zip(bytes.chunks(CHUNK as usize));
                parts.all(|(number, part)| self.sent.get(&(*session, number)).is_some_and(|sent| sent.contains(part)))
            }
        };
        *owner == account && as_wanted
    }
}
