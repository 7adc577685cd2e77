//! SQL that copies an account's rows from one database to another. Whose rows: ?1, the account's id or its namespace.

use serde_json::Value;

use crate::base::account_move::Move;
use crate::base::id::{Id, Name};
use crate::base::sql::{Arg, Statement};

/// Rows of one page: with the longest names 3 MB on their way through the Worker, typically 200 KB.
pub const PAGE: u64 = 200;

/// The same of rows that have texts of up to 120 KB: together they must fit into one value of D1, of 2 MB (Cloudflare D1 documentation, "Limits").
pub const PAGE_OF_LONG: u64 = 10;

/// The table of those.
const LONG: &str = "webhook_outbox";

/// Whose the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The account's.
    Account,
    /// The namespace's.
    Namespace,
}

/// A table whose rows move with an account. Rows are read in the order of one or two columns, whose values in the last row of a page are the cursor.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    owner: Owner,
    /// What the cursor's columns are greater than in every row.
    least: &'static [Least],
    /// A page of rows with `cursor_1` and `cursor_2`.
    pub read: &'static str,
    /// Inserts rows, given as a JSON list of objects.
    pub write: &'static str,
    /// Their number, as `rows`.
    pub count: &'static str,
    /// Deletes a page of rows; a row for each.
    pub remove: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Least {
    Text,
    Number,
}

macro_rules! write {
    ($name:literal, $first:ident $(, $column:ident)*) => {
        concat!(
            "INSERT INTO ", $name, " (", stringify!($first) $(, ", ", stringify!($column))*, ") SELECT value ->> '", stringify!($first), "'"
            $(, ", value ->> '", stringify!($column), "'")*, " FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM namespaces live WHERE live.name = ?2 \
             AND (live.moving = 0 OR live.departing > 0)) ON CONFLICT DO NOTHING"
        )
    };
}

// Nothing of a namespace that is in use or copied from here, which ?3 names: the job may be so late that another one of the same move has sealed the copy, or that
// a later move has brought the account back, or takes it away again.
macro_rules! unless_live {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM namespaces live WHERE live.name = ?3 AND (live.moving = 0 OR live.departing = 1)) RETURNING 1 AS gone"
    };
}

// $owned: which rows; by rowid.
macro_rules! by_rowid {
    ($name:literal, $owner:expr, $owned:literal, [$first:ident $(, $column:ident)*]) => {
        Table {
            name: $name,
            owner: $owner,
            least: &[Least::Number],
            read: concat!(
                "SELECT ", stringify!($first) $(, ", ", stringify!($column))*, ", rowid AS cursor_1, NULL AS cursor_2 FROM ", $name, " WHERE ", $owned,
                " AND rowid > ?2 ORDER BY rowid LIMIT ?3"
            ),
            write: write!($name, $first $(, $column)*),
            count: concat!("SELECT COUNT(*) AS rows FROM ", $name, " WHERE ", $owned),
            remove: concat!("DELETE FROM ", $name, " WHERE rowid IN (SELECT rowid FROM ", $name, " WHERE ", $owned, " LIMIT ?2)", unless_live!()),
        }
    };
}

// By one column of the primary key.
macro_rules! by_key {
    ($name:literal, $owner:expr, $owned:literal, $key:ident: $least:expr, [$first:ident $(, $column:ident)*]) => {
        Table {
            name: $name,
            owner: $owner,
            least: &[$least],
            read: concat!(
                "SELECT ", stringify!($first) $(, ", ", stringify!($column))*, ", ", stringify!($key), " AS cursor_1, NULL AS cursor_2 FROM ", $name,
                " WHERE ", $owned, " AND ", stringify!($key), " > ?2 ORDER BY ", stringify!($key), " LIMIT ?3"
            ),
            write: write!($name, $first $(, $column)*),
            count: concat!("SELECT COUNT(*) AS rows FROM ", $name, " WHERE ", $owned),
            remove: concat!(
                "DELETE FROM ", $name, " WHERE ", $owned, " AND ", stringify!($key), " IN (SELECT ", stringify!($key), " FROM ", $name, " WHERE ", $owned,
                " LIMIT ?2)",
                unless_live!()
            ),
        }
    };
}

