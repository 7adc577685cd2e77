//! Every migration, on an empty database and on one that was in use before it: it applies under foreign keys, loses no row and violates no constraint.

mod sqlite;

use std::collections::BTreeSet;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, types::Value};
use sqlite::migrations;

/// A row for every table, in an order that foreign keys allow; columns that come with later migrations have defaults.
const ROWS: &[(&str, &str)] = &[
    (
        "tier_configs",
        "(tier, rank, storage_quota_gb, bandwidth_quota_gb, jetty_speed_enabled, requests_per_minute, max_file_mb) \
         VALUES ('gold', 9, 1, 2, 1, 3, 4)",
    ),
    (
        "accounts",
        "(id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, created_at, updated_at) \
         VALUES ('a1', 'u1', NULL, 'gold', 'b', 'users/u1/', 1, 2)",
    ),
    ("browser_sessions", "(id, owner, proof, created_at, expires_at, user_agent) VALUES ('b1', 'a1', 'p', 1, 2, '')"),
    ("job_failures", "(kind, failed) VALUES ('verify', 1)"),
    ("job_runs", "(name, last_at) VALUES ('daily', 1)"),
    ("credentials", "(key_hash, secret_hash, account_id, created_at) VALUES ('k', 's', 'a1', 1)"),
    (
        "edge_locations",
        "(id, name, city, country, continent, lat, lon, colo, capacity_mbps) VALUES ('osl', 'Oslo', 'Oslo', 'NO', 'EU', 60.2, 11.1, 'OSL', 500)",
    ),
    ("edge_metrics", "(edge, hour, samples, failures, bytes, busy_ms, probes, probe_ms) VALUES ('osl', 4102444800000, 2, 1, 10, 1.5, 1, 30.5)"),
    ("upload_patterns", "(country, edge, hour_of_day, uploads, parts, bytes, upload_ms) VALUES ('NO', 'osl', 23, 1, 2, 3, 4)"),
    ("namespaces", "(name, display_name, chunk_size, created_at) VALUES ('jt_user_u1', 'U 1', 5242880, 1)"),
    ("namespace_members", "(account_id, namespace, created_at) VALUES ('a1', 'jt_user_u1', 1)"),
    (
        "objects",
        "(id, namespace, s3_key, size, etag, claimed_sha256, sha256, verification, created_at) \
         VALUES ('o1', 'jt_user_u1', 'users/u1/o/o1', 7, 'e', 'h', 'h', 'verified', 1)",
    ),
    (
        "assets",
        "(id, account_id, namespace, object_id, name, content_type, uploaded_via, upload_speed_mbps, created_at, path, modified_at) \
         VALUES ('s1', 'a1', 'jt_user_u1', 'o1', 'a', 'a/b', 'session', 1.5, 1, 'b/a', 1)",
    ),
    (
        "upload_sessions",
        "(id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, allow_unsigned, status, created_at, updated_at, place) \
         VALUES ('x1', 'a1', 'jt_user_u1', 'users/u1/o/o1', 'up', 'a', 7, 7, 'a/b', 0, 'open', 1, 2, '{}')",
    ),
    (
        "storage_usage",
        "(account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, bandwidth_cost, total_cost, recorded_at) \
         VALUES ('a1', 1, 2, 3, 4, 5, 0.5, 0.5, 1, 6)",
    ),
    ("idempotency", "(scope, key, fingerprint, claim, claimed_at, expires_at) VALUES ('a1', 'k', 'f', 'c', 1, 2)"),
    ("chunks", "(namespace, sha256, size, object_id, first) VALUES ('jt_user_u1', 'h', 7, 'o1', 0)"),
    ("store_facts", "(name, value, checked_at) VALUES ('f', 1, 2)"),
    (
        "challenges",
        "(account_id, namespace, sha256, size, id, object_id, nonce, ranges, expires_at, forget_at) \
         VALUES ('a1', 'jt_user_u1', 'h', 7, 'c', 'o1', 'n', '[[0,6]]', 1, 2)",
    ),
    (
        "delivery_hourly",
        "(namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin) VALUES ('jt_user_u1', 'video', 1, 2, 1, 3, 4)",
    ),
    (
        "delivery_daily",
        "VALUES ('jt_user_u1', 'video', 86400000, 2, 1, 3, 4, 0, 7, 0.5, 2, 0, 0, 0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{\"r:DE\":2,\"b:DE\":7}')",
    ),
    (
        "upload_hourly",
        "(namespace, hour, started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts) \
         VALUES ('jt_user_u1', 3600000, 1, 1, 0, 0, 7, 0, 0, '{\"u:fra\":1}')",
    ),
    ("upload_daily", "VALUES ('jt_user_u1', 86400000, 1, 1, 0, 0, 7, 0, 0, '{\"u:fra\":1}')"),
    ("delivery_totals", "(class, requests) VALUES ('small', 5) ON CONFLICT DO UPDATE SET requests = 5"),
    ("upload_totals", "(one, started) VALUES (1, 5) ON CONFLICT DO UPDATE SET started = 5"),
    (
        "video_files",
        "(namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
         VALUES ('jt_user_u1', 'v', 'p', 'f1', 'a1', 'users/u1/v/v/p', 7, 'e', 'a/b', 1)",
    ),
    ("verifications", "(object_id, position, state, updated_at) VALUES ('o1', 5, 'ff', 1)"),
    ("directory", "(kind, name, shard) VALUES ('user', 'u2', 1)"),
    ("deployment", "(one, id) VALUES (1, 'd1')"),
    ("videos", "(namespace, video_id, account_id, kept, touched_at) VALUES ('jt_user_u1', 'v', 'a1', 1, 1)"),
    ("prices", "(name, usd, updated_at) VALUES ('p', 0.5, 1)"),
    (
        "webhook_endpoints",
        "(id, namespace, slot, url, events, secret, created_at, updated_at) VALUES ('w1', 'jt_user_u1', 1, 'https://a.example', '[]', 's', 1, 2)",
    ),
    (
        "webhook_outbox",
        "(namespace, id, endpoint_id, message_id, event, body, due_at, created_at) VALUES ('jt_user_u1', 'd1', 'w1', 'm', 'e', '{}', 1, 1)",
    ),
    ("provisioning_hourly", "(hour, outcome, bucket, calls) VALUES (3600000, 'created', 3, 1)"),
    (
        "alerts",
        "(id, namespace, kind, hour, value, threshold, rests_on, fired_at, last_hour) VALUES ('a1', 'jt_user_u1', 'hit_rate', 1, 40, 50, 60, 2, 1)",
    ),
    ("webhook_inbox", "(webhook_id, claim, claimed_at, expires_at) VALUES ('w', 'c', 1, 2)"),
];

fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn empty() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    db
}

/// Statement by statement in one transaction, as D1 does it.
fn apply(db: &Connection, path: &std::path::Path) {
    let text = std::fs::read_to_string(path).unwrap();
    db.execute_batch("BEGIN").unwrap();
    let mut batch = Batch::new(db, &text);
    let mut statements = 0;
    loop {
        let statement = batch.next().unwrap_or_else(|error| panic!("{}, after {statements} statements: {error}", path.display()));
        let Some(mut statement) = statement else { break };
        statement.raw_query().next().unwrap_or_else(|error| panic!("{}, after {statements} statements: {error}", path.display()));
        statements += 1;
    }
    assert!(statements > 0, "{} is empty", path.display());
    assert!(!db.is_autocommit(), "{} ends the transaction it runs in", path.display());
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(all(db, "PRAGMA foreign_keys"), [[Value::Integer(1)]], "{} switches foreign keys off", path.display());
}

fn all(db: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut prepared = db.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = prepared.column_count();
    let rows = prepared.query_map([], |row| (0..columns).map(|index| row.get(index)).collect()).unwrap();
    rows.map(|row| row.unwrap_or_else(|error| panic!("{sql}: {error}"))).collect()
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let text = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(text)) => text,
        other => panic!("{sql}: {other:?}"),
    };
    all(db, sql).into_iter().map(text).collect()
}

