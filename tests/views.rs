//! Every view on a real SQLite with all migrations applied: exact rows, and the prices that it calculates with.

#![allow(clippy::disallowed_methods)]

mod sqlite;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use sqlite::{database, values};

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::base::units::GB;
use jettyspeed_edge::ledger::accrual::{Accrual, StoreReads};
use jettyspeed_edge::ledger::cost::Prices;
use jettyspeed_edge::ledger::period::Period;
use jettyspeed_edge::ledger::repository::{record_usage, usage};
use jettyspeed_edge::ledger::state::Usage;
use jettyspeed_edge::{dedup, files};

const HOUR_MS: u64 = 3_600_000;

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// One account in two namespaces: a verified object of 3 GB with three references, one of 2 GB that nobody has looked at, one of 5 bytes without references.
fn populated() -> Connection {
    let db = database();
    db.execute_batch(
        "INSERT INTO accounts (id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, created_at, updated_at)
           VALUES ('a1', 'u1', 'u1@example.com', 'pro', 'bucket', 'users/u1/', 10, 20);
         INSERT INTO namespaces (name, created_at) VALUES ('n1', 1), ('n2', 1);
         INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, sha256, verification, refs, created_at, doomed_at) VALUES
           ('o1', 'n1', 'k1', 3000000000, 'e', 'h1', 'h1', 'verified', 3, 100, NULL),
           ('o2', 'n1', 'k2', 2000000000, 'e', 'h2', NULL, 'pending', 1, 200, NULL),
           ('o3', 'n2', 'k3', 5, 'e', NULL, NULL, 'none', 0, 300, 400);
         INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, upload_speed_mbps, created_at) VALUES
           ('s1', 'a1', 'n1', 'o1', 'one', 'a/b', 'session', 100, 1000),
           ('s2', 'a1', 'n1', 'o1', 'two', 'a/b', 'session', NULL, 2000),
           ('s3', 'a1', 'n1', 'o2', 'three', 'a/b', 'simple', 40, 3000);",
    )
    .unwrap();
    db
}

fn run(db: &Connection, statement: &Statement) -> usize {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    db.execute(statement.sql, params.as_slice()).unwrap()
}

/// The rows as text, the columns separated by " | ", with the column names first.
fn rows(db: &Connection, sql: &str) -> Vec<String> {
    let mut prepared = db.prepare(sql).unwrap();
    let names = prepared.column_names().collect::<Vec<_>>().join(" | ");
    let columns = prepared.column_count();
    let told = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text,
        Value::Blob(_) => panic!("no view has bytes"),
    };
    let found = prepared.query_map([], |row| (0..columns).map(|index| row.get(index).map(told)).collect::<Result<Vec<_>, _>>()).unwrap();
    std::iter::once(names).chain(found.map(|row| row.unwrap().join(" | "))).collect()
}

#[test]
fn every_view_has_a_test_here() {
    let db = database();
    let views: BTreeSet<String> = rows(&db, "SELECT name FROM sqlite_master WHERE type = 'view'").into_iter().skip(1).collect();
    let text = include_str!("views.rs");
    for view in &views {
        assert!(text.contains(&format!("FROM {view} ")), "{view}: give it a test with its exact rows");
    }
    assert!(views.len() >= 8, "{views:?}");
}

