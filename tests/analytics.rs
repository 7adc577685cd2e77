//! Statistics on a real SQLite: what is counted is what a report tells, by the hour and by the day, before days are summed up and after; and how long a report takes
//! of a million rows.
#![allow(clippy::disallowed_methods)]

mod prometheus;
mod sqlite;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use serde::de::DeserializeOwned;
use serde_json::json;
use sqlite::{database, upload_of, values};

use jettyspeed_edge::analytics::figures::{Delivery, Gathered};
use jettyspeed_edge::analytics::metrics;
use jettyspeed_edge::analytics::metrics::families::Scrape;
use jettyspeed_edge::analytics::metrics::repository::Waiting;
use jettyspeed_edge::analytics::period::Period;
use jettyspeed_edge::analytics::report::Report;
use jettyspeed_edge::analytics::repository::{self, Of};
use jettyspeed_edge::analytics::rows::Delivered;
use jettyspeed_edge::analytics::upload_count::{Only, UploadCount, Why};
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::{DAY_MS, EpochMs, HOUR_MS};
use jettyspeed_edge::delivery;
use jettyspeed_edge::delivery::count::{Count, Country, Traffic};
use jettyspeed_edge::uploads;

/// 2026-11-30T05:00:00Z.
const NOW: EpochMs = EpochMs(1_796_014_800_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rows<T: DeserializeOwned>(db: &Connection, statement: &Statement) -> Vec<T> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare_cached(statement.sql).unwrap();
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params.as_slice()).unwrap();
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let field = |(at, column): (usize, &String)| {
            let value = match row.get::<_, Value>(at).unwrap() {
                Value::Integer(number) => json!(number),
                Value::Real(number) => json!(number),
                Value::Text(text) => json!(text),
                Value::Null => json!(null),
                other => json!(format!("{other:?}")),
            };
            (column.clone(), value)
        };
        let object: serde_json::Map<_, _> = columns.iter().enumerate().map(field).collect();
        all.push(serde_json::from_value(object.into()).unwrap_or_else(|error| panic!("{}: {error}", statement.sql)));
    }
    all
}

fn run(db: &Connection, statements: &[Statement]) {
    statements.iter().for_each(|statement| drop(rows::<serde_json::Value>(db, statement)));
}

fn gather(db: &Connection, of: &Of, period: Period, now: EpochMs) -> Gathered {
    let (statements, each) = repository::report(of, &period.frame(now));
    let part = |number: usize| &statements[number * each..(number + 1) * each];
    assert_eq!(statements.len(), 4 * each);
    Gathered {
        delivered: part(0).iter().flat_map(|statement| rows(db, statement)).collect(),
        uploaded: part(1).iter().flat_map(|statement| rows(db, statement)).collect(),
        countries: part(2).iter().flat_map(|statement| rows(db, statement)).collect(),
        counts: part(3).iter().flat_map(|statement| rows(db, statement)).collect(),
    }
}

fn report(db: &Connection, of: &Of, period: Period, now: EpochMs) -> serde_json::Value {
    serde_json::to_value(Report::of(period, None, now, &gather(db, of, period, now), 0.1)).unwrap()
}

fn of(namespace: &str) -> Of {
    Of::Namespaces(vec![name(namespace)])
}

/// Namespaces `a` and `b`.
fn with_namespaces() -> Connection {
    let db = database();
    db.execute_batch("INSERT INTO namespaces (name, created_at) VALUES ('a', 1), ('b', 1)").unwrap();
    db
}

/// `requests` answers of 10 bytes to Germany within 15 ms, of which one is no hit.
fn count(requests: u64) -> Count {
    let traffic = Traffic { requests, bytes: 10 * requests };
    let mut count = Count {
        requests,
        hits: requests - 1,
        bytes_from_cache: 10 * (requests - 1),
        bytes_from_origin: 10,
        cmcd_requests: 1,
        bytes_sent: 10 * requests,
        saved_usd: 0.25,
        answers: [requests, 1, 0, 0],
        first_byte_ms: 15 * requests,
        countries: [(Country::parse(Some("DE")), traffic)].into(),
        ..Count::default()
    };
    (0..requests).for_each(|_| count.first_byte.add(15.0));
    count
}

