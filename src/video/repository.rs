//! SQL of video files.

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement, flag};
use crate::base::time::EpochMs;
use crate::delivery::class::Class;
use crate::delivery::content_descriptor::{ContentDescriptor, HOLDS_MS};
use crate::namespaces::namespace::DEFAULT_TTL;
use crate::video::pages::{MAX_FILES, PageFile, VideoState, group};
use crate::video::path::VideoPath;
use crate::video::place::{AtStore, Place, Present};

const FILE: &str = "SELECT v.id, v.account_id, v.namespace, v.video_id, v.path, v.s3_key, v.size, v.etag, v.content_type, v.live_seconds, v.created_at, \
     c.status AS owner_status, n.ttl_video, n.generation, n.origin_usd_per_gb, n.video_streaming FROM video_files v JOIN accounts c ON c.id = v.account_id \
     JOIN namespaces n ON n.name = v.namespace WHERE v.namespace = ?1 AND v.video_id = ?2 AND v.path = ?3 AND v.doomed_at IS NULL";

const STATE: &str = "SELECT v.version, v.changed_at, v.account_id, c.status AS owner_status, n.ttl_video, n.generation, n.origin_usd_per_gb, n.video_streaming \
     FROM videos v JOIN accounts c ON c.id = v.account_id JOIN namespaces n ON n.name = v.namespace WHERE v.namespace = ?1 AND v.video_id = ?2";

const PAGE: &str = "SELECT path, id, account_id, s3_key, size, etag, content_type, live_seconds, created_at FROM video_files \
     WHERE namespace = ?1 AND video_id = ?2 AND path >= ?3 AND path < ?4 AND doomed_at IS NULL ORDER BY path LIMIT ?5";

const PLACE: &str =
    "SELECT id, account_id, etag, doomed_at, replaced_id, replaced_account FROM video_files WHERE namespace = ?1 AND video_id = ?2 AND path = ?3";

// Replaces only the version ?12, whose account's ledger knows that it may go. The row stores the version it replaced, for whoever comes after a writer that dies.
const PUT: &str = "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, live_seconds, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
     ON CONFLICT (namespace, video_id, path) DO UPDATE SET replaced_id = video_files.id, replaced_account = video_files.account_id, \
     replaced_at = MAX(video_files.created_at, COALESCE(video_files.replaced_at, 0)), id = excluded.id, account_id = excluded.account_id, size = excluded.size, etag = excluded.etag, \
     content_type = excluded.content_type, live_seconds = excluded.live_seconds, created_at = excluded.created_at WHERE video_files.doomed_at IS NULL AND video_files.id = ?12 \
     RETURNING replaced_id";

// Whether the bytes that were found are those of a live playlist is not known, so they count as such.
const CORRECT_VERSION: &str =
    "UPDATE video_files SET size = ?3, etag = ?4, live_seconds = CASE WHEN LOWER(path) LIKE '%.m3u8' THEN 4 END WHERE id = ?1 AND etag = ?2";

// Only by the video's owner or a manager (?5). A file without an owner's row was stored before videos had owners.
const MARK_DELETED: &str = "UPDATE video_files SET doomed_at = ?3 WHERE namespace = ?1 AND video_id = ?2 AND doomed_at IS NULL \
     AND (?5 = 1 OR ?4 = COALESCE((SELECT o.account_id FROM videos o WHERE o.namespace = ?1 AND o.video_id = ?2), video_files.account_id)) RETURNING id";

// Claimed, so that a second job does not delete bytes that were uploaded again after the first job had finished.
const CLAIM_DELETED: &str = "UPDATE video_files SET claimed_at = ?3 WHERE namespace = ?1 AND video_id = ?2 AND path IN (SELECT d.path FROM video_files d \
     WHERE d.namespace = ?1 AND d.video_id = ?2 AND d.doomed_at IS NOT NULL AND (d.claimed_at IS NULL OR d.claimed_at < ?4) LIMIT ?5) \
     RETURNING id, account_id, s3_key";

const UNCLAIM: &str = "UPDATE video_files SET claimed_at = NULL WHERE id = ?1 AND claimed_at = ?2";

