//! Deliveries: what a job sends, and what the API tells of it.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::webhooks::retry::Standing;

/// How long deliveries are listed, ms.
pub const KEEP_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Deliveries that are over and are kept of each endpoint, at most; the oldest go first.
pub const MAX_KEPT: u64 = 10_000;

/// What is kept of an answer, bytes.
pub const KEPT_ANSWER: usize = 1_024;

/// A delivery with its endpoint, as a job finds it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outgoing {
    /// Endpoint id.
    pub endpoint_id: Id,
    /// `webhook-id`.
    pub message_id: String,
    /// What is sent; a receipt in it is not signed yet.
    pub body: String,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// Attempts that have begun.
    pub attempts: u64,
    /// Not sent before.
    pub due_at: EpochMs,
    /// The attempt under way.
    pub claim: Option<String>,
    /// When its claim ends.
    pub claimed_until: Option<EpochMs>,
    /// The endpoint's URL.
    pub url: String,
    /// The endpoint's secret, sealed.
    pub secret: String,
    /// The one before, sealed.
    pub old_secret: Option<String>,
    /// Until when that signs, too.
    pub old_until: Option<EpochMs>,
}

impl Outgoing {
    /// How it stands for the job that tried to claim it as `claim`.
    pub fn standing(&self, claim: Id) -> Standing {
        Standing {
            is_pending: self.status == "pending",
            is_ours: self.claim.as_deref() == Some(claim.to_string().as_str()),
            due_at: self.due_at,
            claimed_until: self.claimed_until,
        }
    }

    /// The sealed secrets that sign at `now`, the newest first.
    pub fn sealed_secrets(&self, now: EpochMs) -> impl Iterator<Item = &str> {
        let old = self.old_secret.as_deref().filter(|_| self.old_until.is_some_and(|until| until > now));
        [Some(self.secret.as_str()), old].into_iter().flatten()
    }
}

/// One row of the listing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delivery {
    /// Delivery id.
    pub id: Id,
    endpoint_id: Id,
    message_id: String,
    event: String,
    status: String,
    attempts: u64,
    due_at: EpochMs,
    response_status: Option<u16>,
    response: Option<String>,
    error: Option<String>,
    /// When the event happened.
    pub created_at: EpochMs,
    tried_at: Option<EpochMs>,
    payload: String,
}

/// A delivery in the API (docs/api.md, "Delivery object").
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Delivery"))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    id: Id,
    webhook: Id,
    message_id: String,
    event: String,
    status: String,
    attempts: u64,
    /// When it is tried next, while it is pending.
    next_at: Option<String>,
    tried_at: Option<String>,
    response_status: Option<u16>,
    response: Option<String>,
    error: Option<String>,
    created_at: String,
    /// The beginning of what is sent: 2,048 characters at most, without the signature of a receipt in it.
    payload: String,
}

impl Delivery {
    /// The API representation.
    pub fn view(&self) -> DeliveryView {
        DeliveryView {
            id: self.id,
            webhook: self.endpoint_id,
            message_id: self.message_id.clone(),
            event: self.event.clone(),
            status: self.status.clone(),
            attempts: self.attempts,
            next_at: (self.status == "pending").then(|| self.due_at.rfc3339()),
            tried_at: self.tried_at.map(EpochMs::rfc3339),
            response_status: self.response_status,
            response: self.response.clone(),
            error: self.error.clone(),
            created_at: self.created_at.rfc3339(),
            payload: self.payload.clone(),
        }
    }
}

/// The beginning of an answer, or of an error's text, as it is kept: text without control characters other than line ends and tabs.
pub fn beginning(text: &str) -> String {
    let mut kept: String = text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).take(KEPT_ANSWER).collect();
    while kept.len() > KEPT_ANSWER {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_an_answer_has_at_most_1024_bytes_and_no_control_characters() {
        assert_eq!(beginning("ok\r\n\0\u{1b}[31m\tx"), "ok \n  [31m\tx");
        assert_eq!(beginning(&"x".repeat(70_000)).len(), KEPT_ANSWER);
        let wide = beginning(&"\u{20ac}".repeat(2_000));
        assert!(wide.len() <= KEPT_ANSWER && wide.len() > KEPT_ANSWER - 4 && wide.chars().all(|c| c == '\u{20ac}'), "{}", wide.len());
        assert_eq!(beginning(""), "");
    }

    #[test]
    fn replaced_secret_signs_until_its_overlap_ends() {
        let outgoing: Outgoing = serde_json::from_value(serde_json::json!({
            "endpoint_id": Id::from_random([1; 16]), "message_id": "m", "body": "{}", "status": "pending", "attempts": 1, "due_at": 0,
            "claim": Id::from_random([2; 16]).to_string(), "claimed_until": 9, "url": "u", "secret": "new", "old_secret": "old", "old_until": 100
        }))
        .unwrap();
        let secrets = |now| outgoing.sealed_secrets(EpochMs(now)).collect::<Vec<_>>();
        assert_eq!((secrets(99), secrets(100)), (vec!["new", "old"], vec!["new"]));
        assert!(outgoing.standing(Id::from_random([2; 16])).is_ours && !outgoing.standing(Id::from_random([3; 16])).is_ours);
    }

    #[test]
    fn only_a_pending_delivery_has_a_next_attempt() {
        let view = |status: &str| {
            let row: Delivery = serde_json::from_value(serde_json::json!({
                "id": Id::from_random([1; 16]), "endpoint_id": Id::from_random([2; 16]), "message_id": "m", "event": "e", "status": status,
                "attempts": 2, "due_at": 5, "response_status": 500, "response": "no", "error": null, "created_at": 0, "tried_at": 1, "payload": "{}"
            }))
            .unwrap();
            serde_json::to_value(row.view()).unwrap()
        };
        assert_eq!(view("pending")["nextAt"], "1970-01-01T00:00:00.005Z");
        assert_eq!((&view("failed")["nextAt"], &view("failed")["responseStatus"]), (&serde_json::Value::Null, &serde_json::json!(500)));
    }
}
