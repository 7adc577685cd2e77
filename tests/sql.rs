//! Every statement on a real SQLite with all migrations applied: it prepares, uses indexes, and does what its name says.

mod sqlite;

use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus, ToSql};
use sqlite::{database, upload_of, values};

use jettyspeed_edge::analytics::repository::add_upload;
use jettyspeed_edge::analytics::upload_count::{Only, UploadCount};
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::dedup::chunk::Chunk;
use jettyspeed_edge::dedup::lookup::Wanted;
use jettyspeed_edge::dedup::possession::challenge::{Challenge, MEMORY_MS, RANDOM_BYTES};
use jettyspeed_edge::dedup::possession::repository as possession;
use jettyspeed_edge::dedup::repository as dedup;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::listing::repository as listing;
use jettyspeed_edge::files::listing::{Key, Listing, Mark};
use jettyspeed_edge::files::repository as assets;
use jettyspeed_edge::files::repository::Via;
use jettyspeed_edge::idempotency::repository::Slot;
use jettyspeed_edge::uploads::session;
use jettyspeed_edge::uploads::session::state::Meta;
use jettyspeed_edge::video::path::VideoPath;
use jettyspeed_edge::video::place::{AtStore, Place, Present};
use jettyspeed_edge::video::repository as videos;
use jettyspeed_edge::video::repository::NewFile;
use jettyspeed_edge::{accounts, ledger, namespaces, uploads};

/// Tables small enough to be read whole ("t" is what statements call the first, and with "u" the counts of one row).
const SMALL: [&str; 4] = ["tier_configs", "t", "u", "d1_migrations"];

fn seeded() -> (Connection, Id, Name) {
    let db = database();
    let seed = jettyspeed_devstack::seed::Seed::draw("u1", "pro").unwrap();
    db.execute_batch(&seed.sql("bucket")).unwrap();
    db.execute_batch(&seed.sql("bucket")).unwrap();
    let id: String = db.query_row("SELECT id FROM accounts", [], |row| row.get(0)).unwrap();
    (db, Id::parse(&id).unwrap(), Name::parse("jt_user_u1").unwrap())
}

fn run(db: &Connection, statement: &Statement) -> usize {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    db.execute(statement.sql, params.as_slice()).unwrap()
}

fn run_all(db: &Connection, statements: &[Statement]) {
    statements.iter().for_each(|statement| drop(rows(db, statement)));
}

fn rows(db: &Connection, statement: &Statement) -> Vec<Vec<Value>> {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare(statement.sql).unwrap();
    let columns = prepared.column_count();
    let mut found = prepared.query(params.as_slice()).unwrap();
    let mut all = Vec::new();
    while let Some(row) = found.next().unwrap() {
        all.push((0..columns).map(|index| row.get(index).unwrap()).collect());
    }
    all
}

fn asset(account: Id, namespace: &Name, seed: u8, at: u64) -> Asset {
    Asset {
        id: Id::from_random([seed; 16]),
        account_id: account,
        object_id: Id::from_random([seed + 100; 16]),
        name: format!("{seed}.bin"),
        content_type: "application/octet-stream".into(),
        namespace: namespace.clone(),
        s3_key: format!("users/u1/o/{seed}"),
        size: 10,
        etag: "e".into(),
        claimed_sha256: None,
        sha256: None,
        verification: "none".into(),
        created_at: EpochMs(at),
        owner_status: "active".into(),
        borrowed: false,
        path: None,
        modified_at: None,
        verification_reason: None,
    }
}

/// What a statement scans: the table or alias of each SCAN, and every sort that an index would avoid.
fn scans(db: &Connection, name: &str, text: &str) -> Vec<String> {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let nulls = vec![Value::Null; plan.parameter_count()];
    let params: Vec<&dyn ToSql> = nulls.iter().map(|value| value as &dyn ToSql).collect();
    let steps = plan.query_map(params.as_slice(), |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap);
    steps.filter(|step| step.starts_with("SCAN ") || step.contains("TEMP B-TREE FOR ORDER BY")).collect()
}

/// Every statement of every repository, by name.
fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        jettyspeed_edge::accounts::directory::repository::ALL,
        jettyspeed_edge::accounts::deletion::repository::ALL,
        jettyspeed_edge::accounts::browser_session::repository::ALL,
        jettyspeed_edge::accounts::repository::ALL,
        jettyspeed_edge::analytics::provisioning::repository::ALL,
        jettyspeed_edge::alerts::repository::ALL,
        jettyspeed_edge::analytics::metrics::repository::ALL,
        jettyspeed_edge::analytics::repository::ALL,
        jettyspeed_edge::dedup::possession::repository::ALL,
        jettyspeed_edge::dedup::repository::ALL,
        jettyspeed_edge::delivery::repository::ALL,
        jettyspeed_edge::edges::repository::ALL,
        jettyspeed_edge::files::listing::repository::ALL,
        jettyspeed_edge::files::paths::repository::ALL,
        jettyspeed_edge::files::repository::ALL,
        jettyspeed_edge::health::job_records::repository::ALL,
        jettyspeed_edge::health::repository::ALL,
        jettyspeed_edge::idempotency::repository::ALL,
        jettyspeed_edge::ledger::repository::ALL,
        jettyspeed_edge::namespaces::repository::ALL,
        jettyspeed_edge::uploads::repository::ALL,
        jettyspeed_edge::uploads::store_facts::ALL,
        jettyspeed_edge::video::owner::repository::ALL,
        jettyspeed_edge::video::repository::ALL,
        jettyspeed_edge::webhooks::repository::ALL,
    ]
    .concat()
}

