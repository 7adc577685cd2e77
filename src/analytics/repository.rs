//! SQL of statistics: hourly rows (`delivery_hourly`, `upload_hourly`), and daily ones that the daily run sums them up to (docs/data-model.md, Statistics).
//!
//! Of days that are summed up the daily rows are read, of later ones the hourly rows. Which days are is told by the rows of namespace '', which is all namespaces
//! of the database: they move with no account, and are written last.

use crate::analytics::metrics;
use crate::analytics::period::{DAYS_KEPT_MS, Frame, HOURS_KEPT_MS, start_of};
use crate::analytics::upload_count::{Conditions, Only, UploadCount};
use crate::base::id::Name;
use crate::base::json;
use crate::base::sql::{Arg, Statement};
use crate::base::time::{DAY_MS, EpochMs, HOUR_MS};

// Where the days begin that are not summed up yet.
macro_rules! unsummed {
    ($daily:literal) => {
        concat!("(SELECT COALESCE(MAX(u.day) + 86400000, 0) FROM ", $daily, " u WHERE u.namespace = '')")
    };
}

// Which rows. ?1: a JSON list of namespaces; ?2: from when on.
macro_rules! filter {
    (days, $daily:literal, $classes:literal) => {
        concat!("namespace IN (SELECT value FROM json_each(?1)) AND day >= ?2 AND day < ", unsummed!($daily))
    };
    (later, $daily:literal, $classes:literal) => {
        concat!("namespace IN (SELECT value FROM json_each(?1))", $classes, " AND hour >= MAX(?2, ", unsummed!($daily), ")")
    };
    (later_of_all, $daily:literal, $classes:literal) => {
        concat!("hour >= MAX(?2, ", unsummed!($daily), ")")
    };
    (hours, $daily:literal, $classes:literal) => {
        concat!("namespace IN (SELECT value FROM json_each(?1))", $classes, " AND hour >= ?2")
    };
    (hours_of_all, $daily:literal, $classes:literal) => {
        "hour >= ?2"
    };
}

macro_rules! delivery_filter {
    ($which:ident) => {
        // Each class is looked up, so that only rows of the period are read.
        filter!($which, "delivery_daily", " AND class IN ('small', 'text', 'large', 'video')")
    };
}

macro_rules! upload_filter {
    ($which:ident) => {
        filter!($which, "upload_daily", "")
    };
}

macro_rules! delivered {
    ($head:literal, $from:literal, $which:ident, $group:literal) => {
        concat!(
            "SELECT ",
            $head,
            ", SUM(requests) AS requests, SUM(hits) AS hits, SUM(bytes_from_cache) AS bytes_from_cache, SUM(bytes_from_origin) AS bytes_from_origin, \
             SUM(cmcd_requests) AS cmcd_requests, SUM(bytes_sent) AS bytes_sent, SUM(saved_usd) AS saved_usd, \
             json_array(SUM(answers_2xx), SUM(answers_3xx), SUM(answers_4xx), SUM(answers_5xx)) AS answers, SUM(first_ms) AS first_ms, \
             json_array(SUM(first_1), SUM(first_2), SUM(first_5), SUM(first_10), SUM(first_20), SUM(first_50), SUM(first_100), SUM(first_200), SUM(first_500), \
             SUM(first_1000), SUM(first_2000), SUM(first_5000), SUM(first_more)) AS first_byte FROM ",
            $from,
            " WHERE ",
            delivery_filter!($which),
            " GROUP BY ",
            $group
        )
    };
}

macro_rules! uploaded {
    ($at:literal, $from:literal, $which:ident) => {
        concat!(
            "SELECT ",
            $at,
            " AS at, SUM(started) AS started, SUM(completed) AS completed, SUM(failed) AS failed, SUM(expired) AS expired, SUM(saved_bytes) AS saved_bytes, \
             SUM(copied_bytes) AS copied_bytes FROM ",
            $from,
            " WHERE ",
            upload_filter!($which),
            " GROUP BY 1"
        )
    };
}

