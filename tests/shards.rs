//! Several databases, on real SQLites: the directory, and the rows of an account on their way from one database to another.

mod sqlite;

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use serde_json::{Map, json};
use sqlite::{database, values};

use jettyspeed_edge::accounts::directory::Item;
use jettyspeed_edge::accounts::directory::repository as directory;
use jettyspeed_edge::accounts::moving::Ties;
use jettyspeed_edge::accounts::moving::repository::{self as moving, PAGE, TABLES, Table};
use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::accounts::repository::{self as accounts, NewCredentials};
use jettyspeed_edge::base::account_move::{Move, Step};
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::{Shard, Whereabouts};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::dedup::repository as dedup;
use jettyspeed_edge::namespaces::namespace::Namespace;
use jettyspeed_edge::namespaces::repository as namespaces;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::video::pages::{MAX_FILES, PageFile, VideoState, prefix};
use jettyspeed_edge::video::repository as videos;

/// The rows as D1 gives them: JSON.
fn rows(db: &Connection, statement: &Statement) -> Vec<serde_json::Value> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            object.insert(
                name.clone(),
                match row.get::<_, Value>(index).unwrap() {
                    Value::Null => serde_json::Value::Null,
                    Value::Integer(number) => json!(number),
                    Value::Real(number) => json!(number),
                    Value::Text(text) => json!(text),
                    Value::Blob(_) => panic!("a blob"),
                },
            );
        }
        all.push(serde_json::Value::Object(object));
    }
    all
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id(number: u8) -> Id {
    Id::from_random([number; 16])
}

fn provision(db: &Connection, account: Id, user: &str) {
    provision_in(db, account, user, Shard::MAIN);
}

fn provision_in(db: &Connection, account: Id, user: &str, shard: Shard) {
    let wanted = ProvisionParams { user: name(user), email: "a@b.c".into(), tier: "pro".into() };
    let new =
        NewCredentials { key_hash: Sha256Hex::of(user.as_bytes()), secret_hash: Sha256Hex::of(b"s"), sealed: "x".into(), sealed_until: EpochMs(9) };
    for statement in accounts::provision(account, &wanted, "b", &new, EpochMs(5), shard) {
        rows(db, &statement);
    }
}

