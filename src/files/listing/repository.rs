//! SQL of an account's files in their orders.

use crate::base::id::Id;
use crate::base::sql::{Arg, Statement};
use crate::base::units::MAX_SAFE_INTEGER;
use crate::files::listing::{Key, Listing, Mark};

/// Files of which the names are looked at for one page. A search goes on with the next page behind them.
pub const MAX_LOOKED_AT: u64 = 10_000;

macro_rules! page {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.account_id, a.object_id, a.name, a.content_type, a.namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, o.sha256, \
             o.verification, a.created_at, c.status AS owner_status, o.verification_reason, o.namespace <> a.namespace AS borrowed, a.path, a.modified_at \
             FROM assets a JOIN objects o ON o.id = a.object_id JOIN accounts c ON c.id = a.account_id \
             WHERE a.account_id = ?1 AND (?4 = '' OR instr(lower(a.name), lower(?4)) > 0) AND ",
            $rest
        )
    };
}

macro_rules! mark {
    ($rest:literal) => {
        concat!("SELECT a.id, a.name, a.created_at FROM assets a WHERE a.account_id = ?1 AND ", $rest, " LIMIT 1 OFFSET ?4")
    };
}

// ?2 and ?3: behind which file; ?5: how many; ?6 and ?7: up to which file.
const NEWEST: &str = page!("(a.created_at, a.id) < (?2, ?3) AND (a.created_at, a.id) >= (?6, ?7) ORDER BY a.created_at DESC, a.id DESC LIMIT ?5");

const OLDEST: &str = page!("(a.created_at, a.id) > (?2, ?3) AND (a.created_at, a.id) <= (?6, ?7) ORDER BY a.created_at, a.id LIMIT ?5");

const A_TO_Z: &str = page!(
    "(a.name COLLATE NOCASE, a.id) > (?2, ?3) AND (?6 IS NULL OR (a.name COLLATE NOCASE, a.id) <= (?6, ?7)) ORDER BY a.name COLLATE NOCASE, a.id LIMIT ?5"
);

const Z_TO_A: &str = page!(
    "(?2 IS NULL OR (a.name COLLATE NOCASE, a.id) < (?2, ?3)) AND (a.name COLLATE NOCASE, a.id) >= (?6, ?7) \
     ORDER BY a.name COLLATE NOCASE DESC, a.id DESC LIMIT ?5"
);

const NEWEST_MARK: &str = mark!("(a.created_at, a.id) < (?2, ?3) ORDER BY a.created_at DESC, a.id DESC");

const OLDEST_MARK: &str = mark!("(a.created_at, a.id) > (?2, ?3) ORDER BY a.created_at, a.id");

const A_TO_Z_MARK: &str = mark!("(a.name COLLATE NOCASE, a.id) > (?2, ?3) ORDER BY a.name COLLATE NOCASE, a.id");

const Z_TO_A_MARK: &str = mark!("(?2 IS NULL OR (a.name COLLATE NOCASE, a.id) < (?2, ?3)) ORDER BY a.name COLLATE NOCASE DESC, a.id DESC");

const RENAME: &str = "UPDATE assets SET name = ?3 WHERE id = ?1 AND account_id = ?2 RETURNING id";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("NEWEST", NEWEST),
    ("OLDEST", OLDEST),
    ("A_TO_Z", A_TO_Z),
    ("Z_TO_A", Z_TO_A),
    ("NEWEST_MARK", NEWEST_MARK),
    ("OLDEST_MARK", OLDEST_MARK),
    ("A_TO_Z_MARK", A_TO_Z_MARK),
    ("Z_TO_A_MARK", Z_TO_A_MARK),
    ("RENAME", RENAME),
];

/// The values of `mark`; of none: the first in this order if `first`, else the last.
fn bounds(listing: &Listing, mark: Option<&Mark>, first: bool) -> [Arg; 2] {
    // No id is smaller than an empty text, and none greater than this one.
    let (smallest, greatest) = (String::new(), "~".to_owned());
    match (mark, listing.key) {
        (Some(Mark::Created(at, id)), _) => [Arg::Int(at.0), id.to_string().into()],
        (Some(Mark::Name(name, id)), _) => [name.as_str().into(), id.to_string().into()],
        (None, Key::Created) if first == listing.ascending => [Arg::Int(0), smallest.into()],
        (None, Key::Created) => [Arg::Int(MAX_SAFE_INTEGER), greatest.into()],
        (None, Key::Name) if first == listing.ascending => [Arg::Text(String::new()), smallest.into()],
        // No text is greater than all others: NULL stands for the end.
        (None, Key::Name) => [Arg::Null, greatest.into()],
    }
}

/// The files of a page, up to and with `until`: [`crate::files::asset::Asset`].
pub fn page(account: Id, listing: &Listing, until: Option<&Mark>, limit: u64) -> Statement {
    let sql = match (listing.key, listing.ascending) {
        (Key::Created, false) => NEWEST,
        (Key::Created, true) => OLDEST,
        (Key::Name, true) => A_TO_Z,
        (Key::Name, false) => Z_TO_A,
    };
    let [value, id] = bounds(listing, listing.behind.as_ref(), true);
    let [last_value, last_id] = bounds(listing, until, false);
    Statement { sql, args: vec![account.to_string().into(), value, id, listing.search.as_str().into(), limit.into(), last_value, last_id] }
}

/// The last of the [`MAX_LOOKED_AT`] files behind the page's beginning, if there are so many: `id`, `name`, `created_at`.
pub fn last_looked_at(account: Id, listing: &Listing) -> Statement {
    let sql = match (listing.key, listing.ascending) {
        (Key::Created, false) => NEWEST_MARK,
        (Key::Created, true) => OLDEST_MARK,
        (Key::Name, true) => A_TO_Z_MARK,
        (Key::Name, false) => Z_TO_A_MARK,
    };
    let [value, id] = bounds(listing, listing.behind.as_ref(), true);
    Statement { sql, args: vec![account.to_string().into(), value, id, Arg::Int(MAX_LOOKED_AT - 1)] }
}

/// Gives a file another name: a row if the account has it.
pub fn rename(asset: Id, account: Id, name: &str) -> Statement {
    Statement { sql: RENAME, args: vec![asset.to_string().into(), account.to_string().into(), name.into()] }
}
