//! SQL of endpoints and of what is sent to them.

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::webhooks::delivery::{KEEP_MS, MAX_KEPT};
use crate::webhooks::endpoint::{Change, MAX_WAITING};
use crate::webhooks::event::Event;
use crate::webhooks::retry::CLAIM_MS;
use crate::webhooks::secret::OVERLAP_MS;

macro_rules! endpoint_columns {
    () => {
        "id, namespace, url, events, old_until, created_at, updated_at"
    };
}

macro_rules! delivery_columns {
    () => {
        "id, endpoint_id, message_id, event, status, attempts, due_at, response_status, response, error, created_at, tried_at, \
         substr(body, 1, 2048) AS payload"
    };
}

// In the first slot that is free: none is, if there are ten.
const INSERT_ENDPOINT: &str = concat!(
    "INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, created_at, updated_at) \
     SELECT ?1, n.name, (SELECT MIN(value) FROM json_each('[1,2,3,4,5,6,7,8,9,10]') \
       WHERE value NOT IN (SELECT e.slot FROM webhook_endpoints e WHERE e.namespace = ?2)), ?3, ?4, ?5, ?6, ?6 FROM namespaces n WHERE n.name = ?2 \
     AND (SELECT COUNT(*) FROM webhook_endpoints e WHERE e.namespace = ?2) < 10 RETURNING ",
    endpoint_columns!()
);

const ENDPOINTS: &str = concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE namespace = ?1 ORDER BY slot");

const ENDPOINT: &str = concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = ?2 AND namespace = ?1");

const CHANGE_ENDPOINT: &str = concat!(
    "UPDATE webhook_endpoints SET url = COALESCE(?3, url), events = COALESCE(?4, events), old_secret = CASE WHEN ?5 IS NULL THEN old_secret ELSE secret END, \
     old_until = CASE WHEN ?5 IS NULL THEN old_until ELSE ?6 END, secret = COALESCE(?5, secret), updated_at = ?7 WHERE id = ?2 AND namespace = ?1 RETURNING ",
    endpoint_columns!()
);

const DELETE_ENDPOINT: &str = "DELETE FROM webhook_endpoints WHERE id = ?2 AND namespace = ?1 RETURNING id";

// For each endpoint of the namespace that wants it and has not too many waiting. $guard: in the same transaction as what it tells, and only if that is done.
macro_rules! emit {
    ($guard:literal) => {
        emit!("?4", $guard)
    };
    ($body:literal, $guard:literal) => {
        concat!(
            "INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
             SELECT w.namespace, ?5 ->> (w.slot - 1), w.id, ?3, ?2, ",
            $body,
            ", ?6, ?6 FROM webhook_endpoints w \
             WHERE w.namespace = ?1 AND EXISTS (SELECT 1 FROM json_each(w.events) WHERE value = ?2) \
             AND (SELECT 1 FROM webhook_outbox o WHERE o.endpoint_id = w.id AND o.status = 'pending' LIMIT 1 OFFSET ?7) IS NULL",
            $guard,
            " RETURNING id"
        )
    };
}

const EMIT: &str = emit!("");

// A file's path is the one that it got in this transaction: another file may have come in between, and an event without a file has none to replace.
const EMIT_OF_OPEN_UPLOAD: &str = emit!(
    "json_replace(?4, '$.data.asset.path', (SELECT a.path FROM upload_sessions u JOIN assets a ON a.id = u.asset_id WHERE u.id = ?8))",
    " AND EXISTS (SELECT 1 FROM upload_sessions u WHERE u.id = ?8 AND u.status = 'open')"
);

const EMIT_OF_ASSET: &str = emit!(
    "json_replace(?4, '$.data.asset.path', (SELECT a.path FROM assets a WHERE a.id = ?8))",
    " AND EXISTS (SELECT 1 FROM assets a WHERE a.id = ?8)"
);

const EMIT_OF_REPLACED: &str =
    emit!(" AND EXISTS (SELECT 1 FROM assets a WHERE a.id = ?8 AND a.path = ?9) AND EXISTS (SELECT 1 FROM assets n WHERE n.id = ?10)");

const EMIT_OF_ACCOUNT: &str = emit!(" AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = ?8)");

const EMIT_OF_NEW_MEMBER: &str = emit!(
    " AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = ?8) AND NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.account_id = ?8 AND m.namespace = ?1)"
);

const EMIT_OF_ALERT: &str = emit!(" AND EXISTS (SELECT 1 FROM alerts a WHERE a.id = ?8)");