#[test]
fn object_of_a_size_is_found_in_its_namespace_if_it_is_larger_than_a_part() {
    let (db, account, namespace) = seeded();
    for (seed, size) in [(1, 6_000_000), (2, 6_000_000), (3, 10)] {
        run_all(&db, &assets::insert(&Asset { size, ..asset(account, &namespace, seed, 1) }, Via::Simple, None));
    }
    let of_size = |namespace: &str, size| rows(&db, &dedup::of_size(&Name::parse(namespace).unwrap(), size)).len();
    assert_eq!((of_size(namespace.as_str(), 6_000_000), of_size("other", 6_000_000)), (1, 0), "one row, however many objects");
    assert_eq!((of_size(namespace.as_str(), 6_000_001), of_size(namespace.as_str(), 10)), (0, 0));
}

#[test]
fn every_statement_prepares_and_scans_no_big_table() {
    let db = database();
    let statements = all_statements();
    assert!(statements.len() >= 75, "the list has lost statements: {}", statements.len());
    for (name, text) in statements {
        for step in scans(&db, name, text) {
            let table = step.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap_or(rest));
            // json_each reads a list of the caller's once; `tried` and `entry` have a row for each step of their recursion, which is bounded; what a
            // subquery reads is a step of its own.
            let is_small = |table: &str| {
                SMALL.contains(&table) || matches!(table, "json_each" | "CONSTANT" | "tried" | "entry") || table.starts_with("(subquery-")
            };
            assert!(table.is_some_and(is_small), "{name}: {step}");
        }
    }
}

#[test]
fn applied_migrations_are_told_by_their_numbers() {
    let db = database();
    let numbers = |db: &Connection| -> Vec<u32> {
        let rows = rows(db, &jettyspeed_edge::health::repository::applied());
        rows.iter().map(|row| if let Value::Integer(number) = row[0] { u32::try_from(number).unwrap() } else { panic!("{row:?}") }).collect()
    };
    let schema = u32::try_from(sqlite::migrations().len()).unwrap();
    assert_eq!(jettyspeed_edge::health::migrations::missing(&numbers(&db), schema), Vec::<u32>::new());
    db.execute("DELETE FROM d1_migrations WHERE name LIKE '0003%'", []).unwrap();
    assert_eq!(jettyspeed_edge::health::migrations::missing(&numbers(&db), schema), [3]);
}

#[test]
fn durable_object_statements_scan_only_tables_they_load() {
    let objects = [(ledger::schema::SCHEMA, ledger::schema::ALL), (session::schema::SCHEMA, session::schema::ALL)];
    for (schema, statements) in objects {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(schema).unwrap();
        db.execute_batch(schema).unwrap();
        for (name, text) in statements {
            let whole = !scans(&db, name, text).is_empty();
            assert_eq!(whole, name.starts_with("LOAD_") || matches!(*name, "DISTINCT" | "COUNT"), "{name}");
        }
    }
}

#[test]
fn key_hash_finds_the_account_and_its_namespace() {
    let (db, account, namespace) = seeded();
    let hash: String = db.query_row("SELECT key_hash FROM credentials", [], |row| row.get(0)).unwrap();
    assert_eq!(rows(&db, &accounts::repository::by_key(&Sha256Hex::parse(&hash).unwrap())).len(), 1);
    assert!(rows(&db, &accounts::repository::by_key(&Sha256Hex::of(b"x"))).is_empty());
    assert_eq!(rows(&db, &namespaces::repository::of_member(account, namespace.as_str())).len(), 1);
    assert!(rows(&db, &namespaces::repository::of_member(Id::from_random([9; 16]), namespace.as_str())).is_empty());
}

