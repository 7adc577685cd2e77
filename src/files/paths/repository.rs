//! SQL of files that have paths. All of it goes by the unique index (account, namespace, path).

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::files::asset::Asset;
use crate::files::paths::path::Path;
use crate::files::paths::placement::{IfExists, Placement};
use crate::files::paths::prefix::{PrefixListing, end_of};

macro_rules! files {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.account_id, a.object_id, a.name, a.content_type, a.namespace, o.s3_key, o.size, o.etag, o.claimed_sha256, o.sha256, \
             o.verification, a.created_at, c.status AS owner_status, o.verification_reason, o.namespace <> a.namespace AS borrowed, a.path, a.modified_at \
             FROM assets a JOIN objects o ON o.id = a.object_id JOIN accounts c ON c.id = a.account_id WHERE a.account_id = ?1 AND a.namespace = ?2 AND ",
            $rest
        )
    };
}

/// The numbers that are tried: `name (2).ext` to `name (100).ext`; then the file's id is taken, which no other path has.
macro_rules! first_free {
    () => {
        "(WITH RECURSIVE tried (n, path) AS (SELECT 1, ?4 UNION ALL \
         SELECT n + 1, ?5 || ' (' || CASE WHEN n < 100 THEN n + 1 ELSE ?1 END || ')' || ?6 FROM tried WHERE n <= 100 \
         AND EXISTS (SELECT 1 FROM assets s WHERE s.account_id = ?2 AND s.namespace = ?3 AND s.path = tried.path AND s.id <> ?1)) \
         SELECT path FROM tried ORDER BY n DESC LIMIT 1)"
    };
}

const AT: &str = files!("a.path = ?3");

// Only for an upload that is not over: a call that goes on late must not take the place of a newer file.
const AT_WHILE_OPEN: &str = files!("a.path = ?3 AND a.id <> ?4 AND EXISTS (SELECT 1 FROM upload_sessions u WHERE u.id = ?5 AND u.status = 'open')");

const FREE: &str = concat!("SELECT ", first_free!(), " AS path");

macro_rules! place {
    ($path:expr) => {
        concat!(
            "UPDATE assets SET modified_at = ?7, path = ",
            $path,
            " WHERE id = ?1 AND account_id = ?2 AND namespace = ?3 AND path IS NULL \
             AND (?8 IS NULL OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.id = ?8 AND u.status = 'open')) RETURNING path"
        )
    };
}

macro_rules! move_to {
    ($path:expr) => {
        concat!("UPDATE assets SET name = ?7, path = ", $path, " WHERE id = ?1 AND account_id = ?2 AND namespace = ?3 RETURNING path")
    };
}

const PLACE: &str = place!(first_free!());

// The whole batch fails if another file has the path.
const PLACE_EXACTLY: &str = place!("?4");

const MOVE: &str = move_to!(first_free!());

const MOVE_EXACTLY: &str = move_to!("?4");

const UNREFER_AT: &str = "UPDATE objects SET refs = (SELECT COUNT(*) FROM assets s WHERE s.object_id = objects.id AND s.id <> ?1), \
     doomed_at = CASE WHEN EXISTS (SELECT 1 FROM assets s WHERE s.object_id = objects.id AND s.id <> ?1) THEN NULL ELSE COALESCE(doomed_at, ?4) END \
     WHERE id = (SELECT a.object_id FROM assets a WHERE a.id = ?1 AND a.account_id = ?2 AND a.path = ?3) AND EXISTS (SELECT 1 FROM assets n WHERE n.id = ?5)";

const DELETE_AT: &str =
    "DELETE FROM assets WHERE id = ?1 AND account_id = ?2 AND path = ?3 AND EXISTS (SELECT 1 FROM assets n WHERE n.id = ?4) RETURNING id";

const FILES: &str = files!("a.path >= ?3 AND (?4 IS NULL OR a.path < ?4) ORDER BY a.path LIMIT ?5");

// From one entry to the next: behind a folder all of its files are passed over in one step of the index.
const ENTRIES: &str = "WITH RECURSIVE entry (path) AS ( \
     SELECT (SELECT MIN(a.path) FROM assets a WHERE a.account_id = ?1 AND a.namespace = ?2 AND a.path >= ?3 AND (?4 IS NULL OR a.path < ?4)) UNION ALL \
     SELECT (SELECT MIN(a.path) FROM assets a WHERE a.account_id = ?1 AND a.namespace = ?2 AND (?4 IS NULL OR a.path < ?4) AND a.path >= \
       CASE instr(substr(entry.path, ?6 + 1), '/') WHEN 0 THEN entry.path || char(1) \
       ELSE substr(entry.path, 1, ?6 + instr(substr(entry.path, ?6 + 1), '/') - 1) || '0' END) \
     FROM entry WHERE entry.path IS NOT NULL LIMIT ?5) SELECT path FROM entry WHERE path IS NOT NULL";

const OF_PATHS: &str = files!("a.path IN (SELECT value FROM json_each(?3)) ORDER BY a.path");

const COUNT: &str = "SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes FROM (SELECT o.size FROM assets a JOIN objects o ON o.id = a.object_id \
     WHERE a.account_id = ?1 AND a.namespace = ?2 AND a.path >= ?3 AND (?4 IS NULL OR a.path < ?4) LIMIT ?5)";