const EMIT_OF_OPEN_ALERT: &str = emit!(" AND EXISTS (SELECT 1 FROM alerts a WHERE a.id = ?8 AND a.resolved_at IS NULL)");

const EMIT_TO: &str = "INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
     SELECT w.namespace, ?5, w.id, ?3, ?2, ?4, ?6, ?6 FROM webhook_endpoints w WHERE w.id = ?8 AND w.namespace = ?1 \
     AND (SELECT 1 FROM webhook_outbox o WHERE o.endpoint_id = w.id AND o.status = 'pending' LIMIT 1 OFFSET ?7) IS NULL RETURNING id";

const TAKE_BACK: &str = "DELETE FROM webhook_outbox WHERE namespace = ?1 AND id IN (SELECT value FROM json_each(?2)) AND status = 'pending'";

const CLAIM: &str = "UPDATE webhook_outbox SET claim = ?3, claimed_until = ?5, attempts = attempts + 1, tried_at = ?4 WHERE namespace = ?1 AND id = ?2 \
     AND status = 'pending' AND due_at <= ?4 AND (claimed_until IS NULL OR claimed_until <= ?4)";

const OUTGOING: &str = "SELECT o.endpoint_id, o.message_id, o.body, o.status, o.attempts, o.due_at, o.claim, o.claimed_until, w.url, w.secret, w.old_secret, \
     w.old_until FROM webhook_outbox o JOIN webhook_endpoints w ON w.id = o.endpoint_id WHERE o.namespace = ?1 AND o.id = ?2";

const RECORD: &str = "UPDATE webhook_outbox SET status = ?4, due_at = ?5, response_status = ?6, response = ?7, error = ?8, claim = NULL, claimed_until = NULL \
     WHERE namespace = ?1 AND id = ?2 AND claim = ?3";

const REPLAY: &str = concat!(
    "UPDATE webhook_outbox SET status = 'pending', attempts = 0, due_at = ?3 WHERE namespace = ?1 AND id = ?2 AND created_at > ?4 RETURNING ",
    delivery_columns!()
);

const DELIVERY: &str = concat!("SELECT ", delivery_columns!(), " FROM webhook_outbox WHERE namespace = ?1 AND id = ?2");

const DELIVERIES: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM webhook_outbox WHERE endpoint_id = ?2 AND namespace = ?1 AND created_at > ?6 AND (created_at, id) < (?3, ?4) \
     ORDER BY created_at DESC, id DESC LIMIT ?5"
);

// rowid: the order of rows of one millisecond, which the index has, too.
const OVERDUE: &str = "SELECT namespace, id, due_at, rowid AS place FROM webhook_outbox WHERE status = 'pending' AND due_at < ?1 \
     AND (due_at, rowid) > (?2, ?3) ORDER BY due_at, rowid LIMIT ?4";

const PRUNE: &str = "DELETE FROM webhook_outbox WHERE rowid IN (SELECT o.rowid FROM webhook_outbox o WHERE o.created_at <= ?1 AND o.status <> 'pending' \
     LIMIT ?2) RETURNING 1 AS gone";

const TRIM: &str = "DELETE FROM webhook_outbox WHERE rowid IN (SELECT o.rowid FROM webhook_outbox o WHERE o.endpoint_id = ?1 ORDER BY o.created_at DESC, \
     o.id DESC LIMIT ?3 OFFSET ?2) AND status <> 'pending' RETURNING 1 AS gone";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("INSERT_ENDPOINT", INSERT_ENDPOINT),
    ("ENDPOINTS", ENDPOINTS),
    ("ENDPOINT", ENDPOINT),
    ("CHANGE_ENDPOINT", CHANGE_ENDPOINT),
    ("DELETE_ENDPOINT", DELETE_ENDPOINT),
    ("EMIT", EMIT),
    ("EMIT_OF_OPEN_UPLOAD", EMIT_OF_OPEN_UPLOAD),
    ("EMIT_OF_ASSET", EMIT_OF_ASSET),
    ("EMIT_OF_REPLACED", EMIT_OF_REPLACED),
    ("EMIT_OF_ACCOUNT", EMIT_OF_ACCOUNT),
    ("EMIT_OF_NEW_MEMBER", EMIT_OF_NEW_MEMBER),
    ("EMIT_OF_ALERT", EMIT_OF_ALERT),
    ("EMIT_OF_OPEN_ALERT", EMIT_OF_OPEN_ALERT),
    ("EMIT_TO", EMIT_TO),
    ("TAKE_BACK", TAKE_BACK),
    ("CLAIM", CLAIM),
    ("OUTGOING", OUTGOING),
    ("RECORD", RECORD),
    ("REPLAY", REPLAY),
    ("DELIVERY", DELIVERY),
    ("DELIVERIES", DELIVERIES),
    ("OVERDUE", OVERDUE),
    ("PRUNE", PRUNE),
    ("TRIM", TRIM),
];

