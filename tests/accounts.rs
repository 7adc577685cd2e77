//! Deleting accounts and closing months, on a real SQLite: the statements in the order in which the jobs run them.

mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, ToSql};
use serde_json::{Value, json};
use sqlite::{database, values};

use jettyspeed_edge::accounts::deletion::{Left, repository as deletion};
use jettyspeed_edge::accounts::directory::repository as directory;
use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::accounts::repository::{self as accounts, NewCredentials};
use jettyspeed_edge::analytics::provisioning::repository as provisioning;
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::ledger::accrual::Accrual;
use jettyspeed_edge::ledger::cost::Prices;
use jettyspeed_edge::ledger::machine::Ledger;
use jettyspeed_edge::ledger::message::{Message, Reply};
use jettyspeed_edge::ledger::period::{Period, settled_until};
use jettyspeed_edge::ledger::repository as ledger;
use jettyspeed_edge::ledger::state::{Facts, Limits, Usage};
use jettyspeed_edge::namespaces::repository as namespaces;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::uploads;

fn rows(db: &Connection, statement: &Statement) -> Vec<Value> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let value = |index| match row.get::<_, rusqlite::types::Value>(index).unwrap() {
            rusqlite::types::Value::Integer(number) => json!(number),
            rusqlite::types::Value::Real(number) => json!(number),
            rusqlite::types::Value::Text(text) => json!(text),
            _ => Value::Null,
        };
        all.push(Value::Object(names.iter().enumerate().map(|(index, name)| (name.clone(), value(index))).collect()));
    }
    all
}