// By two columns of the primary key.
macro_rules! by_keys {
    ($name:literal, $owner:expr, $owned:literal, $one:ident: $least_one:expr, $two:ident: $least_two:expr, [$first:ident $(, $column:ident)*]) => {
        Table {
            name: $name,
            owner: $owner,
            least: &[$least_one, $least_two],
            read: concat!(
                "SELECT ", stringify!($first) $(, ", ", stringify!($column))*, ", ", stringify!($one), " AS cursor_1, ", stringify!($two),
                " AS cursor_2 FROM ", $name, " WHERE ", $owned, " AND (", stringify!($one), ", ", stringify!($two), ") > (?2, ?3) ORDER BY ",
                stringify!($one), ", ", stringify!($two), " LIMIT ?4"
            ),
            write: write!($name, $first $(, $column)*),
            count: concat!("SELECT COUNT(*) AS rows FROM ", $name, " WHERE ", $owned),
            remove: concat!(
                "DELETE FROM ", $name, " WHERE ", $owned, " AND (", stringify!($one), ", ", stringify!($two), ") IN (SELECT ", stringify!($one), ", ",
                stringify!($two), " FROM ", $name, " WHERE ", $owned, " LIMIT ?2)", unless_live!()
            ),
        }
    };
}

/// The tables, in an order in which foreign keys allow to insert; the reverse order allows to delete. Files of videos come before the videos, whose versions
/// would otherwise be counted up by each of them. Not moved: challenges, which a client asks for again, and whether a namespace departs; `moving`, which it is, comes
/// with it: nothing in it is collected where it goes to before it is there.
pub const TABLES: &[Table] = &[
    by_rowid!(
        "accounts",
        Owner::Account,
        "id = ?1",
        [id, agentcache_user_id, agentcache_email, tier, s3_bucket_name, s3_prefix, status, created_at, updated_at, ledger_region, deleting_at]
    ),
    by_rowid!(
        "credentials",
        Owner::Account,
        "account_id = ?1",
        [key_hash, secret_hash, account_id, created_at, expires_at, sealed, sealed_until, generation]
    ),
    by_rowid!(
        "namespaces",
        Owner::Namespace,
        "name = ?1",
        [
            name,
            display_name,
            jetty_speed_upload,
            chunk_size,
            allow_unsigned,
            created_at,
            tags,
            ttl_small,
            ttl_text,
            ttl_large,
            ttl_video,
            video_streaming,
            desktop_cdn,
            cross_namespace_dedup,
            origin_usd_per_gb,
            expected_hit_rate,
            updated_at,
            generation,
            compress_text,
            alerts,
            moving
        ]
    ),
    by_key!("namespace_members", Owner::Account, "account_id = ?1", namespace: Least::Text, [account_id, namespace, created_at, role]),
    by_key!(
        "storage_usage",
        Owner::Account,
        "account_id = ?1",
        period_start: Least::Number,
        [
            account_id,
            period_start,
            period_end,
            storage_bytes,
            bandwidth_bytes,
            request_count,
            storage_cost,
            bandwidth_cost,
            total_cost,
            recorded_at,
            storage_gb_months,
            origin_bytes,
            closed_at
        ]
    ),
    by_key!("idempotency", Owner::Account, "scope = ?1", key: Least::Text, [scope, key, fingerprint, claim, claimed_at, expires_at, status, answer]),
    by_rowid!(
        "objects",
        Owner::Namespace,
        "namespace = ?1",
        [id, namespace, s3_key, size, etag, claimed_sha256, sha256, verification, refs, created_at, doomed_at, condemned, verification_reason]
    ),
    Table {
        name: "verifications",
        owner: Owner::Namespace,
        least: &[Least::Text],
        read: "SELECT v.object_id, v.position, v.state, v.attempts, v.failure, v.updated_at, v.object_id AS cursor_1, NULL AS cursor_2 \
               FROM objects o JOIN verifications v ON v.object_id = o.id WHERE o.namespace = ?1 AND o.verification = 'pending' AND v.object_id > ?2 \
               ORDER BY v.object_id LIMIT ?3",
        write: write!("verifications", object_id, position, state, attempts, failure, updated_at),
        count: "SELECT COUNT(*) AS rows FROM objects o JOIN verifications v ON v.object_id = o.id WHERE o.namespace = ?1 AND o.verification = 'pending'",
        remove: concat!(
            "DELETE FROM verifications WHERE object_id IN (SELECT v.object_id FROM objects o JOIN verifications v ON v.object_id = o.id \
             WHERE o.namespace = ?1 LIMIT ?2)",
            unless_live!()
        ),
    },
    by_rowid!(
        "assets",
        Owner::Namespace,
        "namespace = ?1",
        [
            id,
            account_id,
            namespace,
            object_id,
            name,
            content_type,
            uploaded_via,
            upload_speed_mbps,
            hit_count,
            last_accessed,
            expires_at,
            cache_key,
            created_at,
            path,
            modified_at
        ]
    ),
    by_keys!("chunks", Owner::Namespace, "namespace = ?1", sha256: Least::Text, size: Least::Number, [namespace, sha256, size, object_id, first]),
    by_rowid!(
        "upload_sessions",
        Owner::Namespace,
        "namespace = ?1",
        [
            id,
            account_id,
            namespace,
            s3_key,
            upload_id,
            file_name,
            file_size,
            chunk_size,
            content_type,
            file_hash,
            allow_unsigned,
            status,
            created_at,
            updated_at,
            asset_id,
            reason,
            place
        ]
    ),
    by_keys!(
        "delivery_hourly",
        Owner::Namespace,
        "namespace = ?1",
        class: Least::Text,
        hour: Least::Number,
        [namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests, bytes_sent, saved_usd, answers_2xx, answers_3xx, answers_4xx, answers_5xx, first_ms, first_1, first_2, first_5, first_10, first_20, first_50, first_100, first_200, first_500, first_1000, first_2000, first_5000, first_more, countries]
    ),
    by_keys!(
        "delivery_daily",
        Owner::Namespace,
        "namespace = ?1",
        day: Least::Number,
        class: Least::Text,
        [namespace, class, day, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests, bytes_sent, saved_usd, answers_2xx, answers_3xx, answers_4xx, answers_5xx, first_ms, first_1, first_2, first_5, first_10, first_20, first_50, first_100, first_200, first_500, first_1000, first_2000, first_5000, first_more, countries]
    ),
    by_key!(
        "upload_hourly",
        Owner::Namespace,
        "namespace = ?1",
        hour: Least::Number,
        [namespace, hour, started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts]
    ),
    by_key!(
        "upload_daily",
        Owner::Namespace,
        "namespace = ?1",
        day: Least::Number,
        [namespace, day, started, completed, failed, expired, bytes, saved_bytes, copied_bytes, counts]
    ),
    by_keys!(
        "video_files",
        Owner::Namespace,
        "namespace = ?1",
        video_id: Least::Text,
        path: Least::Text,
        [
            namespace,
            video_id,
            path,
            id,
            account_id,
            s3_key,
            size,
            etag,
            content_type,
            live_seconds,
            created_at,
            replaced_id,
            replaced_account,
            replaced_at,
            doomed_at,
            claimed_at
        ]
    ),
    by_key!(
        "videos",
        Owner::Namespace,
        "namespace = ?1",
        video_id: Least::Text,
        [namespace, video_id, account_id, writes, kept, touched_at, version, changed_at, gone_at]
    ),
    by_keys!(
        "alerts",
        Owner::Namespace,
        "namespace = ?1",
        fired_at: Least::Number,
        id: Least::Text,
        [id, namespace, kind, hour, value, threshold, rests_on, fired_at, last_hour, resolved_at, resolved_value]
    ),
    by_key!(
        "webhook_endpoints",
        Owner::Namespace,
        "namespace = ?1",
        slot: Least::Number,
        [id, namespace, slot, url, events, secret, old_secret, old_until, created_at, updated_at]
    ),
    by_key!(
        "webhook_outbox",
        Owner::Namespace,
        "namespace = ?1",
        id: Least::Text,
        [
            namespace,
            id,
            endpoint_id,
            message_id,
            event,
            body,
            status,
            attempts,
            due_at,
            claim,
            claimed_until,
            response_status,
            response,
            error,
            created_at,
            tried_at
        ]
    ),
];