// ?3: where the period begins.
macro_rules! countries {
    ($at:literal, $from:literal, $which:ident) => {
        concat!(
            "SELECT ",
            $at,
            " >= ?3 AS current, json_each.key AS key, SUM(json_each.value) AS value FROM ",
            $from,
            ", json_each(",
            $from,
            ".countries) WHERE ",
            delivery_filter!($which),
            " GROUP BY 1, 2"
        )
    };
}

macro_rules! counts {
    ($at:literal, $from:literal, $which:ident) => {
        concat!(
            "SELECT ",
            $at,
            " >= ?3 AS current, json_each.key AS key, SUM(json_each.value) AS value FROM ",
            $from,
            ", json_each(",
            $from,
            ".counts) WHERE ",
            upload_filter!($which),
            " GROUP BY 1, 2"
        )
    };
}

const DELIVERED_DAYS: &str = delivered!("day AS at, class", "delivery_daily", days, "1, 2");
const DELIVERED_LATER: &str = delivered!("hour - hour % 86400000 AS at, class", "delivery_hourly", later, "1, 2");
const DELIVERED_LATER_OF_ALL: &str = delivered!("hour - hour % 86400000 AS at, class", "delivery_hourly", later_of_all, "1, 2");
const DELIVERED_HOURS: &str = delivered!("hour AS at, class", "delivery_hourly", hours, "1, 2");
const DELIVERED_HOURS_OF_ALL: &str = delivered!("hour AS at, class", "delivery_hourly", hours_of_all, "1, 2");

// Without groups there would be a row without figures where nothing was counted.
const EVER_DAYS: &str = delivered!("0 AS at, '' AS class", "delivery_daily", days, "namespace");
const EVER_LATER: &str = delivered!("0 AS at, '' AS class", "delivery_hourly", later, "namespace");

const COUNTRIES_DAYS: &str = countries!("day", "delivery_daily", days);
const COUNTRIES_LATER: &str = countries!("hour", "delivery_hourly", later);
const COUNTRIES_LATER_OF_ALL: &str = countries!("hour", "delivery_hourly", later_of_all);
const COUNTRIES_HOURS: &str = countries!("hour", "delivery_hourly", hours);
const COUNTRIES_HOURS_OF_ALL: &str = countries!("hour", "delivery_hourly", hours_of_all);

const UPLOADED_DAYS: &str = uploaded!("day", "upload_daily", days);
const UPLOADED_LATER: &str = uploaded!("hour - hour % 86400000", "upload_hourly", later);
const UPLOADED_LATER_OF_ALL: &str = uploaded!("hour - hour % 86400000", "upload_hourly", later_of_all);
const UPLOADED_HOURS: &str = uploaded!("hour", "upload_hourly", hours);
const UPLOADED_HOURS_OF_ALL: &str = uploaded!("hour", "upload_hourly", hours_of_all);

const COUNTS_DAYS: &str = counts!("day", "upload_daily", days);
const COUNTS_LATER: &str = counts!("hour", "upload_hourly", later);
const COUNTS_LATER_OF_ALL: &str = counts!("hour", "upload_hourly", later_of_all);
const COUNTS_HOURS: &str = counts!("hour", "upload_hourly", hours);
const COUNTS_HOURS_OF_ALL: &str = counts!("hour", "upload_hourly", hours_of_all);

const ADD_UPLOAD: &str = "INSERT INTO upload_hourly (namespace, hour, started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts) \
     SELECT n.name, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM namespaces n WHERE n.name = ?1 \
     AND (?11 IS NULL OR EXISTS (SELECT 1 FROM upload_sessions s WHERE s.id = ?11 AND s.status = 'open')) \
     AND (?12 IS NULL OR EXISTS (SELECT 1 FROM assets a WHERE a.id = ?12)) \
     AND (?13 IS NULL OR EXISTS (SELECT 1 FROM objects o WHERE o.id = ?13 AND o.refs > 0 \
     AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.object_id = o.id))) \
     ON CONFLICT (namespace, hour) DO UPDATE SET started = started + excluded.started, completed = completed + excluded.completed, \
     failed = failed + excluded.failed, expired = expired + excluded.expired, bytes = bytes + excluded.bytes, saved_bytes = saved_bytes + excluded.saved_bytes, \
     copied_bytes = copied_bytes + excluded.copied_bytes, \
     counts = CASE excluded.counts WHEN '{}' THEN counts ELSE (SELECT json_group_object(t.key, t.total) FROM (SELECT u.key, SUM(u.value) AS total FROM \
       (SELECT key, value FROM json_each(upload_hourly.counts) UNION ALL SELECT key, value FROM json_each(excluded.counts)) u GROUP BY u.key) t) END";