#[test]
fn views_of_files_show_each_file_with_its_object_and_owner() {
    let db = populated();
    assert_eq!(
        rows(&db, "SELECT * FROM agentcache_accounts ORDER BY id"),
        [
            "id | agentcache_user_id | agentcache_email | tier | storage_quota_gb | bandwidth_quota_gb | jetty_speed_enabled | s3_bucket_name | s3_prefix | status | created_at | updated_at",
            "a1 | u1 | u1@example.com | pro | 20 | 50 | 1 | bucket | users/u1/ | active | 10 | 20",
        ]
    );
    assert_eq!(
        rows(&db, "SELECT * FROM agentcache_assets ORDER BY id"),
        [
            "id | agentcache_user_id | account_id | namespace | file_name | file_size | s3_key | content_type | uploaded_via | upload_speed_mbps | hit_count | last_accessed | expires_at | cache_key | created_at",
            "s1 | u1 | a1 | n1 | one | 3000000000 | k1 | a/b | session | 100.0 | 0 | - | - | - | 1000",
            "s2 | u1 | a1 | n1 | two | 3000000000 | k1 | a/b | session | - | 0 | - | - | - | 2000",
            "s3 | u1 | a1 | n1 | three | 2000000000 | k2 | a/b | simple | 40.0 | 0 | - | - | - | 3000",
        ]
    );
    assert_eq!(
        rows(&db, "SELECT * FROM file_hashes ORDER BY id"),
        ["id | namespace | file_hash | file_size | s3_key | reference_count | created_at", "o1 | n1 | h1 | 3000000000 | k1 | 3 | 100"],
        "only what was verified"
    );
    assert_eq!(
        rows(&db, "SELECT * FROM user_file_references ORDER BY id"),
        [
            "id | account_id | object_id | namespace | file_name | created_at",
            "s1 | a1 | o1 | n1 | one | 1000",
            "s2 | a1 | o1 | n1 | two | 2000",
            "s3 | a1 | o2 | n1 | three | 3000",
        ]
    );
    assert_eq!(
        rows(&db, "SELECT * FROM user_upload_stats ORDER BY account_id"),
        ["account_id | uploads | bytes | avg_speed_mbps | last_upload_at", "a1 | 3 | 8000000000 | 70.0 | 3000"],
        "a file that was not sent has no speed"
    );
}

#[test]
fn saved_usd_is_the_bytes_not_stored_at_the_deployments_price() {
    let db = populated();
    let savings = |db: &Connection| rows(db, "SELECT * FROM deduplication_savings ORDER BY namespace");
    assert_eq!(
        savings(&db),
        [
            "namespace | objects | refs | stored_bytes | logical_bytes | saved_bytes | saved_usd",
            "n1 | 2 | 4 | 5000000000 | 11000000000 | 6000000000 | 0.6000000000000001",
            "n2 | 1 | 0 | 5 | 0 | 0 | 0.0",
        ],
        "at 0.10 a GB"
    );
    assert_eq!(run(&db, &dedup::repository::set_price(0.25, EpochMs(7))), 1);
    assert_eq!(savings(&db)[1], "n1 | 2 | 4 | 5000000000 | 11000000000 | 6000000000 | 1.5");
    assert_eq!(run(&db, &dedup::repository::set_price(0.25, EpochMs(8))), 0, "an unchanged price is not written");
}