fn tables(db: &Connection) -> Vec<String> {
    texts(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
}

fn populate(db: &Connection) {
    let there = tables(db);
    for table in &there {
        assert!(ROWS.iter().any(|(known, _)| known == table), "{table}: give it a row in this file");
    }
    for (table, values) in ROWS.iter().filter(|(table, _)| there.iter().any(|known| known == table)) {
        db.execute(&format!("INSERT INTO {table} {values}"), []).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}

fn is_sound(db: &Connection, after: &str) {
    assert_eq!(all(db, "PRAGMA foreign_key_check"), Vec::<Vec<Value>>::new(), "{after}");
    assert_eq!(texts(db, "PRAGMA integrity_check"), ["ok"], "{after}");
}

#[test]
fn migrations_are_numbered_from_1_without_gaps() {
    for (index, path) in migrations().iter().enumerate() {
        let name = file_name(path);
        let fine = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
        let number =
            name.split_once('_').filter(|(digits, _)| digits.len() == 4).and_then(|(digits, _)| digits.parse::<usize>().ok()).unwrap_or_default();
        assert!(number == index + 1 && name.ends_with(".sql") && fine, "{name}");
    }
}

#[test]
fn each_migration_applies_to_an_empty_database() {
    let db = empty();
    for path in migrations() {
        apply(&db, &path);
        is_sound(&db, &file_name(&path));
    }
    assert_eq!(tables(&db).into_iter().collect::<BTreeSet<_>>(), ROWS.iter().map(|(table, _)| (*table).to_owned()).collect());
}

#[test]
fn each_migration_keeps_the_rows_of_a_database_in_use() {
    let paths = migrations();
    for (index, path) in paths.iter().enumerate() {
        let db = empty();
        paths[..index].iter().for_each(|earlier| apply(&db, earlier));
        populate(&db);
        let before: Vec<_> = tables(&db)
            .into_iter()
            .map(|table| {
                let columns = texts(&db, &format!("SELECT name FROM pragma_table_info('{table}')")).join(", ");
                let query = format!("SELECT {columns} FROM {table}");
                let rows = all(&db, &query);
                assert!(!rows.is_empty(), "{table} has no row");
                (query, rows)
            })
            .collect();
        apply(&db, path);
        is_sound(&db, &file_name(path));
        for (query, rows) in before {
            let after = all(&db, &query);
            let lost: Vec<_> = rows.into_iter().filter(|row| !after.contains(row)).collect();
            assert!(lost.is_empty(), "{} changes what {query} gives: {lost:?}", file_name(path));
        }
        // Later migrations must have defaults and constraints that old rows satisfy.
        for table in tables(&db) {
            all(&db, &format!("SELECT * FROM {table}"));
        }
    }
}

#[test]
fn every_table_is_strict_and_every_view_can_be_read() {
    let db = empty();
    migrations().iter().for_each(|path| apply(&db, path));
    let strict =
        texts(&db, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 1");
    assert_eq!(strict.into_iter().collect::<BTreeSet<_>>(), tables(&db).into_iter().collect());
    populate(&db);
    is_sound(&db, "rows in every table");
    let views = texts(&db, "SELECT name FROM sqlite_master WHERE type = 'view'");
    for expected in ["agentcache_accounts", "agentcache_assets", "file_hashes", "user_file_references", "deduplication_savings", "user_upload_stats"]
    {
        assert!(views.iter().any(|view| view == expected), "{expected} is missing");
    }
    for view in views {
        assert!(!all(&db, &format!("SELECT * FROM {view}")).is_empty(), "{view} shows nothing of a database with a row in every table");
    }
}

/// The schema's constraints are tested because they hold even if the Worker has a defect.
#[test]
fn constraints_refuse_invalid_rows() {
    let db = empty();
    migrations().iter().for_each(|path| apply(&db, path));
    populate(&db);
    for bad in [
        "UPDATE accounts SET status = 'gone'",
        "UPDATE accounts SET tier = 'absent'",
        "UPDATE accounts SET created_at = 'now'",
        "UPDATE objects SET refs = -1",
        "UPDATE objects SET verification = 'maybe'",
        "UPDATE objects SET size = 'large'",
        "UPDATE assets SET namespace = 'absent'",
        "UPDATE assets SET object_id = 'absent'",
        "UPDATE namespaces SET ttl_small = -1",
        "UPDATE namespaces SET expected_hit_rate = 101",
        "UPDATE upload_sessions SET status = 'lost'",
        "UPDATE upload_sessions SET account_id = 'absent'",
        "DELETE FROM objects",
        "DELETE FROM namespaces WHERE name = 'jt_user_u1'",
        "DELETE FROM accounts",
        "DELETE FROM tier_configs",
        "INSERT INTO namespace_members (account_id, namespace, created_at) VALUES ('a1', 'absent', 1)",
        "INSERT INTO objects SELECT 'o2', namespace, s3_key, size, etag, claimed_sha256, sha256, verification, refs, created_at FROM objects",
    ] {
        assert!(db.execute(bad, []).is_err(), "{bad} was possible");
    }
}