const SUPERSEDE: &str = "UPDATE video_files SET replaced_id = NULL, replaced_account = NULL, replaced_at = MAX(created_at, COALESCE(replaced_at, 0)), \
     id = ?3, account_id = ?4, size = ?5, etag = ?6, live_seconds = CASE WHEN LOWER(path) LIKE '%.m3u8' THEN 4 END, created_at = ?7 WHERE id = ?1 AND etag = ?2 AND doomed_at IS NULL RETURNING id";

// Has no effect if the place has a row or the namespace does not exist.
const CLAIM_DELETION: &str = "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at, doomed_at) \
     SELECT n.name, ?2, ?3, ?4, ?5, ?6, 0, '', '', ?7, ?7 FROM namespaces n WHERE n.name = ?1 ON CONFLICT (namespace, video_id, path) DO NOTHING RETURNING id";

const HAS_DELETED: &str = "SELECT id FROM video_files WHERE namespace = ?1 AND video_id = ?2 AND doomed_at IS NOT NULL LIMIT 1";

const DELETE_VERSION: &str = "DELETE FROM video_files WHERE id = ?1 AND etag = ?2 AND doomed_at IS NULL";

// One row for the files of a video that were deleted at once.
const OVERDUE_DELETIONS: &str = "SELECT DISTINCT doomed_at, namespace, video_id FROM video_files WHERE doomed_at IS NOT NULL AND doomed_at < ?1 \
     AND (doomed_at, namespace, video_id) > (?2, ?3, ?4) ORDER BY doomed_at, namespace, video_id LIMIT ?5";

const DELETE_ROW: &str = "DELETE FROM video_files WHERE id = ?1 AND doomed_at IS NOT NULL";

// Steps from video to video along the primary key, whatever the number of their files; "t" is the list of ids.
const LIST: &str = "WITH RECURSIVE t (video_id, n) AS (\
     SELECT (SELECT f.video_id FROM video_files f WHERE f.namespace = ?1 AND f.video_id > ?2 AND f.doomed_at IS NULL ORDER BY f.video_id LIMIT 1), 1 \
     UNION ALL SELECT (SELECT f.video_id FROM video_files f WHERE f.namespace = ?1 AND f.video_id > t.video_id AND f.doomed_at IS NULL \
     ORDER BY f.video_id LIMIT 1), t.n + 1 FROM t WHERE t.video_id IS NOT NULL AND t.n < ?3) \
     SELECT t.video_id, COALESCE(m.path, i.path) AS entry, COALESCE(m.created_at, i.created_at) AS updated_at FROM t \
     LEFT JOIN video_files m ON m.namespace = ?1 AND m.video_id = t.video_id AND m.path = 'master.m3u8' AND m.doomed_at IS NULL \
     LEFT JOIN video_files i ON i.namespace = ?1 AND i.video_id = t.video_id AND i.path = 'index.m3u8' AND i.doomed_at IS NULL \
     WHERE t.video_id IS NOT NULL";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("FILE", FILE),
    ("STATE", STATE),
    ("PAGE", PAGE),
    ("LIST", LIST),
    ("PLACE", PLACE),
    ("PUT", PUT),
    ("CORRECT_VERSION", CORRECT_VERSION),
    ("MARK_DELETED", MARK_DELETED),
    ("CLAIM_DELETED", CLAIM_DELETED),
    ("OVERDUE_DELETIONS", OVERDUE_DELETIONS),
    ("UNCLAIM", UNCLAIM),
    ("SUPERSEDE", SUPERSEDE),
    ("CLAIM_DELETION", CLAIM_DELETION),
    ("HAS_DELETED", HAS_DELETED),
    ("DELETE_VERSION", DELETE_VERSION),
    ("DELETE_ROW", DELETE_ROW),
];

