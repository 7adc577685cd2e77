//! SQL of the owners of videos. A write announces itself before its first byte is sent, so that of two accounts that store a video's first file only one
//! goes on; while a write is announced the video stays its owner's.

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

/// Age after which a video without files is forgotten although a write of it never ended, ms: longer than any request lives.
const LOST_WRITE_MS: u64 = 24 * 3600 * 1000;

// Of files that were stored before videos had owners their account is the owner; of a video that nobody has, the writer.
macro_rules! owner_or_writer {
    () => {
        "COALESCE((SELECT v.account_id FROM videos v WHERE v.namespace = ?1 AND v.video_id = ?2), \
         (SELECT f.account_id FROM video_files f WHERE f.namespace = ?1 AND f.video_id = ?2 LIMIT 1), ?3)"
    };
}

const BEGIN_WRITE: &str = concat!(
    "INSERT INTO videos (namespace, video_id, account_id, writes, kept, touched_at) SELECT ?1, ?2, ",
    owner_or_writer!(),
    ", 1, 0, ?5 WHERE ?4 = 1 OR ?3 = ",
    owner_or_writer!(),
    " ON CONFLICT (namespace, video_id) DO UPDATE SET writes = videos.writes + 1, touched_at = excluded.touched_at \
     WHERE videos.account_id = ?3 OR ?4 = 1 RETURNING account_id"
);

const END_WRITE: &str = "UPDATE videos SET writes = MAX(writes - 1, 0), kept = ?3 OR kept WHERE namespace = ?1 AND video_id = ?2";

const RECOUNT: &str = "UPDATE videos SET kept = EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = ?1 AND f.video_id = ?2) \
     WHERE namespace = ?1 AND video_id = ?2";

const FORGET_IF_EMPTY: &str = "DELETE FROM videos WHERE namespace = ?1 AND video_id = ?2 AND writes = 0 AND kept = 0 \
     AND NOT EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = ?1 AND f.video_id = ?2)";

const FORGET_LOST: &str = "DELETE FROM videos WHERE kept = 0 AND touched_at < ?1 \
     AND NOT EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = videos.namespace AND f.video_id = videos.video_id)";

const OWNER: &str = "SELECT COALESCE((SELECT o.account_id FROM videos o WHERE o.namespace = ?1 AND o.video_id = ?2), f.account_id) AS account_id \
     FROM video_files f WHERE f.namespace = ?1 AND f.video_id = ?2 AND f.doomed_at IS NULL LIMIT 1";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("BEGIN_WRITE", BEGIN_WRITE),
    ("END_WRITE", END_WRITE),
    ("RECOUNT", RECOUNT),
    ("FORGET_IF_EMPTY", FORGET_IF_EMPTY),
    ("FORGET_LOST", FORGET_LOST),
    ("OWNER", OWNER),
];

/// The account whose a video is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// Its id.
    pub account_id: Id,
}

fn video_args(namespace: &Name, video: &Name) -> Vec<Arg> {
    vec![namespace.as_str().into(), video.as_str().into()]
}

/// Announces a write by `account`, which becomes the owner of a video that nobody has. Returns the owner; no row if the video is another's and the account
/// does not manage the namespace.
pub fn begin_write(namespace: &Name, video: &Name, account: Id, manages: bool, now: EpochMs) -> Statement {
    let mut args = video_args(namespace, video);
    args.extend([account.to_string().into(), manages.into(), Arg::Int(now.0)]);
    Statement { sql: BEGIN_WRITE, args }
}

/// Ends a write that stored its file.
pub fn end_write(namespace: &Name, video: &Name) -> Statement {
    let mut args = video_args(namespace, video);
    args.push(true.into());
    Statement { sql: END_WRITE, args }
}

/// Ends a write that stored nothing. A video without files and writes is nobody's.
pub fn cancel_write(namespace: &Name, video: &Name) -> [Statement; 2] {
    let mut args = video_args(namespace, video);
    args.push(false.into());
    [Statement { sql: END_WRITE, args }, Statement { sql: FORGET_IF_EMPTY, args: video_args(namespace, video) }]
}

/// To follow the deletion of a file's row, in one batch: a video without files and writes is nobody's.
pub fn release(namespace: &Name, video: &Name) -> [Statement; 2] {
    [Statement { sql: RECOUNT, args: video_args(namespace, video) }, Statement { sql: FORGET_IF_EMPTY, args: video_args(namespace, video) }]
}

/// Forgets videos without files whose last write began more than a day ago.
pub fn forget_lost(now: EpochMs) -> Statement {
    Statement { sql: FORGET_LOST, args: vec![Arg::Int(now.0.saturating_sub(LOST_WRITE_MS))] }
}

/// The owner of a video that has files; no row for others.
pub fn owner(namespace: &Name, video: &Name) -> Statement {
    Statement { sql: OWNER, args: video_args(namespace, video) }
}
