//! Who may change what in a namespace, on a real SQLite: the statements that hold the rights, against this file's own record of them.

mod sqlite;

use proptest::prelude::*;
use rusqlite::{Connection, ToSql};
use sqlite::{database, values};

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::namespaces::namespace::Namespace;
use jettyspeed_edge::namespaces::repository as namespaces;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::video::owner::repository as owners;
use jettyspeed_edge::video::path::VideoPath;
use jettyspeed_edge::video::repository as videos;

const SHARED: &str = "jt_customer_shared";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rows(db: &Connection, statement: &Statement) -> usize {
    let values = values(statement);
    let params: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut prepared = db.prepare_cached(statement.sql).unwrap();
    let mut found = prepared.query(params.as_slice()).unwrap();
    let mut count = 0;
    while found.next().unwrap().is_some() {
        count += 1;
    }
    count
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut prepared = db.prepare(sql).unwrap();
    prepared.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// A database with the shared namespace and accounts of these users, which are members of it.
fn shared_by(users: &[&str]) -> (Connection, Vec<Id>) {
    let db = database();
    rows(&db, &namespaces::insert(&Namespace::new(name(SHARED), EpochMs(1))));
    let accounts = users.iter().map(|user| {
        db.execute_batch(&jettyspeed_devstack::seed::Seed::draw(user, "pro").unwrap().sql("bucket")).unwrap();
        rows(&db, &namespaces::put_member(&name(user), SHARED, Role::Member, EpochMs(1)));
        let id: String = db.query_row("SELECT id FROM accounts WHERE agentcache_user_id = ?1", [user], |row| row.get(0)).unwrap();
        Id::parse(&id).unwrap()
    });
    let accounts = accounts.collect();
    (db, accounts)
}

fn roles(db: &Connection) -> Vec<String> {
    texts(
        db,
        "SELECT a.agentcache_user_id || ' ' || m.namespace || ' ' || m.role FROM namespace_members m JOIN accounts a ON a.id = m.account_id ORDER BY 1",
    )
}

#[test]
fn put_of_a_member_states_its_role_and_never_demotes_the_account_of_a_namespace() {
    let (db, _) = shared_by(&["ada"]);
    for (namespace, role, stored) in [
        (SHARED, Role::Manager, "manager"),
        (SHARED, Role::Member, "member"),
        ("jt_user_ada", Role::Member, "manager"),
        ("jt_user_ada", Role::Manager, "manager"),
    ] {
        rows(&db, &namespaces::put_member(&name("ada"), namespace, role, EpochMs(2)));
        assert!(roles(&db).contains(&format!("ada {namespace} {stored}")), "{namespace} {role:?}: {:?}", roles(&db));
    }
    rows(&db, &namespaces::put_member(&name("nobody"), SHARED, Role::Manager, EpochMs(2)));
    rows(&db, &namespaces::put_member(&name("ada"), "absent", Role::Manager, EpochMs(2)));
    assert_eq!(roles(&db).len(), 2);
}

/// One file of the video, as a write of `account` leaves it.
fn file(account: Id, video: &str, version: u8) -> videos::NewFile {
    videos::NewFile {
        id: Id::from_random([version; 16]),
        account,
        namespace: name(SHARED),
        video: name(video),
        path: VideoPath::parse("index.m3u8").unwrap(),
        s3_key: format!("ns/{SHARED}/v/{video}/index.m3u8"),
        size: 7,
        etag: "e".into(),
        content_type: "a/b".into(),
        live_seconds: None,
        started: EpochMs(1),
        created_at: EpochMs(2),
    }
}

fn begin(db: &Connection, account: Id, video: &str, manages: bool, now: u64) -> bool {
    rows(db, &owners::begin_write(&name(SHARED), &name(video), account, manages, EpochMs(now))) == 1
}

#[test]
fn second_account_to_begin_a_video_is_refused_until_nothing_of_it_is_left() {
    let (db, accounts) = shared_by(&["ada", "bob"]);
    let [ada, bob] = [accounts[0], accounts[1]];
    assert!(begin(&db, ada, "film", false, 1), "the first");
    assert!(!begin(&db, bob, "film", false, 1) && begin(&db, ada, "film", false, 1) && begin(&db, bob, "other", false, 1));
    let cancel = || owners::cancel_write(&name(SHARED), &name("film")).iter().for_each(|statement| assert!(rows(&db, statement) == 0));
    cancel();
    assert!(!begin(&db, bob, "film", false, 2), "one of two writes is still under way");
    cancel();
    assert!(begin(&db, bob, "film", false, 3), "both failed: the name is free");
    assert!(!begin(&db, ada, "film", false, 3));

    // Stored, deleted, and its bytes gone.
    rows(&db, &videos::put(&file(bob, "film", 1), None));
    rows(&db, &owners::end_write(&name(SHARED), &name("film")));
    let delete = |account, manages| rows(&db, &videos::mark_deleted(&name(SHARED), &name("film"), account, manages, EpochMs(4)));
    assert_eq!((delete(ada, false), begin(&db, ada, "film", false, 4)), (0, false));
    assert_eq!(rows(&db, &owners::owner(&name(SHARED), &name("film"))), 1);
    assert_eq!(delete(bob, false), 1);
    assert!(!begin(&db, ada, "film", false, 5), "its bytes are not deleted yet");
    rows(&db, &videos::delete_row(Id::from_random([1; 16])));
    owners::release(&name(SHARED), &name("film")).iter().for_each(|statement| assert!(rows(&db, statement) == 0));
    assert!(begin(&db, ada, "film", false, 6));
}

#[test]
fn namespace_is_not_deleted_while_a_write_of_a_video_may_store_bytes_in_it() {
    let (db, accounts) = shared_by(&["ada"]);
    let history = |session: u8| {
        db.execute(
            "INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, allow_unsigned, status, \
             created_at, updated_at) VALUES (?1, ?2, ?3, 'k', 'u', 'f', 1, 1, 'a/b', 0, 'failed', 1, 1)",
            (Id::from_random([session; 16]).to_string(), accounts[0].to_string(), SHARED),
        )
        .unwrap();
    };
    let delete = || namespaces::delete(SHARED).iter().map(|statement| rows(&db, statement)).sum::<usize>();
    let uploads = || texts(&db, "SELECT id FROM upload_sessions").len();
    history(1);

    assert!(begin(&db, accounts[0], "film", false, 1));
    assert_eq!((delete(), uploads()), (0, 1), "its bytes may arrive");
    rows(&db, &videos::put(&file(accounts[0], "film", 1), None));
    rows(&db, &owners::end_write(&name(SHARED), &name("film")));
    assert_eq!((delete(), uploads()), (0, 1), "it has a file");
    db.execute("DELETE FROM video_files", []).unwrap();
    assert!(begin(&db, accounts[0], "lost", false, 2));
    assert_eq!((delete(), uploads()), (0, 1), "a write of another video");
    rows(&db, &owners::forget_lost(EpochMs(3 + 86_400_000)));
    assert_eq!((delete(), uploads()), (1, 0), "neither files nor writes");
    assert!(texts(&db, "SELECT video_id FROM videos").is_empty());
}

#[test]
fn video_whose_write_never_ended_is_forgotten_after_a_day_unless_it_has_files() {
    const DAY: u64 = 86_400_000;
    let (db, accounts) = shared_by(&["ada", "bob"]);
    for (version, video) in [(1, "kept"), (2, "lost"), (3, "young")] {
        assert!(begin(&db, accounts[0], video, false, if video == "young" { DAY } else { 1 }));
        if video == "kept" {
            rows(&db, &videos::put(&file(accounts[0], video, version), None));
        }
    }
    rows(&db, &owners::forget_lost(EpochMs(DAY + 1)));
    assert_eq!(texts(&db, "SELECT video_id FROM videos ORDER BY 1"), ["kept", "lost", "young"], "to the day");
    rows(&db, &owners::forget_lost(EpochMs(DAY + 2)));
    assert_eq!(texts(&db, "SELECT video_id FROM videos ORDER BY 1"), ["kept", "young"]);
    assert!(begin(&db, accounts[1], "lost", false, DAY + 2) && !begin(&db, accounts[1], "kept", false, DAY + 2));
}

/// Files that were stored by a version that knew no owners.
#[test]
fn file_without_an_owners_row_is_its_accounts() {
    let (db, accounts) = shared_by(&["ada", "bob"]);
    let [ada, bob] = [accounts[0], accounts[1]];
    rows(&db, &videos::put(&file(ada, "film", 1), None));
    let delete = |account| rows(&db, &videos::mark_deleted(&name(SHARED), &name("film"), account, false, EpochMs(4)));
    assert_eq!((begin(&db, bob, "film", false, 1), delete(bob), rows(&db, &owners::owner(&name(SHARED), &name("film")))), (false, 0, 1));
    assert!(begin(&db, ada, "film", false, 1) && !begin(&db, bob, "film", false, 1));
    rows(&db, &owners::end_write(&name(SHARED), &name("film")));
    assert_eq!((delete(bob), delete(ada)), (0, 1));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    Store,
    Cancel,
    Delete,
    Remove,
}

/// A video as this test sees it.
#[derive(Default)]
struct Video {
    owner: Option<usize>,
    writes: Vec<usize>,
    file: bool,
    deleted: bool,
    /// The version that is there, deleted or not.
    present: Option<Id>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two members and a manager, in any order.
    #[test]
    fn no_member_stores_into_or_deletes_a_video_of_another(
        steps in prop::collection::vec((0usize..3, prop::sample::select(vec![Step::Begin, Step::Begin, Step::Store, Step::Cancel, Step::Delete, Step::Remove])), 1..40),
    ) {
        let (db, accounts) = shared_by(&["ada", "bob", "manager"]);
        let mut video = Video::default();
        for (number, (who, step)) in steps.into_iter().enumerate() {
            let (manages, account) = (who == 2, accounts[who]);
            let may = manages || video.owner.is_none_or(|owner| owner == who);
            match step {
                Step::Begin => {
                    prop_assert_eq!(begin(&db, account, "film", manages, 1), may);
                    if may {
                        video.owner = video.owner.or(Some(who));
                        video.writes.push(who);
                    }
                }
                Step::Store if video.writes.contains(&who) && !video.deleted => {
                    let put = file(account, "film", u8::try_from(number).unwrap() + 1);
                    prop_assert_eq!(rows(&db, &videos::put(&put, video.present)), 1);
                    video.present = Some(put.id);
                    rows(&db, &owners::end_write(&name(SHARED), &name("film")));
                    video.writes.remove(video.writes.iter().position(|writer| *writer == who).unwrap());
                    video.file = true;
                }
                Step::Cancel if video.writes.contains(&who) => {
                    owners::cancel_write(&name(SHARED), &name("film")).iter().for_each(|statement| assert!(rows(&db, statement) == 0));
                    video.writes.remove(video.writes.iter().position(|writer| *writer == who).unwrap());
                }
                Step::Delete => {
                    let deleted = rows(&db, &videos::mark_deleted(&name(SHARED), &name("film"), account, manages, EpochMs(9)));
                    prop_assert_eq!(deleted == 1, video.file && !video.deleted && may);
                    video.deleted |= deleted == 1;
                }
                Step::Remove if video.deleted => {
                    let id = texts(&db, "SELECT id FROM video_files")[0].clone();
                    rows(&db, &videos::delete_row(Id::parse(&id).unwrap()));
                    owners::release(&name(SHARED), &name("film")).iter().for_each(|statement| assert!(rows(&db, statement) == 0));
                    (video.file, video.deleted) = (false, false);
                }
                Step::Store | Step::Cancel | Step::Remove => {}
            }
            if !video.file && video.writes.is_empty() {
                video.owner = None;
            }
            let stored = texts(&db, "SELECT account_id FROM videos");
            prop_assert_eq!(stored, video.owner.map(|owner| accounts[owner].to_string()).into_iter().collect::<Vec<_>>());
        }
    }
}