fn deliver(db: &Connection, namespace: &str, class: &'static str, requests: u64, at: EpochMs) {
    let (namespace, count) = (name(namespace), count(requests));
    let rows = delivery::count::rows([(&namespace, class, &count)].into_iter());
    run(db, &[delivery::repository::add(&rows, at), metrics::repository::add_delivery(&rows)]);
}

fn upload(db: &Connection, namespace: &str, count: &UploadCount, at: EpochMs) {
    run(db, &repository::add_upload(&name(namespace), count, Only::Always, at));
}

fn named_counts(counts: &[(&str, u64)]) -> UploadCount {
    UploadCount { completed: 1, counts: counts.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect(), ..UploadCount::default() }
}

/// What the daily run does.
fn summed(now: EpochMs) -> Vec<Statement> {
    repository::sum_days(now).concat()
}

fn days_ago(days: u64) -> EpochMs {
    EpochMs(NOW.0 - days * DAY_MS)
}

fn number(db: &Connection, sql: &str) -> u64 {
    let number: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
    u64::try_from(number).unwrap()
}

#[test]
fn flushes_of_an_hour_add_up_in_one_row_and_those_of_absent_namespaces_are_left_out() {
    let db = with_namespaces();
    deliver(&db, "a", "small", 3, NOW);
    deliver(&db, "a", "small", 4, EpochMs(NOW.0 + HOUR_MS - 1));
    deliver(&db, "absent", "small", 4, NOW);
    let (own, other) = (name("a"), name("absent"));
    let counted = [Count { countries: [(Country::parse(Some("FR")), Traffic { requests: 1, bytes: 2 })].into(), ..Count::default() }, count(9)];
    let lists = delivery::count::rows([(&own, "small", &counted[0]), (&other, "small", &counted[1])].into_iter());
    run(&db, &[delivery::repository::add(&lists, NOW)]);
    assert_eq!(number(&db, "SELECT COUNT(*) FROM delivery_hourly"), 1);
    let found: String = db.query_row("SELECT countries FROM delivery_hourly", [], |row| row.get(0)).unwrap();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found, json!({ "r:DE": 7, "b:DE": 70, "r:FR": 1, "b:FR": 2 }));
    let told = report(&db, &of("a"), Period::Day, NOW);
    assert_eq!(
        (&told["total_requests"], &told["cache_hits"], &told["p50_latency_ms"], &told["avg_latency_ms"]),
        (&json!(7), &json!(5), &json!(15.0), &json!(15.0))
    );
    assert_eq!((&told["bytes_from_cache"], &told["bytes_from_origin"], &told["cost_saved_usd"]), (&json!(50), &json!(20), &json!(0.5)));
    assert_eq!(told["statuses"], json!({ "2xx": 7, "3xx": 2, "4xx": 0, "5xx": 0 }));
    assert_eq!(told["series"][23]["requests"], 7);
}

/// Everything that a report of each period can tell of both namespaces.
fn everything(db: &Connection) -> Vec<serde_json::Value> {
    let both = Of::Namespaces(vec![name("a"), name("b")]);
    let scopes = [of("a"), of("b"), both, Of::All];
    scopes.iter().flat_map(|scope| [Period::Day, Period::Week, Period::Month].map(|period| report(db, scope, period, NOW))).collect()
}