fn count(db: &Connection, table: &str) -> i64 {
    db.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn user_is_claimed_once_and_not_if_the_first_database_has_its_account() {
    let db = database();
    let [first, second] = [1, 2].map(|number| Shard::new(number).unwrap());
    let claim = |user: &str, shard| {
        let statements = directory::claim(&name(user), shard);
        statements.iter().map(|statement| rows(&db, statement)).last().unwrap().pop()
    };
    assert_eq!(claim("u1", first), Some(json!({ "shard": 1, "moving": 0 })));
    assert_eq!(claim("u1", second), Some(json!({ "shard": 1, "moving": 0 })), "the first claim counts");
    let namespace = rows(&db, &directory::find(Item::Namespace(&name("jt_user_u1"))));
    assert_eq!(namespace, [json!({ "shard": 1, "moving": 0 })], "with its namespace");
    provision(&db, id(1), "u1");
    assert_eq!(count(&db, "accounts"), 0, "claimed for another database");
    provision(&db, id(2), "u2");
    assert_eq!(count(&db, "accounts"), 1);
    assert_eq!(claim("u2", first), None, "it is here");
    for statement in directory::put(id(1), &Sha256Hex::of(b"k"), first) {
        rows(&db, &statement);
    }
    assert_eq!(rows(&db, &directory::find(Item::Key(&Sha256Hex::of(b"k")))).len(), 1);
    assert_eq!(rows(&db, &directory::find(Item::Account(id(1)))).len(), 1);
    // A namespace: not one that the first database has.
    assert_eq!(rows(&db, &directory::create(&name("jt_user_u2"), first)).len(), 0);
    assert_eq!(rows(&db, &directory::create(&name("shared"), first)).len(), 1);
    assert_eq!(rows(&db, &directory::create(&name("shared"), second)).len(), 0);
}

#[test]
fn namespace_is_not_created_in_the_first_database_under_a_name_claimed_for_another() {
    let db = database();
    let before = count(&db, "namespaces");
    let insert = |text: &str| namespaces::insert(&Namespace::new(name(text), EpochMs(1)));
    assert_eq!(rows(&db, &directory::create(&name("claimed"), Shard::new(1).unwrap())).len(), 1);
    assert_eq!(rows(&db, &insert("claimed")).len(), 0);
    assert_eq!(rows(&db, &insert("free")).len(), 1);
    assert_eq!(rows(&db, &insert("free")).len(), 0);
    assert_eq!(count(&db, "namespaces"), before + 1);
}

#[test]
fn only_the_latest_move_of_an_account_switches_it_and_only_once() {
    let db = database();
    let to = Shard::new(1).unwrap();
    let moved = |number: u8| Move { id: id(number), account: id(1), namespace: name("jt_user_u"), from: Shard::MAIN, to };
    let (early, late) = (moved(8), moved(9));
    let items = json!([["account", id(1)], ["user", "u"], ["namespace", "jt_user_u"], ["key", "k"]]).to_string();
    let found = |item| -> Whereabouts { serde_json::from_value(rows(&db, &directory::find(item))[0].clone()).unwrap() };
    let (user, account, namespace) = (name("u"), id(1), name("jt_user_u"));
    let switch =
        |moved: &Move, keys: &[&str]| directory::switch(moved, &json!(keys).to_string()).iter().for_each(|statement| drop(rows(&db, statement)));
    let next = || rows(&db, &directory::move_step(account)).pop();
    let advance = |moved: &Move, done: &str, next: Option<&str>| rows(&db, &directory::advance(moved, done, next)).len();
    assert_eq!(next(), None);
    assert_eq!(rows(&db, &directory::begin_move(&early, &items, "first")).len(), 4);
    assert_eq!(found(Item::User(&user)), Whereabouts { shard: Shard::MAIN, moving: true });
    assert_eq!(rows(&db, &directory::begin_move(&late, &items, "first")).len(), 4, "begun anew");
    assert_eq!(next(), Some(json!({ "move_id": id(9), "step": "first" })));
    assert_eq!(advance(&early, "first", Some("second")), 0, "another move");
    assert_eq!((advance(&late, "first", Some("second")), advance(&late, "first", Some("second"))), (1, 0), "a message that came twice");
    switch(&late, &["k", "made meanwhile"]);
    for item in [Item::User(&user), Item::Account(account), Item::Namespace(&namespace)] {
        assert_eq!(found(item), Whereabouts { shard: to, moving: true });
    }
    let keys = rows(&db, &Statement { sql: "SELECT name, shard FROM directory WHERE kind = 'key' ORDER BY name", args: vec![] });
    assert_eq!(keys, [json!({ "name": "k", "shard": 1 }), json!({ "name": "made meanwhile", "shard": 1 })]);
    assert!(rows(&db, &directory::begin_move(&early, &items, "first")).is_empty(), "not before it has settled");
    rows(&db, &directory::end_move(&early));
    assert!(found(Item::User(&user)).moving, "another move");
    rows(&db, &directory::end_move(&late));
    assert_eq!(found(Item::User(&user)), Whereabouts { shard: to, moving: false });
    switch(&late, &["k"]);
    let key = "SELECT moving, shard FROM directory WHERE kind = 'key' AND name = 'k'";
    assert_eq!(rows(&db, &Statement { sql: key, args: vec![] }), [json!({ "moving": 0, "shard": 1 })], "the job that comes twice changes no key");
    let back = Move { from: to, to: Shard::MAIN, ..moved(10) };
    assert!(rows(&db, &directory::begin_move(&back, &items, "first")).is_empty(), "not while rows are deleted where it was");
    assert_eq!(advance(&late, "second", None), 1);
    assert_eq!(next(), None);
    assert_eq!(rows(&db, &directory::begin_move(&back, &items, "first")).len(), 4);
}

/// An account with two pages of assets and a row in each other table, and another account.
fn in_use() -> Connection {
    let db = database();
    provision(&db, id(1), "u1");
    provision(&db, id(2), "u2");
    for (account, user) in [(id(1), "u1"), (id(2), "u2")] {
        let files = if user == "u1" { 2 * PAGE + 1 } else { 3 };
        let sql = format!(
            "INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, verification, refs, created_at) \
               VALUES ('{user}-o', 'jt_user_{user}', '{user}/o', 7, 'e', 'h', 'pending', {files}, 1); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {files}) \
               INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, upload_speed_mbps, created_at) \
               SELECT '{user}-' || i, '{account}', 'jt_user_{user}', '{user}-o', 'it''s ' || i, 'a/b', 'session', 1.5, i FROM n; \
             INSERT INTO verifications (object_id, position, state, updated_at) VALUES ('{user}-o', 5, 'ff', 1); \
             INSERT INTO chunks (namespace, sha256, size, object_id, first) VALUES ('jt_user_{user}', 'h', 7, '{user}-o', 0); \
             INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, allow_unsigned, \
               status, created_at, updated_at) VALUES ('{user}-x', '{account}', 'jt_user_{user}', 'k', 'up', 'a', 7, 7, 'a/b', 0, 'open', 1, 2); \
             INSERT INTO storage_usage (account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, bandwidth_cost, \
               total_cost, recorded_at) VALUES ('{account}', 1, 2, 3, 4, 5, 0.5, 0.25, 0.75, 6); \
             INSERT INTO idempotency (scope, key, fingerprint, claim, claimed_at, expires_at) VALUES ('{account}', 'k', 'f', 'c', 1, 2); \
             INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin) \
               VALUES ('jt_user_{user}', 'video', 1, 2, 1, 3, 4); \
             INSERT INTO delivery_daily VALUES ('jt_user_{user}', 'video', 86400000, 2, 1, 3, 4, 0, 7, 0.5, 2, 0, 0, 0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
               '{{\"r:DE\":2,\"b:DE\":7}}'); \
             INSERT INTO upload_hourly VALUES ('jt_user_{user}', 3600000, 1, 1, 0, 0, 7, 0, 0, '{{\"u:fra\":1}}'); \
             INSERT INTO upload_daily VALUES ('jt_user_{user}', 86400000, 1, 1, 0, 0, 7, 0, 0, '{{\"u:fra\":1}}'); \
             INSERT INTO videos (namespace, video_id, account_id, touched_at) VALUES ('jt_user_{user}', 'v', '{account}', 1); \
             INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
               VALUES ('jt_user_{user}', 'v', 'p', '{user}-f', '{account}', 'k', 7, 'e', 'a/b', 1), \
                      ('jt_user_{user}', 'v', 'q', '{user}-g', '{account}', 'k', 7, 'e', 'a/b', 1); \
             INSERT INTO webhook_endpoints (id, namespace, slot, url, events, secret, old_secret, old_until, created_at, updated_at) \
               VALUES ('{user}-w', 'jt_user_{user}', 2, 'https://a.example', '[\"upload.completed\"]', 's', 't', 8, 1, 2); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {files}) \
               INSERT INTO webhook_outbox (namespace, id, endpoint_id, message_id, event, body, status, attempts, due_at, claim, claimed_until, \
                 response_status, response, error, created_at, tried_at) \
               SELECT 'jt_user_{user}', '{user}-' || i, '{user}-w', 'm' || i, 'upload.completed', '[]', 'pending', i, 5, 'c', 6, 500, 'no', 'e', i, 7 \
               FROM n; \
             INSERT INTO alerts VALUES ('{user}-a', 'jt_user_{user}', 'hit_rate', 1, 40.5, 50, 60, 2, 3, 4, 51.5); \
             INSERT INTO challenges (account_id, namespace, sha256, size, id, object_id, nonce, ranges, expires_at, forget_at) \
               VALUES ('{account}', 'jt_user_{user}', 'h', 7, 'c', '{user}-o', 'n', '[[0,6]]', 1, 2);"
        );
        db.execute_batch(&sql).unwrap();
    }
    db
}

