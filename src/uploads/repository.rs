//! SQL of the upload history (table `upload_sessions`).

use serde::Deserialize;

use crate::auth::upload_token::UploadClaims;
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::sha256::Sha256Hex;
use crate::base::sql::{Arg, Statement, flag};
use crate::base::time::EpochMs;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::uploads::session::state::{Meta, Status};

const OPEN_SESSIONS: &str = "SELECT id FROM upload_sessions WHERE account_id = ?1 AND status = 'open' AND id > ?2 ORDER BY id LIMIT ?3";

/// Ids of an account's open uploads in ascending order, after `cursor`.
pub fn open_sessions(account: Id, cursor: &str, limit: u64) -> Statement {
    Statement { sql: OPEN_SESSIONS, args: vec![account.to_string().into(), cursor.into(), limit.into()] }
}

const OPEN_IN_NAMESPACE: &str = "SELECT id FROM upload_sessions WHERE account_id = ?1 AND status = 'open' AND id > ?2 AND namespace = ?3 \
     AND (created_at <= ?4 OR NOT EXISTS (SELECT 1 FROM namespace_members m WHERE m.account_id = ?1 AND m.namespace = ?3)) ORDER BY id LIMIT ?5";

/// Ids of an account's open uploads in a namespace, in ascending order, after `cursor`: all of them while the account is no member, since the clock that
/// `until` comes from may be behind the one that dated an upload; those that were started until `until` once it is a member again.
pub fn open_in_namespace(account: Id, namespace: &Name, until: EpochMs, cursor: &str, limit: u64) -> Statement {
    let args = vec![account.to_string().into(), cursor.into(), namespace.as_str().into(), Arg::Int(until.0), limit.into()];
    Statement { sql: OPEN_IN_NAMESPACE, args }
}

const RIGHTS: &str = "SELECT a.status, \
     EXISTS (SELECT 1 FROM namespace_members m WHERE m.account_id = a.id AND m.namespace = ?2) AS is_member, \
     EXISTS (SELECT 1 FROM credentials c WHERE c.account_id = a.id AND c.generation = ?3 AND (c.expires_at IS NULL OR c.expires_at > ?4)) AS has_key \
     FROM accounts a WHERE a.id = ?1";

/// The rights behind an upload: [`crate::uploads::rights::Rights`].
pub fn rights(account: Id, namespace: &Name, generation: u64, now: EpochMs) -> Statement {
    Statement { sql: RIGHTS, args: vec![account.to_string().into(), namespace.as_str().into(), generation.into(), Arg::Int(now.0)] }
}

macro_rules! session_query {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, file_hash, allow_unsigned, status, \
             created_at, updated_at, asset_id, reason, place FROM upload_sessions ",
            $rest
        )
    };
}

const BY_ID: &str = session_query!("WHERE id = ?1 AND account_id = ?2");

const BY_UPLOAD_ID: &str = session_query!("WHERE upload_id = ?1 AND account_id = ?2");

const OF_ACCOUNT: &str =
    session_query!("WHERE account_id = ?1 AND status = ?2 AND (created_at, id) < (?3, ?4) ORDER BY created_at DESC, id DESC LIMIT ?5");

const INSERT: &str = "INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, \
     file_hash, allow_unsigned, status, created_at, updated_at, asset_id, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'open', ?12, ?12, ?13, ?14)";

const OWNED_UPLOADS: &str = "SELECT upload_id FROM upload_sessions WHERE upload_id IN (SELECT value FROM json_each(?1)) AND status = 'open'";

// rowid: the order of rows of one millisecond, which the index has, too.
const LONG_OPEN: &str = "SELECT id, account_id, created_at, rowid AS place FROM upload_sessions WHERE status = 'open' AND created_at < ?1 \
     AND (created_at, rowid) > (?2, ?3) ORDER BY created_at, rowid LIMIT ?4";

const CLOSE: &str = "UPDATE upload_sessions SET status = ?2, updated_at = ?3, reason = ?4 WHERE id = ?1 AND status = 'open'";

