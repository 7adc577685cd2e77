//! The accounts, namespaces and files of the histories: few, so that operations collide.

use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::accounts::repository::{NewCredentials, provision};
use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::namespaces::repository::put_member;
use jettyspeed_edge::namespaces::role::Role;
use rusqlite::Connection;

use crate::content::LARGE;
use crate::settings::Settings;
use crate::sqlite;

/// A namespace that the first two accounts share.
pub const SHARED: &str = "jt_customer_shared";

/// Accounts.
pub const ACCOUNTS: usize = 3;

/// Users: those of the accounts, and some that have none yet.
pub const USERS: usize = 5;

/// Namespaces that operators create, delete and put accounts into.
pub const SPACES: [&str; 3] = [SHARED, "jt_customer_x", "jt_customer_y"];

/// Files of several parts. Pairs of equal length; several have parts in common.
const LARGE_FILES: [&str; 8] = ["ab", "ac", "ab1", "ab2", "a", "b", "12", "13"];

/// Files of a few bytes.
const SMALL_FILES: [&str; 8] = ["1234", "1235", "12345", "12346", "1", "2", "12", "13"];

/// The files of a history. The other file of the same length is the one whose number differs in the last bit.
pub fn files(settings: &Settings) -> &'static [&'static str; 8] {
    if settings.small { &SMALL_FILES } else { &LARGE_FILES }
}

/// The user of an account.
pub fn user(account: usize) -> Name {
    name(&format!("u{}", account + 1))
}

/// An account's id.
pub fn id(account: usize) -> Id {
    Id::from_random([account as u8 + 1; 16])
}

/// The hash of an account's key.
pub fn key_hash(account: usize) -> Sha256Hex {
    Sha256Hex::of(&[account as u8 + 1])
}

/// The namespace that an account was created with.
pub fn own_namespace(account: usize) -> Name {
    name(&format!("jt_user_u{}", account + 1))
}

/// A name that is known to be one.
///
/// # Panics
/// If it is not.
pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|| panic!("not a name: {text}"))
}

/// Writes what every history begins with.
///
/// # Panics
/// If a statement cannot run.
pub fn install(db: &Connection) {
    let run =
        |statement: &Statement| drop(sqlite::rows(db, statement.sql, &statement.args).unwrap_or_else(|error| panic!("{error}: {}", statement.sql)));
    for account in 0..ACCOUNTS {
        let params = ProvisionParams { user: user(account), email: "a@b".into(), tier: "pro".into() };
        let hash = key_hash(account);
        let new = NewCredentials { key_hash: hash.clone(), secret_hash: hash, sealed: String::new(), sealed_until: EpochMs(0) };
        provision(id(account), &params, "bucket", &new, EpochMs(0), Shard::MAIN).iter().for_each(run);
    }
    db.execute("INSERT INTO namespaces (name, created_at) VALUES (?1, 0)", [SHARED]).expect("the shared namespace");
    for account in 0..2 {
        run(&put_member(&user(account), SHARED, Role::Member, EpochMs(0)));
    }
    db.execute("UPDATE namespaces SET chunk_size = ?1", [LARGE as i64]).expect("the size of parts");
}

/// Writes what differs from history to history.
///
/// # Panics
/// If a statement cannot run.
pub fn adjust(db: &Connection, settings: &Settings) {
    let (storage, objects, uploads) = settings.quota;
    let mut tier = db
        .prepare_cached(
            "UPDATE tier_configs SET storage_quota_gb = ?1, max_objects = ?2, max_open_uploads = ?3, max_file_mb = 100000 WHERE tier = 'pro'",
        )
        .expect("a statement");
    tier.execute([storage as i64, objects as i64, uploads as i64]).expect("the quota");
    let mut sharing = db.prepare_cached("UPDATE namespaces SET cross_namespace_dedup = ?1, allow_unsigned = ?2").expect("a statement");
    sharing.execute([i64::from(settings.shares), i64::from(settings.unsigned)]).expect("what namespaces allow");
    let mut others = db
        .prepare_cached(
            "UPDATE tier_configs SET storage_quota_gb = ?2, max_objects = ?3, max_open_uploads = ?4, max_file_mb = 100000 WHERE tier = ?1",
        )
        .expect("a statement");
    others.execute(("starter", 2, 2, 1)).expect("the quota");
    others.execute(("business", storage as i64 + 3, objects as i64 + 3, uploads as i64 + 2)).expect("the quota");
}

/// Takes what every history begins with out of a database that is not the first one.
///
/// # Panics
/// If a statement cannot run.
pub fn empty(db: &Connection) {
    for statement in [
        "DELETE FROM namespace_members",
        "DELETE FROM credentials",
        "DELETE FROM namespaces WHERE name NOT IN ('jt_customer_seagate', 'jt_customer_wd')",
        "DELETE FROM accounts",
    ] {
        db.execute(statement, []).expect("a statement");
    }
}
