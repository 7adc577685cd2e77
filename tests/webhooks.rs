//! Endpoints and their outbox on a real SQLite: who finds what, what an event writes, who may send it, and what is kept.

mod sqlite;

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use sqlite::{database, upload_of, values};

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::repository as files;
use jettyspeed_edge::uploads;
use jettyspeed_edge::webhooks::delivery::{KEEP_MS, MAX_KEPT};
use jettyspeed_edge::webhooks::endpoint::{Change, MAX_WAITING, NewSecret};
use jettyspeed_edge::webhooks::event::{Event, EventKind, MAX_ENDPOINTS};
use jettyspeed_edge::webhooks::repository::{self as webhooks, Attempt, Only};
use jettyspeed_edge::webhooks::retry::CLAIM_MS;

const DAY: u64 = 86_400_000;
const NOW: EpochMs = EpochMs(40 * DAY);

fn rows(db: &Connection, statement: &Statement) -> Vec<Vec<Value>> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let columns = prepared.column_count();
    let mut found = prepared.query(params.as_slice()).unwrap();
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        all.push((0..columns).map(|index| row.get(index).unwrap()).collect());
    }
    all
}

fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(&format!("SELECT COUNT(*) FROM {sql}"), [], |row| row.get(0)).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id(number: u8) -> Id {
    Id::from_random([number; 16])
}

/// A database with accounts `ada` and `bob`.
fn world() -> (Connection, Id) {
    let db = database();
    for user in ["ada", "bob"] {
        db.execute_batch(&jettyspeed_devstack::seed::Seed::draw(user, "pro").unwrap().sql("bucket")).unwrap();
    }
    let ada: String = db.query_row("SELECT id FROM accounts WHERE agentcache_user_id = 'ada'", [], |row| row.get(0)).unwrap();
    (db, Id::parse(&ada).unwrap())
}

fn add(db: &Connection, number: u8, namespace: &str, events: &str) -> bool {
    !rows(db, &webhooks::insert_endpoint(id(number), &name(namespace), "https://a.example", events, "sealed", NOW)).is_empty()
}

fn event(kind: EventKind, number: u8) -> Event {
    let random = std::array::from_fn(|at| number.wrapping_mul(31).wrapping_add(u8::try_from(at / 16).unwrap()));
    Event::new(kind, &serde_json::json!({}), NOW, &random)
}

fn emit(db: &Connection, namespace: &str, event: &Event, only: Only) -> usize {
    rows(db, &webhooks::emit(&name(namespace), event, only)).len()
}

#[test]
fn namespace_has_ten_endpoints_and_a_deleted_ones_place_is_given_again() {
    let (db, _) = world();
    let added: Vec<bool> = (1..=11).map(|number| add(&db, number, "jt_user_ada", "[]")).collect();
    assert_eq!(added.iter().filter(|added| **added).count(), MAX_ENDPOINTS);
    assert!(!added[10] && add(&db, 12, "jt_user_bob", "[]") && !add(&db, 13, "absent", "[]"));
    assert_eq!(rows(&db, &webhooks::delete_endpoint(&name("jt_user_ada"), id(4))).len(), 1);
    assert!(add(&db, 14, "jt_user_ada", "[]") && !add(&db, 15, "jt_user_ada", "[]"));
    assert_eq!(rows(&db, &webhooks::endpoints(&name("jt_user_ada"))).len(), 10);
}

