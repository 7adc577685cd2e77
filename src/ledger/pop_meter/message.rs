//! Messages of the meter of a PoP: JSON between request handlers and the Durable Object, one message per call.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::ledger::accrual::StoreReads;
use crate::ledger::message::UsageSnapshot;

/// What was counted for an account.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The account.
    pub account: Id,
    /// Bytes of content that left.
    pub bytes: u64,
    /// What was read from the store.
    #[serde(default)]
    pub reads: StoreReads,
}

impl Counted {
    /// Whether nothing was counted.
    pub fn is_nothing(&self) -> bool {
        self.bytes == 0 && self.reads == StoreReads::default()
    }
}

/// A message to a meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Counts.
    Report {
        /// What an isolate has counted since its last report.
        counted: Vec<Counted>,
    },
    /// Asks for the account's usage.
    Ask {
        /// The account.
        account: Id,
    },
    /// Asks the account's ledger anew: an administrator has changed the account.
    Renew {
        /// The account.
        account: Id,
    },
    /// Counts, and tells the account's ledger at once.
    Flush {
        /// What an isolate has counted since its last report.
        counted: Counted,
    },
}

/// The reply to every message: usage of the accounts named in it, as far as it is known, with what the ledgers have not been told yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// By account.
    pub usage: Vec<(Id, UsageSnapshot)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_bytes_and_no_reads() {
        let nothing = Counted { account: Id::from_random([1; 16]), bytes: 0, reads: StoreReads::default() };
        assert!(nothing.is_nothing());
        assert!(!Counted { bytes: 1, ..nothing }.is_nothing() && !Counted { reads: StoreReads::at(1, 0.0), ..nothing }.is_nothing());
    }

    #[test]
    fn json_form_is_pinned() {
        let account = Id::from_random([1; 16]);
        let counted = Counted { account, bytes: 2, reads: StoreReads { bytes: 3, usd: 0.5 } };
        let text = |message: &Message| serde_json::to_string(message).unwrap();
        assert_eq!(
            text(&Message::Report { counted: vec![counted] }),
            r#"{"report":{"counted":[{"account":"01010101-0101-4101-8101-010101010101","bytes":2,"reads":{"bytes":3,"usd":0.5}}]}}"#
        );
        assert_eq!(text(&Message::Renew { account }), r#"{"renew":{"account":"01010101-0101-4101-8101-010101010101"}}"#);
        assert_eq!(text(&Message::Ask { account }), r#"{"ask":{"account":"01010101-0101-4101-8101-010101010101"}}"#);
        assert_eq!(
            text(&Message::Flush { counted }),
            r#"{"flush":{"counted":{"account":"01010101-0101-4101-8101-010101010101","bytes":2,"reads":{"bytes":3,"usd":0.5}}}}"#
        );
    }
}