#[test]
fn report_is_the_same_before_and_after_days_are_summed_up_and_after_hours_are_forgotten() {
    let db = with_namespaces();
    for (day, requests) in [(0, 2), (1, 3), (2, 4), (6, 5), (7, 6), (13, 7), (14, 8), (29, 9), (30, 10), (34, 11)] {
        deliver(&db, "a", "small", requests, days_ago(day));
        deliver(&db, "a", "video", 1, EpochMs(days_ago(day).0 - 4 * HOUR_MS));
        deliver(&db, "b", "text", 100, days_ago(day));
        upload(&db, "a", &UploadCount::started(), days_ago(day));
        upload(&db, "a", &named_counts(&[("u:fra", 1), ("b:fra", requests), ("s:4", 1)]), days_ago(day));
        upload(&db, "b", &UploadCount::simple(5), days_ago(day));
    }
    let before = everything(&db);
    assert_eq!((&before[1]["total_requests"], &before[1]["previous"]["total_requests"]), (&json!(2 + 3 + 4 + 5 + 4), &json!(6 + 7 + 2)));
    assert_eq!((&before[2]["total_requests"], &before[2]["series"][29]["requests"]), (&json!(2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 8), &json!(3)));
    assert_eq!(before[10]["total_requests"], json!(18 + 400), "all namespaces");
    assert_eq!((&before[1]["by_country"][0]["requests"], &before[1]["by_edge"][0]["bytes"]), (&json!(18), &json!(14)));
    assert_eq!((&before[1]["uploads"]["started"], &before[1]["uploads"]["completed"]), (&json!(4), &json!(4)));
    run(&db, &summed(NOW));
    assert_eq!(number(&db, "SELECT MAX(day) FROM delivery_daily"), days_ago(1).0 - days_ago(1).0 % DAY_MS, "today is not complete");
    assert_eq!(everything(&db), before);
    let once = (number(&db, "SELECT COUNT(*) FROM delivery_daily"), number(&db, "SELECT COUNT(*) FROM upload_daily"));
    run(&db, &summed(NOW));
    assert_eq!((number(&db, "SELECT COUNT(*) FROM delivery_daily"), number(&db, "SELECT COUNT(*) FROM upload_daily")), once);
    assert_eq!(everything(&db), before, "repeated");

    // A week later, with hours of the first days past their time.
    let later = EpochMs(NOW.0 + 7 * DAY_MS);
    let month = report(&db, &of("a"), Period::Month, later);
    run(&db, &summed(later));
    run(&db, &repository::forget(later, 1_000));
    let oldest = number(&db, "SELECT MIN(hour) FROM delivery_hourly");
    assert!(oldest >= later.0 - later.0 % DAY_MS - 35 * DAY_MS && oldest < days_ago(13).0, "{oldest}");
    assert_eq!(report(&db, &of("a"), Period::Month, later), month, "of days that are summed up hours are not needed");
}

#[test]
fn days_of_an_outage_of_the_daily_run_are_summed_up_later_and_no_hour_is_forgotten_before() {
    let db = with_namespaces();
    deliver(&db, "a", "small", 3, days_ago(34));
    deliver(&db, "a", "small", 4, days_ago(40));
    deliver(&db, "a", "small", 5, days_ago(3));
    run(&db, &repository::forget(NOW, 100));
    assert_eq!(number(&db, "SELECT COUNT(*) FROM delivery_hourly"), 3, "nothing is summed up yet");
    run(&db, &summed(NOW));
    assert_eq!(number(&db, "SELECT SUM(requests) FROM delivery_daily WHERE namespace = 'a'"), 8, "of the last 35 days");
    run(&db, &repository::forget(NOW, 100));
    assert_eq!(number(&db, "SELECT SUM(requests) FROM delivery_hourly"), 8);
    run(&db, &repository::forget(EpochMs(NOW.0 + 366 * DAY_MS), 100));
    assert_eq!(number(&db, "SELECT SUM(requests) FROM delivery_daily WHERE namespace = 'a'"), 5 + 3, "400 days");
    run(&db, &repository::forget(EpochMs(NOW.0 + 398 * DAY_MS), 100));
    assert_eq!(number(&db, "SELECT COUNT(*) FROM delivery_daily"), 0);
}

#[test]
fn rows_of_an_account_that_has_come_from_another_database_count_once() {
    let db = with_namespaces();
    deliver(&db, "b", "small", 1, days_ago(1));
    run(&db, &summed(NOW));
    // Its day was not summed up where it was.
    deliver(&db, "a", "small", 5, days_ago(1));
    let tomorrow = EpochMs(NOW.0 + DAY_MS);
    run(&db, &summed(tomorrow));
    assert_eq!(report(&db, &of("a"), Period::Week, tomorrow)["total_requests"], 5);
    // Its day was summed up where it was, and the last day here is not.
    let db = with_namespaces();
    run(&db, &summed(NOW));
    deliver(&db, "a", "small", 5, days_ago(1));
    let day = days_ago(1).0 - days_ago(1).0 % DAY_MS;
    let zeros = "0, ".repeat(19);
    db.execute_batch(&format!(
        "INSERT INTO delivery_daily VALUES ('a', 'small', {day}, 5, 0, 0, 0, 0, 0, 0, {}'{{}}')",
        zeros.strip_suffix("0, ").unwrap()
    ))
    .unwrap();
    assert_eq!(report(&db, &of("a"), Period::Week, NOW)["total_requests"], 5);
    run(&db, &summed(NOW));
    assert_eq!(report(&db, &of("a"), Period::Week, NOW)["total_requests"], 5);
}