// $since: from when on; $day: the day of a row of $from, called h; $same: which rows, called o, belong to the same sum.
macro_rules! delivery_sums {
    ($whose:literal, $day:literal, $from:literal, $same:literal, $since:expr, $conflict:literal) => {
        concat!(
            "INSERT INTO delivery_daily (namespace, class, day, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests, bytes_sent, saved_usd, \
             answers_2xx, answers_3xx, answers_4xx, answers_5xx, first_ms, first_1, first_2, first_5, first_10, first_20, first_50, first_100, first_200, \
             first_500, first_1000, first_2000, first_5000, first_more, countries) SELECT ",
            $whose,
            ", h.class, ",
            $day,
            ", SUM(h.requests), SUM(h.hits), SUM(h.bytes_from_cache), SUM(h.bytes_from_origin), \
             SUM(h.cmcd_requests), SUM(h.bytes_sent), SUM(h.saved_usd), SUM(h.answers_2xx), SUM(h.answers_3xx), SUM(h.answers_4xx), SUM(h.answers_5xx), \
             SUM(h.first_ms), SUM(h.first_1), SUM(h.first_2), SUM(h.first_5), SUM(h.first_10), SUM(h.first_20), SUM(h.first_50), SUM(h.first_100), \
             SUM(h.first_200), SUM(h.first_500), SUM(h.first_1000), SUM(h.first_2000), SUM(h.first_5000), SUM(h.first_more), \
             (SELECT json_group_object(t.key, t.total) FROM (SELECT json_each.key, SUM(json_each.value) AS total FROM ",
            $from,
            " o, json_each(o.countries) WHERE o.class = h.class AND ",
            $same,
            " GROUP BY json_each.key) t) FROM ",
            $from,
            " h WHERE ",
            $since,
            " GROUP BY 1, 2, 3 ",
            $conflict
        )
    };
}

// Once more for the two days before: rows of an account that has come from another database may not have been summed up there.
const SUM_DELIVERY: &str = delivery_sums!(
    "h.namespace",
    "h.hour - h.hour % 86400000",
    "delivery_hourly",
    "o.namespace = h.namespace AND o.hour >= h.hour - h.hour % 86400000 AND o.hour < h.hour - h.hour % 86400000 + 86400000",
    concat!("h.hour >= MAX(?1, ", unsummed!("delivery_daily"), " - 172800000) AND h.hour < ?2"),
    "ON CONFLICT (namespace, day, class) DO UPDATE SET requests = excluded.requests, hits = excluded.hits, bytes_from_cache = excluded.bytes_from_cache, \
     bytes_from_origin = excluded.bytes_from_origin, cmcd_requests = excluded.cmcd_requests, bytes_sent = excluded.bytes_sent, saved_usd = excluded.saved_usd, \
     answers_2xx = excluded.answers_2xx, answers_3xx = excluded.answers_3xx, answers_4xx = excluded.answers_4xx, answers_5xx = excluded.answers_5xx, \
     first_ms = excluded.first_ms, first_1 = excluded.first_1, first_2 = excluded.first_2, first_5 = excluded.first_5, first_10 = excluded.first_10, \
     first_20 = excluded.first_20, first_50 = excluded.first_50, first_100 = excluded.first_100, first_200 = excluded.first_200, first_500 = excluded.first_500, \
     first_1000 = excluded.first_1000, first_2000 = excluded.first_2000, first_5000 = excluded.first_5000, first_more = excluded.first_more, \
     countries = excluded.countries WHERE excluded.requests > delivery_daily.requests"
);

