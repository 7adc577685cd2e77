//! SQL of alerts, and of the figures that they are decided by.

use crate::alerts::alert::{Alert, KEEP_MS, Listed};
use crate::alerts::kind::Kind;
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::sql::{Arg, Statement};
use crate::base::time::{DAY_MS, EpochMs};
use crate::base::units::MAX_SAFE_INTEGER;

// The account that a namespace came with has its name. Not of a namespace that is being moved: it is watched where it goes to, once it is there.
macro_rules! watched {
    ($which:literal) => {
        concat!(
            "SELECT n.name AS namespace, n.alerts, n.expected_hit_rate, t.storage_quota_gb AS quota_gb, a.id AS account, \
             (SELECT s.storage_bytes FROM storage_usage s WHERE s.account_id = a.id ORDER BY s.period_start DESC LIMIT 1) AS stored FROM namespaces n \
             LEFT JOIN accounts a ON a.agentcache_user_id = CASE WHEN substr(n.name, 1, 8) = 'jt_user_' THEN substr(n.name, 9) END \
             LEFT JOIN tier_configs t ON t.tier = a.tier WHERE n.moving = 0 AND n.departing = 0 AND ",
            $which
        )
    };
}

const PAGE: &str = watched!("n.name > ?1 ORDER BY n.name LIMIT ?2");

const WATCHED: &str = watched!("n.name = ?1");

const DELIVERED: &str = "SELECT namespace, SUM(requests) AS requests, SUM(hits) AS hits, \
     json_array(SUM(first_1), SUM(first_2), SUM(first_5), SUM(first_10), SUM(first_20), SUM(first_50), SUM(first_100), SUM(first_200), SUM(first_500), \
     SUM(first_1000), SUM(first_2000), SUM(first_5000), SUM(first_more)) AS first_byte FROM delivery_hourly \
     WHERE namespace IN (SELECT value FROM json_each(?1)) AND class IN ('small', 'text', 'large', 'video') AND hour = ?2 GROUP BY namespace";

const UPLOADED: &str = "SELECT namespace, SUM(CASE hour WHEN ?2 THEN completed + failed + expired ELSE 0 END) AS ended, \
     SUM(CASE hour WHEN ?2 THEN failed + expired ELSE 0 END) AS failed, SUM(CASE hour WHEN ?2 THEN 0 ELSE completed + failed + expired END) AS ended_before, \
     SUM(CASE hour WHEN ?2 THEN 0 ELSE failed + expired END) AS failed_before FROM upload_hourly \
     WHERE namespace IN (SELECT value FROM json_each(?1)) AND hour BETWEEN ?3 AND ?2 GROUP BY namespace";

const FAILING: &str = "SELECT w.namespace, COUNT(*) AS endpoints FROM webhook_endpoints w WHERE w.namespace IN (SELECT value FROM json_each(?1)) \
     AND EXISTS (SELECT 1 FROM webhook_outbox o WHERE o.endpoint_id = w.id AND o.status = 'pending' AND o.attempts >= 4) GROUP BY w.namespace";

const OPEN: &str =
    "SELECT id, namespace, kind, hour, fired_at FROM alerts WHERE namespace IN (SELECT value FROM json_each(?1)) AND resolved_at IS NULL";

// Once of an hour: a job of that hour that comes late finds what the first one did, also if that is resolved meanwhile.
const FIRE: &str = "INSERT INTO alerts (id, namespace, kind, hour, value, threshold, rests_on, fired_at, last_hour) \
     SELECT ?1, n.name, ?3, ?4, ?5, ?6, ?7, ?8, ?4 FROM namespaces n WHERE n.name = ?2 \
     AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.namespace = ?2 AND a.kind = ?3 AND a.last_hour >= ?4) ON CONFLICT DO NOTHING";

const RESOLVE: &str = "UPDATE alerts SET resolved_at = ?2, resolved_value = ?3, last_hour = MAX(last_hour, ?4) WHERE id = ?1 AND resolved_at IS NULL";

macro_rules! columns {
    ($from:literal) => {
        concat!("SELECT id, namespace, kind, hour, value, threshold, rests_on, fired_at, resolved_at, resolved_value FROM alerts WHERE ", $from)
    };
}

const BY_ID: &str = columns!("id = ?1");

const LIST: &str = columns!("(fired_at, id) < (?1, ?2) ORDER BY fired_at DESC, id DESC LIMIT ?3");
const LIST_OPEN: &str = columns!("(fired_at, id) < (?1, ?2) AND resolved_at IS NULL ORDER BY fired_at DESC, id DESC LIMIT ?3");
const LIST_RESOLVED: &str = columns!("(fired_at, id) < (?1, ?2) AND resolved_at IS NOT NULL ORDER BY fired_at DESC, id DESC LIMIT ?3");
const LIST_OF: &str = columns!("namespace = ?4 AND (fired_at, id) < (?1, ?2) ORDER BY fired_at DESC, id DESC LIMIT ?3");
const LIST_OPEN_OF: &str = columns!("namespace = ?4 AND (fired_at, id) < (?1, ?2) AND +resolved_at IS NULL ORDER BY fired_at DESC, id DESC LIMIT ?3");
const LIST_RESOLVED_OF: &str =
    columns!("namespace = ?4 AND (fired_at, id) < (?1, ?2) AND resolved_at IS NOT NULL ORDER BY fired_at DESC, id DESC LIMIT ?3");