const TO_DELETE: &str = files!("a.path >= ?3 AND (?4 IS NULL OR a.path < ?4) AND a.path > ?6 AND a.created_at <= ?7 ORDER BY a.path LIMIT ?5");

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("AT", AT),
    ("AT_WHILE_OPEN", AT_WHILE_OPEN),
    ("FREE", FREE),
    ("PLACE", PLACE),
    ("PLACE_EXACTLY", PLACE_EXACTLY),
    ("MOVE", MOVE),
    ("MOVE_EXACTLY", MOVE_EXACTLY),
    ("UNREFER_AT", UNREFER_AT),
    ("DELETE_AT", DELETE_AT),
    ("FILES", FILES),
    ("ENTRIES", ENTRIES),
    ("OF_PATHS", OF_PATHS),
    ("COUNT", COUNT),
    ("TO_DELETE", TO_DELETE),
];

/// Files that are counted at the most; a prefix with more has at least as many.
pub const MAX_COUNTED: u64 = 100_000;

/// Whose files.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// Their owner.
    pub account: Id,
    /// Their namespace.
    pub namespace: &'a Name,
}

impl Tree<'_> {
    fn args(self) -> Vec<Arg> {
        vec![self.account.to_string().into(), self.namespace.as_str().into()]
    }

    /// From `from` on, up to the end of `prefix`.
    fn range(self, from: &str, prefix: &str) -> Vec<Arg> {
        let mut args = self.args();
        args.extend([from.into(), end_of(prefix).into()]);
        args
    }
}

fn free_args(asset: Id, tree: Tree, path: &Path) -> Vec<Arg> {
    let halves = path.halves();
    let mut args = vec![asset.to_string().into()];
    args.extend(tree.args());
    args.extend([path.as_str().into(), halves.stem.into(), halves.extension.into()]);
    args
}

/// The file at that path: [`Asset`].
pub fn at(tree: Tree, path: &Path) -> Statement {
    let mut args = tree.args();
    args.push(path.as_str().into());
    Statement { sql: AT, args }
}

/// The file at that path, unless it is `asset`, or the upload `session` that makes it is over.
pub fn at_while_open(tree: Tree, path: &Path, asset: Id, session: Id) -> Statement {
    let mut args = tree.args();
    args.extend([path.as_str().into(), asset.to_string().into(), session.to_string().into()]);
    Statement { sql: AT_WHILE_OPEN, args }
}

/// The first of `path` and its numbered forms that no other file than `asset` has: `path`.
pub fn free(asset: Id, tree: Tree, path: &Path) -> Statement {
    Statement { sql: FREE, args: free_args(asset, tree, path) }
}

/// Gives a file that has none a path, behind the statement that creates it: `path`. If another file has it, it gets a number, or, with [`IfExists::Fail`], the batch
/// fails. Of an upload only while it is open.
pub fn place(asset: &Asset, placement: &Placement, while_open: Option<Id>) -> Statement {
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let mut args = free_args(asset.id, tree, &placement.path);
    args.extend([placement.modified_at.map(|at| at.0).into(), while_open.map(|session| session.to_string()).into()]);
    Statement { sql: if placement.if_exists == IfExists::Fail { PLACE_EXACTLY } else { PLACE }, args }
}

/// Gives a file another path, and a name: `path`, as [`place`].
pub fn move_to(asset: &Asset, placement: &Placement, name: &str) -> Statement {
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let mut args = free_args(asset.id, tree, &placement.path);
    args.push(name.into());
    Statement { sql: if placement.if_exists == IfExists::Fail { MOVE_EXACTLY } else { MOVE }, args }
}

/// Deletes a file as [`crate::files::repository::delete_asset`] does, if it still has that path and the file `by` that takes its place is there; the second statement
/// gives a row if it was deleted.
pub fn delete_at(asset: &Asset, path: &Path, by: Id, now: EpochMs) -> [Statement; 2] {
    let args: Vec<Arg> = vec![asset.id.to_string().into(), asset.account_id.to_string().into(), path.as_str().into()];
    let with = |more: &[Arg]| args.iter().chain(more).cloned().collect();
    [
        Statement { sql: UNREFER_AT, args: with(&[Arg::Int(now.0), by.to_string().into()]) },
        Statement { sql: DELETE_AT, args: with(&[by.to_string().into()]) },
    ]
}

/// The files of a page, in the order of their paths: [`Asset`].
pub fn files(tree: Tree, listing: &PrefixListing, limit: u64) -> Statement {
    let mut args = tree.range(&listing.from(), &listing.prefix);
    args.push(limit.into());
    Statement { sql: FILES, args }
}

/// The first path of each entry of a page: of a folder that of its first file.
pub fn entries(tree: Tree, listing: &PrefixListing, limit: u64) -> Statement {
    let mut args = tree.range(&listing.from(), &listing.prefix);
    // SQLite counts the characters of texts.
    args.extend([limit.into(), u64::try_from(listing.prefix.chars().count()).unwrap_or(u64::MAX).into()]);
    Statement { sql: ENTRIES, args }
}

/// The files at these paths (JSON, a list), in their order: [`Asset`].
pub fn of_paths(tree: Tree, paths: &str) -> Statement {
    let mut args = tree.args();
    args.push(paths.into());
    Statement { sql: OF_PATHS, args }
}

/// How many files have the prefix, and their bytes, up to [`MAX_COUNTED`]: `files`, `bytes`.
pub fn count(tree: Tree, prefix: &str) -> Statement {
    let mut args = tree.range(prefix, prefix);
    args.push(MAX_COUNTED.into());
    Statement { sql: COUNT, args }
}

/// Files with the prefix that were created until `until`, in the order of their paths, behind the path `after`: [`Asset`].
pub fn to_delete(tree: Tree, prefix: &str, after: &str, until: EpochMs, limit: u64) -> Statement {
    let mut args = tree.range(prefix, prefix);
    args.extend([limit.into(), after.into(), Arg::Int(until.0)]);
    Statement { sql: TO_DELETE, args }
}