/// A video file with the settings of its namespace: one row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FileRow {
    id: Id,
    account_id: Id,
    namespace: Name,
    video_id: Name,
    path: String,
    s3_key: String,
    size: u64,
    etag: String,
    content_type: String,
    live_seconds: Option<u64>,
    created_at: EpochMs,
    owner_status: String,
    ttl_video: Option<u64>,
    generation: u64,
    origin_usd_per_gb: Option<f64>,
    /// Whether the namespace has video streaming enabled.
    #[serde(deserialize_with = "flag")]
    pub video_streaming: bool,
}

impl FileRow {
    /// The same of a video's state and a file of a page.
    pub fn of(namespace: &Name, video: &Name, state: &VideoState, file: &PageFile) -> FileRow {
        FileRow {
            id: file.id,
            account_id: file.account_id,
            namespace: namespace.clone(),
            video_id: video.clone(),
            path: file.path.clone(),
            s3_key: file.s3_key.clone(),
            size: file.size,
            etag: file.etag.clone(),
            content_type: file.content_type.clone(),
            live_seconds: file.live_seconds,
            created_at: file.created_at,
            owner_status: state.owner_status.clone(),
            ttl_video: state.ttl_video,
            generation: state.generation,
            origin_usd_per_gb: state.origin_usd_per_gb,
            video_streaming: state.video_streaming,
        }
    }
}

impl From<FileRow> for ContentDescriptor {
    fn from(row: FileRow) -> ContentDescriptor {
        // Half a target duration (docs/video.md, Freshness): players reload a live playlist once per target duration (RFC 8216 section 6.3.4).
        let holds_ms = row.live_seconds.map_or(HOLDS_MS, |seconds| seconds.saturating_mul(500).clamp(500, HOLDS_MS));
        let is_playlist = VideoPath::parse(&row.path).is_some_and(|path| path.is_playlist());
        let ttl = row.ttl_video.unwrap_or(DEFAULT_TTL.video);
        let client_seconds = match row.live_seconds {
            Some(_) => holds_ms / 1000,
            // A playlist may be replaced; revalidation with its ETag is cheap.
            None if is_playlist => 0,
            None => ttl,
        };
        ContentDescriptor {
            account: row.account_id,
            asset: None,
            origin_usd_per_gb: row.origin_usd_per_gb,
            group: Some(group(&row.namespace, &row.video_id)),
            namespace: row.namespace,
            generation: row.generation,
            object: row.id,
            s3_key: row.s3_key,
            size: row.size,
            version: row.etag.clone(),
            etag: row.etag,
            name: None,
            content_type: row.content_type,
            modified: row.created_at,
            class: Class::Video,
            ttl,
            holds_ms: if row.owner_status == "active" { holds_ms } else { 0 },
            client_seconds,
            suspended: row.owner_status != "active",
            compress: false,
        }
    }
}

/// A version of a file that is about to be written.
#[derive(Debug)]
pub struct NewFile {
    /// Version id.
    pub id: Id,
    /// The account that is charged.
    pub account: Id,
    /// Namespace.
    pub namespace: Name,
    /// Video.
    pub video: Name,
    /// Path.
    pub path: VideoPath,
    /// Key at the origin.
    pub s3_key: String,
    /// Size, bytes.
    pub size: u64,
    /// ETag at the origin.
    pub etag: String,
    /// Media type.
    pub content_type: String,
    /// Target duration of a live playlist, s: see [`crate::video::playlist::Playlist`].
    pub live_seconds: Option<u64>,
    /// When the row of the place was read, before the bytes were sent.
    pub started: EpochMs,
    /// When the store had confirmed the bytes.
    pub created_at: EpochMs,
}

impl NewFile {
    /// Where its bytes are.
    pub fn place(&self) -> Place {
        Place { namespace: self.namespace.clone(), video: self.video.clone(), path: self.path.clone() }
    }
}

fn place_args(namespace: &Name, video: &Name, path: &str) -> Vec<Arg> {
    vec![namespace.as_str().into(), video.as_str().into(), path.into()]
}

/// The file, unless it is deleted.
pub fn file(namespace: &Name, video: &Name, path: &str) -> Statement {
    Statement { sql: FILE, args: place_args(namespace, video, path) }
}