const SET_LENGTH: &str = "UPDATE upload_sessions SET file_size = ?2 WHERE id = ?1 AND status = 'open'";

const PRUNE: &str =
    "DELETE FROM upload_sessions WHERE id IN (SELECT id FROM upload_sessions WHERE status <> 'open' AND updated_at < ?1 LIMIT ?2) RETURNING id";

const TRIM: &str = "DELETE FROM upload_sessions WHERE id IN (SELECT id FROM upload_sessions WHERE account_id = ?1 AND status <> 'open' \
     ORDER BY updated_at DESC LIMIT ?3 OFFSET ?2) RETURNING id";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[
    ("BY_ID", BY_ID),
    ("BY_UPLOAD_ID", BY_UPLOAD_ID),
    ("OF_ACCOUNT", OF_ACCOUNT),
    ("INSERT", INSERT),
    ("OWNED_UPLOADS", OWNED_UPLOADS),
    ("LONG_OPEN", LONG_OPEN),
    ("OPEN_SESSIONS", OPEN_SESSIONS),
    ("OPEN_IN_NAMESPACE", OPEN_IN_NAMESPACE),
    ("RIGHTS", RIGHTS),
    ("CLOSE", CLOSE),
    ("PRUNE", PRUNE),
    ("TRIM", TRIM),
];

/// One row of `upload_sessions`.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionRow {
    /// Session id.
    pub id: Id,
    /// Account id.
    pub account_id: Id,
    /// Namespace.
    pub namespace: Name,
    /// Key at the origin.
    pub s3_key: String,
    /// The store's upload id.
    pub upload_id: String,
    /// File name.
    pub file_name: String,
    /// File size, bytes.
    pub file_size: u64,
    /// Chunk size, bytes.
    pub chunk_size: u64,
    /// Media type.
    pub content_type: String,
    /// SHA-256 of the file, claimed by the client.
    pub file_hash: Option<String>,
    /// Whether chunks without a hash are accepted.
    #[serde(deserialize_with = "flag")]
    pub allow_unsigned: bool,
    /// `open`, `complete`, `failed` or `expired`.
    pub status: String,
    /// Start of the upload.
    pub created_at: EpochMs,
    /// When its status changed last: the end of one that has ended.
    pub updated_at: EpochMs,
    /// Why it ended without a file.
    #[serde(default)]
    pub reason: Option<String>,
    /// Id of the asset that completion creates; `None` in rows written before the column existed.
    pub asset_id: Option<Id>,
    /// The place that its file is to have: a [`crate::files::paths::placement::Placement`] as JSON.
    #[serde(default)]
    pub place: Option<String>,
}

impl SessionRow {
    /// The claims of an upload token for this session, issued to credentials of that generation.
    pub fn claims(&self, generation: u64, expires: EpochMs) -> UploadClaims {
        UploadClaims {
            account: self.account_id,
            namespace: self.namespace.clone(),
            session: self.id,
            key: self.s3_key.clone(),
            upload_id: self.upload_id.clone(),
            file_size: self.file_size,
            chunk_size: self.chunk_size,
            allow_unsigned: self.allow_unsigned,
            generation,
            expires,
        }
    }
}

impl SessionRow {
    /// The object that completion creates: the end of its key.
    pub fn object(&self) -> Option<Id> {
        self.s3_key.rsplit('/').next().and_then(Id::parse)
    }

    /// The session's state for reopening after its Durable Object lost the record; `None` unless the upload is open.
    pub fn reopened(&self, ttl_ms: u64, now: EpochMs) -> Option<Meta> {
        let object = self.object()?;
        let asset = self.asset_id.filter(|_| self.status == "open")?;
        Some(Meta {
            session: self.id,
            account: self.account_id,
            namespace: self.namespace.clone(),
            asset,
            object,
            key: self.s3_key.clone(),
            upload_id: self.upload_id.clone(),
            file_name: self.file_name.clone(),
            file_size: self.file_size,
            chunk_size: self.chunk_size,
            content_type: self.content_type.clone(),
            file_hash: self.file_hash.as_deref().and_then(Sha256Hex::parse),
            allow_unsigned: self.allow_unsigned,
            // The expiry counts from the last activity, and reopening is an activity.
            created: now,
            ttl_ms,
            status: Status::Uploading,
            lease: None,
            outcome: None,
            cleaned_up: false,
            suspended: false,
            suspended_as_of: EpochMs(0),
            unchecked: true,
            direct: true,
            ambiguous: std::collections::BTreeSet::new(),
            forget_at: None,
            active_at: None,
            urls_at: None,
            appending: None,
            placement: self.place.as_deref().and_then(|text| json::read(text).ok()),
        })
    }
}

