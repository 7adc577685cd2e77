//! The statements about paths on a real SQLite: what a new file does to the one that has its path, and listing by prefix against a model.

mod sqlite;

use std::collections::BTreeSet;

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::paths::path::Path;
use jettyspeed_edge::files::paths::placement::{IfExists, Placement};
use jettyspeed_edge::files::paths::prefix::{PrefixListing, entry_of};
use jettyspeed_edge::files::paths::repository::{Tree, at, at_while_open, count, delete_at, entries, files, free, move_to, place, to_delete};
use jettyspeed_edge::files::repository::{Via, insert};
use jettyspeed_edge::uploads::session::state::Meta;
use jettyspeed_edge::webhooks::data;
use jettyspeed_edge::webhooks::event::{Event, EventKind};
use jettyspeed_edge::webhooks::repository::{self as webhooks, Only};
use proptest::prelude::*;
use rusqlite::{Connection, params_from_iter};
use sqlite::{database, values};

const ACCOUNT: u8 = 200;

fn compose(text: &str) -> String {
    icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

fn id(n: u8) -> Id {
    Id::from_random([n; 16])
}

fn namespace() -> Name {
    Name::parse("jt_user_u1").unwrap()
}

fn with_account() -> Connection {
    let db = database();
    db.execute_batch(&format!(
        "INSERT INTO namespaces (name, display_name, created_at) VALUES ('jt_user_u1', 'U', 1); \
         INSERT INTO accounts (id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, status, created_at, updated_at) \
         VALUES ('{}', 'u1', 'a@example.com', 'pro', 'b', 'users/u1/', 'active', 1, 1)",
        id(ACCOUNT)
    ))
    .unwrap();
    db
}

/// The first column of what a statement gives.
fn column(db: &Connection, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let mut prepared = db.prepare(statement.sql)?;
    let rows = prepared.query_map(params_from_iter(values(statement)), |row| row.get::<_, rusqlite::types::Value>(0))?;
    rows.map(|value| {
        value.map(|value| match value {
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        })
    })
    .collect()
}

fn run(db: &Connection, statements: &[Statement]) -> rusqlite::Result<Vec<Vec<String>>> {
    db.execute_batch("BEGIN")?;
    let all: rusqlite::Result<Vec<_>> = statements.iter().map(|statement| column(db, statement)).collect();
    db.execute_batch(if all.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    all
}

fn asset(n: u8) -> Asset {
    Asset {
        id: id(n),
        account_id: id(ACCOUNT),
        object_id: id(n),
        name: "a".into(),
        content_type: "a/b".into(),
        namespace: namespace(),
        s3_key: format!("users/u1/o/{n}"),
        size: u64::from(n),
        etag: "e".into(),
        claimed_sha256: None,
        sha256: None,
        verification: "none".into(),
        verification_reason: None,
        created_at: EpochMs(u64::from(n)),
        owner_status: "active".into(),
        borrowed: false,
        path: None,
        modified_at: None,
    }
}

fn path(text: &str) -> Path {
    Path::check("path", text, compose).unwrap()
}

fn placement(text: &str, if_exists: IfExists) -> Placement {
    Placement { path: path(text), if_exists, modified_at: Some(EpochMs(7)) }
}

/// Stores file `n` at a path: the path that it gets.
fn store(db: &Connection, n: u8, text: &str, if_exists: IfExists) -> rusqlite::Result<String> {
    let mut statements = insert(&asset(n), Via::Simple, None);
    statements.push(place(&asset(n), &placement(text, if_exists), None));
    run(db, &statements).map(|rows| rows[2][0].clone())
}

fn paths(db: &Connection) -> Vec<String> {
    db.prepare("SELECT path FROM assets ORDER BY path").unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn tree(namespace: &Name) -> Tree<'_> {
    Tree { account: id(ACCOUNT), namespace }
}

#[test]
fn second_file_at_a_path_fails_as_a_whole_or_gets_the_first_free_number() {
    let db = with_account();
    assert_eq!(store(&db, 1, "d/a.txt", IfExists::Fail).unwrap(), "d/a.txt");
    assert!(store(&db, 2, "d/a.txt", IfExists::Fail).is_err());
    assert_eq!(db.query_row("SELECT COUNT(*) FROM objects", [], |row| row.get::<_, i64>(0)).unwrap(), 1, "nothing of a failed batch is left");
    assert_eq!(store(&db, 3, "d/a.txt", IfExists::KeepBoth).unwrap(), "d/a (2).txt");
    assert_eq!(store(&db, 4, "d/a (3).txt", IfExists::Fail).unwrap(), "d/a (3).txt");
    assert_eq!(store(&db, 5, "d/a.txt", IfExists::KeepBoth).unwrap(), "d/a (4).txt");
    assert_eq!(column(&db, &free(id(9), tree(&namespace()), &path("d/a.txt"))).unwrap(), ["d/a (5).txt"]);
    assert_eq!(column(&db, &free(id(1), tree(&namespace()), &path("d/a.txt"))).unwrap(), ["d/a.txt"], "a file is not in its own way");
}

#[test]
fn after_a_hundred_numbers_the_path_has_the_files_id() {
    let db = with_account();
    store(&db, 1, "a", IfExists::Fail).unwrap();
    for n in 2..=100 {
        assert_eq!(store(&db, n, "a", IfExists::KeepBoth).unwrap(), format!("a ({n})"));
    }
    assert_eq!(store(&db, 101, "a", IfExists::KeepBoth).unwrap(), format!("a ({})", id(101)));
    let long = "x".repeat(1_024);
    store(&db, 102, &long, IfExists::Fail).unwrap();
    let numbered = store(&db, 103, &long, IfExists::KeepBoth).unwrap();
    assert!(numbered.ends_with(" (2)") && numbered.len() <= 1_024);
}

#[test]
fn file_whose_path_is_taken_is_deleted_only_if_it_is_still_there_and_the_new_one_is() {
    let db = with_account();
    let old = asset(1);
    store(&db, 1, "a", IfExists::Fail).unwrap();
    let [unrefer, delete] = delete_at(&old, &path("a"), id(2), EpochMs(9));
    assert_eq!(run(&db, &[unrefer.clone(), delete.clone()]).unwrap(), [vec![], Vec::<String>::new()], "the new file was not made");
    assert_eq!(paths(&db), ["a"]);
    let [first, second] = <[_; 2]>::try_from(insert(&asset(2), Via::Simple, None)).unwrap();
    let placed = run(&db, &[first, second, unrefer, delete, place(&asset(2), &placement("a", IfExists::Replace), None)]).unwrap();
    assert_eq!((placed[3].as_slice(), placed[4].as_slice()), ([id(1).to_string()].as_slice(), ["a".to_owned()].as_slice()));
    let doomed = "SELECT doomed_at FROM objects WHERE id = ?1";
    assert_eq!(db.query_row(doomed, [id(1).to_string()], |row| row.get::<_, Option<i64>>(0)).unwrap(), Some(9));
    // Moved away meanwhile.
    let moved = move_to(&asset(2), &placement("b", IfExists::Fail), "b");
    assert_eq!(column(&db, &moved).unwrap(), ["b"]);
    store(&db, 3, "a", IfExists::Fail).unwrap();
    let [unrefer, delete] = delete_at(&asset(2), &path("a"), id(3), EpochMs(9));
    run(&db, &[unrefer, delete]).unwrap();
    assert_eq!(paths(&db), ["a", "b"]);
}

#[test]
fn upload_that_is_over_neither_gets_a_path_nor_sees_a_file_in_its_way() {
    let db = with_account();
    let session = sqlite::upload_of(id(ACCOUNT), &namespace(), id(50));
    run(&db, &[jettyspeed_edge::uploads::repository::insert(&session)]).unwrap();
    store(&db, 1, "a", IfExists::Fail).unwrap();
    let look = at_while_open(tree(&namespace()), &path("a"), id(2), id(50));
    assert_eq!(column(&db, &look).unwrap(), [id(1).to_string()]);
    assert_eq!(column(&db, &at_while_open(tree(&namespace()), &path("a"), id(1), id(50))).unwrap(), Vec::<String>::new(), "its own file");
    run(&db, &[jettyspeed_edge::uploads::repository::close(id(50), "complete", None, EpochMs(2))]).unwrap();
    assert_eq!(column(&db, &look).unwrap(), Vec::<String>::new());
    run(&db, &insert(&asset(2), Via::Simple, None)).unwrap();
    assert_eq!(column(&db, &place(&asset(2), &placement("b", IfExists::Fail), Some(id(50)))).unwrap(), Vec::<String>::new());
}

/// The event was made for the path that was free a moment before.
#[test]
fn event_of_a_file_that_is_numbered_in_the_last_moment_tells_the_path_that_it_got() {
    let db = with_account();
    run(&db, &[webhooks::insert_endpoint(id(60), &namespace(), "https://a.example", r#"["upload.completed"]"#, "sealed", EpochMs(1))]).unwrap();
    let told = |n: u8| {
        let expected = Asset { path: Some(path("d/a.txt")), ..asset(n) };
        Event::new(EventKind::UploadCompleted, &data::upload_completed(&expected, vec![], "https://h", EpochMs(1)), EpochMs(1), &[n; 176])
    };
    let paths = |db: &Connection| -> Vec<String> {
        let sql = "SELECT body ->> '$.data.asset.path' FROM webhook_outbox ORDER BY rowid";
        db.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    store(&db, 1, "d/a.txt", IfExists::Fail).unwrap();
    // In one request.
    let mut statements = insert(&asset(2), Via::Simple, None);
    statements.push(place(&asset(2), &placement("d/a.txt", IfExists::KeepBoth), None));
    statements.push(webhooks::emit(&namespace(), &told(2), Only::WithAsset(id(2))));
    run(&db, &statements).unwrap();
    assert_eq!(paths(&db), ["d/a (2).txt"]);
    // In parts.
    let session = Meta { asset: id(3), ..sqlite::upload_of(id(ACCOUNT), &namespace(), id(50)) };
    run(&db, &[jettyspeed_edge::uploads::repository::insert(&session)]).unwrap();
    let mut statements = insert(&asset(3), Via::Session(id(50)), None);
    statements.push(place(&asset(3), &placement("d/a.txt", IfExists::KeepBoth), Some(id(50))));
    statements.push(webhooks::emit(&namespace(), &told(3), Only::WhileOpen(id(50))));
    run(&db, &statements).unwrap();
    assert_eq!(paths(&db), ["d/a (2).txt", "d/a (3).txt"]);
}

#[test]
fn path_is_unique_for_its_owner_and_namespace_and_case_counts() {
    let db = with_account();
    store(&db, 1, "a", IfExists::Fail).unwrap();
    store(&db, 2, "A", IfExists::Fail).unwrap();
    store(&db, 3, "e\u{301}", IfExists::Fail).unwrap();
    assert!(store(&db, 4, "\u{e9}", IfExists::Fail).is_err(), "the same name, composed");
    assert_eq!(column(&db, &at(tree(&Name::parse("jt_user_u2").unwrap()), &path("a"))).unwrap(), Vec::<String>::new());
}

#[test]
fn files_of_a_prefix_that_came_later_are_not_deleted() {
    let db = with_account();
    for (n, text) in [(1, "d/a"), (2, "d/b"), (3, "e"), (9, "d/c")] {
        store(&db, n, text, IfExists::Fail).unwrap();
    }
    let space = namespace();
    let of = |after: &str, limit| column(&db, &to_delete(tree(&space), "d/", after, EpochMs(5), limit)).unwrap();
    assert_eq!(of("", 10), [id(1).to_string(), id(2).to_string()]);
    assert_eq!(of("d/a", 1), [id(2).to_string()]);
    assert_eq!(column(&db, &count(tree(&space), "d/")).unwrap(), ["Integer(3)"]);
}

/// All pages of a listing: the entries.
fn listed(db: &Connection, prefix: &str, folders: bool, limit: u64) -> Vec<String> {
    let space = namespace();
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let listing = PrefixListing { prefix: prefix.to_owned(), folders, behind };
        let mut page: Vec<String> = if folders {
            let found = column(db, &entries(tree(&space), &listing, limit + 1)).unwrap();
            found.iter().map(|path| entry_of(path, prefix).to_owned()).collect()
        } else {
            let statement = files(tree(&space), &listing, limit + 1);
            let mut prepared = db.prepare(statement.sql).unwrap();
            prepared.query_map(params_from_iter(values(&statement)), |row| row.get("path")).unwrap().map(Result::unwrap).collect()
        };
        let is_last = page.len() as u64 <= limit;
        page.truncate(limit as usize);
        behind = page.last().cloned();
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn listing_in_pages_is_that_of_a_model(
        texts in prop::collection::btree_set("[ab0/.]{1,6}|[aé]/\u{10ffff}?[b/]{0,3}a", 0..25),
        prefix in "[aé]?/?[ab]?/?",
        limit in 1_u64..4,
    ) {
        let db = with_account();
        let stored: BTreeSet<String> = texts.iter().filter_map(|text| Path::check("path", text, compose).ok()).map(|path| path.to_string()).collect();
        for (n, text) in stored.iter().enumerate() {
            store(&db, n as u8 + 1, text, IfExists::Fail).unwrap();
        }
        let with_prefix: Vec<String> = stored.iter().filter(|path| path.starts_with(&prefix)).cloned().collect();
        let mut folded: Vec<String> = with_prefix.iter().map(|path| entry_of(path, &prefix).to_owned()).collect();
        folded.dedup();
        prop_assert_eq!(listed(&db, &prefix, false, limit), with_prefix);
        prop_assert_eq!(listed(&db, &prefix, true, limit), folded);
    }
}