#[test]
fn files_are_paged_in_each_order_searched_and_renamed() {
    let (db, account, namespace) = seeded();
    let names = ["b.txt", "A.txt", "a.TXT", "Ü.mov", "c%_.txt"];
    for (seed, name) in (1..).zip(names) {
        let asset = Asset { name: name.to_owned(), ..asset(account, &namespace, seed, 1_000 + u64::from(seed)) };
        run_all(&db, &assets::insert(&asset, Via::Simple, None));
    }
    let text = |value: &Value| if let Value::Text(text) = value { text.clone() } else { panic!("{value:?}") };
    let listing = |sort: &str, order: &str, search: &str, cursor: Option<&str>| Listing::read(Some(sort), Some(order), Some(search), cursor).unwrap();
    // All pages of two files each.
    let all = |sort: &str, order: &str, search: &str| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let wanted = listing(sort, order, search, cursor.as_deref());
            let page = rows(&db, &listing::page(account, &wanted, None, 2));
            let Some(last) = page.last() else { return found };
            let (id, name) = (Id::parse(&text(&last[0])).unwrap(), text(&last[3]));
            let Value::Integer(at) = last[12] else { panic!("{last:?}") };
            let mark = match wanted.key {
                Key::Created => Mark::Created(EpochMs(at.unsigned_abs()), id),
                Key::Name => Mark::Name(name, id),
            };
            cursor = Some(mark.cursor());
            found.extend(page.iter().map(|row| text(&row[3])));
        }
    };
    assert_eq!(all("created", "asc", ""), names);
    assert_eq!(all("created", "desc", ""), names.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(all("name", "asc", ""), ["A.txt", "a.TXT", "b.txt", "c%_.txt", "Ü.mov"]);
    assert_eq!(all("name", "desc", ""), ["Ü.mov", "c%_.txt", "b.txt", "a.TXT", "A.txt"]);
    assert_eq!(all("name", "asc", "a.t"), ["A.txt", "a.TXT"]);
    assert_eq!(all("created", "desc", "%_"), ["c%_.txt"], "no pattern");
    // A search of a bounded number of names ends at the last one that was looked at.
    let wanted = listing("created", "desc", "b.txt", None);
    let until = Mark::Created(EpochMs(1_002), Id::from_random([2; 16]));
    assert!(rows(&db, &listing::page(account, &wanted, Some(&until), 10)).is_empty());
    assert_eq!(rows(&db, &listing::page(account, &wanted, None, 10)).len(), 1);
    assert!(rows(&db, &listing::last_looked_at(account, &wanted)).is_empty(), "fewer than a page looks at");
    let id = Id::from_random([1; 16]);
    assert_eq!(rows(&db, &listing::rename(id, account, "z.txt")).len(), 1);
    assert!(rows(&db, &listing::rename(id, Id::from_random([9; 16]), "y.txt")).is_empty(), "of another account");
    assert_eq!(all("name", "asc", "z"), ["z.txt"]);
}

#[test]
fn browser_sessions_end_by_time_by_number_and_by_their_owner_only() {
    use jettyspeed_edge::accounts::browser_session::{BrowserSession, MAX_OF_OWNER, repository as sessions};
    let db = database();
    let session = |seed: u8, owner: &str| BrowserSession {
        id: Id::from_random([seed; 16]),
        owner: owner.to_owned(),
        proof: "p".to_owned(),
        created_at: EpochMs(u64::from(seed)),
        expires_at: EpochMs(1_000 + u64::from(seed)),
        user_agent: String::new(),
        country: None,
    };
    let most = u8::try_from(MAX_OF_OWNER).unwrap();
    for seed in 1..=most + 2 {
        run_all(&db, &sessions::insert(&session(seed, "a")));
    }
    run_all(&db, &sessions::insert(&session(100, "b")));
    assert_eq!(rows(&db, &sessions::of_owner("a", EpochMs(0))).len(), usize::from(most));
    let found = |seed: u8, at| rows(&db, &sessions::find(Id::from_random([seed; 16]), EpochMs(at))).len();
    assert_eq!((found(2, 0), found(3, 0), found(3, 1_002), found(3, 1_003)), (0, 1, 1, 0));
    assert!(rows(&db, &sessions::end(Id::from_random([100; 16]), "a")).is_empty(), "of another owner");
    assert_eq!((rows(&db, &sessions::end(Id::from_random([4; 16]), "a")).len(), found(4, 0)), (1, 0));
    assert_eq!(run(&db, &sessions::forget_expired(EpochMs(1_005))), 2);
}

#[test]
fn jobs_are_counted_by_kind_and_what_waits_is_told() {
    use jettyspeed_edge::health::job_records::{Run, repository as records};
    let db = database();
    for at in [1, 2] {
        run(&db, &records::failed("verify", "origin-unreachable", EpochMs(at)));
    }
    run(&db, &records::dead("verify", EpochMs(3)));
    run(&db, &records::ran(Run::Daily, EpochMs(5)));
    run(&db, &records::ran(Run::Daily, EpochMs(4)));
    let [failures, runs] = records::recorded();
    let text = |text: &str| Value::Text(text.to_owned());
    let failed = vec![text("verify"), Value::Integer(2), Value::Integer(1), Value::Integer(2), Value::Integer(3), text("origin-unreachable")];
    assert_eq!(rows(&db, &failures), [failed]);
    assert_eq!(rows(&db, &runs), [vec![text("daily"), Value::Integer(5)]]);
    assert_eq!(rows(&db, &records::waiting(EpochMs(9))).len(), 1);
}