const PRUNE: &str = "DELETE FROM alerts WHERE rowid IN (SELECT a.rowid FROM alerts a WHERE a.fired_at <= ?1 AND a.resolved_at IS NOT NULL LIMIT ?2) \
     RETURNING 1 AS gone";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("PAGE", PAGE),
    ("WATCHED", WATCHED),
    ("DELIVERED", DELIVERED),
    ("UPLOADED", UPLOADED),
    ("FAILING", FAILING),
    ("OPEN", OPEN),
    ("FIRE", FIRE),
    ("RESOLVE", RESOLVE),
    ("BY_ID", BY_ID),
    ("LIST", LIST),
    ("LIST_OPEN", LIST_OPEN),
    ("LIST_RESOLVED", LIST_RESOLVED),
    ("LIST_OF", LIST_OF),
    ("LIST_OPEN_OF", LIST_OPEN_OF),
    ("LIST_RESOLVED_OF", LIST_RESOLVED_OF),
    ("PRUNE", PRUNE),
];

/// Namespaces after `after`, by name: [`crate::alerts::figures::Watched`].
pub fn page(after: &str, limit: u64) -> Statement {
    Statement { sql: PAGE, args: vec![after.into(), limit.into()] }
}

/// One namespace.
pub fn watched(namespace: &Name) -> Statement {
    Statement { sql: WATCHED, args: vec![namespace.as_str().into()] }
}

/// What is known of these namespaces and the hour: deliveries, uploads, endpoints that fail, open alerts; rows with `namespace`.
pub fn figures(namespaces: &[&Name], hour: EpochMs) -> [Statement; 4] {
    let names = || Arg::from(json::write(&namespaces).unwrap_or_default());
    [
        Statement { sql: DELIVERED, args: vec![names(), Arg::Int(hour.0)] },
        Statement { sql: UPLOADED, args: vec![names(), Arg::Int(hour.0), Arg::Int(hour.0.saturating_sub(DAY_MS))] },
        Statement { sql: FAILING, args: vec![names()] },
        Statement { sql: OPEN, args: vec![names()] },
    ]
}

/// The open alerts of a namespace.
pub fn open(namespace: &Name) -> Statement {
    Statement { sql: OPEN, args: vec![json::write(&[namespace]).unwrap_or_default().into()] }
}

/// Fires an alert, unless one of the kind is open, or was fired or resolved by this hour or a later one.
pub fn fire(alert: &Alert) -> Statement {
    let kind: Kind = alert.kind;
    Statement {
        sql: FIRE,
        args: vec![
            alert.id.to_string().into(),
            alert.namespace.as_str().into(),
            kind.as_str().into(),
            Arg::Int(alert.hour.0),
            alert.value.into(),
            alert.threshold.into(),
            alert.rests_on.into(),
            Arg::Int(alert.fired_at.0),
        ],
    }
}

/// Resolves an alert, if it is open.
pub fn resolve(id: Id, value: Option<f64>, hour: EpochMs, now: EpochMs) -> Statement {
    Statement { sql: RESOLVE, args: vec![id.to_string().into(), Arg::Int(now.0), value.into(), Arg::Int(hour.0)] }
}

/// An alert.
pub fn by_id(id: Id) -> Statement {
    Statement { sql: BY_ID, args: vec![id.to_string().into()] }
}

/// Alerts of a namespace, or of all in the database, newest first, after `cursor`.
pub fn list(namespace: Option<&Name>, listed: Listed, cursor: Option<(EpochMs, Id)>, limit: u64) -> Statement {
    let (at, id) = cursor.map_or((MAX_SAFE_INTEGER, String::new()), |(at, id)| (at.0, id.to_string()));
    let sql = match (namespace, listed) {
        (None, Listed::All) => LIST,
        (None, Listed::Open) => LIST_OPEN,
        (None, Listed::Resolved) => LIST_RESOLVED,
        (Some(_), Listed::All) => LIST_OF,
        (Some(_), Listed::Open) => LIST_OPEN_OF,
        (Some(_), Listed::Resolved) => LIST_RESOLVED_OF,
    };
    let mut args = vec![at.into(), id.into(), limit.into()];
    args.extend(namespace.map(|namespace| namespace.as_str().into()));
    Statement { sql, args }
}

/// Deletes at most `limit` alerts that are over and not listed any more; a row for each.
pub fn prune(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: PRUNE, args: vec![Arg::Int(now.0.saturating_sub(KEEP_MS)), limit.into()] }
}