// Only once: what a deleted namespace had, and an account that has left, stays in there. Behind the former.
const SUM_DELIVERY_OF_ALL: &str = delivery_sums!(
    "''",
    "h.day",
    "delivery_daily",
    "o.day = h.day AND o.namespace <> ''",
    concat!("h.namespace <> '' AND h.day >= MAX(?1, ", unsummed!("delivery_daily"), ") AND h.day < ?2"),
    "ON CONFLICT (namespace, day, class) DO NOTHING"
);

macro_rules! upload_sums {
    ($whose:literal, $day:literal, $from:literal, $same:literal, $since:expr, $conflict:literal) => {
        concat!(
            "INSERT INTO upload_daily (namespace, day, started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts) SELECT ",
            $whose,
            ", ",
            $day,
            ", SUM(h.started), SUM(h.completed), SUM(h.failed), SUM(h.expired), SUM(h.bytes), SUM(h.saved_bytes), \
             SUM(h.copied_bytes), (SELECT json_group_object(t.key, t.total) FROM (SELECT json_each.key, SUM(json_each.value) AS total FROM ",
            $from,
            " o, json_each(o.counts) WHERE ",
            $same,
            " GROUP BY json_each.key) t) FROM ",
            $from,
            " h WHERE ",
            $since,
            " GROUP BY 1, 2 ",
            $conflict
        )
    };
}

const SUM_UPLOADS: &str = upload_sums!(
    "h.namespace",
    "h.hour - h.hour % 86400000",
    "upload_hourly",
    "o.namespace = h.namespace AND o.hour >= h.hour - h.hour % 86400000 AND o.hour < h.hour - h.hour % 86400000 + 86400000",
    concat!("h.hour >= MAX(?1, ", unsummed!("upload_daily"), " - 172800000) AND h.hour < ?2"),
    "ON CONFLICT (namespace, day) DO UPDATE SET started = excluded.started, completed = excluded.completed, failed = excluded.failed, \
     expired = excluded.expired, bytes = excluded.bytes, saved_bytes = excluded.saved_bytes, copied_bytes = excluded.copied_bytes, counts = excluded.counts \
     WHERE excluded.started + excluded.completed + excluded.failed + excluded.expired + excluded.saved_bytes \
     > upload_daily.started + upload_daily.completed + upload_daily.failed + upload_daily.expired + upload_daily.saved_bytes"
);

const SUM_UPLOADS_OF_ALL: &str = upload_sums!(
    "''",
    "h.day",
    "upload_daily",
    "o.day = h.day AND o.namespace <> ''",
    concat!("h.namespace <> '' AND h.day >= MAX(?1, ", unsummed!("upload_daily"), ") AND h.day < ?2"),
    "ON CONFLICT (namespace, day) DO NOTHING"
);

// Not what is not summed up yet.
const FORGET_DELIVERY_HOURS: &str = concat!(
    "DELETE FROM delivery_hourly WHERE (namespace, class, hour) IN (SELECT o.namespace, o.class, o.hour FROM delivery_hourly o WHERE o.hour < MIN(?1, ",
    unsummed!("delivery_daily"),
    ") LIMIT ?2) RETURNING 1 AS gone"
);

const FORGET_UPLOAD_HOURS: &str = concat!(
    "DELETE FROM upload_hourly WHERE (namespace, hour) IN (SELECT o.namespace, o.hour FROM upload_hourly o WHERE o.hour < MIN(?1, ",
    unsummed!("upload_daily"),
    ") LIMIT ?2) RETURNING 1 AS gone"
);

const FORGET_DELIVERY_DAYS: &str = "DELETE FROM delivery_daily WHERE (namespace, day, class) IN \
     (SELECT o.namespace, o.day, o.class FROM delivery_daily o WHERE o.day < ?1 LIMIT ?2) RETURNING 1 AS gone";