#[test]
fn assets_are_paged_counted_once_and_deleted() {
    let (db, account, namespace) = seeded();
    for seed in 1..=3 {
        for statement in assets::insert(&asset(account, &namespace, seed, 1000 + u64::from(seed / 2)), Via::Simple, None) {
            run(&db, &statement);
            run(&db, &statement);
        }
    }
    let ids = |statement: &Statement| rows(&db, statement).iter().map(|row| row[9].clone()).collect::<Vec<_>>();
    let newest = |behind| Listing { behind, ..Listing::read(None, None, None, None).unwrap() };
    let all = ids(&listing::page(account, &newest(None), None, 10));
    assert_eq!(all.len(), 3);
    let page = rows(&db, &listing::page(account, &newest(None), None, 2));
    let last = Mark::Created(
        EpochMs(1001),
        Id::parse(match &page[1][0] {
            Value::Text(id) => id,
            other => panic!("{other:?}"),
        })
        .unwrap(),
    );
    let rest = rows(&db, &listing::page(account, &newest(Some(last)), None, 10));
    assert_eq!(rest.len(), 1, "two of the three share a millisecond: the id decides");
    assert_eq!(rows(&db, &ledger::repository::holdings(account, (EpochMs(u64::MAX >> 11), ""), 10)).len(), 3);

    let (first, object) = (Id::from_random([1; 16]), Id::from_random([101; 16]));
    let stranger = Id::from_random([9; 16]);
    let refs = || rows(&db, &Statement { sql: "SELECT refs, doomed_at IS NULL FROM objects WHERE id = ?1", args: vec![object.to_string().into()] });
    run_all(&db, &assets::delete_asset(first, stranger, EpochMs(5)));
    assert_eq!(refs(), [[Value::Integer(1), Value::Integer(1)]], "another account deletes nothing");
    run_all(&db, &assets::delete_asset(first, account, EpochMs(5)));
    assert_eq!(refs(), [[Value::Integer(0), Value::Integer(0)]]);
    let again = Asset { id: Id::from_random([7; 16]), object_id: object, ..asset(account, &namespace, 7, 9) };
    run_all(&db, &dedup::refer(&again, None));
    assert_eq!(refs(), [[Value::Integer(1), Value::Integer(1)]], "in its grace period it can be had again");
    assert_eq!(run(&db, &dedup::claim_deletion(EpochMs(100))), 0, "what is referenced stays");
    run_all(&db, &assets::delete_asset(again.id, account, EpochMs(10)));
    assert_eq!(
        (run(&db, &dedup::claim_deletion(EpochMs(9))), run(&db, &dedup::claim_deletion(EpochMs(10)))),
        (0, 1),
        "the grace period counts from the last deletion"
    );
    run_all(&db, &dedup::refer(&again, None));
    assert_eq!(rows(&db, &ledger::repository::asset_stored(again.id)).len(), 0, "what is condemned takes no references");
    assert_eq!(rows(&db, &dedup::claimed_deletions("", 10)).len(), 1);
    assert_eq!(run(&db, &dedup::delete_object_row(object)), 1);
}