/// A session by its id; no row if it is another account's.
pub fn by_id(session: Id, account: Id) -> Statement {
    Statement { sql: BY_ID, args: vec![session.to_string().into(), account.to_string().into()] }
}

/// A session by the store's upload id; no row if it is another account's.
pub fn by_upload_id(upload_id: &str, account: Id) -> Statement {
    Statement { sql: BY_UPLOAD_ID, args: vec![upload_id.into(), account.to_string().into()] }
}

/// The account's sessions with this status, newest first, after `cursor`.
pub fn of_account(account: Id, status: &str, cursor: Option<(EpochMs, Id)>, limit: u64) -> Statement {
    let (at, id) = cursor.map_or((MAX_SAFE_INTEGER, String::new()), |(at, id)| (at.0, id.to_string()));
    Statement { sql: OF_ACCOUNT, args: vec![account.to_string().into(), status.into(), at.into(), id.into(), limit.into()] }
}

/// Inserts the row of a new session.
pub fn insert(meta: &Meta) -> Statement {
    Statement {
        sql: INSERT,
        args: vec![
            meta.session.to_string().into(),
            meta.account.to_string().into(),
            meta.namespace.as_str().into(),
            meta.key.clone().into(),
            meta.upload_id.clone().into(),
            meta.file_name.clone().into(),
            meta.file_size.into(),
            meta.chunk_size.into(),
            meta.content_type.clone().into(),
            meta.file_hash.clone().map(String::from).into(),
            meta.allow_unsigned.into(),
            Arg::Int(meta.created.0),
            meta.asset.to_string().into(),
            meta.placement.as_ref().and_then(|placement| json::write(placement).ok()).into(),
        ],
    }
}

/// Those of the given upload ids that belong to an open session.
pub fn owned_uploads(ids: &[&str]) -> Statement {
    Statement { sql: OWNED_UPLOADS, args: vec![json::write(&ids).unwrap_or_default().into()] }
}

/// `id`, `account_id`, `created_at` and `place` of uploads opened before `before` that are still open, oldest first, after the last one seen.
pub fn long_open(before: EpochMs, after: (EpochMs, u64), limit: u64) -> Statement {
    Statement { sql: LONG_OPEN, args: vec![Arg::Int(before.0), Arg::Int(after.0.0), after.1.into(), limit.into()] }
}

/// Sets the final status of an open session: `complete`, `failed` or `expired`; and why it ended without a file ([`crate::analytics::upload_count::Why`]).
pub fn close(session: Id, status: &str, reason: Option<&str>, now: EpochMs) -> Statement {
    Statement { sql: CLOSE, args: vec![session.to_string().into(), status.into(), Arg::Int(now.0), reason.map_or(Arg::Null, Arg::from)] }
}

/// Sets the length of an open session that began without one, bytes.
pub fn set_length(session: Id, length: u64) -> Statement {
    Statement { sql: SET_LENGTH, args: vec![session.to_string().into(), length.into()] }
}

/// Deletes at most `limit` uploads of all accounts that were closed before `before`; a row for each.
pub fn prune(before: EpochMs, limit: u64) -> Statement {
    Statement { sql: PRUNE, args: vec![Arg::Int(before.0), limit.into()] }
}

/// Deletes at most `limit` closed uploads of an account, other than the newest `keep`; a row for each.
pub fn trim(account: Id, keep: u64, limit: u64) -> Statement {
    Statement { sql: TRIM, args: vec![account.to_string().into(), keep.into(), limit.into()] }
}
