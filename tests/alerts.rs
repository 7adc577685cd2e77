//! Alerts on a real SQLite: what they are decided by, that two runs fire once, and how they are listed.
#![allow(clippy::disallowed_methods)]

mod sqlite;

use std::sync::atomic::{AtomicU8, Ordering};

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use serde::de::DeserializeOwned;
use serde_json::json;
use sqlite::{database, values};

use jettyspeed_edge::alerts::alert::{Alert, KEEP_MS, Listed};
use jettyspeed_edge::alerts::decide::Open;
use jettyspeed_edge::alerts::figures::{Delivered, Storage, Uploaded, Watched};
use jettyspeed_edge::alerts::kind::Kind;
use jettyspeed_edge::alerts::repository as alerts;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::{DAY_MS, EpochMs, HOUR_MS};
use jettyspeed_edge::webhooks::event::{Event, EventKind};
use jettyspeed_edge::webhooks::repository::{self as webhooks, Only};

const HOUR: EpochMs = EpochMs(40 * DAY_MS);
const NOW: EpochMs = EpochMs(HOUR.0 + HOUR_MS + 7);

fn rows<T: DeserializeOwned>(db: &Connection, statement: &Statement) -> Vec<T> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params.as_slice()).unwrap();
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let field = |(at, column): (usize, &String)| {
            let value = match row.get::<_, Value>(at).unwrap() {
                Value::Integer(number) => json!(number),
                Value::Real(number) => json!(number),
                Value::Text(text) => json!(text),
                _ => serde_json::Value::Null,
            };
            (column.clone(), value)
        };
        let object: serde_json::Map<_, _> = columns.iter().enumerate().map(field).collect();
        all.push(serde_json::from_value(object.into()).unwrap_or_else(|error| panic!("{}: {error}", statement.sql)));
    }
    all
}

fn run(db: &Connection, statement: &Statement) -> usize {
    rows::<serde_json::Value>(db, statement).len()
}

