//! SQL of what an operator watches: totals that only grow, and what waits to be done (docs/api.md, `GET /metrics`).

use serde::{Deserialize, Deserializer};

use crate::analytics::upload_count::{Conditions, Only, UploadCount};
use crate::base::histogram::Histogram;
use crate::base::id::Name;
use crate::base::json;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

/// Rows that are counted of what waits, of each kind and database: a scrape reads no more.
pub const MAX_WAITING: u64 = 10_000;

// What is counted here is what is added to delivery_hourly by the same batch: rows of namespaces that are not there are left out.
const ADD_DELIVERY: &str = "UPDATE delivery_totals SET requests = delivery_totals.requests + t.requests, hits = delivery_totals.hits + t.hits, \
     bytes_from_cache = delivery_totals.bytes_from_cache + t.bytes_from_cache, bytes_from_origin = delivery_totals.bytes_from_origin + t.bytes_from_origin, \
     cmcd_requests = delivery_totals.cmcd_requests + t.cmcd_requests, bytes_sent = delivery_totals.bytes_sent + t.bytes_sent, \
     saved_usd = delivery_totals.saved_usd + t.saved_usd, answers_2xx = delivery_totals.answers_2xx + t.answers_2xx, \
     answers_3xx = delivery_totals.answers_3xx + t.answers_3xx, answers_4xx = delivery_totals.answers_4xx + t.answers_4xx, \
     answers_5xx = delivery_totals.answers_5xx + t.answers_5xx, first_ms = delivery_totals.first_ms + t.first_ms, \
     first_1 = delivery_totals.first_1 + t.first_1, first_2 = delivery_totals.first_2 + t.first_2, first_5 = delivery_totals.first_5 + t.first_5, \
     first_10 = delivery_totals.first_10 + t.first_10, first_20 = delivery_totals.first_20 + t.first_20, first_50 = delivery_totals.first_50 + t.first_50, \
     first_100 = delivery_totals.first_100 + t.first_100, first_200 = delivery_totals.first_200 + t.first_200, \
     first_500 = delivery_totals.first_500 + t.first_500, first_1000 = delivery_totals.first_1000 + t.first_1000, \
     first_2000 = delivery_totals.first_2000 + t.first_2000, first_5000 = delivery_totals.first_5000 + t.first_5000, \
     first_more = delivery_totals.first_more + t.first_more \
     FROM (SELECT value ->> 1 AS class, SUM(value ->> 2) AS requests, SUM(value ->> 3) AS hits, SUM(value ->> 4) AS bytes_from_cache, SUM(value ->> 5) AS bytes_from_origin, \
     SUM(value ->> 6) AS cmcd_requests, SUM(value ->> 7) AS bytes_sent, SUM(value ->> 8) AS saved_usd, SUM(value ->> 9) AS answers_2xx, \
     SUM(value ->> 10) AS answers_3xx, SUM(value ->> 11) AS answers_4xx, SUM(value ->> 12) AS answers_5xx, SUM(value ->> 13) AS first_ms, \
     SUM(value ->> 14) AS first_1, SUM(value ->> 15) AS first_2, SUM(value ->> 16) AS first_5, SUM(value ->> 17) AS first_10, \
     SUM(value ->> 18) AS first_20, SUM(value ->> 19) AS first_50, SUM(value ->> 20) AS first_100, SUM(value ->> 21) AS first_200, \
     SUM(value ->> 22) AS first_500, SUM(value ->> 23) AS first_1000, SUM(value ->> 24) AS first_2000, SUM(value ->> 25) AS first_5000, \
     SUM(value ->> 26) AS first_more \
     FROM json_each(?1) CROSS JOIN namespaces n WHERE n.name = value ->> 0 GROUP BY 1) t WHERE delivery_totals.class = t.class";

// The conditions are those of upload_hourly's rows (crate::analytics::repository).
const ADD_UPLOAD: &str = "UPDATE upload_totals SET started = started + ?2, completed = completed + ?3, failed = failed + ?4, expired = expired + ?5, \
     bytes = bytes + ?6, saved_bytes = saved_bytes + ?7, copied_bytes = copied_bytes + ?8 WHERE one = 1 \
     AND EXISTS (SELECT 1 FROM namespaces n WHERE n.name = ?1) \
     AND (?9 IS NULL OR EXISTS (SELECT 1 FROM upload_sessions s WHERE s.id = ?9 AND s.status = 'open')) \
     AND (?10 IS NULL OR EXISTS (SELECT 1 FROM assets a WHERE a.id = ?10)) \
     AND (?11 IS NULL OR EXISTS (SELECT 1 FROM objects o WHERE o.id = ?11 AND o.refs > 0 \
     AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.object_id = o.id)))";