const TIES: &str = "SELECT EXISTS (SELECT 1 FROM namespace_members m WHERE m.account_id = ?1 AND m.namespace <> ?2) AS member_elsewhere, \
     EXISTS (SELECT 1 FROM namespace_members m WHERE m.namespace = ?2 AND m.account_id <> ?1) AS has_members, \
     EXISTS (SELECT 1 FROM assets a WHERE a.account_id = ?1 AND a.namespace <> ?2) \
       OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.account_id = ?1 AND u.status = 'open' AND u.namespace <> ?2) \
       OR EXISTS (SELECT 1 FROM videos v WHERE v.account_id = ?1 AND v.namespace <> ?2) OR EXISTS (SELECT 1 FROM video_files f WHERE f.account_id = ?1 AND f.namespace <> ?2) AS things_elsewhere, \
     EXISTS (SELECT 1 FROM assets a WHERE a.namespace = ?2 AND a.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM upload_sessions u WHERE u.namespace = ?2 AND u.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM videos v WHERE v.namespace = ?2 AND v.account_id <> ?1) \
       OR EXISTS (SELECT 1 FROM video_files f WHERE f.namespace = ?2 AND f.account_id <> ?1) AS things_of_others, \
     EXISTS (SELECT 1 FROM assets a JOIN objects o ON o.id = a.object_id WHERE a.namespace = ?2 AND o.namespace <> ?2) \
       OR EXISTS (SELECT 1 FROM objects o JOIN assets a ON a.object_id = o.id WHERE o.namespace = ?2 AND a.namespace <> ?2) AS shares_bytes";

