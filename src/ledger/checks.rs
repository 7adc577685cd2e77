//! Checks of operations whose end nobody has reported: D1 is asked, twice if what was begun may still happen after the first answer.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::machine::Ledger;
use crate::ledger::message::Message;
use crate::ledger::state::{Effect, PendingCheck, Seen};
use crate::ledger::timing::{LAST_CHECK_MS, OPEN_RECHECK_MS, QUERY_RETRY_MS};

/// What follows from the result of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing.
    Nothing,
    /// Apply this message.
    Apply(Message),
    /// Check again at this instant.
    CheckAgain(EpochMs),
}

impl Ledger {
    /// Pending checks that are due, at most `most`.
    pub fn due(&self, now: EpochMs, most: usize) -> Vec<(Id, PendingCheck)> {
        self.watches.iter().filter(|(_, check)| check.at <= now).map(|(asset, check)| (*asset, *check)).take(most).collect()
    }

    /// What follows from the result of a D1 query that was started for `check`: nothing if the pending check has changed since.
    pub fn resolve_check(&self, asset: Id, check: PendingCheck, seen: Seen, now: EpochMs) -> Outcome {
        if self.watches.get(&asset) != Some(&check) {
            return Outcome::Nothing;
        }
        match seen {
            Seen::Stored { object, size } => Outcome::Apply(Message::Settle { asset, object, size }),
            Seen::Gone => Outcome::Apply(Message::Release { asset }),
            Seen::Coming => Outcome::CheckAgain(now.plus(OPEN_RECHECK_MS)),
            Seen::Unclear => Outcome::CheckAgain(now.plus(QUERY_RETRY_MS)),
        }
    }

    /// D1 was queried for the asset: the pending check no longer forces a query.
    pub fn check_done(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(check) if check.doubt => {
                check.doubt = false;
                vec![Effect::PutPendingCheck(asset, *check)]
            }
            _ => vec![],
        }
    }

    /// The upload is still open: check again at `at`.
    pub fn postpone(&mut self, asset: Id, at: EpochMs) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(check) => {
                check.at = at;
                vec![Effect::PutPendingCheck(asset, *check)]
            }
            None => vec![],
        }
    }

    /// What follows a check whose outcome was applied: the last one, if whatever it was about may still happen, as nobody has reported its end.
    pub fn after_check(&mut self, asset: Id, check: PendingCheck, place: Option<String>, seen: Seen, now: EpochMs) -> Vec<Effect> {
        if check.last {
            return self.drop_check(asset);
        }
        if self.watches.contains_key(&asset) || !(check.announced || seen == Seen::Gone) {
            return vec![];
        }
        let last = PendingCheck { last: true, ..PendingCheck::forced(now.plus(LAST_CHECK_MS)) };
        self.watches.insert(asset, last);
        place.map(|place| Effect::PutPlace(asset, place)).into_iter().chain([Effect::PutPendingCheck(asset, last)]).collect()
    }
}