fn count(db: &Connection, what: &str) -> i64 {
    db.query_row(&format!("SELECT COUNT(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id(number: u8) -> Id {
    Id::from_random([number; 16])
}

/// A database with the account `ada`, whose namespace has an endpoint, and a shared namespace.
fn world() -> (Connection, Name) {
    let db = database();
    db.execute_batch(&jettyspeed_devstack::seed::Seed::draw("ada", "pro").unwrap().sql("bucket")).unwrap();
    db.execute_batch("INSERT INTO namespaces (name, created_at) VALUES ('jt_customer_x', 0)").unwrap();
    let own = name("jt_user_ada");
    run(&db, &webhooks::insert_endpoint(id(90), &own, "https://a.example", r#"["alert.fired","alert.resolved"]"#, "sealed", NOW));
    (db, own)
}

fn alert(number: u8, kind: Kind, hour: EpochMs) -> Alert {
    Alert {
        id: id(number),
        namespace: name("jt_user_ada"),
        kind,
        hour,
        value: 40.0,
        threshold: 50.0,
        rests_on: 60,
        fired_at: hour.plus(HOUR_MS + u64::from(number)),
        resolved_at: None,
        resolved_value: None,
    }
}

/// With ids of its own.
fn event(kind: EventKind) -> Event {
    static NUMBER: AtomicU8 = AtomicU8::new(0);
    let number = NUMBER.fetch_add(11, Ordering::Relaxed);
    Event::new(kind, &json!({}), NOW, &std::array::from_fn(|at| number.wrapping_add(u8::try_from(at / 16).unwrap())))
}

/// What a run writes that fires: how many events were written.
fn fire(db: &Connection, alert: &Alert) -> usize {
    run(db, &alerts::fire(alert));
    let event = event(EventKind::AlertFired);
    run(db, &webhooks::emit(&alert.namespace, &event, Only::WithAlert(alert.id)))
}

fn resolve(db: &Connection, alert: &Alert, hour: EpochMs) -> usize {
    let event = event(EventKind::AlertResolved);
    let told = run(db, &webhooks::emit(&alert.namespace, &event, Only::WhileAlertOpen(alert.id)));
    run(db, &alerts::resolve(alert.id, Some(60.0), hour, NOW));
    told
}

#[test]
fn two_runs_fire_once_and_resolve_once_and_a_late_run_of_the_hour_does_nothing() {
    let (db, _) = world();
    let next = HOUR.plus(HOUR_MS);
    assert_eq!((fire(&db, &alert(1, Kind::HitRate, HOUR)), fire(&db, &alert(2, Kind::HitRate, HOUR))), (1, 0));
    assert_eq!(fire(&db, &alert(3, Kind::P95Latency, HOUR)), 1, "another kind");
    assert_eq!((resolve(&db, &alert(1, Kind::HitRate, HOUR), next), resolve(&db, &alert(1, Kind::HitRate, HOUR), next)), (1, 0));
    assert_eq!(fire(&db, &alert(4, Kind::HitRate, HOUR)), 0, "the job of the hour that fired, once more");
    assert_eq!(fire(&db, &alert(5, Kind::HitRate, next)), 0, "that of the hour that resolved");
    assert_eq!(fire(&db, &alert(6, Kind::HitRate, next.plus(HOUR_MS))), 1, "a later hour");
    assert_eq!((count(&db, "alerts"), count(&db, "webhook_outbox")), (3, 4));
    let stored: Vec<Alert> = rows(&db, &alerts::by_id(id(1)));
    assert_eq!(stored, [Alert { resolved_at: Some(NOW), resolved_value: Some(60.0), ..alert(1, Kind::HitRate, HOUR) }]);
}

#[test]
fn figures_are_those_of_the_hour_the_day_before_and_the_account() {
    let (db, own) = world();
    let sql = format!(
        "INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, first_5, first_200) VALUES \
           ('jt_user_ada', 'small', {hour}, 40, 10, 0, 0, 30, 10), ('jt_user_ada', 'video', {hour}, 30, 20, 0, 0, 30, 0), \
           ('jt_user_ada', 'small', {before}, 7, 7, 0, 0, 7, 0), ('jt_user_ada', 'small', {after}, 7, 7, 0, 0, 7, 0); \
         INSERT INTO upload_hourly (namespace, hour, started, completed, failed, expired, bytes, saved_bytes, copied_bytes) VALUES \
           ('jt_user_ada', {hour}, 9, 5, 3, 2, 0, 0, 0), ('jt_user_ada', {before}, 9, 6, 1, 0, 0, 0, 0), ('jt_user_ada', {day}, 9, 1, 1, 1, 0, 0, 0), \
           ('jt_user_ada', {older}, 9, 100, 100, 100, 0, 0, 0), ('jt_user_ada', {after}, 9, 100, 100, 100, 0, 0, 0); \
         INSERT INTO storage_usage SELECT id, 1, 2, 5, 0, 0, 0, 0, 0, 1, 0, 0, NULL FROM accounts; \
         INSERT INTO storage_usage SELECT id, 3, 4, 16000000000, 0, 0, 0, 0, 0, 1, 0, 0, NULL FROM accounts;",
        hour = HOUR.0,
        before = HOUR.0 - HOUR_MS,
        after = HOUR.0 + HOUR_MS,
        day = HOUR.0 - DAY_MS,
        older = HOUR.0 - DAY_MS - HOUR_MS,
    );
    db.execute_batch(&sql).unwrap();
    let page: Vec<Watched> = rows(&db, &alerts::page("jt_customer_wd", 10));
    assert_eq!(page.iter().map(|watched| watched.namespace.as_str()).collect::<Vec<_>>(), ["jt_customer_x", "jt_user_ada"]);
    assert_eq!([page[0].storage(), page[1].storage()], [None, Some(Storage { used: 16_000_000_000, quota: 20_000_000_000 })]);
    assert_eq!(rows::<Watched>(&db, &alerts::watched(&own)), page[1..]);
    assert_eq!(rows::<Watched>(&db, &alerts::page("jt_customer_x", 10)), page[1..]);

    fire(&db, &alert(1, Kind::HitRate, HOUR));
    db.execute_batch("UPDATE webhook_outbox SET attempts = 3").unwrap();
    let names: Vec<&Name> = page.iter().map(|watched| &watched.namespace).collect();
    let [delivered, uploaded, failing, open] = alerts::figures(&names, HOUR);
    let delivered: Vec<Delivered> = rows(&db, &delivered);
    assert_eq!((delivered.len(), delivered[0].requests, delivered[0].hits, delivered[0].first_byte.total()), (1, 70, 30, 70));
    assert_eq!(rows::<Uploaded>(&db, &uploaded), [Uploaded { of: "jt_user_ada".into(), ended: 10, failed: 5, ended_before: 10, failed_before: 3 }]);
    assert_eq!(run(&db, &failing), 0, "three attempts are no failure yet");
    db.execute_batch("UPDATE webhook_outbox SET attempts = 4").unwrap();
    assert_eq!(rows::<serde_json::Value>(&db, &failing), [json!({ "namespace": "jt_user_ada", "endpoints": 1 })]);
    let open: Vec<Open> = rows(&db, &open);
    assert_eq!(open.iter().map(|alert| (alert.id, alert.kind, alert.hour)).collect::<Vec<_>>(), [(id(1), Kind::HitRate, HOUR)]);
    db.execute_batch("UPDATE namespaces SET moving = 1, departing = 1 WHERE name = 'jt_user_ada'").unwrap();
    assert_eq!(run(&db, &alerts::page("jt_customer_wd", 10)), 1, "not while it is being moved");
    for sql in ["UPDATE alerts SET resolved_at = 1", "INSERT INTO alerts SELECT 'x', namespace, 'quota_80', 1, 1, 1, 1, 1, 1, NULL, NULL FROM alerts"]
    {
        assert!(db.execute_batch(sql).unwrap_err().to_string().contains("is being moved"), "{sql}");
    }
}

#[test]
fn alerts_are_listed_newest_first_and_forgotten_90_days_after_they_were_fired() {
    let (db, own) = world();
    for (number, kind) in [(1, Kind::HitRate), (2, Kind::P95Latency), (3, Kind::Quota80)] {
        fire(&db, &alert(number, kind, HOUR));
    }
    resolve(&db, &alert(2, Kind::P95Latency, HOUR), HOUR);
    let listed = |namespace: Option<&Name>, which, cursor, limit| -> Vec<u8> {
        let found: Vec<Alert> = rows(&db, &alerts::list(namespace, which, cursor, limit));
        found.iter().map(|alert| (1..=3).find(|number| alert.id == id(*number)).unwrap()).collect()
    };
    for namespace in [None, Some(&own)] {
        assert_eq!(listed(namespace, Listed::All, None, 10), [3, 2, 1]);
        assert_eq!(listed(namespace, Listed::Open, None, 10), [3, 1]);
        assert_eq!(listed(namespace, Listed::Resolved, None, 10), [2]);
        assert_eq!(listed(namespace, Listed::All, Some((alert(3, Kind::Quota80, HOUR).fired_at, id(3))), 1), [2]);
    }
    assert!(listed(Some(&name("jt_customer_x")), Listed::All, None, 10).is_empty());
    let over = alert(2, Kind::P95Latency, HOUR).fired_at.plus(KEEP_MS);
    assert_eq!(run(&db, &alerts::prune(EpochMs(over.0 - 1), 10)), 0);
    assert_eq!(run(&db, &alerts::prune(over.plus(DAY_MS), 10)), 1, "open ones stay, however old");
    db.execute_batch("DELETE FROM namespaces WHERE name = 'jt_user_ada'").unwrap();
    assert_eq!(count(&db, "alerts"), 0);
}