/// A delivery that was written: a row of an emission.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Written {
    /// Delivery id.
    pub id: Id,
}

/// What must be so for an event to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Nothing.
    Always,
    /// This upload is open: before the statement that closes it.
    WhileOpen(Id),
    /// This asset is there: behind the statement that stores it, or before the one that deletes it.
    WithAsset(Id),
    /// This account is there: behind the statement that creates it.
    WithAccount(Id),
    /// This account is there, and not yet in the namespace: before the statement that puts it there.
    WithNewMember(Id),
    /// This alert is there: behind the statement that fires it under an id drawn for it.
    WithAlert(Id),
    /// This alert is open: before the statement that resolves it.
    WhileAlertOpen(Id),
}

fn in_namespace(namespace: &Name, id: Id) -> Vec<Arg> {
    vec![namespace.as_str().into(), id.to_string().into()]
}

/// Adds an endpoint; a row of [`crate::webhooks::endpoint::Endpoint`], or none if the namespace has as many as it may.
pub fn insert_endpoint(id: Id, namespace: &Name, url: &str, events: &str, sealed: &str, now: EpochMs) -> Statement {
    let args = vec![id.to_string().into(), namespace.as_str().into(), url.into(), events.into(), sealed.into(), Arg::Int(now.0)];
    Statement { sql: INSERT_ENDPOINT, args }
}

/// The endpoints of a namespace.
pub fn endpoints(namespace: &Name) -> Statement {
    Statement { sql: ENDPOINTS, args: vec![namespace.as_str().into()] }
}

/// An endpoint of that namespace.
pub fn endpoint(namespace: &Name, id: Id) -> Statement {
    Statement { sql: ENDPOINT, args: in_namespace(namespace, id) }
}

/// Changes an endpoint; a row if it is there. `sealed`: the secret that takes the place of the one that it has.
pub fn change_endpoint(namespace: &Name, id: Id, change: &Change, sealed: Option<String>, now: EpochMs) -> Statement {
    let mut args = in_namespace(namespace, id);
    args.extend([change.url.clone().into(), change.events.clone().into(), sealed.into(), Arg::Int(now.plus(OVERLAP_MS).0), Arg::Int(now.0)]);
    Statement { sql: CHANGE_ENDPOINT, args }
}

/// Deletes an endpoint with its deliveries; a row if it was there.
pub fn delete_endpoint(namespace: &Name, id: Id) -> Statement {
    Statement { sql: DELETE_ENDPOINT, args: in_namespace(namespace, id) }
}

fn event_args(namespace: &Name, event: &Event, deliveries: String) -> Vec<Arg> {
    vec![
        namespace.as_str().into(),
        event.kind.as_str().into(),
        event.message.clone().into(),
        event.body.clone().into(),
        deliveries.into(),
        Arg::Int(event.at.0),
        (MAX_WAITING - 1).into(),
    ]
}

/// Writes an event for each endpoint of the namespace that wants it: a row of [`Written`] for each.
pub fn emit(namespace: &Name, event: &Event, only: Only) -> Statement {
    let mut args = event_args(namespace, event, event.deliveries_json());
    let (sql, id) = match only {
        Only::Always => (EMIT, None),
        Only::WhileOpen(session) => (EMIT_OF_OPEN_UPLOAD, Some(session)),
        Only::WithAsset(asset) => (EMIT_OF_ASSET, Some(asset)),
        Only::WithAccount(account) => (EMIT_OF_ACCOUNT, Some(account)),
        Only::WithNewMember(account) => (EMIT_OF_NEW_MEMBER, Some(account)),
        Only::WithAlert(alert) => (EMIT_OF_ALERT, Some(alert)),
        Only::WhileAlertOpen(alert) => (EMIT_OF_OPEN_ALERT, Some(alert)),
    };
    args.extend(id.map(|id| Arg::from(id.to_string())));
    Statement { sql, args }
}

/// Writes the event of a file that is deleted because `by`, which is there, takes its path: before the statement that deletes it.
pub fn emit_replaced(namespace: &Name, event: &Event, asset: Id, path: &str, by: Id) -> Statement {
    let mut args = event_args(namespace, event, event.deliveries_json());
    args.extend([asset.to_string().into(), path.into(), by.to_string().into()]);
    Statement { sql: EMIT_OF_REPLACED, args }
}