/// Copies all rows as the job does.
fn copy(from: &Connection, to: &Connection, account: Id, namespace: &Name) {
    let mut step = Step::Copy(0, vec![]);
    while let Step::Copy(number, cursor) = step.clone() {
        let table: &Table = &TABLES[number];
        let page = rows(from, &table.read(account, namespace, &cursor));
        rows(to, &table.write(&json!(page).to_string(), namespace));
        rows(to, &table.write(&json!(page).to_string(), namespace));
        let last = page.last().filter(|_| page.len() as u64 == table.page());
        let last = last.map(|row| [&row["cursor_1"], &row["cursor_2"]].into_iter().take(table.cursor_columns()).cloned().collect());
        step = step.after_page(last, TABLES.len()).unwrap();
    }
}

fn remove(db: &Connection, account: Id, namespace: &Name) {
    for table in TABLES.iter().rev() {
        while rows(db, &table.remove(account, namespace)).len() as u64 == PAGE {}
    }
}

/// Every row of an account in every table, by table.
fn all_of(db: &Connection, account: Id, namespace: &Name) -> BTreeMap<&'static str, Vec<String>> {
    let of = |table: &'static Table| {
        let mut all = Vec::new();
        let mut cursor = vec![];
        loop {
            let page = rows(db, &table.read(account, namespace, &cursor));
            let last = page.last().map(|row| vec![row["cursor_1"].clone(), row["cursor_2"].clone()]);
            all.extend(page.into_iter().map(|mut row| {
                // Row ids differ from database to database.
                row.as_object_mut().unwrap().remove("cursor_1");
                row.to_string()
            }));
            match last {
                Some(last) => cursor = last,
                None => return (table.name, all),
            }
        }
    };
    TABLES.iter().map(of).collect()
}