#[test]
fn hits_are_added_to_their_files_and_the_last_access_never_goes_back() {
    let db = populated();
    let ids: Vec<String> = (1..=3u8).map(|n| Id::from_random([n; 16]).to_string()).collect();
    for (old, id) in ["s1", "s2"].iter().zip(&ids) {
        db.execute("UPDATE assets SET id = ?1 WHERE id = ?2", [id.as_str(), old]).unwrap();
    }
    let count = |accesses: &str| run(&db, &files::repository::count_hits(accesses));
    assert_eq!(count(&format!(r#"[["{}",2,50],["{}",0,60],["{}",9,70]]"#, ids[0], ids[1], ids[2])), 2, "the third was deleted");
    assert_eq!(count(&format!(r#"[["{}",1,40]]"#, ids[0])), 1);
    let seen = rows(&db, "SELECT file_name, hit_count, last_accessed FROM agentcache_assets ORDER BY created_at");
    assert_eq!(seen[1..], ["one | 3 | 50", "two | 0 | 60", "three | 0 | -"]);
}

/// `busy_ms` per rated part; probes and failures are samples, too.
fn add_hour(db: &Connection, edge: &str, hours_ago: u64, (rated, failures, probes): (u64, u64, u64), megabytes: u64, busy_ms: f64) {
    let hour = now() / HOUR_MS * HOUR_MS - hours_ago * HOUR_MS;
    db.execute(
        "INSERT INTO edge_metrics (edge, hour, samples, failures, bytes, busy_ms, probes, probe_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        rusqlite::params![
            edge,
            hour as i64,
            (rated + failures + probes) as i64,
            failures as i64,
            (megabytes * 1_000_000) as i64,
            busy_ms,
            probes as i64,
            probes as f64 * 20.0
        ],
    )
    .unwrap();
}

#[test]
fn top_edges_ranks_by_the_rate_that_uploads_got_not_by_bytes() {
    let db = database();
    // The most bytes, slowly; few bytes, fast; as fast with one failure; very fast, but of too few parts; nothing but probes.
    add_hour(&db, "ams", 1, (100, 0, 0), 1_000, 400_000.0);
    add_hour(&db, "ams", 30, (100, 0, 0), 1_000, 400_000.0);
    add_hour(&db, "fra", 2, (10, 0, 5), 100, 8_000.0);
    add_hour(&db, "sin", 2, (10, 10, 0), 50, 4_000.0);
    add_hour(&db, "nrt", 1, (9, 0, 0), 90, 720.0);
    add_hour(&db, "gone", 1, (0, 0, 4), 0, 0.0);
    // Older than seven days.
    add_hour(&db, "lax", 7 * 24 + 2, (100, 0, 0), 10_000, 1_000.0);
    assert_eq!(
        rows(&db, "SELECT * FROM top_edges ORDER BY place, edge"),
        [
            "edge | name | bytes | samples | error_rate | mbps | place",
            "fra | Frankfurt | 100000000 | 15 | 0.0 | 100.0 | 1",
            "sin | Singapore | 50000000 | 20 | 0.5 | 100.0 | 1",
            "ams | Amsterdam | 2000000000 | 200 | 0.0 | 20.0 | 3",
            "nrt | Tokyo | 90000000 | 9 | 0.0 | 1000.0 | 4",
            "gone | - | 0 | 4 | 0.0 | - | 5",
        ]
    );
}

#[test]
fn edge_performance_is_that_of_the_last_24_hours() {
    let db = database();
    add_hour(&db, "fra", 0, (4, 1, 5), 40, 3_200.0);
    add_hour(&db, "fra", 3, (6, 0, 5), 60, 4_800.0);
    add_hour(&db, "fra", 25, (100, 100, 100), 10_000, 1.0);
    assert_eq!(
        rows(&db, "SELECT * FROM edge_performance_24h ORDER BY edge"),
        [
            "edge | name | city | country | samples | failures | error_rate | bytes | mbps | latency_ms",
            "fra | Frankfurt | Frankfurt | DE | 21 | 1 | 0.047619047619047616 | 100000000 | 100.0 | 20.0",
        ]
    );
}

#[test]
fn storage_usage_has_gb_months_and_what_the_store_was_read_at_their_prices() {
    let db = populated();
    let account = Id::from_random([1; 16]);
    db.execute(
        "INSERT INTO accounts SELECT ?1, 'u2', NULL, tier, s3_bucket_name, s3_prefix, status, created_at, updated_at, ledger_region, NULL FROM accounts",
        [account.to_string()],
    )
    .unwrap();
    let period = Period::of(EpochMs(1_795_000_000_000));
    let mut accrual = Accrual::since(period.start());
    accrual.store(4 * GB, EpochMs(period.start().0 + period.ms() / 2), period);
    accrual.read(StoreReads::at(2 * GB, 0.25));
    let month = Usage { period, storage: 4 * GB, bandwidth: 900 * GB, requests: 12, accrual };
    let prices = Prices { storage_gb_month: 0.5, origin_gb: 9.0 };
    run(&db, &record_usage(account, &month, &prices, EpochMs(99)));
    run(&db, &record_usage(account, &Usage { requests: 1, ..month.clone() }, &prices, EpochMs(98)));
    let text = "SELECT storage_bytes, storage_gb_months, storage_cost, bandwidth_bytes, origin_bytes, bandwidth_cost, total_cost, request_count, recorded_at FROM storage_usage";
    assert_eq!(rows(&db, text)[1..], ["4000000000 | 2.0 | 1.0 | 900000000000 | 2000000000 | 0.5 | 1.5 | 12 | 99"]);
    // A ledger that lost its storage goes on from there.
    let statement = usage(account, period.start());
    let text = statement.sql.replace("?1", &format!("'{account}'")).replace("?2", &period.start().0.to_string());
    let wanted = [
        "bandwidth_bytes | request_count | storage_gb_months | origin_bytes | bandwidth_cost | recorded_at",
        "900000000000 | 12 | 2.0 | 2000000000 | 0.5 | 99",
    ];
    assert_eq!(rows(&db, &text), wanted);
}