#[test]
fn deleted_namespace_takes_its_rows_along_and_stays_in_the_sum_of_all() {
    let db = with_namespaces();
    deliver(&db, "a", "small", 3, days_ago(1));
    upload(&db, "a", &UploadCount::simple(5), days_ago(1));
    run(&db, &summed(NOW));
    db.execute("DELETE FROM namespaces WHERE name = 'a'", []).unwrap();
    for table in ["delivery_hourly", "delivery_daily", "upload_hourly", "upload_daily"] {
        assert_eq!(number(&db, &format!("SELECT COUNT(*) FROM {table} WHERE namespace <> ''")), 0, "{table}");
    }
    let told = report(&db, &Of::All, Period::Week, NOW);
    assert_eq!((&told["total_requests"], &told["uploads"]["completed"]), (&json!(3), &json!(1)));
    run(&db, &summed(NOW));
    assert_eq!(report(&db, &Of::All, Period::Week, NOW)["total_requests"], 3);
}

#[test]
fn statistics_since_the_namespace_exists_are_those_of_days_and_hours_together() {
    let db = with_namespaces();
    for days in [0, 1, 30, 34] {
        deliver(&db, "a", "small", 2, days_ago(days));
        deliver(&db, "a", "video", 3, days_ago(days));
        deliver(&db, "b", "video", 9, days_ago(days));
    }
    let ever = || {
        let found: Vec<Delivered> = repository::ever(&name("a")).iter().flat_map(|statement| rows(&db, statement)).collect();
        let Delivery { requests, hits, bytes_from_cache, cmcd_requests, .. } = Delivery::of(found.iter());
        (requests, hits, bytes_from_cache, cmcd_requests)
    };
    let before = ever();
    assert_eq!(before, (20, 12, 120, 8));
    run(&db, &summed(NOW));
    assert_eq!(ever(), before);
    let nothing: Vec<Delivered> = repository::ever(&name("absent")).iter().flat_map(|statement| rows(&db, statement)).collect();
    assert_eq!(Delivery::of(nothing.iter()), Delivery::default());
}

#[test]
fn upload_is_counted_once_when_the_batch_that_closes_it_is_repeated() {
    let db = database();
    db.execute_batch(&jettyspeed_devstack::seed::Seed::draw("u1", "pro").unwrap().sql("bucket")).unwrap();
    let account: String = db.query_row("SELECT id FROM accounts", [], |row| row.get(0)).unwrap();
    let (account, namespace) = (Id::parse(&account).unwrap(), name("jt_user_u1"));
    for (session, status) in [(1, "complete"), (2, "failed")] {
        let mut meta = upload_of(account, &namespace, Id::from_random([session; 16]));
        (meta.upload_id, meta.asset) = (format!("u{session}"), Id::from_random([session + 10; 16]));
        let opened =
            [vec![uploads::repository::insert(&meta)], repository::add_upload(&namespace, &UploadCount::started(), Only::Always, NOW).to_vec()]
                .concat();
        run(&db, &opened);
        let count = if status == "complete" { UploadCount::completed(&meta, &[], None) } else { UploadCount::ended(&meta, &[], Why::Client) };
        for _ in 0..2 {
            let only = Only::WhileOpen(meta.session);
            run(&db, &repository::add_upload(&namespace, &count, only, NOW));
            run(&db, &[uploads::repository::close(meta.session, status, None, NOW)]);
        }
    }
    let absent = Only::IfThere(Id::from_random([9; 16]));
    run(&db, &repository::add_upload(&namespace, &UploadCount::deduplicated(7), absent, NOW));
    let told = report(&db, &Of::All, Period::Day, NOW);
    let wanted = json!({ "started": 2, "completed": 1, "failed": 1, "expired": 0, "reasons": { "client": 1 }, "p50_mbps": null, "p95_mbps": null });
    assert_eq!(told["uploads"], wanted);
    assert_eq!(told["dedup"], json!({ "bytes_saved": 0, "usd_saved": 0.0 }), "no file was created");
    let total = scrape(&db, NOW).uploaded;
    assert_eq!(total.iter().map(|row| (row.started, row.completed, row.failed, row.expired, row.saved_bytes)).collect::<Vec<_>>(), [(2, 1, 1, 0, 0)]);
}