#[test]
fn moved_account_has_the_same_rows_in_the_other_database_and_none_in_the_first() {
    let (from, to) = (in_use(), database());
    let (account, namespace, other) = (id(1), name("jt_user_u1"), name("jt_user_u2"));
    let in_use = all_of(&from, account, &namespace);
    remove(&from, account, &namespace);
    assert_eq!(all_of(&from, account, &namespace), in_use, "nothing of a namespace that is in use, as after a later move back");
    moving::freeze(account, &namespace).iter().for_each(|statement| drop(rows(&from, statement)));
    let (before, others) = (all_of(&from, account, &namespace), all_of(&from, id(2), &other));
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table}: give the account a row");
    }
    assert_eq!(before["assets"].len() as u64, 2 * PAGE + 1);
    copy(&from, &to, account, &namespace);
    assert_eq!(all_of(&to, account, &namespace), before, "text, numbers, nulls and quotes as they were");
    assert_eq!(count(&to, "accounts"), 1, "nothing of others");
    for table in TABLES {
        let number = |db| rows(db, &table.count(account, &namespace))[0]["rows"].as_u64();
        assert_eq!(number(&from), number(&to), "{}", table.name);
    }
    remove(&from, account, &namespace);
    assert_eq!(
        all_of(&from, account, &namespace),
        before,
        "nothing of a namespace that is copied from here, as when a job of an earlier move is late"
    );
    let moved = Move { id: id(8), account, namespace: namespace.clone(), from: Shard::MAIN, to: Shard::new(1).unwrap() };
    moving::leave(&moved).iter().for_each(|statement| drop(rows(&from, statement)));
    // By a job that is late.
    moving::freeze(account, &namespace).iter().for_each(|statement| drop(rows(&from, statement)));
    remove(&from, account, &namespace);
    for (table, rows) in all_of(&from, account, &namespace) {
        assert!(rows.is_empty(), "{table}: {rows:?}");
    }
    assert_eq!(all_of(&from, id(2), &other), others, "others stay");
    // What an attempt left is cleaned away, and the next one copies it again.
    remove(&to, account, &namespace);
    assert_eq!(count(&to, "accounts") + count(&to, "objects") + count(&to, "challenges"), 0);
}

#[test]
fn job_that_is_late_adds_and_deletes_nothing_in_a_copy_that_is_sealed_or_in_use() {
    let (from, to) = (in_use(), database());
    let (account, namespace) = (id(1), name("jt_user_u1"));
    let apply = |db: &Connection, statement: Statement| drop(rows(db, &statement));
    moving::freeze(account, &namespace).into_iter().for_each(|statement| apply(&from, statement));
    copy(&from, &to, account, &namespace);
    to.execute_batch("DELETE FROM storage_usage").unwrap();
    apply(&to, moving::seal(&namespace));
    let sealed = all_of(&to, account, &namespace);
    let late = || {
        remove(&to, account, &namespace);
        copy(&from, &to, account, &namespace);
    };
    late();
    assert_eq!(all_of(&to, account, &namespace), sealed, "what is compared stays");
    assert_eq!(rows(&to, &dedup::claim_deletion(EpochMs(u64::MAX >> 1))).len(), 0, "nor is it collected");
    moving::freeze(account, &namespace).into_iter().for_each(|statement| apply(&to, statement));
    apply(&to, moving::thaw(&namespace));
    assert_eq!(
        rows(&to, &Statement { sql: "SELECT departing FROM namespaces WHERE name = 'jt_user_u1'", args: vec![] }),
        [json!({ "departing": 0 })]
    );
    let open = all_of(&to, account, &namespace);
    late();
    assert_eq!(all_of(&to, account, &namespace), open);
    [moving::thaw(&namespace), moving::unseal(&namespace), moving::seal(&namespace)].into_iter().for_each(|statement| apply(&to, statement));
    late();
    assert_eq!(all_of(&to, account, &namespace), open, "nor by what seals or opens it, once it is in use");
    let source = all_of(&from, account, &namespace);
    [moving::thaw(&namespace), moving::unseal(&namespace), moving::seal(&namespace)].into_iter().for_each(|statement| apply(&from, statement));
    assert_eq!(all_of(&from, account, &namespace), source, "nor where it is copied from");
}