fn run(db: &Connection, statements: &[Statement]) {
    statements.iter().for_each(|statement| drop(rows(db, statement)));
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id(number: u8) -> Id {
    Id::from_random([number; 16])
}

fn provision(db: &Connection, account: Id, user: &str) {
    let wanted = ProvisionParams { user: name(user), email: "a@b.c".into(), tier: "pro".into() };
    let key_hash = Sha256Hex::of(account.to_string().as_bytes());
    let new = NewCredentials { key_hash, secret_hash: Sha256Hex::of(b"s"), sealed: "x".into(), sealed_until: EpochMs(9) };
    run(db, &accounts::provision(account, &wanted, "b", &new, EpochMs(5), Shard::MAIN));
}

fn count(db: &Connection, what: &str) -> i64 {
    db.query_row(&format!("SELECT COUNT(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

/// A file in `namespace` whose bytes are the object `object`, which another file may have already.
fn file(db: &Connection, file: u8, account: Id, namespace: &str, object: u8, home: &str) {
    let (object, file) = (id(object), id(file));
    db.execute_batch(&format!(
        "INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) VALUES ('{object}', '{home}', '{object}', 7, 'e', 'none', 1) \
           ON CONFLICT (id) DO UPDATE SET refs = refs + 1; \
         INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
           VALUES ('{file}', '{account}', '{namespace}', '{object}', 'n', 'a/b', 'session', 1);"
    ))
    .unwrap();
}

fn video_file(db: &Connection, file: u8, account: Id, namespace: &str, video: &str) {
    let file = id(file);
    db.execute_batch(&format!(
        "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
           VALUES ('{namespace}', '{video}', '{file}', '{file}', '{account}', 'k', 7, 'e', 'a/b', 1); \
         INSERT INTO videos (namespace, video_id, account_id, kept, touched_at) VALUES ('{namespace}', '{video}', '{account}', 1, 1) ON CONFLICT DO NOTHING;"
    ))
    .unwrap();
}

/// Ada, with things of every kind, and Bob, whose namespace she is in.
fn in_use() -> Connection {
    let db = database();
    provision(&db, id(1), "ada");
    provision(&db, id(2), "bob");
    rows(&db, &namespaces::put_member(&name("ada"), "jt_user_bob", Role::Member, EpochMs(1)));
    // One of her own, two with the same bytes in Bob's namespace, one of Bob's.
    file(&db, 11, id(1), "jt_user_ada", 21, "jt_user_ada");
    file(&db, 12, id(1), "jt_user_bob", 22, "jt_user_bob");
    file(&db, 13, id(1), "jt_user_bob", 22, "jt_user_bob");
    file(&db, 14, id(2), "jt_user_bob", 22, "jt_user_bob");
    video_file(&db, 31, id(1), "jt_user_ada", "film");
    video_file(&db, 32, id(1), "jt_user_bob", "common");
    video_file(&db, 33, id(2), "jt_user_bob", "common");
    let (ada, bob) = (id(1), id(2));
    for (number, account, namespace, status) in
        [(41, ada, "jt_user_ada", "failed"), (42, ada, "jt_user_bob", "complete"), (43, bob, "jt_user_bob", "open")]
    {
        db.execute_batch(&format!(
            "INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, allow_unsigned, status, \
             created_at, updated_at) VALUES ('{}', '{account}', '{namespace}', 'k', 'u', 'f', 1, 1, 'a/b', 0, '{status}', 1, 1)",
            id(number)
        ))
        .unwrap();
    }
    db.execute_batch(&format!(
        "INSERT INTO idempotency (scope, key, fingerprint, claim, claimed_at, expires_at) VALUES ('{ada}', 'k', 'f', 'c', 1, 2), ('{bob}', 'k', 'f', 'c', 1, 2); \
         INSERT INTO storage_usage (account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, bandwidth_cost, \
           total_cost, recorded_at) VALUES ('{ada}', 1, 2, 3, 4, 5, 0.5, 0.25, 0.75, 6); \
         INSERT INTO challenges (account_id, namespace, sha256, size, id, object_id, nonce, ranges, expires_at, forget_at) \
           VALUES ('{ada}', 'jt_user_bob', 'h', 7, 'c', '{}', 'n', '[[0,6]]', 1, 2); \
         INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, created_at, updated_at) \
           VALUES ('w', 'jt_user_ada', 1, 'https://a.example', '[]', 's', 1, 2), ('x', 'jt_user_bob', 1, 'https://a.example', '[]', 's', 1, 2); \
         INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
           VALUES ('jt_user_ada', 'd', 'w', 'm', 'upload.completed', '[]', 5, 5);",
        id(22)
    ))
    .unwrap();
    db
}

fn left(db: &Connection) -> Left {
    serde_json::from_value(rows(db, &deletion::left(id(1), &name("jt_user_ada"))).remove(0)).unwrap()
}

/// What the runs of the job delete, but for the account; as the store's part of it, objects that are due and marked video files.
fn delete_things(db: &Connection) {
    let ids: Vec<Value> = rows(db, &deletion::files(id(1), 100)).into_iter().map(|mut row| row["id"].take()).collect();
    run(db, &deletion::delete_files(id(1), &json!(ids).to_string(), EpochMs(7)));
    let files = rows(db, &deletion::video_files(id(1), "", 100));
    if let Some(last) = files.last() {
        run(db, &[deletion::mark_video_files(id(1), "", last["id"].as_str().unwrap(), EpochMs(7)), deletion::pass_videos_on(id(1))]);
    }
    db.execute_batch("DELETE FROM video_files WHERE doomed_at IS NOT NULL; DELETE FROM objects WHERE refs = 0 AND doomed_at <= 7").unwrap();
    run(db, &deletion::settle(id(1), &name("jt_user_ada"), EpochMs(7)));
    run(db, &[uploads::repository::trim(id(1), 0, 100), deletion::forget_keys(id(1), 100)]);
}

#[test]
fn account_that_is_being_deleted_is_suspended_for_good_and_has_no_sealed_credentials() {
    let db = in_use();
    let begin = |now| rows(&db, &deletion::begin(id(1), EpochMs(now))[0]);
    assert_eq!((begin(100), begin(200)), (vec![json!({ "deleting_at": 100 })], vec![json!({ "deleting_at": 100 })]), "since the first call");
    run(&db, &deletion::begin(id(1), EpochMs(300)));
    assert_eq!(count(&db, "credentials WHERE sealed IS NOT NULL"), 1, "Bob's");
    assert_eq!(rows(&db, &accounts::set_status(id(1), "active", EpochMs(400))).len(), 0);
    assert_eq!(rows(&db, &accounts::by_id(id(1), EpochMs(0)))[0]["status"], "suspended");
    let new = NewCredentials { key_hash: Sha256Hex::of(b"new"), secret_hash: Sha256Hex::of(b"s"), sealed: "x".into(), sealed_until: EpochMs(9) };
    run(&db, &accounts::rotate(id(1), &new, EpochMs(500), EpochMs(500)));
    assert_eq!(count(&db, "credentials"), 2, "a rotation that comes late makes none");
    let overdue = |before, after| rows(&db, &deletion::overdue(EpochMs(before), after, 10)).len();
    assert_eq!((overdue(100, (EpochMs(0), 0)), overdue(101, (EpochMs(0), 0)), overdue(101, (EpochMs(100), 99))), (0, 1, 0));
}

#[test]
fn deleted_account_leaves_nothing_and_nobody_else_loses_anything() {
    let db = in_use();
    run(&db, &deletion::begin(id(1), EpochMs(100)));
    assert_eq!(left(&db), Left { things: true, remains: true, shared: true });
    assert_eq!(rows(&db, &deletion::finish(id(1), &name("jt_user_ada"))[0]).len(), 0, "not while anything is left");
    delete_things(&db);
    assert_eq!(left(&db), Left::default());
    let done: Vec<usize> = deletion::finish(id(1), &name("jt_user_ada")).iter().map(|statement| rows(&db, statement).len()).collect();
    assert_eq!(done[0], 1);
    let ada = id(1);
    for table in ["assets", "credentials", "namespace_members", "storage_usage", "upload_sessions", "video_files", "videos", "challenges"] {
        assert_eq!(count(&db, &format!("{table} WHERE account_id = '{ada}'")), 0, "{table}");
    }
    for table in ["objects", "webhook_endpoints", "webhook_outbox", "upload_sessions", "videos", "video_files"] {
        assert_eq!(count(&db, &format!("{table} WHERE namespace = 'jt_user_ada'")), 0, "{table}");
    }
    assert_eq!((count(&db, "accounts"), count(&db, "namespaces WHERE name LIKE 'jt_user_%'"), count(&db, "idempotency")), (1, 1, 1), "Bob's");
    // Of the common object one reference is left, and the common video is Bob's.
    assert_eq!(count(&db, "objects WHERE refs = 1 AND doomed_at IS NULL"), 1);
    assert_eq!((count(&db, "assets"), count(&db, "video_files"), count(&db, "webhook_endpoints"), count(&db, "upload_sessions")), (1, 1, 1, 1));
    assert_eq!(count(&db, &format!("videos WHERE account_id = '{}' AND video_id = 'common'", id(2))), 1);
    // The user can have an account again.
    provision(&db, id(3), "ada");
    assert_eq!((count(&db, "accounts"), count(&db, "credentials")), (2, 2));
}

#[test]
fn namespace_in_which_others_have_something_stays_for_them_without_the_accounts_webhooks() {
    let stays = |what: &dyn Fn(&Connection), endpoints| {
        let db = in_use();
        what(&db);
        run(&db, &deletion::begin(id(1), EpochMs(100)));
        delete_things(&db);
        assert_eq!(left(&db), Left { shared: true, ..Left::default() });
        run(&db, &deletion::finish(id(1), &name("jt_user_ada")));
        assert_eq!((count(&db, "accounts"), count(&db, "namespaces WHERE name = 'jt_user_ada'")), (1, 1));
        assert_eq!(count(&db, "webhook_endpoints WHERE namespace = 'jt_user_ada'"), endpoints);
    };
    stays(&|db| drop(rows(db, &namespaces::put_member(&name("bob"), "jt_user_ada", Role::Member, EpochMs(1)))), 1);
    stays(&|db| file(db, 15, id(2), "jt_user_ada", 25, "jt_user_ada"), 0);
    stays(&|db| file(db, 15, id(2), "jt_user_bob", 21, "jt_user_ada"), 0);
    stays(&|db| video_file(db, 35, id(2), "jt_user_ada", "theirs"), 0);
}

#[test]
fn directory_forgets_an_account_and_keeps_its_names_if_its_namespace_stays() {
    for stays in [false, true] {
        let db = database();
        let (ada, user, namespace) = (id(1), name("ada"), name("jt_user_ada"));
        for (user, account) in [("ada", ada), ("bob", id(2))] {
            run(&db, &directory::claim(&name(user), Shard::new(1).unwrap()));
            run(&db, &directory::put(account, &Sha256Hex::of(user.as_bytes()), Shard::new(1).unwrap()));
        }
        db.execute("UPDATE directory SET account_id = ?1 WHERE name IN ('ada', 'jt_user_ada')", [ada.to_string()]).unwrap();
        run(&db, &directory::forget_account(ada, (!stays).then_some((&user, &namespace))));
        assert_eq!(count(&db, "directory WHERE name IN ('ada', 'jt_user_ada')"), if stays { 2 } else { 0 });
        assert_eq!(count(&db, &format!("directory WHERE account_id = '{ada}' OR name = '{ada}'")), 0);
        assert_eq!(count(&db, "directory WHERE name NOT LIKE '%ada'"), 4, "Bob's");
    }
}

#[test]
fn accounts_are_listed_by_user_id_page_by_page_and_by_prefix() {
    let db = database();
    for (number, user) in ["b-1", "a-2", "b-2", "a-1", "B-1", "b"].into_iter().enumerate() {
        provision(&db, id(number as u8), user);
    }
    let list = |cursor: &str, prefix: &str, limit| -> Vec<String> {
        rows(&db, &accounts::list(cursor, prefix, limit, EpochMs(0)))
            .iter()
            .map(|row| row["agentcache_user_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(list("", "", 10), ["B-1", "a-1", "a-2", "b", "b-1", "b-2"]);
    assert_eq!((list("a-1", "", 2), list("b-2", "", 2)), (vec!["a-2".to_owned(), "b".to_owned()], vec![]));
    assert_eq!((list("", "b-", 10), list("b-1", "b-", 10)), (vec!["b-1".to_owned(), "b-2".to_owned()], vec!["b-2".to_owned()]));
    assert_eq!((list("", "b", 10).len(), list("", "c", 10).len(), list("", "%", 10).len()), (3, 0, 0));
}

#[test]
fn closed_month_is_not_written_any_more_and_an_open_one_is_closed_once() {
    let db = database();
    provision(&db, id(1), "ada");
    provision(&db, id(2), "bob");
    let prices = Prices { storage_gb_month: 0.5, origin_gb: 9.0 };
    let month = |text: &str| Period::parse(text).unwrap();
    let write = |account, period: &str, requests, now| {
        let usage = Usage { period: month(period), storage: 7, bandwidth: 5, requests, accrual: Accrual::default() };
        rows(&db, &ledger::record_usage(account, &usage, &prices, EpochMs(now)));
    };
    write(id(1), "2026-09", 1, 10);
    write(id(1), "2026-10", 2, 10);
    write(id(2), "2026-10", 3, 10);
    write(id(1), "2026-11", 4, 10);
    let until = month("2026-11").start();
    let unclosed = |after| rows(&db, &ledger::unclosed(until, after, 10)).len();
    assert_eq!((unclosed(None), unclosed(Some((month("2026-09").end(), id(1)))), unclosed(Some((month("2026-10").end(), id(2))))), (3, 2, 0));
    rows(&db, &ledger::close(id(1), until, EpochMs(50)));
    rows(&db, &ledger::close(id(1), until, EpochMs(60)));
    assert_eq!(unclosed(None), 1, "Bob's");
    write(id(1), "2026-10", 99, 1_000);
    write(id(1), "2026-11", 98, 1_000);
    let read = |period: &str| rows(&db, &ledger::month(id(1), month(period).start())).remove(0);
    assert_eq!((&read("2026-10")["request_count"], &read("2026-10")["closed_at"]), (&json!(2), &json!(50)));
    assert_eq!((&read("2026-11")["request_count"], &read("2026-11")["closed_at"]), (&json!(98), &Value::Null));
}

/// An instant.
fn at(text: &str) -> EpochMs {
    EpochMs(u64::try_from(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()).unwrap())
}

/// What the job that closes months does of one database at `now`, with the ledgers as they are: how many accounts it closed months of.
fn close_months(db: &Connection, ledgers: &mut [(Id, Ledger)], now: EpochMs) -> usize {
    let until = settled_until(now);
    let unclosed: BTreeSet<String> =
        rows(db, &ledger::unclosed(until, None, 100)).iter().map(|row| row["account_id"].as_str().unwrap().to_owned()).collect();
    for (account, ledger) in ledgers.iter_mut().filter(|(account, _)| unclosed.contains(&account.to_string())) {
        let (Reply::Months { closed, .. }, _) = ledger.apply(Message::Statement, Facts::default(), now) else { panic!() };
        run(db, &ledger::close_months(*account, &closed, until, &Prices { storage_gb_month: 0.5, origin_gb: 0.25 }, now));
    }
    unclosed.len()
}

/// The months that D1 has, with what is closed of them.
fn months_of(db: &Connection) -> Vec<Value> {
    let all = "SELECT account_id, period_start, request_count, storage_bytes, storage_cost, total_cost, closed_at FROM storage_usage ORDER BY 1, 2";
    rows(db, &Statement { sql: all, args: vec![] })
}

#[test]
fn months_of_an_outage_are_closed_by_the_first_run_behind_it_and_the_second_changes_nothing() {
    let db = database();
    let limits = Limits {
        storage: 10_000_000_000,
        bandwidth: 1,
        per_minute: 100,
        objects: 10,
        uploads: 10,
        suspended: false,
        version: (EpochMs(0), EpochMs(0)),
    };
    let mut ledgers: Vec<(Id, Ledger)> = Vec::new();
    for (number, user, stored) in [(1, "ada", 2_000_000_000), (2, "bob", 0)] {
        provision(&db, id(number), user);
        ledgers.push((id(number), Ledger::open(id(number), limits, (stored, 1), BTreeMap::new(), at("2026-07-10T00:00:00Z"))));
    }
    // July is the last month that the ledgers wrote: neither alarms nor the daily run come in August, September and October.
    for (account, ledger) in &mut ledgers {
        for (day, calls) in [("2026-07-11", 1), ("2026-08-20", 2), ("2026-10-30", 4)] {
            for _ in 0..calls {
                ledger.apply(Message::Admit { limits: None, video_file: false }, Facts::default(), at(&format!("{day}T12:00:00Z")));
            }
            if day == "2026-07-11" {
                let (Reply::Months { current, .. }, _) = ledger.apply(Message::Statement, Facts::default(), at("2026-07-12T00:00:00Z")) else {
                    panic!()
                };
                run(&db, &[ledger::record_usage(*account, &current, &Prices { storage_gb_month: 0.5, origin_gb: 0.25 }, at("2026-07-12T00:00:00Z"))]);
            }
        }
    }
    let back = at("2026-11-20T03:17:00Z");
    assert_eq!(close_months(&db, &mut ledgers, back), 2);
    let first = months_of(&db);
    let requests = |account: u8| -> Vec<(String, i64, bool)> {
        let of = first.iter().filter(|row| row["account_id"] == id(account).to_string());
        of.map(|row| {
            let start = EpochMs(row["period_start"].as_u64().unwrap()).rfc3339();
            (start[..7].to_owned(), row["request_count"].as_i64().unwrap(), row["closed_at"].is_number())
        })
        .collect()
    };
    let month = |text: &str, calls| (text.to_owned(), calls, true);
    // Ada stores something all the time; of a month in which Bob did nothing there is nothing to say.
    assert_eq!(requests(1), [month("2026-07", 1), month("2026-08", 2), month("2026-09", 0), month("2026-10", 4)]);
    assert_eq!(requests(2), [month("2026-07", 1), month("2026-08", 2), month("2026-10", 4)]);
    let costs: Vec<f64> =
        first.iter().filter(|row| row["account_id"] == id(1).to_string()).map(|row| row["storage_cost"].as_f64().unwrap()).collect();
    assert!(costs[0] > 0.6 && costs[0] < 0.8, "22 days of July: {costs:?}");
    assert!(costs[1..].iter().all(|cost| (cost - 1.0).abs() < 0.001), "2 GB for a month each: {costs:?}");
    for later in ["2026-11-20T03:17:00Z", "2026-11-21T03:17:00Z"] {
        assert_eq!(close_months(&db, &mut ledgers, at(later)), 0);
        assert_eq!(months_of(&db), first, "{later}");
    }
}

#[test]
fn month_is_not_closed_before_its_last_hour_has_been_over_for_one() {
    let db = database();
    provision(&db, id(1), "ada");
    let limits = Limits { storage: 9, bandwidth: 9, per_minute: 9, objects: 9, uploads: 9, suspended: false, version: (EpochMs(0), EpochMs(0)) };
    let mut ledgers = vec![(id(1), Ledger::open(id(1), limits, (5, 1), BTreeMap::new(), at("2026-09-10T00:00:00Z")))];
    // A run in the first hour of November, behind an outage in which September was not closed.
    let usage = Usage { period: Period::parse("2026-09").unwrap(), storage: 5, bandwidth: 0, requests: 0, accrual: Accrual::default() };
    run(&db, &[ledger::record_usage(id(1), &usage, &Prices { storage_gb_month: 1.0, origin_gb: 1.0 }, EpochMs(1))]);
    let closed = |db: &Connection| -> Vec<bool> { months_of(db).iter().map(|row| row["closed_at"].is_number()).collect() };
    close_months(&db, &mut ledgers, at("2026-11-01T00:30:00Z"));
    assert_eq!(closed(&db), [true, false], "October is written, and still open");
    close_months(&db, &mut ledgers, at("2026-11-01T01:00:00Z"));
    assert_eq!(closed(&db), [true, true]);
    close_months(&db, &mut ledgers, at("2026-11-30T23:59:59Z"));
    assert_eq!(closed(&db), [true, true], "nothing of November");
}

#[test]
fn provisioning_calls_are_summed_up_by_outcome_and_duration_and_forgotten() {
    let db = database();
    let hour = 3_600_000;
    for (outcome, ms, at) in [("created", 70, 1), ("created", 80, hour - 1), ("created", 700, hour), ("invalid-value", 0, hour)] {
        rows(&db, &provisioning::count(outcome, ms, EpochMs(at)));
    }
    assert_eq!(count(&db, "provisioning_hourly"), 3);
    let calls = |from| rows(&db, &provisioning::of_period(EpochMs(from))).iter().map(|row| row["calls"].as_i64().unwrap()).sum::<i64>();
    assert_eq!((calls(0), calls(hour), calls(hour + 1)), (4, 2, 0));
    assert_eq!(rows(&db, &provisioning::forget(EpochMs(40 * 86_400_000), 2)).len(), 2);
    assert_eq!(count(&db, "provisioning_hourly"), 1);
}