const FORGET_UPLOAD_DAYS: &str = "DELETE FROM upload_daily WHERE (namespace, day) IN \
     (SELECT o.namespace, o.day FROM upload_daily o WHERE o.day < ?1 LIMIT ?2) RETURNING 1 AS gone";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("DELIVERED_DAYS", DELIVERED_DAYS),
    ("DELIVERED_LATER", DELIVERED_LATER),
    ("DELIVERED_LATER_OF_ALL", DELIVERED_LATER_OF_ALL),
    ("DELIVERED_HOURS", DELIVERED_HOURS),
    ("DELIVERED_HOURS_OF_ALL", DELIVERED_HOURS_OF_ALL),
    ("EVER_DAYS", EVER_DAYS),
    ("EVER_LATER", EVER_LATER),
    ("COUNTRIES_DAYS", COUNTRIES_DAYS),
    ("COUNTRIES_LATER", COUNTRIES_LATER),
    ("COUNTRIES_LATER_OF_ALL", COUNTRIES_LATER_OF_ALL),
    ("COUNTRIES_HOURS", COUNTRIES_HOURS),
    ("COUNTRIES_HOURS_OF_ALL", COUNTRIES_HOURS_OF_ALL),
    ("UPLOADED_DAYS", UPLOADED_DAYS),
    ("UPLOADED_LATER", UPLOADED_LATER),
    ("UPLOADED_LATER_OF_ALL", UPLOADED_LATER_OF_ALL),
    ("UPLOADED_HOURS", UPLOADED_HOURS),
    ("UPLOADED_HOURS_OF_ALL", UPLOADED_HOURS_OF_ALL),
    ("COUNTS_DAYS", COUNTS_DAYS),
    ("COUNTS_LATER", COUNTS_LATER),
    ("COUNTS_LATER_OF_ALL", COUNTS_LATER_OF_ALL),
    ("COUNTS_HOURS", COUNTS_HOURS),
    ("COUNTS_HOURS_OF_ALL", COUNTS_HOURS_OF_ALL),
    ("ADD_UPLOAD", ADD_UPLOAD),
    ("SUM_DELIVERY", SUM_DELIVERY),
    ("SUM_DELIVERY_OF_ALL", SUM_DELIVERY_OF_ALL),
    ("SUM_UPLOADS", SUM_UPLOADS),
    ("SUM_UPLOADS_OF_ALL", SUM_UPLOADS_OF_ALL),
    ("FORGET_DELIVERY_HOURS", FORGET_DELIVERY_HOURS),
    ("FORGET_UPLOAD_HOURS", FORGET_UPLOAD_HOURS),
    ("FORGET_DELIVERY_DAYS", FORGET_DELIVERY_DAYS),
    ("FORGET_UPLOAD_DAYS", FORGET_UPLOAD_DAYS),
];

/// Whose figures are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// All namespaces of the database.
    All,
    /// These.
    Namespaces(Vec<Name>),
}

impl Of {
    fn names(&self) -> Arg {
        match self {
            Of::All => "[\"\"]".into(),
            Of::Namespaces(names) => json::write(names).unwrap_or_default().into(),
        }
    }
}

/// Reads what was delivered and uploaded in the frame and the one before it, as one batch: rows of [`crate::analytics::rows::Delivered`],
/// [`crate::analytics::rows::Uploaded`], and twice [`crate::analytics::rows::Named`] (countries; counts of uploads). Each of the four is one statement for hours,
/// two for days: the number is the second value.
pub fn report(of: &Of, frame: &Frame) -> (Vec<Statement>, usize) {
    let all = *of == Of::All;
    let pick = |one: &'static str, all_of: &'static str| if all { all_of } else { one };
    let queries: [Vec<&'static str>; 4] = if frame.is_by_day() {
        [
            vec![DELIVERED_DAYS, pick(DELIVERED_LATER, DELIVERED_LATER_OF_ALL)],
            vec![UPLOADED_DAYS, pick(UPLOADED_LATER, UPLOADED_LATER_OF_ALL)],
            vec![COUNTRIES_DAYS, pick(COUNTRIES_LATER, COUNTRIES_LATER_OF_ALL)],
            vec![COUNTS_DAYS, pick(COUNTS_LATER, COUNTS_LATER_OF_ALL)],
        ]
    } else {
        [
            vec![pick(DELIVERED_HOURS, DELIVERED_HOURS_OF_ALL)],
            vec![pick(UPLOADED_HOURS, UPLOADED_HOURS_OF_ALL)],
            vec![pick(COUNTRIES_HOURS, COUNTRIES_HOURS_OF_ALL)],
            vec![pick(COUNTS_HOURS, COUNTS_HOURS_OF_ALL)],
        ]
    };
    let [delivered, uploaded, countries, counts] = queries;
    let each = delivered.len();
    let names = of.names();
    let since = |from: EpochMs| vec![names.clone(), Arg::Int(from.0)];
    let split = |from: EpochMs| vec![names.clone(), Arg::Int(from.0), Arg::Int(frame.from.0)];
    let rows = delivered.into_iter().chain(uploaded).map(|sql| Statement { sql, args: since(frame.previous) });
    // Countries are told of the period only.
    let named = countries.into_iter().map(|sql| Statement { sql, args: split(frame.from) });
    let counted = counts.into_iter().map(|sql| Statement { sql, args: split(frame.previous) });
    (rows.chain(named).chain(counted).collect(), each)
}