#[test]
fn sealed_copy_that_is_not_whole_is_deleted_and_copied_again() {
    let (from, to) = (in_use(), database());
    let (account, namespace) = (id(1), name("jt_user_u1"));
    moving::freeze(account, &namespace).iter().for_each(|statement| drop(rows(&from, statement)));
    copy(&from, &to, account, &namespace);
    to.execute_batch("DELETE FROM storage_usage").unwrap();
    rows(&to, &moving::seal(&namespace));
    rows(&to, &moving::unseal(&namespace));
    remove(&to, account, &namespace);
    assert_eq!(count(&to, "accounts") + count(&to, "objects"), 0);
    copy(&from, &to, account, &namespace);
    assert_eq!(all_of(&to, account, &namespace), all_of(&from, account, &namespace));
}

#[test]
fn call_that_is_late_stores_and_deletes_nothing_in_a_namespace_that_is_being_moved() {
    let db = in_use();
    let (account, namespace) = (id(1), name("jt_user_u1"));
    let late = [
        format!(
            "INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) VALUES ('late', '{account}', 'jt_user_u1', '1-o', 'n', 't', 'simple', 1)"
        ),
        // Bytes of that namespace for a file of another one.
        format!(
            "INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) VALUES ('late2', '{}', 'jt_user_u2', '1-o', 'n', 't', 'simple', 1)",
            id(2)
        ),
        format!("INSERT INTO videos (namespace, video_id, account_id, touched_at) VALUES ('jt_user_u1', 'late', '{account}', 1)"),
        "UPDATE video_files SET doomed_at = 9 WHERE namespace = 'jt_user_u1'".to_owned(),
        "DELETE FROM assets WHERE namespace = 'jt_user_u1'".to_owned(),
    ];
    let object = rows(&db, &Statement { sql: "SELECT id FROM objects WHERE namespace = 'jt_user_u1'", args: vec![] })[0]["id"].clone();
    let late = late.map(|sql| sql.replace("1-o", object.as_str().unwrap()));
    for sql in &late {
        let tried = db.execute_batch(&format!("SAVEPOINT s; {sql}; ROLLBACK TO s; RELEASE s"));
        assert_eq!(tried.map_err(|error| error.to_string()), Ok(()), "before the move: {sql}");
    }
    moving::freeze(account, &namespace).iter().for_each(|statement| drop(rows(&db, statement)));
    for sql in &late {
        let error = db.execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("is being moved to another database"), "{sql}: {error}");
    }
}

#[test]
fn moves_that_are_not_done_are_found_with_what_they_do_next() {
    let db = database();
    let to = Shard::new(1).unwrap();
    provision_in(&db, id(1), "u1", Shard::MAIN);
    let moved = Move { id: id(8), account: id(1), namespace: name("jt_user_u1"), from: Shard::MAIN, to };
    let items = json!([["account", id(1).to_string()], ["user", "u1"], ["namespace", "jt_user_u1"]]).to_string();
    assert!(rows(&db, &directory::unfinished_moves(9)).is_empty());
    rows(&db, &directory::begin_move(&moved, &items, "first"));
    let found = json!({ "account": id(1), "namespace": "jt_user_u1", "move_id": id(8), "step": "first" });
    assert_eq!(rows(&db, &directory::unfinished_moves(9)), [found]);
    rows(&db, &directory::advance(&moved, "first", None));
    assert!(rows(&db, &directory::unfinished_moves(9)).is_empty());
}

#[test]
fn user_whose_account_has_left_a_database_gets_no_other_account_there() {
    let [home, target] = [1, 0].map(|number| Shard::new(number).unwrap());
    let (here, namespace) = (database(), name("jt_user_u1"));
    let moved = Move { id: id(8), account: id(1), namespace: namespace.clone(), from: home, to: target };
    provision_in(&here, id(1), "u1", home);
    let late = |account| provision_in(&here, account, "u1", home);
    late(id(2));
    assert_eq!(count(&here, "accounts"), 1, "it has one");
    moving::freeze(id(1), &namespace).iter().for_each(|statement| drop(rows(&here, statement)));
    // As often as the job is repeated.
    [moving::leave(&moved), moving::leave(&moved)].iter().flatten().for_each(|statement| drop(rows(&here, statement)));
    remove(&here, id(1), &namespace);
    let examples = count(&here, "namespaces");
    late(id(2));
    for table in ["accounts", "credentials", "namespace_members"] {
        assert_eq!(count(&here, table), 0, "{table}: it is elsewhere");
    }
    assert_eq!(count(&here, "namespaces"), examples, "nor a namespace");
    provision_in(&here, id(3), "u2", home);
    assert_eq!(count(&here, "accounts"), 1, "others");
    // In the first database the directory has the user already, with where the account is.
    let first = database();
    provision(&first, id(1), "u1");
    let away = Move { from: target, to: home, ..moved };
    rows(&first, &directory::begin_move(&away, &json!([["user", "u1"]]).to_string(), "first"));
    let found = || rows(&first, &directory::find(Item::User(&name("u1"))));
    let before = found();
    moving::leave(&away).iter().for_each(|statement| drop(rows(&first, statement)));
    assert_eq!(found(), before);
}

