//! Answers to requests with an Idempotency-Key or a webhook id.

use std::collections::BTreeMap;

use crate::operations::Told;

/// How long an answer is certainly kept: 24 hours without what clocks may differ by, ms.
const KEPT_MS: u64 = 86_400_000 - 60_000;

/// One key of one caller.
#[derive(Debug, Default)]
struct Slot {
    /// When the oldest request began whose answer may be the one that is kept.
    since: Option<u64>,
    /// Bodies that requests had.
    bodies: Vec<String>,
    /// The answer that was kept: a request's body, and the answer to it.
    kept: Option<(String, String)>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Slots(BTreeMap<String, Slot>);

/// A request with a key.
#[derive(Debug, Clone)]
pub struct Asking {
    slot: String,
    body: String,
    began: u64,
}

impl Slots {
    /// A request begins. `body`: what repeats must have in common, empty if any counts as equal.
    pub fn begin(&mut self, slot: &str, body: &str, now: u64) -> Asking {
        let known = self.0.entry(slot.to_owned()).or_default();
        if known.since.is_some_and(|since| now >= since + KEPT_MS) {
            *known = Slot::default();
        }
        known.since.get_or_insert(now);
        known.bodies.push(body.to_owned());
        Asking { slot: slot.to_owned(), body: body.to_owned(), began: now }
    }

    /// It ends. `is_certain`: nothing goes wrong in this history, so that the first answer is kept.
    ///
    /// # Errors
    /// What was promised otherwise.
    pub fn end(&mut self, asking: &Asking, told: &Told, is_certain: bool, now: u64) -> Result<(), String> {
        let Some(known) = self.0.get_mut(&asking.slot) else { return Ok(()) };
        // An answer that may have been forgotten meanwhile says nothing of the others.
        if known.since.is_none_or(|since| asking.began < since || now >= since + KEPT_MS) {
            return Ok(());
        }
        match told {
            Some(Ok(reply)) => {
                let text = reply.body.clone().unwrap_or_default();
                match &known.kept {
                    Some((body, _)) if *body != asking.body => {
                        return Err(format!("{}: an answer to another body: {text}", asking.slot));
                    }
                    Some((_, kept)) if *kept != text => return Err(format!("{}: answered {kept}, and then {text}", asking.slot)),
                    _ => {}
                }
                // An answer that was repeated is stored; of another that is certain only if nothing goes wrong.
                if (reply.replayed || is_certain) && reply.status != 202 {
                    known.kept = Some((asking.body.clone(), text));
                }
                Ok(())
            }
            Some(Err(jettyspeed_edge::problem::Problem::KeyReused)) if known.bodies.iter().all(|body| *body == asking.body) => {
                Err(format!("{}: refused as another body, and there was none", asking.slot))
            }
            _ => Ok(()),
        }
    }
}