// Only of a namespace that is in use: a job that is late does not keep from being deleted what has left, nor a sealed copy from being opened.
const FREEZE: &str = "UPDATE namespaces SET moving = 1, departing = 1 WHERE name = ?1 AND moving = 0 AND departing = 0";

// Not moving and departing: as no namespace is that is copied from here or deleted here, so that what comes late does nothing to those.
const SEAL: &str = "UPDATE namespaces SET moving = 0, departing = 1 WHERE name = ?1 AND moving = 1 AND departing = 0";

const UNSEAL: &str = "UPDATE namespaces SET moving = 1, departing = 0 WHERE name = ?1 AND moving = 0 AND departing = 1";

const LEAVE_NAMESPACE: &str = "UPDATE namespaces SET departing = 2 WHERE name = ?1 AND moving = 1 AND departing = 1";

const THAW: &str = "UPDATE namespaces SET departing = 0 WHERE name = ?1 AND moving = 0 AND departing = 1";

// Closed uploads in namespaces that the account was in once.
const FORGET_CLOSED_ELSEWHERE: &str = "DELETE FROM upload_sessions WHERE account_id = ?1 AND namespace <> ?2 AND status <> 'open'";

// In the first database the directory has the user already.
const LEAVE: &str = "INSERT INTO directory (kind, name, shard) SELECT 'user', a.agentcache_user_id, ?2 FROM accounts a WHERE a.id = ?1 ON CONFLICT (kind, name) DO NOTHING";

/// The statements of this file, for the test that prepares them; those of [`TABLES`] beside.
pub const ALL: &[(&str, &str)] = &[
    ("TIES", TIES),
    ("FREEZE", FREEZE),
    ("SEAL", SEAL),
    ("UNSEAL", UNSEAL),
    ("LEAVE_NAMESPACE", LEAVE_NAMESPACE),
    ("THAW", THAW),
    ("FORGET_CLOSED_ELSEWHERE", FORGET_CLOSED_ELSEWHERE),
    ("LEAVE", LEAVE),
];