/// The state of a video: [`VideoState`]. No row for a video that has none.
pub fn state(namespace: &Name, video: &Name) -> Statement {
    Statement { sql: STATE, args: vec![namespace.as_str().into(), video.as_str().into()] }
}

/// Files of the video whose paths begin with `prefix`, by path, at most [`MAX_FILES`]: [`PageFile`].
pub fn page(namespace: &Name, video: &Name, prefix: &str) -> Statement {
    let mut args = place_args(namespace, video, prefix);
    // Behind every path with that prefix: no character is greater.
    args.extend([format!("{prefix}\u{10ffff}").into(), MAX_FILES.into()]);
    Statement { sql: PAGE, args }
}

/// Videos of the namespace in the order of their ids, after `after`: one row per video, at most `limit`.
pub fn list(namespace: &Name, after: Option<&Name>, limit: u64) -> Statement {
    Statement { sql: LIST, args: vec![namespace.as_str().into(), after.map_or("", Name::as_str).into(), limit.into()] }
}

/// The row of a place, including one that is marked as deleted.
pub fn place(namespace: &Name, video: &Name, path: &VideoPath) -> Statement {
    Statement { sql: PLACE, args: place_args(namespace, video, path.as_str()) }
}

/// Writes the version to its place, where `present` is now or nothing. Returns the replaced version; no row if another one is there, or that one is marked as
/// deleted.
pub fn put(file: &NewFile, present: Option<Id>) -> Statement {
    let mut args = place_args(&file.namespace, &file.video, file.path.as_str());
    args.extend([
        file.id.to_string().into(),
        file.account.to_string().into(),
        file.s3_key.clone().into(),
        file.size.into(),
        file.etag.clone().into(),
        file.content_type.clone().into(),
        file.live_seconds.into(),
        Arg::Int(file.created_at.0),
        present.map(|version| version.to_string()).into(),
    ]);
    Statement { sql: PUT, args }
}

/// Corrects size and ETag of a version after the origin returned others.
pub fn correct_version(id: Id, etag: &str, size: u64, now_etag: &str) -> Statement {
    Statement { sql: CORRECT_VERSION, args: vec![id.to_string().into(), etag.into(), size.into(), now_etag.into()] }
}

/// Replaces version `before` by `version`, whose bytes are at the origin; no row if `before` is no longer current.
pub fn supersede(before: &Present, version: Id, account: Id, stored: &AtStore, now: EpochMs) -> Statement {
    let (before, etag) = (before.id.to_string(), before.etag.clone());
    let (version, account) = (version.to_string(), account.to_string());
    Statement {
        sql: SUPERSEDE,
        args: vec![before.into(), etag.into(), version.into(), account.into(), stored.size.into(), stored.etag.clone().into(), Arg::Int(now.0)],
    }
}

/// Inserts a row that is marked as deleted for bytes without a row. It blocks writers until the bytes are deleted. No row if the place has one already.
pub fn claim_deletion(place: &Place, version: Id, account: Id, now: EpochMs) -> Statement {
    let mut args = place_args(&place.namespace, &place.video, place.path.as_str());
    args.extend([version.to_string().into(), account.to_string().into(), place.key().into(), Arg::Int(now.0)]);
    Statement { sql: CLAIM_DELETION, args }
}

/// Returns a row if the video has files that are marked as deleted and still have bytes.
pub fn has_deleted(namespace: &Name, video: &Name) -> Statement {
    Statement { sql: HAS_DELETED, args: vec![namespace.as_str().into(), video.as_str().into()] }
}

/// Marks all files of the video as deleted, if it is the account's or the account manages the namespace: they can no longer be read. Returns one row per
/// file.
pub fn mark_deleted(namespace: &Name, video: &Name, account: Id, manages: bool, now: EpochMs) -> Statement {
    let args = vec![namespace.as_str().into(), video.as_str().into(), Arg::Int(now.0), account.to_string().into(), manages.into()];
    Statement { sql: MARK_DELETED, args }
}

/// Duration of a deletion job's claim on files, ms.
pub const CLAIM_MS: u64 = 120_000;