#[test]
fn change_that_comes_after_a_move_says_that_the_account_is_not_there_and_takes_it_nowhere() {
    let (account, namespace, now) = (id(1), name("jt_user_u1"), EpochMs(9));
    let here = database();
    provision(&here, account, "u1");
    let new = NewCredentials { key_hash: Sha256Hex::of(b"new"), secret_hash: Sha256Hex::of(b"s"), sealed: "x".into(), sealed_until: EpochMs(9) };
    let changes = [
        vec![accounts::set_tier(account, "pro", now)],
        vec![accounts::set_status(account, "active", now)],
        accounts::rotate(account, &new, now, now),
    ];
    let found = || changes.each_ref().map(|change| change.iter().map(|statement| rows(&here, statement).len()).collect::<Vec<_>>()[0]);
    assert_eq!(found(), [1, 1, 1]);
    moving::freeze(account, &namespace).iter().for_each(|statement| drop(rows(&here, statement)));
    let moved = Move { id: id(8), account, namespace: namespace.clone(), from: Shard::MAIN, to: Shard::new(1).unwrap() };
    moving::leave(&moved).iter().for_each(|statement| drop(rows(&here, statement)));
    remove(&here, account, &namespace);
    assert_eq!(found(), [0, 0, 0]);
    assert_eq!(count(&here, "credentials"), 0);
    // The directory, where the account has gone from 1 to 2 since the rotation began.
    let first = database();
    let [before, after] = [1, 2].map(|number| Shard::new(number).unwrap());
    let put = |shard| directory::put(account, &new.key_hash, shard).iter().for_each(|statement| drop(rows(&first, statement)));
    put(after);
    put(before);
    for item in [Item::Account(account), Item::Key(&new.key_hash)] {
        assert_eq!(rows(&first, &directory::find(item)), [json!({ "shard": 2, "moving": 0 })]);
    }
}

#[test]
fn every_column_of_every_table_of_an_account_moves() {
    let db = database();
    // Not of an account, or not moved.
    let stay = [
        // In the first database only.
        "browser_sessions",
        "job_failures",
        "job_runs",
        "challenges",
        "d1_migrations",
        "delivery_totals",
        "deployment",
        "directory",
        "edge_locations",
        "edge_metrics",
        "prices",
        "provisioning_hourly",
        "store_facts",
        "tier_configs",
        "upload_patterns",
        "upload_totals",
        "webhook_inbox",
    ];
    let mut all = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
    let all: Vec<String> = all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for table in &all {
        let moves = TABLES.iter().find(|moved| moved.name == table);
        assert_eq!(moves.is_none(), stay.contains(&table.as_str()), "{table}: say whether it moves with an account");
        let Some(moves) = moves else { continue };
        let mut columns = db.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
        let columns: Vec<String> = columns.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for column in columns.iter().filter(|column| *column != "moving" && *column != "departing") {
            let both = moves.read.contains(column.as_str()) && moves.write.contains(&format!("value ->> '{column}'"));
            assert!(both, "{table}.{column} does not move");
        }
    }
}

