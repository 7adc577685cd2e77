//! Events: each was written with what it tells, and its endpoint has it.

use jettyspeed_edge::webhooks::delivery::KEEP_MS;
use serde::Deserialize;

use crate::check::{ensure, select};
use crate::world::Sim;

/// A day, ms: by that much the deletion of what is not listed any more may be late or early.
const DAY_MS: u64 = 86_400_000;

const UNTOLD_FILES: &str = "SELECT s.id, COUNT(o.id) AS told FROM assets s JOIN webhook_endpoints w ON w.namespace = s.namespace \
     LEFT JOIN webhook_outbox o ON o.endpoint_id = w.id AND o.event = 'upload.completed' AND o.body ->> '$.data.asset.id' = s.id \
     WHERE s.created_at > ?1 GROUP BY s.id HAVING COUNT(o.id) <> 1";

const UNTOLD_FAILURES: &str = "SELECT u.id, COUNT(o.id) AS told FROM upload_sessions u JOIN webhook_endpoints w ON w.namespace = u.namespace \
     LEFT JOIN webhook_outbox o ON o.endpoint_id = w.id AND o.event = 'upload.failed' AND o.body ->> '$.data.sessionId' = u.id \
     WHERE u.updated_at > ?1 AND u.status IN ('failed', 'expired') GROUP BY u.id HAVING COUNT(o.id) <> 1";

const DELETED: &str = "SELECT c.body ->> '$.data.asset.id' AS id, COUNT(d.id) AS told FROM webhook_outbox c LEFT JOIN webhook_outbox d \
     ON d.endpoint_id = c.endpoint_id AND d.event = 'asset.deleted' AND d.body ->> '$.data.asset.id' = c.body ->> '$.data.asset.id' \
     WHERE c.event = 'upload.completed' GROUP BY 1";

const DELIVERIES: &str = "SELECT w.url, o.message_id, o.status FROM webhook_outbox o JOIN webhook_endpoints w ON w.id = o.endpoint_id";

#[derive(Debug, Deserialize)]
struct Told {
    id: String,
    told: u64,
}

#[derive(Debug, Deserialize)]
struct Delivery {
    url: String,
    message_id: String,
    status: String,
}

/// Checks it, in histories with endpoints.
///
/// # Errors
/// The first event that is missing, doubled or not delivered.
pub fn check(sim: &Sim) -> Result<(), String> {
    if !sim.settings.hooks {
        return Ok(());
    }
    let since = sim.time().saturating_sub(KEEP_MS - DAY_MS);
    for (what, sql) in [("a file", UNTOLD_FILES), ("a failed upload", UNTOLD_FAILURES)] {
        let wrong: Vec<Told> = select(sim, sql, vec![since.into()]);
        ensure(wrong.is_empty(), || format!("{what} was not told once: {wrong:?}"))?;
    }
    let model = sim.model.borrow();
    for row in select::<Told>(sim, DELETED, vec![]) {
        let is_deleted = model.deleted.iter().any(|asset| asset.to_string() == row.id);
        ensure(row.told <= 1 && (row.told == 1 || !is_deleted), || format!("a deletion was not told once: {row:?}"))?;
    }
    let sink = sim.sink.borrow();
    for row in select::<Delivery>(sim, DELIVERIES, vec![]) {
        ensure(row.status == "delivered", || format!("an event was not delivered: {row:?}"))?;
        ensure(sink.taken.contains(&(row.url.clone(), row.message_id.clone())), || format!("an event counts as delivered, and was not: {row:?}"))?;
    }
    Ok(())
}