/// Claims files of the video that are marked as deleted: one row per file.
pub fn claim_deleted(namespace: &Name, video: &Name, limit: u64, now: EpochMs) -> Statement {
    let before = now.0.saturating_sub(CLAIM_MS);
    Statement { sql: CLAIM_DELETED, args: vec![namespace.as_str().into(), video.as_str().into(), Arg::Int(now.0), Arg::Int(before), limit.into()] }
}

/// Releases a claim, if it is still the same one.
pub fn unclaim(id: Id, claimed: EpochMs) -> Statement {
    Statement { sql: UNCLAIM, args: vec![id.to_string().into(), Arg::Int(claimed.0)] }
}

/// Deletes the row of a version whose bytes do not exist, unless it is marked as deleted: that row blocks writers.
pub fn delete_version(id: Id, etag: &str) -> Statement {
    Statement { sql: DELETE_VERSION, args: vec![id.to_string().into(), etag.into()] }
}

/// Videos with files marked as deleted before `since`, whose deletion job was lost: instant of the deletion, namespace, video, after the last one seen.
pub fn overdue_deletions(since: EpochMs, after: (EpochMs, &str, &str), limit: u64) -> Statement {
    let (at, namespace, video) = after;
    Statement { sql: OVERDUE_DELETIONS, args: vec![Arg::Int(since.0), Arg::Int(at.0), namespace.into(), video.into(), limit.into()] }
}

/// Deletes the row of a file after its bytes were deleted.
pub fn delete_row(id: Id) -> Statement {
    Statement { sql: DELETE_ROW, args: vec![id.to_string().into()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, live_seconds: Option<u64>) -> FileRow {
        FileRow {
            id: Id::from_random([1; 16]),
            account_id: Id::from_random([2; 16]),
            namespace: Name::parse("n").unwrap(),
            video_id: Name::parse("film").unwrap(),
            path: path.to_owned(),
            s3_key: "k".to_owned(),
            size: 10,
            etag: "e".to_owned(),
            content_type: "video/mp2t".to_owned(),
            live_seconds,
            created_at: EpochMs(5),
            owner_status: "active".to_owned(),
            ttl_video: Some(600),
            generation: 3,
            origin_usd_per_gb: Some(0.5),
            video_streaming: true,
        }
    }

    #[test]
    fn live_playlist_is_held_for_half_its_target_duration_and_at_most_50_s() {
        let held = |live| {
            let descriptor = ContentDescriptor::from(row("i.m3u8", Some(live)));
            (descriptor.holds_ms, descriptor.client_seconds)
        };
        for (live, expected) in [(0, (500, 0)), (1, (500, 0)), (4, (2_000, 2)), (7, (3_500, 3)), (100, (50_000, 50)), (86_400, (50_000, 50))] {
            assert_eq!(held(live), expected, "{live} s");
        }
        assert_eq!(held(u64::MAX), (HOLDS_MS, 50));
    }

    #[test]
    fn playlist_that_is_not_live_is_revalidated_and_a_segment_kept_for_the_ttl() {
        let held = |row: FileRow| {
            let descriptor = ContentDescriptor::from(row);
            (descriptor.holds_ms, descriptor.client_seconds, descriptor.ttl)
        };
        assert_eq!(held(row("a/i.m3u8", None)), (HOLDS_MS, 0, 600));
        assert_eq!(held(row("a/0.ts", None)), (HOLDS_MS, 600, 600));
        assert_eq!(held(FileRow { ttl_video: None, ..row("a/0.ts", None) }), (HOLDS_MS, DEFAULT_TTL.video, DEFAULT_TTL.video));
    }

    #[test]
    fn file_of_a_suspended_owner_is_marked_and_held_by_nobody() {
        let active = ContentDescriptor::from(row("a/0.ts", None));
        assert!(!active.suspended && active.class == Class::Video && !active.compress);
        let suspended = ContentDescriptor::from(FileRow { owner_status: "suspended".to_owned(), ..row("a/0.ts", None) });
        assert_eq!((suspended.suspended, suspended.holds_ms), (true, 0));
    }
}