#[test]
fn statements_of_a_move_use_indexes() {
    let db = in_use();
    for table in TABLES {
        for (what, sql) in [("read", table.read), ("count", table.count), ("remove", table.remove)] {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nulls = vec![Value::Null; plan.parameter_count()];
            let params: Vec<&dyn ToSql> = nulls.iter().map(|value| value as &dyn ToSql).collect();
            let steps: Vec<String> = plan.query_map(params.as_slice(), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            let slow = |step: &&String| step.starts_with("SCAN ") || (step.contains("TEMP B-TREE") && table.name != "verifications");
            assert_eq!(steps.iter().find(slow), None, "{} {what}: {steps:?}", table.name);
        }
    }
}

#[test]
fn account_with_ties_to_others_is_not_movable() {
    let (account, namespace) = (id(1), name("jt_user_u1"));
    let check = |sql: &str| {
        let db = in_use();
        db.execute_batch(sql).unwrap();
        let ties: Ties = serde_json::from_value(rows(&db, &moving::ties(account, &namespace))[0].clone()).unwrap();
        ties.check()
    };
    assert_eq!(check(""), Ok(()));
    let (me, them) = (id(1), id(2));
    for (sql, reason) in [
        (
            format!("INSERT INTO namespace_members (account_id, namespace, created_at) VALUES ('{me}', 'jt_customer_wd', 1)"),
            "is a member of a shared namespace",
        ),
        (
            format!("INSERT INTO namespace_members (account_id, namespace, created_at) VALUES ('{them}', 'jt_user_u1', 1)"),
            "has other members in its own namespace",
        ),
        ("UPDATE assets SET namespace = 'jt_user_u2' WHERE id = 'u1-1'".to_owned(), "has files or videos in another namespace"),
        (format!("UPDATE assets SET account_id = '{them}' WHERE id = 'u1-1'"), "has files, videos or uploads of others in its own namespace"),
        ("UPDATE assets SET object_id = 'u2-o' WHERE id = 'u1-1'".to_owned(), "shares bytes with another namespace"),
        ("UPDATE assets SET object_id = 'u1-o' WHERE id = 'u2-1'".to_owned(), "shares bytes with another namespace"),
    ] {
        assert_eq!(check(&sql), Err(Problem::NotMovable { reason }), "{sql}");
    }
}

#[test]
fn version_of_a_video_counts_every_change_of_its_files_and_a_deletion_once() {
    let db = database();
    provision(&db, id(1), "u1");
    let (namespace, video) = (name("jt_user_u1"), name("v"));
    let state = || -> VideoState { serde_json::from_value(rows(&db, &videos::state(&namespace, &video))[0].clone()).unwrap() };
    let run = |sql: &str| db.execute_batch(sql).unwrap();
    run(&format!("INSERT INTO videos (namespace, video_id, account_id, touched_at) VALUES ('jt_user_u1', 'v', '{}', 1)", id(1)));
    assert_eq!((state().version, state().changed_at), (0, EpochMs(0)));
    for (number, path) in ["a", "b", "c"].into_iter().enumerate() {
        run(&format!(
            "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
             VALUES ('jt_user_u1', 'v', '{path}', '{}', '{}', 'k', 1, 'e', 'a/b', 1)",
            id(10 + u8::try_from(number).unwrap()),
            id(1)
        ));
    }
    assert!(state().version == 3 && state().changed_at > EpochMs(1_700_000_000_000), "{:?}", state());
    run("UPDATE video_files SET size = 2, etag = 'f' WHERE path = 'a'");
    assert_eq!(state().version, 4);
    run("UPDATE video_files SET claimed_at = 5; UPDATE video_files SET claimed_at = NULL");
    assert_eq!(state().version, 4, "what no reader sees");
    run("DELETE FROM video_files WHERE path = 'c'");
    assert_eq!(state().version, 5, "a version whose bytes are lost");
    assert_eq!(rows(&db, &videos::mark_deleted(&namespace, &video, id(1), true, EpochMs(77))).len(), 2);
    assert_eq!(state().version, 6, "once for all of them");
    run("DELETE FROM video_files");
    assert_eq!(state().version, 6);
}

#[test]
fn page_has_the_files_with_its_prefix_and_reads_no_others() {
    let db = database();
    provision(&db, id(1), "u1");
    let (namespace, video) = (name("jt_user_u1"), name("v"));
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999) \
         INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
         SELECT 'jt_user_u1', 'v', printf('720p/seg_%05d.ts', i), printf('00000000-0000-4000-8000-%012d', i), '{}', 'k', 1, 'e', 'video/mp2t', 1 FROM n",
        id(1)
    );
    db.execute_batch(&sql).unwrap();
    let page = |path: &str| -> Vec<PageFile> {
        rows(&db, &videos::page(&namespace, &video, prefix(path))).into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
    };
    let files = page("720p/seg_01234.ts");
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((paths.len(), paths[0], paths[99]), (100, "720p/seg_01200.ts", "720p/seg_01299.ts"));
    assert!(page("720p/other.ts").is_empty() && page("720p/seg_99900.ts").is_empty());
    assert_eq!(page("720p/7.ts").len() as u64, MAX_FILES, "bounded");
}

/// Bytes that the database grows by, per item, for `count` of them.
fn growth(db: &Connection, count: u32, sql: &str) -> u64 {
    let bytes = || -> i64 { db.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| row.get(0)).unwrap() };
    let before = bytes();
    db.execute_batch(&sql.replace("NUMBERS", &format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"))).unwrap();
    u64::try_from(bytes() - before).unwrap() / u64::from(count)
}

/// Random ids, as ours are, so that pages of indexes are as full as they get.
const ID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) \
                  || '-' || hex(randomblob(6)))";