#[test]
fn endpoint_and_delivery_are_found_in_their_namespace_only() {
    let (db, _) = world();
    assert!(add(&db, 1, "jt_user_ada", r#"["upload.failed"]"#));
    let event = event(EventKind::UploadFailed, 1);
    assert_eq!(emit(&db, "jt_user_ada", &event, Only::Always), 1);
    let delivery = event.deliveries[0];
    let change = || Change { url: Some("https://b.example".into()), events: None, secret: NewSecret::Keep };
    for (namespace, found) in [("jt_user_bob", 0), ("jt_user_ada", 1)] {
        let namespace = name(namespace);
        for statement in [
            webhooks::endpoint(&namespace, id(1)),
            webhooks::change_endpoint(&namespace, id(1), &change(), None, NOW),
            webhooks::deliveries(&namespace, id(1), None, 10, NOW),
            webhooks::delivery(&namespace, delivery),
            webhooks::outgoing(&namespace, delivery),
            webhooks::replay(&namespace, delivery, NOW),
            webhooks::delete_endpoint(&namespace, id(1)),
        ] {
            assert_eq!(rows(&db, &statement).len(), found, "{namespace}: {}", statement.sql);
        }
    }
    assert_eq!(count(&db, "webhook_outbox"), 0, "with its endpoint");
}

#[test]
fn event_goes_to_the_endpoints_that_want_it_and_only_with_what_it_tells() {
    let (db, ada) = world();
    add(&db, 1, "jt_user_ada", r#"["upload.completed","asset.deleted"]"#);
    add(&db, 2, "jt_user_ada", r#"["upload.failed"]"#);
    add(&db, 3, "jt_user_ada", r#"["upload.completed"]"#);
    add(&db, 4, "jt_user_bob", r#"["upload.completed"]"#);
    let completed = |number| event(EventKind::UploadCompleted, number);
    assert_eq!(emit(&db, "jt_user_ada", &completed(1), Only::Always), 2);
    assert_eq!(emit(&db, "absent", &completed(2), Only::Always), 0);
    let meta = upload_of(ada, &name("jt_user_ada"), id(50));
    assert_eq!(emit(&db, "jt_user_ada", &completed(3), Only::WhileOpen(id(50))), 0, "not started");
    rows(&db, &uploads::repository::insert(&meta));
    assert_eq!(emit(&db, "jt_user_ada", &completed(3), Only::WhileOpen(id(50))), 2);
    rows(&db, &uploads::repository::close(id(50), "failed", None, NOW));
    assert_eq!(emit(&db, "jt_user_ada", &event(EventKind::UploadFailed, 4), Only::WhileOpen(id(50))), 0, "closed");
    let asset = Asset {
        id: id(60),
        account_id: ada,
        object_id: id(61),
        name: "a".into(),
        content_type: "a/b".into(),
        namespace: name("jt_user_ada"),
        s3_key: "k".into(),
        size: 1,
        etag: "e".into(),
        claimed_sha256: None,
        sha256: None,
        verification: "none".into(),
        created_at: NOW,
        owner_status: "active".into(),
        borrowed: false,
        path: None,
        modified_at: None,
        verification_reason: None,
    };
    let deleted = |number| event(EventKind::AssetDeleted, number);
    assert_eq!(emit(&db, "jt_user_ada", &deleted(5), Only::WithAsset(id(60))), 0);
    files::insert(&asset, files::Via::Simple, None).iter().for_each(|statement| drop(rows(&db, statement)));
    assert_eq!(emit(&db, "jt_user_ada", &deleted(5), Only::WithAsset(id(60))), 1);
    assert_eq!(emit(&db, "jt_user_ada", &event(EventKind::AccountProvisioned, 6), Only::WithAccount(id(9))), 0);
    add(&db, 5, "jt_user_bob", r#"["account.provisioned"]"#);
    let joined = |number| event(EventKind::AccountProvisioned, number);
    assert_eq!(emit(&db, "jt_user_bob", &joined(20), Only::WithNewMember(id(9))), 0, "no account");
    assert_eq!(emit(&db, "jt_user_bob", &joined(21), Only::WithNewMember(ada)), 1);
    rows(
        &db,
        &jettyspeed_edge::namespaces::repository::put_member(&name("ada"), "jt_user_bob", jettyspeed_edge::namespaces::role::Role::Member, NOW),
    );
    assert_eq!(emit(&db, "jt_user_bob", &joined(22), Only::WithNewMember(ada)), 0, "it is in it");
    let before = count(&db, "webhook_outbox");
    assert_eq!(emit(&db, "jt_user_ada", &completed(7), Only::WithAccount(ada)), 2);
    rows(&db, &webhooks::take_back(&name("jt_user_ada"), &completed(7)));
    assert_eq!(count(&db, "webhook_outbox"), before);
    let test = webhooks::emit_to(&name("jt_user_ada"), id(2), &event(EventKind::Test, 8), id(70));
    assert_eq!(rows(&db, &test).len(), 1, "whatever it wants");
}

#[test]
fn delivery_is_claimed_once_until_its_claim_ends_and_recorded_by_its_holder_only() {
    let (db, _) = world();
    add(&db, 1, "jt_user_ada", r#"["upload.failed"]"#);
    let event = event(EventKind::UploadFailed, 1);
    emit(&db, "jt_user_ada", &event, Only::Always);
    let (namespace, delivery) = (name("jt_user_ada"), event.deliveries[0]);
    let holder = |claim: u8, now: EpochMs| {
        rows(&db, &webhooks::claim(&namespace, delivery, id(claim), now));
        db.query_row("SELECT claim, attempts FROM webhook_outbox", [], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, i64>(1)?))).unwrap()
    };
    let of = |claim: u8, attempts: i64| (Some(id(claim).to_string()), attempts);
    assert_eq!(holder(1, EpochMs(NOW.0 - 1)), (None, 0), "not due");
    assert_eq!((holder(1, NOW), holder(2, NOW), holder(2, EpochMs(NOW.0 + CLAIM_MS - 1))), (of(1, 1), of(1, 1), of(1, 1)));
    assert_eq!(holder(2, EpochMs(NOW.0 + CLAIM_MS)), of(2, 2), "the holder has died");
    let attempt = |status, due| Attempt { status, due_at: EpochMs(due), response_status: Some(500), response: Some("no".into()), error: None };
    rows(&db, &webhooks::record(&namespace, delivery, id(1), &attempt("delivered", 0)));
    assert_eq!(count(&db, "webhook_outbox WHERE status = 'pending'"), 1, "another's claim");
    rows(&db, &webhooks::record(&namespace, delivery, id(2), &attempt("pending", NOW.0 + 2 * CLAIM_MS)));
    assert_eq!(holder(3, EpochMs(NOW.0 + CLAIM_MS)), (None, 2), "free, and not due");
    assert_eq!(holder(3, EpochMs(NOW.0 + 2 * CLAIM_MS)), of(3, 3));
    rows(&db, &webhooks::record(&namespace, delivery, id(3), &attempt("failed", 0)));
    assert_eq!(holder(4, EpochMs(NOW.0 + 3 * CLAIM_MS)), (None, 3), "over");
    assert_eq!(rows(&db, &webhooks::replay(&namespace, delivery, EpochMs(NOW.0 + 5))).len(), 1);
    assert_eq!(holder(5, EpochMs(NOW.0 + 5)), of(5, 1), "from the first attempt on");
    assert!(rows(&db, &webhooks::replay(&namespace, delivery, NOW.plus(KEEP_MS))).is_empty(), "not listed any more");
}

#[test]
fn secret_that_is_replaced_is_kept_for_a_day_beside_the_new_one() {
    let (db, _) = world();
    add(&db, 1, "jt_user_ada", "[]");
    let change = Change { url: None, events: Some(r#"["alert.fired"]"#.into()), secret: NewSecret::Draw };
    let secrets = || {
        db.query_row("SELECT secret, old_secret, old_until, events, url FROM webhook_endpoints", [], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .unwrap()
    };
    rows(&db, &webhooks::change_endpoint(&name("jt_user_ada"), id(1), &change, None, NOW));
    let url = || "https://a.example".to_owned();
    let events = || r#"["alert.fired"]"#.to_owned();
    assert_eq!(secrets(), ("sealed".into(), None, None, events(), url()));
    rows(&db, &webhooks::change_endpoint(&name("jt_user_ada"), id(1), &change, Some("second".into()), NOW));
    assert_eq!(secrets(), ("second".into(), Some("sealed".into()), Some(i64::try_from(NOW.0 + DAY).unwrap()), events(), url()));
}

#[test]
fn lost_deliveries_are_found_in_pages_and_old_and_many_ones_are_deleted() {
    let (db, _) = world();
    add(&db, 1, "jt_user_ada", r#"["upload.failed"]"#);
    add(&db, 2, "jt_user_bob", r#"["upload.failed"]"#);
    let fill = |namespace: &str, endpoint: u8, number: u64, status: &str, at: u64| {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) \
             INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, status, due_at, created_at) \
             SELECT '{namespace}', '{status}-{at}-' || i, '{}', 'm', 'upload.failed', '{{}}', '{status}', {at} + i / 2, {at} + i FROM n",
            id(endpoint)
        );
        db.execute_batch(&sql).unwrap();
    };
    fill("jt_user_ada", 1, 5, "pending", 100);
    let page = |after| rows(&db, &webhooks::overdue(EpochMs(103), after, 2));
    let (mut after, mut seen) = ((EpochMs(0), 0), Vec::new());
    loop {
        let found = page(after);
        let Some(last) = found.last() else { break };
        let (Value::Integer(due), Value::Integer(place)) = (&last[2], &last[3]) else { panic!("{last:?}") };
        after = (EpochMs(u64::try_from(*due).unwrap()), u64::try_from(*place).unwrap());
        seen.extend(found.into_iter().map(|row| row[1].clone()));
    }
    assert_eq!(seen.len(), 5, "each once, though several share a millisecond: {seen:?}");

    fill("jt_user_bob", 2, 3, "delivered", NOW.0 - KEEP_MS - 10);
    fill("jt_user_bob", 2, 3, "failed", NOW.0);
    assert_eq!([2, 2, 2].map(|limit| rows(&db, &webhooks::prune(NOW, limit)).len()), [2, 1, 0], "what waits stays, however old");
    assert_eq!((count(&db, "webhook_outbox WHERE status = 'pending'"), count(&db, "webhook_outbox WHERE status = 'failed'")), (5, 3));

    fill("jt_user_bob", 2, MAX_KEPT, "delivered", NOW.0 + 1_000);
    fill("jt_user_bob", 2, 1, "pending", NOW.0 - 5);
    assert_eq!([2, 10, 10].map(|limit| rows(&db, &webhooks::trim(id(2), limit)).len()), [2, 1, 0]);
    assert_eq!(count(&db, "webhook_outbox WHERE status = 'delivered'"), i64::try_from(MAX_KEPT).unwrap());
    let listed = rows(&db, &webhooks::deliveries(&name("jt_user_bob"), id(2), None, 3, NOW));
    let rest = rows(&db, &webhooks::deliveries(&name("jt_user_bob"), id(2), Some((NOW, id(0))), 3, NOW));
    assert_eq!((listed.len(), rest.len()), (3, 1), "newest first, and behind the cursor the one that waits");
}

#[test]
fn endpoint_with_five_thousand_waiting_events_gets_no_more_and_costs_no_more() {
    let (db, _) = world();
    add(&db, 1, "jt_user_ada", r#"["upload.failed"]"#);
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
         SELECT 'jt_user_ada', 'w' || i, '{}', 'm', 'upload.failed', '{{}}', i, i FROM n",
        MAX_WAITING - 1,
        id(1)
    );
    db.execute_batch(&sql).unwrap();
    assert_eq!(emit(&db, "jt_user_ada", &event(EventKind::UploadFailed, 1), Only::Always), 1);
    assert_eq!(emit(&db, "jt_user_ada", &event(EventKind::UploadFailed, 2), Only::Always), 0);
    assert_eq!(count(&db, "webhook_outbox"), i64::try_from(MAX_WAITING).unwrap());
    db.execute("UPDATE webhook_outbox SET status = 'failed' WHERE id = 'w1'", []).unwrap();
    assert_eq!(emit(&db, "jt_user_ada", &event(EventKind::UploadFailed, 3), Only::Always), 1);
}

#[test]
fn nothing_is_written_or_sent_where_a_namespace_was() {
    let (db, _) = world();
    add(&db, 1, "jt_user_ada", r#"["upload.failed"]"#);
    let event = event(EventKind::UploadFailed, 1);
    emit(&db, "jt_user_ada", &event, Only::Always);
    db.execute("UPDATE namespaces SET moving = 1, departing = 1 WHERE name = 'jt_user_ada'", []).unwrap();
    let refused = |sql: &str| db.execute_batch(sql).unwrap_err().to_string().contains("is being moved to another database");
    for sql in [
        "UPDATE webhook_outbox SET claim = 'c'",
        "INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, due_at, created_at) \
         SELECT namespace, 'late', endpoint_id, 'm', 'e', '{}', 1, 1 FROM webhook_outbox",
        "UPDATE webhook_endpoints SET url = 'x'",
        "DELETE FROM webhook_endpoints",
        "INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, created_at, updated_at) VALUES ('x', 'jt_user_ada', 2, 'u', '[]', 's', 1, 1)",
    ] {
        assert!(refused(sql), "{sql}");
    }
}