#[test]
fn duplicate_object_is_merged_with_its_references_and_chunks() {
    let (db, account, namespace) = seeded();
    let hash = Sha256Hex::of(b"bytes");
    for seed in 1..=2 {
        let asset =
            Asset { claimed_sha256: Some(hash.clone().into()), verification: "pending".into(), ..asset(account, &namespace, seed, u64::from(seed)) };
        run_all(&db, &assets::insert(&asset, Via::Simple, None));
        let chunk = [Chunk { h: &hash, s: 10, f: 0 }, Chunk { h: &Sha256Hex::of(&[seed]), s: 5, f: 0 }];
        run(&db, &dedup::insert_chunks(&namespace, asset.object_id, &chunk));
    }
    let (first, second) = (Id::from_random([101; 16]), Id::from_random([102; 16]));
    assert_eq!(rows(&db, &dedup::duplicate(account, &hash, 10, None, Wanted { name: "", path: None })).len(), 0, "nobody has looked at them");
    assert_eq!(rows(&db, &dedup::pending(EpochMs(9), (EpochMs(0), 0), 10)).len(), 2);
    for object in [first, second] {
        assert_eq!(rows(&db, &dedup::to_verify(object)).len(), 1);
        assert_eq!(
            (run(&db, &dedup::set_verification(object, "verified", &hash)), run(&db, &dedup::set_verification(object, "mismatch", &hash))),
            (1, 0),
            "once only"
        );
    }
    let Value::Text(oldest) = &rows(&db, &dedup::in_namespace(&namespace, &hash, 10))[0][0] else { panic!() };
    assert_eq!(oldest, &first.to_string());
    let both = [Id::from_random([1; 16]), Id::from_random([2; 16])];
    let merge = |from: Id, to: Id, at: u64| {
        let counted = add_upload(&namespace, &UploadCount::deduplicated(10), Only::IfMerged(from), EpochMs(at));
        run_all(&db, &dedup::merge(from, to, &both, counted, EpochMs(at)));
        let saved =
            |table: &str| db.query_row(&format!("SELECT COALESCE(SUM(saved_bytes), 0) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(saved("upload_hourly"), saved("upload_totals"));
        saved("upload_totals")
    };
    assert_eq!(merge(first, second, 49), 0);
    assert_eq!(
        (rows(&db, &dedup::owners(first, 10)).len(), rows(&db, &dedup::owners(second, 10)).len()),
        (1, 1),
        "nothing moves to one that is not the oldest"
    );
    assert_eq!((merge(second, first, 50), merge(second, first, 50)), (10, 10), "saved once, also if the batch is repeated");
    assert_eq!(rows(&db, &dedup::owners(first, 10)).len(), 2);
    assert_eq!((rows(&db, &dedup::verified(first)).len(), rows(&db, &dedup::verified(second)).len()), (1, 1));
    let found = rows(&db, &dedup::find_chunks(&namespace, &[hash.clone(), Sha256Hex::of(&[2]), Sha256Hex::of(b"absent")]));
    assert!(found.len() == 2 && found.iter().all(|row| row[2] == Value::Text("users/u1/o/1".into())), "{found:?}");
    assert_eq!(rows(&db, &dedup::find_chunks(&Name::parse("other").unwrap(), std::slice::from_ref(&hash))).len(), 0);
    let found = rows(&db, &dedup::duplicate(account, &hash, 10, Some(&namespace), Wanted { name: "2.bin", path: None }));
    assert_eq!(
        (found.len(), &found[0][0], &found[0][4]),
        (2, &Value::Integer(1), &Value::Text("2.bin".into())),
        "a row for each object, with the asset of that name"
    );
    assert_eq!(rows(&db, &dedup::duplicate(Id::from_random([9; 16]), &hash, 10, None, Wanted { name: "", path: None })).len(), 0);
    assert_eq!(run(&db, &dedup::claim_deletion(EpochMs(50))), 1);
    assert_eq!(merge(first, second, 60), 10);
    assert_eq!(rows(&db, &dedup::owners(first, 10)).len(), 2, "nothing moves to what the collector has");
}

#[test]
fn chunks_of_an_object_claimed_for_deletion_are_not_found() {
    let (db, account, namespace) = seeded();
    let asset = asset(account, &namespace, 1, 1);
    run_all(&db, &assets::insert(&asset, Via::Simple, None));
    let hash = Sha256Hex::of(b"chunk");
    run(&db, &dedup::insert_chunks(&namespace, asset.object_id, &[Chunk { h: &hash, s: 10, f: 0 }]));
    let offered = || rows(&db, &dedup::find_chunks(&namespace, std::slice::from_ref(&hash))).len();
    db.execute("DELETE FROM assets", []).unwrap();
    run(&db, &dedup::recount(asset.object_id, EpochMs(10)));
    assert_eq!(offered(), 1, "without references, but not yet claimed");
    assert_eq!(run(&db, &dedup::claim_deletion(EpochMs(10))), 1);
    assert_eq!(offered(), 0);
}

#[test]
fn object_of_another_namespace_is_found_if_both_opt_in_and_challenge_is_taken_once() {
    let (db, account, own) = seeded();
    let hash = Sha256Hex::of(b"bytes");
    let (theirs, ours) = (Name::parse("jt_customer_theirs").unwrap(), Name::parse("jt_customer_ours").unwrap());
    for name in [&theirs, &ours] {
        db.execute("INSERT INTO namespaces (name, created_at, cross_namespace_dedup) VALUES (?1, 0, 1)", [name.as_str()]).unwrap();
    }
    db.execute("INSERT INTO namespace_members (account_id, namespace, created_at) VALUES (?1, ?2, 0)", [&account.to_string(), ours.as_str()])
        .unwrap();
    let verified = Asset { claimed_sha256: Some(hash.clone().into()), verification: "pending".into(), ..asset(account, &theirs, 1, 1) };
    run_all(&db, &assets::insert(&verified, Via::Simple, None));
    let object = verified.object_id;
    let question = |namespace| possession::Question { account, namespace, hash: &hash, size: 10 };
    assert_eq!(rows(&db, &possession::shareable(question(&ours))).len(), 0, "nobody has looked at them");
    run(&db, &dedup::set_verification(object, "verified", &hash));
    assert_eq!(rows(&db, &possession::shareable(question(&theirs))).len(), 0, "it has them itself");
    let found = rows(&db, &possession::shareable(question(&ours)));
    assert_eq!((found.len(), &found[0][5]), (1, &Value::Text(ours.to_string())), "as an asset of the namespace that asks");
    assert_eq!(rows(&db, &dedup::duplicate(account, &hash, 10, None, Wanted { name: "", path: None })).len(), 0, "unproven it is nobody's");

    let drawn = |seed| Challenge::draw(Id::from_random([seed; 16]), 10, &[seed; RANDOM_BYTES], EpochMs(5));
    let ask = |seed| rows(&db, &possession::insert_challenge(question(&ours), &drawn(seed), object, EpochMs(5))).len();
    assert_eq!((ask(1), ask(2)), (1, 1));
    let asked = |namespace| rows(&db, &possession::shareable_of_challenge(question(namespace))).len();
    assert_eq!((asked(&ours), asked(&own)), (1, 0), "the object that was asked about");
    assert_eq!(rows(&db, &possession::consume_challenge(question(&own))).len(), 0);
    let taken = rows(&db, &possession::consume_challenge(question(&ours)));
    assert_eq!((taken.len(), &taken[0][0], &taken[0][3]), (1, &Value::Text(drawn(2).id.to_string()), &Value::Text("[[0,9]]".into())));
    assert_eq!(rows(&db, &possession::consume_challenge(question(&ours))).len(), 0, "once");
    assert_eq!(run(&db, &possession::restore_challenge(question(&ours), drawn(1).id)), 0, "another question");
    assert_eq!(run(&db, &possession::restore_challenge(question(&ours), drawn(2).id)), 1);
    assert_eq!(rows(&db, &possession::consume_challenge(question(&ours))).len(), 1, "what was given back can be answered");
    for seed in 3..5 {
        assert_eq!((ask(seed), rows(&db, &possession::consume_challenge(question(&ours))).len()), (1, 1));
    }
    assert_eq!(ask(5), 0, "three answers a day");
    let (early, end) = (EpochMs(5 + MEMORY_MS - 1), EpochMs(5 + MEMORY_MS));
    let forgotten = |at| rows(&db, &possession::cleanup(at, 10)).len();
    assert_eq!((forgotten(early), forgotten(end), ask(6)), (0, 1, 1));

    let proven = Asset { namespace: ours.clone(), object_id: object, ..asset(account, &ours, 7, 9) };
    run_all(&db, &dedup::refer(&proven, None));
    let found = rows(&db, &dedup::duplicate(account, &hash, 10, Some(&ours), Wanted { name: "", path: None }));
    assert_eq!((found.len(), &found[0][0], &found[0][6]), (1, &Value::Integer(1), &Value::Text(ours.to_string())));
    assert_eq!(found[0].last(), Some(&Value::Integer(1)), "borrowed");
    assert_eq!(rows(&db, &assets::reachable(proven.id, account))[0].last(), Some(&Value::Integer(1)));
    assert_eq!(rows(&db, &assets::reachable(verified.id, account))[0].last(), Some(&Value::Integer(0)));
    db.execute("UPDATE namespaces SET cross_namespace_dedup = 0 WHERE name = ?1", [theirs.as_str()]).unwrap();
    assert_eq!(rows(&db, &possession::shareable(question(&ours))).len() + asked(&ours), 0);
}

#[test]
fn session_closes_once_and_is_found_by_its_account_only() {
    let (db, account, namespace) = seeded();
    let meta = Meta { upload_id: "up".into(), created: EpochMs(1_795_000_000_000), ..upload_of(account, &namespace, Id::from_random([1; 16])) };
    run(&db, &uploads::repository::insert(&meta));
    let stranger = Id::from_random([9; 16]);
    assert_eq!(rows(&db, &uploads::repository::by_id(meta.session, account)).len(), 1);
    assert_eq!(rows(&db, &uploads::repository::by_upload_id("up", account)).len(), 1);
    assert!(rows(&db, &uploads::repository::by_id(meta.session, stranger)).is_empty());
    assert!(rows(&db, &uploads::repository::by_upload_id("up", stranger)).is_empty());
    assert_eq!(rows(&db, &uploads::repository::of_account(account, "open", None, 10)).len(), 1);
    assert_eq!(run(&db, &uploads::repository::close(meta.session, "complete", None, EpochMs(2))), 1);
    assert_eq!(run(&db, &uploads::repository::close(meta.session, "failed", Some("client"), EpochMs(3))), 0, "what is over stays as it is");
    assert!(rows(&db, &uploads::repository::of_account(account, "open", None, 10)).is_empty());
}

#[test]
fn videos_are_listed_by_id_without_reading_their_files() {
    let (db, account, namespace) = seeded();
    let statement = "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at, doomed_at) \
         VALUES (?1, ?2, ?3, ?2 || '/' || ?3, ?4, '', 1, '', '', ?5, ?6)";
    let put = |video: &str, path: &str, at: i64, doomed: Option<i64>| {
        db.execute(statement, (namespace.as_str(), video, path, account.to_string(), at, doomed)).unwrap();
    };
    let files: Vec<String> = (0..5_000).map(|number| format!("{number}.ts")).collect();
    for file in &files {
        put("b", file, 1, None);
    }
    put("b", "index.m3u8", 2, None);
    put("b", "master.m3u8", 3, None);
    put("a", "index.m3u8", 4, None);
    put("a", "master.m3u8", 5, Some(6));
    put("c", "index.m3u8", 7, Some(8));
    put("d", "other.m3u8", 9, None);
    let text = |text: &str| Value::Text(text.to_owned());
    let all = [
        vec![text("a"), text("index.m3u8"), Value::Integer(4)],
        vec![text("b"), text("master.m3u8"), Value::Integer(3)],
        vec![text("d"), Value::Null, Value::Null],
    ];
    assert_eq!(rows(&db, &videos::list(&namespace, None, 10)), all);
    assert_eq!(rows(&db, &videos::list(&namespace, None, 2)), all[..2]);
    assert_eq!(rows(&db, &videos::list(&namespace, Some(&Name::parse("b").unwrap()), 10)), all[2..]);
    assert!(rows(&db, &videos::list(&Name::parse("jt_user_other").unwrap(), None, 10)).is_empty());
    let listed = videos::list(&namespace, None, 10);
    let mut prepared = db.prepare(listed.sql).unwrap();
    let values = values(&listed);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    assert_eq!(prepared.query_map(params.as_slice(), |_| Ok(())).unwrap().count(), 3);
    let steps = prepared.get_status(StatementStatus::VmStep);
    assert!(steps < 1_000, "{steps} steps of SQLite for three videos, one of which has 5,000 files");
}

#[test]
fn video_file_changes_only_from_the_state_that_was_read() {
    let (db, account, namespace) = seeded();
    let id = |seed: u8| Id::from_random([seed; 16]);
    let place = Place { namespace: namespace.clone(), video: Name::parse("film").unwrap(), path: VideoPath::parse("a/0.ts").unwrap() };
    let version = |seed: u8, etag: &str| NewFile {
        id: id(seed),
        account,
        namespace: namespace.clone(),
        video: place.video.clone(),
        path: place.path.clone(),
        s3_key: place.key(),
        size: 10,
        etag: etag.to_owned(),
        content_type: "video/mp2t".to_owned(),
        live_seconds: Some(4),
        started: EpochMs(1),
        created_at: EpochMs(2),
    };
    let present = || {
        let found = rows(&db, &videos::place(&place.namespace, &place.video, &place.path));
        found.into_iter().next().map(|row| (row[0].clone(), row[2].clone(), row[3] != Value::Null))
    };
    let text = |id: Id| Value::Text(id.to_string());
    assert_eq!(rows(&db, &videos::put(&version(1, "one"), None)).len(), 1);
    let seen = Present { id: id(1), account_id: account, etag: "one".to_owned(), doomed_at: None, replaced_id: None, replaced_account: None };
    let there = AtStore { etag: "two".to_owned(), size: 20 };
    // It was replaced since it was read.
    assert!(rows(&db, &videos::put(&version(3, "three"), Some(id(9)))).is_empty(), "another version is there");
    assert_eq!(rows(&db, &videos::put(&version(3, "three"), Some(id(1)))).len(), 1);
    assert!(rows(&db, &videos::supersede(&seen, id(2), account, &there, EpochMs(5))).is_empty());
    let seen = Present { id: id(3), etag: "three".to_owned(), ..seen };
    assert_eq!(rows(&db, &videos::supersede(&seen, id(2), account, &there, EpochMs(5))).len(), 1);
    assert_eq!(present(), Some((text(id(2)), Value::Text("two".to_owned()), false)));
    let stored = rows(&db, &ledger::repository::video_holdings(account, "", 10));
    assert_eq!(stored, [vec![text(id(2)), text(id(2)), Value::Integer(20), Value::Integer(5)]]);
    assert!(rows(&db, &ledger::repository::video_holdings(account, &id(2).to_string(), 10)).is_empty());
    // A present object is not claimed for deletion; an absent one is, and no write succeeds until its row is deleted.
    assert!(rows(&db, &videos::claim_deletion(&place, id(4), account, EpochMs(6))).is_empty());
    run(&db, &videos::delete_version(id(2), "one"));
    assert_eq!(present(), Some((text(id(2)), Value::Text("two".to_owned()), false)), "not what was seen");
    run(&db, &videos::delete_version(id(2), "two"));
    assert_eq!(present(), None);
    assert_eq!(rows(&db, &videos::claim_deletion(&place, id(4), account, EpochMs(6))).len(), 1);
    assert_eq!(present(), Some((text(id(4)), Value::Text(String::new()), true)));
    assert!(rows(&db, &videos::put(&version(5, "five"), Some(id(4)))).is_empty());
    assert!(rows(&db, &videos::supersede(&Present { id: id(4), etag: String::new(), ..seen }, id(2), account, &there, EpochMs(7))).is_empty());
    assert_eq!(rows(&db, &videos::has_deleted(&namespace, &place.video)).len(), 1);
    run(&db, &videos::delete_version(id(4), ""));
    let claim = |at: u64| rows(&db, &videos::claim_deleted(&namespace, &place.video, 10, EpochMs(at))).len();
    assert_eq!((claim(1_000_000), claim(1_000_001)), (1, 0), "what is to go stays until it is gone, and is one job's at a time");
    run(&db, &videos::unclaim(id(4), EpochMs(999_999)));
    assert_eq!(claim(1_000_002), 0, "nobody gives up another's claim");
    run(&db, &videos::unclaim(id(4), EpochMs(1_000_000)));
    assert_eq!(claim(1_000_003), 1);
    run(&db, &videos::delete_row(id(4)));
    assert!(rows(&db, &videos::has_deleted(&namespace, &place.video)).is_empty());
    let nowhere = Place { namespace: Name::parse("jt_customer_gone").unwrap(), ..place };
    assert!(rows(&db, &videos::claim_deletion(&nowhere, id(6), account, EpochMs(8))).is_empty(), "without its namespace");
}

#[test]
fn closed_uploads_are_pruned_by_age_and_trimmed_by_number_and_open_ones_stay() {
    let (db, account, namespace) = seeded();
    let session = |n: u8| Id::from_random([n; 16]);
    for n in 1..=9 {
        let meta = Meta { asset: session(100 + n), upload_id: n.to_string(), ..upload_of(account, &namespace, session(n)) };
        run(&db, &uploads::repository::insert(&meta));
        if n > 2 {
            run(
                &db,
                &uploads::repository::close(session(n), ["complete", "failed", "expired"][usize::from(n) % 3], None, EpochMs(u64::from(n) * 10)),
            );
        }
    }
    let left = || -> Vec<u8> {
        let found = rows(&db, &Statement { sql: "SELECT id FROM upload_sessions ORDER BY id", args: vec![] });
        (1..=9).filter(|n| found.contains(&vec![Value::Text(session(*n).to_string())])).collect()
    };
    let open = rows(&db, &ledger::repository::open_uploads(account, "", 10));
    let row = |n: u8| vec![Value::Text(session(n).to_string()), Value::Text(session(100 + n).to_string()), Value::Integer(100)];
    assert_eq!(open, [row(1), row(2)]);
    assert_eq!(rows(&db, &ledger::repository::open_uploads(account, &session(1).to_string(), 10)), [row(2)]);
    assert!(rows(&db, &ledger::repository::open_uploads(session(77), "", 10)).is_empty());

    assert_eq!(rows(&db, &uploads::repository::prune(EpochMs(50), 1)).len(), 1, "a step");
    assert_eq!(rows(&db, &uploads::repository::prune(EpochMs(50), 10)).len(), 1);
    assert_eq!(left(), [1, 2, 5, 6, 7, 8, 9], "what was closed at 50 is not older than 50");
    assert!(rows(&db, &uploads::repository::trim(session(77), 0, 10)).is_empty(), "another account's");
    assert_eq!(rows(&db, &uploads::repository::trim(account, 3, 10)).len(), 2);
    assert_eq!(left(), [1, 2, 7, 8, 9], "the newest three");
    assert!(rows(&db, &uploads::repository::trim(account, 3, 10)).is_empty());
}

/// The migration that adds them gives the five tiers their counts, and any other tier a default.
#[test]
fn tiers_have_their_counts() {
    let (db, ..) = seeded();
    let counts = rows(&db, &Statement { sql: "SELECT tier, max_objects, max_open_uploads FROM tier_configs ORDER BY rank", args: vec![] });
    let row = |tier: &str, objects: i64, uploads: i64| vec![Value::Text(tier.to_owned()), Value::Integer(objects), Value::Integer(uploads)];
    assert_eq!(
        counts,
        [
            row("free", 100, 2),
            row("starter", 10_000, 20),
            row("pro", 100_000, 100),
            row("business", 1_000_000, 500),
            row("enterprise", 2_000_000, 2_000)
        ]
    );
}

#[test]
fn expired_first_answers_are_deleted_some_at_a_time() {
    let (db, ..) = seeded();
    for n in 0..5 {
        let (keys, hooks) = (
            "INSERT INTO idempotency (scope, key, fingerprint, claim, claimed_at, expires_at)",
            "INSERT INTO webhook_inbox (webhook_id, claim, claimed_at, expires_at)",
        );
        db.execute(&format!("{keys} VALUES ('a', 'k{n}', 'f', 'c', 1, {n})"), []).unwrap();
        db.execute(&format!("{hooks} VALUES ('w{n}', 'c', 1, {n})"), []).unwrap();
    }
    for statement in [jettyspeed_edge::idempotency::repository::forget_keys, jettyspeed_edge::idempotency::repository::forget_webhooks] {
        assert_eq!([2, 2, 2].map(|limit| rows(&db, &statement(EpochMs(2), limit)).len()), [2, 1, 0]);
    }
    let left = |table: &str| db.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((left("idempotency"), left("webhook_inbox")), (2, 2));
}

#[test]
fn transaction_of_a_request_whose_key_another_call_has_claimed_changes_nothing() {
    let (db, ..) = seeded();
    let slots = [Slot::Key { scope: "a".to_owned(), key: "k".to_owned(), fingerprint: "f".to_owned() }, Slot::Webhook { id: "w".to_owned() }];
    for slot in slots {
        assert_eq!(rows(&db, &slot.claim("ours", EpochMs(1))).len(), 1);
        assert_eq!(rows(&db, &slot.hold("ours")).len(), 1, "{slot:?}");
        let lost = slot.hold("another's");
        let values = values(&lost);
        let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let error = db.query_row(lost.sql, params.as_slice(), |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("malformed JSON"), "{slot:?}: {error}");
    }
}