#[test]
fn database_holds_as_many_accounts_files_and_segments_as_documented() {
    let db = Connection::open_in_memory().unwrap();
    for path in sqlite::migrations() {
        db.execute_batch(&std::fs::read_to_string(&path).unwrap()).unwrap();
    }
    let hash = "lower(hex(randomblob(32)))";
    let account = growth(
        &db,
        5_000,
        &format!(
            "CREATE TEMP TABLE drawn AS NUMBERS SELECT i, {ID} AS id, printf('user_%08d', i) AS user FROM n; \
             INSERT INTO accounts (id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, created_at, updated_at) \
               SELECT id, user, user || '@example.com', 'pro', 'agentcache-assets', 'users/' || user || '/', 1795000000000, 1795000000000 FROM drawn; \
             INSERT INTO credentials (key_hash, secret_hash, account_id, created_at, sealed, sealed_until) \
               SELECT {hash}, {hash}, id, 1795000000000, hex(randomblob(150)), 1795000000000 FROM drawn; \
             INSERT INTO namespaces (name, display_name, created_at) SELECT 'jt_user_' || user, 'jt_user_' || user, 1795000000000 FROM drawn; \
             INSERT INTO namespace_members (account_id, namespace, created_at, role) SELECT id, 'jt_user_' || user, 1795000000000, 'manager' FROM drawn; \
             INSERT INTO storage_usage (account_id, period_start, period_end, storage_bytes, bandwidth_bytes, request_count, storage_cost, bandwidth_cost, \
               total_cost, recorded_at, storage_gb_months, origin_bytes, closed_at) \
               SELECT id, 1795000000000 + m.i, 1795000000000, 123456789012, 123456789012, 12345, 0.123, 0.123, 0.246, 1795000000000, 12.5, 123456789, \
               CASE WHEN m.i < 12 THEN 1795000000000 END \
               FROM drawn, (WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < 12) SELECT i FROM m) m;"
        ),
    );
    // A file of 50 MB, sent in five chunks.
    let file = growth(
        &db,
        20_000,
        &format!(
            "CREATE TEMP TABLE stored AS NUMBERS SELECT n.i AS i, {ID} AS object, d.id AS account, d.user AS user \
               FROM n JOIN drawn d ON d.i = 1 + n.i % 5000; \
             INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, sha256, verification, created_at) \
               SELECT object, 'jt_user_' || user, 'users/' || user || '/o/' || object, 50000000, lower(hex(randomblob(16))) || '-5', {hash}, {hash}, 'verified', \
               1795000000000 + i FROM stored; \
             INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, upload_speed_mbps, created_at) \
               SELECT {ID}, account, 'jt_user_' || user, object, 'holiday film ' || i || '.mp4', 'video/mp4', 'session', 93.5, 1795000000000 + i FROM stored; \
             INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, file_hash, \
               allow_unsigned, status, created_at, updated_at, asset_id) \
               SELECT {ID}, account, 'jt_user_' || user, 'users/' || user || '/o/' || object, hex(randomblob(32)), 'holiday film ' || i || '.mp4', 50000000, \
               10000000, 'video/mp4', {hash}, 0, 'complete', 1795000000000 + i, 1795000000000 + i, {ID} FROM stored; \
             INSERT INTO chunks (namespace, sha256, size, object_id, first) \
               SELECT 'jt_user_' || user, {hash}, 10000000, object, 10000000 * c.i FROM stored, \
               (WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 4) SELECT i FROM c) c;"
        ),
    );
    let segment = growth(
        &db,
        50_000,
        &format!(
            "NUMBERS INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
               SELECT 'jt_user_' || d.user, 'film-' || (n.i / 5000), printf('720p/segment_%05d.ts', n.i), {ID}, d.id, \
               'users/' || d.user || '/v/film-' || (n.i / 5000) || printf('/720p/segment_%05d.ts', n.i), 2000000, lower(hex(randomblob(16))), 'video/mp2t', \
               1795000000000 FROM n JOIN drawn d ON d.i = 1 + n.i / 5000;"
        ),
    );
    let document = std::fs::read_to_string("docs/data-model.md").unwrap();
    let row = |what: &str| -> Vec<u64> {
        let line = document.lines().find(|line| line.starts_with(&format!("| {what} |"))).unwrap_or_else(|| panic!("no row of '{what}'"));
        line.split('|').skip(2).filter_map(|cell| cell.trim().replace(',', "").parse().ok()).collect()
    };
    for (what, measured) in [("account", account), ("file of 50 MB, with its upload and its 5 chunks", file), ("segment of a video", segment)] {
        let [bytes, held] = row(what)[..] else { panic!("{what}: bytes and number") };
        assert!(measured.abs_diff(bytes) * 10 <= measured, "{what}: {measured} bytes measured, {bytes} documented");
        assert_eq!(held, 10_000_000_000 / bytes / 10_000 * 10_000, "{what}: of {bytes} bytes");
    }
}