/// What `GET /metrics` reads of a database.
fn scrape(db: &Connection, now: EpochMs) -> Scrape {
    let [delivered, uploaded, waiting] = metrics::repository::all(now);
    Scrape { delivered: rows(db, &delivered), uploaded: rows(db, &uploaded), waiting: rows(db, &waiting) }
}

/// The values of a scrape's counters and histograms, as a reference parser reads them, by name and labels.
fn counters(scrape: &Scrape) -> BTreeMap<String, f64> {
    let text = scrape.text("1.2.3");
    let families = prometheus::read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut all = BTreeMap::new();
    for family in families {
        let wanted = if family.kind == "histogram" { family.name.ends_with("_seconds") } else { matches!(family.kind.as_str(), "counter" | "gauge") };
        assert!(wanted, "{family:?}");
        for sample in family.samples.iter().filter(|_| family.kind != "gauge") {
            assert!(family.kind == "histogram" || sample.name.ends_with("_total"), "{}", sample.name);
            let labels: Vec<String> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            all.insert(format!("{}{{{}}}", sample.name, labels.join(",")), sample.value());
        }
    }
    all
}

#[test]
fn totals_are_the_sum_of_what_was_counted_and_no_sum_deletion_or_age_takes_from_them() {
    let db = with_namespaces();
    let start = counters(&scrape(&db, NOW));
    assert!(start.len() > 100 && start.values().all(|value| *value == 0.0), "every counter is there before its first value: {start:?}");
    deliver(&db, "a", "small", 3, days_ago(40));
    deliver(&db, "a", "small", 4, days_ago(1));
    deliver(&db, "b", "small", 2, NOW);
    deliver(&db, "b", "video", 5, NOW);
    deliver(&db, "absent", "video", 5, NOW);
    upload(&db, "a", &UploadCount::simple(50), days_ago(40));
    upload(&db, "b", &UploadCount::deduplicated(7), NOW);
    upload(&db, "absent", &UploadCount::simple(50), NOW);
    let before = counters(&scrape(&db, NOW));
    for (name, value) in [
        ("jettyspeed_delivery_requests_total{class=small}", 9.0),
        ("jettyspeed_delivery_requests_total{class=video}", 5.0),
        ("jettyspeed_delivery_hits_total{class=small}", 6.0),
        ("jettyspeed_delivery_sent_bytes_total{class=small}", 90.0),
        ("jettyspeed_delivery_saved_dollars_total{class=small}", 0.75),
        ("jettyspeed_delivery_answers_total{class=small,status=2xx}", 9.0),
        ("jettyspeed_delivery_answers_total{class=small,status=3xx}", 3.0),
        ("jettyspeed_delivery_first_byte_seconds_bucket{class=small,le=0.01}", 0.0),
        ("jettyspeed_delivery_first_byte_seconds_bucket{class=small,le=0.02}", 9.0),
        ("jettyspeed_delivery_first_byte_seconds_bucket{class=small,le=+Inf}", 9.0),
        ("jettyspeed_delivery_first_byte_seconds_sum{class=small}", 0.135),
        ("jettyspeed_uploads_ended_total{outcome=completed}", 1.0),
        ("jettyspeed_upload_bytes_total{}", 50.0),
        ("jettyspeed_upload_deduplicated_bytes_total{}", 7.0),
    ] {
        assert_eq!(before.get(name), Some(&value), "{name} in {before:?}");
    }
    run(&db, &summed(NOW));
    run(&db, &repository::forget(EpochMs(NOW.0 + 500 * DAY_MS), 1_000));
    db.execute("DELETE FROM namespaces WHERE name = 'a'", []).unwrap();
    run(&db, &summed(EpochMs(NOW.0 + DAY_MS)));
    run(&db, &repository::forget(EpochMs(NOW.0 + 500 * DAY_MS), 1_000));
    assert_eq!(counters(&scrape(&db, NOW)), before);
    deliver(&db, "b", "video", 1, NOW);
    let after = counters(&scrape(&db, NOW));
    assert!(before.iter().all(|(name, value)| after[name] >= *value) && after != before);
}