// The classes are named, so that no row is looked for that is not there.
const DELIVERED: &str = "SELECT class, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests, bytes_sent, saved_usd, \
     json_array(answers_2xx, answers_3xx, answers_4xx, answers_5xx) AS answers, first_ms, \
     json_array(first_1, first_2, first_5, first_10, first_20, first_50, first_100, first_200, first_500, first_1000, first_2000, first_5000, first_more) \
     AS first_byte FROM delivery_totals WHERE class IN ('small', 'text', 'large', 'video')";

const UPLOADED: &str = "SELECT started, completed, failed, expired, bytes, saved_bytes, copied_bytes FROM upload_totals WHERE one = 1";

// ?1: the present; ?2: how many are counted. Each on the index of what is not done.
const WAITING: &str = "SELECT \
     (SELECT COUNT(*) FROM (SELECT 1 FROM upload_sessions WHERE status = 'open' AND created_at >= 0 LIMIT ?2) t) AS open_uploads, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM objects WHERE verification = 'pending' AND created_at >= 0 LIMIT ?2) t) AS unverified_objects, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_outbox WHERE status = 'pending' AND due_at >= 0 LIMIT ?2) t) AS pending_webhooks, \
     (SELECT CAST(MAX(0, ?1 - due_at) AS INTEGER) FROM webhook_outbox WHERE status = 'pending' AND due_at >= 0 ORDER BY due_at LIMIT 1) AS webhook_lateness_ms";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] =
    &[("ADD_DELIVERY", ADD_DELIVERY), ("ADD_UPLOAD", ADD_UPLOAD), ("DELIVERED", DELIVERED), ("UPLOADED", UPLOADED), ("WAITING", WAITING)];

/// What was delivered of a class.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delivered {
    /// `small`, `text`, `large` or `video`.
    pub class: String,
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// Requests with CMCD data.
    pub cmcd_requests: u64,
    /// Bytes of answers that left.
    pub bytes_sent: u64,
    /// What reading `bytes_from_cache` from the store would have cost, US dollars.
    pub saved_usd: f64,
    /// Answers of all kinds by class of status: 2xx, 3xx, 4xx, 5xx.
    #[serde(deserialize_with = "text")]
    pub answers: [u64; 4],
    /// Sum of the times until the first byte, ms.
    pub first_ms: u64,
    /// Times until the first byte, ms.
    #[serde(deserialize_with = "text")]
    pub first_byte: Histogram,
}

/// What was uploaded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Uploaded {
    /// Uploads that began.
    pub started: u64,
    /// Uploads that became a file.
    pub completed: u64,
    /// Uploads that failed.
    pub failed: u64,
    /// Uploads that expired.
    pub expired: u64,
    /// Bytes of completed uploads.
    pub bytes: u64,
    /// Bytes that were not stored, because the namespace has them.
    pub saved_bytes: u64,
    /// Bytes that were copied inside the store instead of sent.
    pub copied_bytes: u64,
}

/// What waits, each at most [`MAX_WAITING`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    /// Uploads that are under way.
    pub open_uploads: u64,
    /// Objects whose hash is not verified yet.
    pub unverified_objects: u64,
    /// Events that are not delivered yet.
    pub pending_webhooks: u64,
    /// For how long the oldest of these has been due, ms; none: nothing waits.
    pub webhook_lateness_ms: Option<u64>,
}

/// Deserializes a JSON text.
fn text<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    json::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Adds the rows of [`crate::delivery::count::rows`]; in the batch that adds them to their hour.
pub fn add_delivery(rows: &str) -> Statement {
    Statement { sql: ADD_DELIVERY, args: vec![rows.into()] }
}

/// Adds an upload, if `only` holds and there is such a namespace; in the batch that adds it to its hour, beside that statement.
pub fn add_upload(namespace: &Name, count: &UploadCount, only: Only) -> Statement {
    let UploadCount { started, completed, failed, expired, bytes, saved_bytes, copied_bytes, .. } = count;
    let numbers = [started, completed, failed, expired, bytes, saved_bytes, copied_bytes].map(|number| Arg::Int(*number));
    let Conditions { session, asset, merged } = only.conditions();
    let conditions = [session.into(), asset.into(), merged.into()];
    Statement { sql: ADD_UPLOAD, args: [namespace.as_str().into()].into_iter().chain(numbers).chain(conditions).collect() }
}

/// All of a database, as one batch: rows of [`Delivered`], one of [`Uploaded`], one of [`Waiting`].
pub fn all(now: EpochMs) -> [Statement; 3] {
    [
        Statement { sql: DELIVERED, args: vec![] },
        Statement { sql: UPLOADED, args: vec![] },
        Statement { sql: WAITING, args: vec![Arg::Int(now.0), Arg::Int(MAX_WAITING)] },
    ]
}