impl Table {
    fn whose(&self, account: Id, namespace: &Name) -> Arg {
        match self.owner {
            Owner::Account => account.to_string().into(),
            Owner::Namespace => namespace.as_str().into(),
        }
    }

    /// Rows of one page.
    pub fn page(&self) -> u64 {
        if self.name == LONG { PAGE_OF_LONG } else { PAGE }
    }

    /// The rows behind `cursor`, at most a page of them: objects with `cursor_1` and `cursor_2`.
    pub fn read(&self, account: Id, namespace: &Name, cursor: &[Value]) -> Statement {
        let cursor = self.least.iter().enumerate().map(|(at, least)| match (cursor.get(at), least) {
            (Some(Value::Number(number)), _) => number.as_u64().unwrap_or_default().into(),
            (Some(Value::String(text)), _) => text.clone().into(),
            // Texts are not empty, and rows are numbered from 1.
            (_, Least::Text) => "".into(),
            (_, Least::Number) => Arg::Int(0),
        });
        let args = [self.whose(account, namespace)].into_iter().chain(cursor).chain([self.page().into()]).collect();
        Statement { sql: self.read, args }
    }

    /// How many cursor columns a row has.
    pub fn cursor_columns(&self) -> usize {
        self.least.len()
    }

    /// Inserts rows as [`Table::read`] gave them, unless the namespace is sealed or in use; those that are there already stay.
    pub fn write(&self, rows: &str, namespace: &Name) -> Statement {
        Statement { sql: self.write, args: vec![rows.into(), namespace.as_str().into()] }
    }

    /// How many rows there are: `rows`.
    pub fn count(&self, account: Id, namespace: &Name) -> Statement {
        Statement { sql: self.count, args: vec![self.whose(account, namespace)] }
    }

    /// Deletes at most [`PAGE`] of them, unless the namespace is sealed, in use or copied from here; a row for each.
    pub fn remove(&self, account: Id, namespace: &Name) -> Statement {
        Statement { sql: self.remove, args: vec![self.whose(account, namespace), PAGE.into(), namespace.as_str().into()] }
    }
}

/// What ties the account to its database: [`crate::accounts::moving::Ties`].
pub fn ties(account: Id, namespace: &Name) -> Statement {
    Statement { sql: TIES, args: vec![account.to_string().into(), namespace.as_str().into()] }
}

/// Before the rows are compared where the namespace goes to: from then on no job of the move adds or deletes one there, however late, so that what is compared stays.
pub fn seal(namespace: &Name) -> Statement {
    Statement { sql: SEAL, args: vec![namespace.as_str().into()] }
}

/// Before what is there is deleted, to copy it anew.
pub fn unseal(namespace: &Name) -> Statement {
    Statement { sql: UNSEAL, args: vec![namespace.as_str().into()] }
}

/// Lets a sealed namespace be changed and collected again.
pub fn thaw(namespace: &Name) -> Statement {
    Statement { sql: THAW, args: vec![namespace.as_str().into()] }
}

/// Before the rows are copied: nothing in the namespace is collected any more, and nothing stored in it or deleted, also by a call that knows nothing of the move. Forgets closed uploads elsewhere, which can not be moved.
pub fn freeze(account: Id, namespace: &Name) -> [Statement; 2] {
    [
        Statement { sql: FREEZE, args: vec![namespace.as_str().into()] },
        Statement { sql: FORGET_CLOSED_ELSEWHERE, args: vec![account.to_string().into(), namespace.as_str().into()] },
    ]
}

/// Before the rows are deleted where the account was: notes there, for good, that the user's account has left. A call that provisions the same user and is done
/// only now would otherwise find no account, and create a second one. From now on the namespace's rows can be deleted there.
pub fn leave(moved: &Move) -> [Statement; 2] {
    [
        Statement { sql: LEAVE, args: vec![moved.account.to_string().into(), u64::from(moved.to.number()).into()] },
        Statement { sql: LEAVE_NAMESPACE, args: vec![moved.namespace.as_str().into()] },
    ]
}