/// Writes an event for one endpoint, whatever it wants; a row unless it has too many waiting.
pub fn emit_to(namespace: &Name, endpoint: Id, event: &Event, delivery: Id) -> Statement {
    let mut args = event_args(namespace, event, delivery.to_string());
    args.push(endpoint.to_string().into());
    Statement { sql: EMIT_TO, args }
}

/// Takes back an event of something that was taken back.
pub fn take_back(namespace: &Name, event: &Event) -> Statement {
    Statement { sql: TAKE_BACK, args: vec![namespace.as_str().into(), event.deliveries_json().into()] }
}

/// Claims a delivery that is due and nobody's, and counts the attempt.
pub fn claim(namespace: &Name, id: Id, claim: Id, now: EpochMs) -> Statement {
    let mut args = in_namespace(namespace, id);
    args.extend([claim.to_string().into(), Arg::Int(now.0), Arg::Int(now.plus(CLAIM_MS).0)]);
    Statement { sql: CLAIM, args }
}

/// A delivery with its endpoint: [`crate::webhooks::delivery::Outgoing`].
pub fn outgoing(namespace: &Name, id: Id) -> Statement {
    Statement { sql: OUTGOING, args: in_namespace(namespace, id) }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `pending`, `delivered` or `failed`.
    pub status: &'static str,
    /// When it is tried again.
    pub due_at: EpochMs,
    /// The answer's status.
    pub response_status: Option<u16>,
    /// The beginning of the answer.
    pub response: Option<String>,
    /// Why there is no answer.
    pub error: Option<String>,
}

/// Records an attempt, if its claim is still the job's, and gives the claim up.
pub fn record(namespace: &Name, id: Id, claim: Id, attempt: &Attempt) -> Statement {
    let mut args = in_namespace(namespace, id);
    args.extend([
        claim.to_string().into(),
        attempt.status.into(),
        Arg::Int(attempt.due_at.0),
        attempt.response_status.map(u64::from).into(),
        attempt.response.clone().into(),
        attempt.error.clone().into(),
    ]);
    Statement { sql: RECORD, args }
}

/// Has a delivery that is still listed sent again, from the first attempt on: a row of [`crate::webhooks::delivery::Delivery`]. An attempt that is under way stays
/// the only one.
pub fn replay(namespace: &Name, id: Id, now: EpochMs) -> Statement {
    let mut args = in_namespace(namespace, id);
    args.extend([Arg::Int(now.0), Arg::Int(now.0.saturating_sub(KEEP_MS))]);
    Statement { sql: REPLAY, args }
}

/// A delivery: [`crate::webhooks::delivery::Delivery`].
pub fn delivery(namespace: &Name, id: Id) -> Statement {
    Statement { sql: DELIVERY, args: in_namespace(namespace, id) }
}

/// The deliveries of an endpoint in the last 30 days, newest first, after `cursor`.
pub fn deliveries(namespace: &Name, endpoint: Id, cursor: Option<(EpochMs, Id)>, limit: u64, now: EpochMs) -> Statement {
    let (at, id) = cursor.map_or((crate::base::units::MAX_SAFE_INTEGER, String::new()), |(at, id)| (at.0, id.to_string()));
    let mut args = in_namespace(namespace, endpoint);
    args.extend([at.into(), id.into(), limit.into(), Arg::Int(now.0.saturating_sub(KEEP_MS))]);
    Statement { sql: DELIVERIES, args }
}

/// `namespace`, `id`, `due_at` and `place` of deliveries that were due before `before`, oldest first, after the last one seen.
pub fn overdue(before: EpochMs, after: (EpochMs, u64), limit: u64) -> Statement {
    Statement { sql: OVERDUE, args: vec![Arg::Int(before.0), Arg::Int(after.0.0), after.1.into(), limit.into()] }
}

/// Deletes at most `limit` deliveries that are over and are not listed any more; a row for each.
pub fn prune(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: PRUNE, args: vec![Arg::Int(now.0.saturating_sub(KEEP_MS)), limit.into()] }
}

/// Deletes at most `limit` of an endpoint's deliveries that are over and older than its newest [`MAX_KEPT`]; a row for each.
pub fn trim(endpoint: Id, limit: u64) -> Statement {
    Statement { sql: TRIM, args: vec![endpoint.to_string().into(), MAX_KEPT.into(), limit.into()] }
}