/// What was ever delivered of a namespace, as far as it is kept: at most one row of [`crate::analytics::rows::Delivered`] each.
pub fn ever(namespace: &Name) -> [Statement; 2] {
    let args = vec![Of::Namespaces(vec![namespace.clone()]).names(), Arg::Int(0)];
    [EVER_DAYS, EVER_LATER].map(|sql| Statement { sql, args: args.clone() })
}

/// Adds to the uploads of the hour that contains `now` and to the totals, if `only` holds; nothing if there is no such namespace. For a batch that is written
/// anyway; neither gives a row.
pub fn add_upload(namespace: &Name, count: &UploadCount, only: Only, now: EpochMs) -> [Statement; 2] {
    [add_to_hour(namespace, count, only, now), metrics::repository::add_upload(namespace, count, only)]
}

fn add_to_hour(namespace: &Name, count: &UploadCount, only: Only, now: EpochMs) -> Statement {
    let UploadCount { started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts } = count;
    let Conditions { session, asset, merged } = only.conditions();
    let numbers = [started, completed, failed, expired, bytes, saved_bytes, copied_bytes].map(|number| Arg::Int(*number));
    let head: [Arg; 2] = [namespace.as_str().into(), Arg::Int(start_of(now, HOUR_MS).0)];
    let tail: [Arg; 4] = [json::write(counts).unwrap_or_default().into(), session.into(), asset.into(), merged.into()];
    Statement { sql: ADD_UPLOAD, args: head.into_iter().chain(numbers).chain(tail).collect() }
}

/// Days that are summed up in one transaction at most: after a long outage all of them could take longer than D1 allows (30 s; D1 documentation, "Limits").
const DAYS_AT_ONCE: u64 = 7;

/// Sums up the complete days that are not yet: batches, to be run in their order. Where there is nothing to do a batch reads nothing.
pub fn sum_days(now: EpochMs) -> Vec<[Statement; 4]> {
    let today = start_of(now, DAY_MS).0;
    let batch = |from: u64| {
        let args = vec![Arg::Int(from), Arg::Int((from + DAYS_AT_ONCE * DAY_MS).min(today))];
        [SUM_DELIVERY, SUM_DELIVERY_OF_ALL, SUM_UPLOADS, SUM_UPLOADS_OF_ALL].map(|sql| Statement { sql, args: args.clone() })
    };
    (0..HOURS_KEPT_MS / DAY_MS / DAYS_AT_ONCE).map(|number| today.saturating_sub(HOURS_KEPT_MS) + number * DAYS_AT_ONCE * DAY_MS).map(batch).collect()
}

/// Deletes at most `limit` rows of each table that are past their time; a row for each.
pub fn forget(now: EpochMs, limit: u64) -> [Statement; 4] {
    let before = |kept: u64| vec![Arg::Int(start_of(now, DAY_MS).0.saturating_sub(kept)), Arg::Int(limit)];
    [
        Statement { sql: FORGET_DELIVERY_HOURS, args: before(HOURS_KEPT_MS) },
        Statement { sql: FORGET_UPLOAD_HOURS, args: before(HOURS_KEPT_MS) },
        Statement { sql: FORGET_DELIVERY_DAYS, args: before(DAYS_KEPT_MS) },
        Statement { sql: FORGET_UPLOAD_DAYS, args: before(DAYS_KEPT_MS) },
    ]
}