#[test]
fn reference_parser_refuses_malformed_text() {
    let family = |kind: &str, samples: &str| format!("# HELP a Help.\n# TYPE a {kind}\n{samples}");
    let buckets = |one: u32, all: u32, count: u32| {
        family("histogram", &format!("a_bucket{{le=\"1\"}} {one}\na_bucket{{le=\"+Inf\"}} {all}\na_sum 1\na_count {count}\n"))
    };
    for good in [family("gauge", "a 1\n"), family("gauge", "a{b=\"c\\\"d\"} 1\n"), buckets(1, 2, 2)] {
        prometheus::read(&good).unwrap_or_else(|error| panic!("{error}: {good}"));
    }
    for bad in [
        family("gauge", "a\n"),
        family("gauge", "a x\n"),
        family("gauge", "a{b=\"c 1\n"),
        family("gauge", "a{b=c} 1\n"),
        family("gauge", "a{1b=\"c\"} 1\n"),
        family("gauge", "a{b=\"c\",,d=\"e\"} 1\n"),
        family("gauge", "1a 1\n"),
        family("gauge", "a 1"),
        family("nonsense", "a 1\n"),
        family("gauge", ""),
        family("gauge", "a 1\na 1\n"),
        family("gauge", "a{b=\"c\"} 1\na{b=\"c\"} 2\n"),
        family("gauge", "a 1\n") + "b 1\n",
        family("gauge", "a 1\n") + &family("gauge", "a{b=\"c\"} 1\n"),
        "# TYPE a gauge\na 1\n".to_owned(),
        buckets(3, 2, 2),
        buckets(1, 2, 3),
    ] {
        assert!(prometheus::read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn what_waits_is_counted_until_it_is_done() {
    let db = database();
    db.execute_batch(&jettyspeed_devstack::seed::Seed::draw("u1", "pro").unwrap().sql("bucket")).unwrap();
    let account: String = db.query_row("SELECT id FROM accounts", [], |row| row.get(0)).unwrap();
    let meta = upload_of(Id::parse(&account).unwrap(), &name("jt_user_u1"), Id::from_random([1; 16]));
    assert_eq!(scrape(&db, NOW).waiting, [Waiting::default()]);
    run(&db, &[uploads::repository::insert(&meta)]);
    let event = |id: &str, due: u64| {
        format!(
            "INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
             VALUES ('jt_user_u1', '{id}', 'w1', '{id}', 'e', '{{}}', {due}, 1);"
        )
    };
    db.execute_batch(
        "INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, created_at, updated_at) \
         VALUES ('w1', 'jt_user_u1', 1, 'https://a.example', '[]', 's', 1, 2)",
    )
    .unwrap();
    db.execute_batch(&(event("d1", NOW.0 - 7_000) + &event("d2", NOW.0 + 5_000))).unwrap();
    let waiting = Waiting { open_uploads: 1, unverified_objects: 0, pending_webhooks: 2, webhook_lateness_ms: Some(7_000) };
    assert_eq!(scrape(&db, NOW).waiting, [waiting]);
    db.execute("UPDATE webhook_outbox SET status = 'delivered' WHERE id = 'd1'", []).unwrap();
    run(&db, &[uploads::repository::close(meta.session, "failed", None, NOW)]);
    assert_eq!(scrape(&db, NOW).waiting, [Waiting { open_uploads: 0, pending_webhooks: 1, webhook_lateness_ms: Some(0), ..waiting }]);
}

/// The plan of a statement, as SQLite tells it.
fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut explained = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nulls = vec![Value::Null; explained.parameter_count()];
    let params: Vec<&dyn ToSql> = nulls.iter().map(|value| value as &dyn ToSql).collect();
    explained.query_map(params.as_slice(), |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap).collect()
}

const COUNTRIES: &str = r#"'{"r:DE":50,"b:DE":500,"r:FR":30,"b:FR":400,"r:US":20,"b:US":200}'"#;

const COUNTS: &str = r#"'{"u:fra":4,"b:fra":90,"s:fra:6":4,"s:6":4,"w:client":1}'"#;

/// 300 namespaces, four classes, 35 days: a million hourly rows.
fn a_million_rows() -> Connection {
    let db = database();
    db.execute_batch(&format!(
        "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) SELECT 'n' || i AS name FROM n; \
         CREATE TEMP TABLE h AS WITH RECURSIVE h(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM h WHERE i < 839) SELECT {now} - i * 3600000 AS hour FROM h; \
         CREATE TEMP TABLE c AS SELECT column1 AS class FROM (VALUES ('small'), ('text'), ('large'), ('video')); \
         INSERT INTO namespaces (name, created_at) SELECT name, 1 FROM n; \
         INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, bytes_sent, saved_usd, answers_2xx, first_ms, \
           first_10, first_500, countries) \
         SELECT name, class, hour, 100, 90, 1000, 100, 1100, 0.5, 100, 1500, 95, 5, {COUNTRIES} FROM n, c, h; \
         INSERT INTO upload_hourly SELECT name, hour, 5, 4, 1, 0, 100, 10, 10, {COUNTS} FROM n, h",
        now = NOW.0
    ))
    .unwrap();
    db
}

/// The days before today as the daily run leaves them, and those before the first hour.
fn sixty_days(db: &Connection) {
    let today = NOW.0 - NOW.0 % DAY_MS;
    db.execute_batch(&format!(
        "CREATE TEMP TABLE d AS WITH RECURSIVE d(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM d WHERE i < 60) SELECT {today} - i * 86400000 AS day FROM d; \
         CREATE TEMP TABLE all_n AS SELECT name FROM n UNION ALL SELECT ''; \
         INSERT INTO delivery_daily SELECT name, class, day, 2400, 2160, 24000, 2400, 0, 26400, 12, 2400, 0, 0, 0, 36000, 0, 0, 0, 2280, 0, 0, 0, 0, 120, 0, 0, 0, \
           0, {COUNTRIES} FROM all_n, c, d; \
         INSERT INTO upload_daily SELECT name, day, 120, 96, 24, 0, 2400, 240, 240, {COUNTS} FROM all_n, d"
    ))
    .unwrap();
}

/// CPU time of this thread: the machine does other things, too.
fn cpu() -> Duration {
    // The first number is the time on a CPU, ns (Linux kernel documentation, "Scheduler Statistics").
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn thirty_days_of_a_million_hourly_rows_take_under_100_ms_on_an_index() {
    let db = a_million_rows();
    assert!(number(&db, "SELECT COUNT(*) FROM delivery_hourly") > 1_000_000);
    let timed = |what: &str, of: &Of, period: Period| {
        let took = (0..3).map(|_| {
            let (began, used) = (Instant::now(), cpu());
            assert!(report(&db, of, period, NOW)["total_requests"].as_u64().unwrap() > 0);
            (cpu() - used, began.elapsed())
        });
        let took = took.min().unwrap();
        println!("{what}, {}: {:?} of CPU, {:?}", period.as_str(), took.0, took.1);
        took.0
    };
    let limit = Duration::from_millis(100);
    assert!(timed("one namespace, no day summed up", &of("n7"), Period::Month) < limit);
    sixty_days(&db);
    let used = cpu();
    run(&db, &summed(EpochMs(NOW.0 + DAY_MS)));
    println!("three days summed up: {:?} of CPU", cpu() - used);
    for period in [Period::Day, Period::Week, Period::Month] {
        assert!(timed("one namespace", &of("n7"), period) < limit);
    }
    assert!(timed("all namespaces", &Of::All, Period::Month) < limit);
    timed("all namespaces", &Of::All, Period::Day);

    for (scope, period) in [(of("n7"), Period::Month), (of("n7"), Period::Day), (Of::All, Period::Month), (Of::All, Period::Day)] {
        for statement in repository::report(&scope, &period.frame(NOW)).0 {
            let steps = plan(&db, statement.sql);
            let tables = ["delivery_hourly", "delivery_daily", "upload_hourly", "upload_daily"];
            let reads: Vec<&String> = steps.iter().filter(|step| tables.iter().any(|table| step.contains(&format!(" {table}")))).collect();
            let index = if scope == Of::All { ["USING PRIMARY KEY (namespace=?", "_by_hour (hour>?"] } else { ["USING PRIMARY KEY (namespace=?"; 2] };
            assert!(
                !reads.is_empty() && reads.iter().all(|step| step.starts_with("SEARCH ") && index.iter().any(|index| step.contains(index))),
                "{steps:?}"
            );
        }
    }
}
