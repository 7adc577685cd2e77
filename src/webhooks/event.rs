//! What endpoints are told. An event is written in the transaction of what it tells, for each endpoint of the namespace that wants it.

use serde_json::{Value, json};

use crate::base::id::Id;
use crate::base::json;
use crate::base::time::EpochMs;

/// Endpoints of a namespace, at most.
pub const MAX_ENDPOINTS: usize = 10;

/// Random bytes of an event: its id, and one for each delivery.
pub const RANDOM_BYTES: usize = 16 * (MAX_ENDPOINTS + 1);

/// A kind of event. The names are the API's, and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A file is there.
    UploadCompleted,
    /// An upload ended without a file.
    UploadFailed,
    /// A file was deleted by its owner or a manager.
    AssetDeleted,
    /// An account has used 80 % or 100 % of its storage.
    QuotaWarning,
    /// A figure is out of its bounds.
    AlertFired,
    /// It is in its bounds again.
    AlertResolved,
    /// An account was created whose own namespace this is, or put into the namespace.
    AccountProvisioned,
    /// `POST …/webhooks/{id}/test` was called: goes to that endpoint, whatever it wants.
    Test,
}

/// Those that an endpoint can want.
pub const KINDS: [EventKind; 7] = [
    EventKind::UploadCompleted,
    EventKind::UploadFailed,
    EventKind::AssetDeleted,
    EventKind::QuotaWarning,
    EventKind::AlertFired,
    EventKind::AlertResolved,
    EventKind::AccountProvisioned,
];

impl EventKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::UploadCompleted => "upload.completed",
            EventKind::UploadFailed => "upload.failed",
            EventKind::AssetDeleted => "asset.deleted",
            EventKind::QuotaWarning => "quota.warning",
            EventKind::AlertFired => "alert.fired",
            EventKind::AlertResolved => "alert.resolved",
            EventKind::AccountProvisioned => "account.provisioned",
            EventKind::Test => "webhook.test",
        }
    }

    /// The kind of that name, if an endpoint can want it.
    pub fn wanted(name: &str) -> Option<EventKind> {
        KINDS.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An event that is ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its kind.
    pub kind: EventKind,
    /// `webhook-id`: the same for each endpoint and attempt.
    pub message: String,
    /// The ids of its deliveries, by the endpoint's slot.
    pub deliveries: Vec<Id>,
    /// What is sent: `{type, timestamp, data}` (standardwebhooks.com, specification, "Payload structure").
    pub body: String,
    /// When it happened.
    pub at: EpochMs,
}

impl Event {
    /// The event of that kind with that data.
    pub fn new(kind: EventKind, data: &Value, at: EpochMs, random: &[u8; RANDOM_BYTES]) -> Event {
        let mut ids = random.as_chunks::<16>().0.iter().map(|bytes| Id::from_random(*bytes));
        let message = ids.next().map(|id| format!("msg_{id}")).unwrap_or_default();
        let body = json!({ "type": kind.as_str(), "timestamp": at.rfc3339(), "data": data }).to_string();
        Event { kind, message, deliveries: ids.collect(), body, at }
    }

    /// The ids of its deliveries as JSON.
    pub fn deliveries_json(&self) -> String {
        json::write(&self.deliveries).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::webhook_signature::is_id;

    #[test]
    fn every_kind_but_the_test_can_be_wanted_by_its_name() {
        for kind in KINDS {
            assert_eq!(EventKind::wanted(kind.as_str()), Some(kind));
        }
        for other in ["webhook.test", "upload.*", "", "Upload.completed"] {
            assert_eq!(EventKind::wanted(other), None, "{other}");
        }
    }

    #[test]
    fn event_has_a_valid_message_id_and_an_id_for_each_slot() {
        let random = std::array::from_fn(|at| u8::try_from(at / 16).unwrap());
        let event = Event::new(EventKind::UploadFailed, &json!({ "a": 1 }), EpochMs(0), &random);
        assert!(is_id(&event.message) && event.deliveries.len() == MAX_ENDPOINTS, "{event:?}");
        assert_eq!(event.body, r#"{"data":{"a":1},"timestamp":"1970-01-01T00:00:00.000Z","type":"upload.failed"}"#);
        let distinct: std::collections::BTreeSet<_> = event.deliveries.iter().collect();
        assert_eq!(distinct.len(), MAX_ENDPOINTS);
    }
}
