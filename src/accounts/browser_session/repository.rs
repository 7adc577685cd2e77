//! SQL of browsers' sessions, which are in the first database.

use crate::accounts::browser_session::{BrowserSession, MAX_OF_OWNER};
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

const FIND: &str = "SELECT s.id, s.owner, s.proof, s.created_at, s.expires_at, s.user_agent, s.country FROM browser_sessions s WHERE s.id = ?1 AND s.expires_at > ?2";

const OF_OWNER: &str = "SELECT s.id, s.owner, s.proof, s.created_at, s.expires_at, s.user_agent, s.country FROM browser_sessions s \
     WHERE s.owner = ?1 AND s.expires_at > ?2 ORDER BY s.created_at DESC, s.id DESC LIMIT ?3";

const INSERT: &str =
    "INSERT INTO browser_sessions (id, owner, proof, created_at, expires_at, user_agent, country) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const END_OLDEST: &str = "DELETE FROM browser_sessions WHERE id IN (SELECT s.id FROM browser_sessions s WHERE s.owner = ?1 ORDER BY s.created_at DESC, s.id DESC \
     LIMIT -1 OFFSET ?2)";

const END: &str = "DELETE FROM browser_sessions WHERE id = ?1 AND owner = ?2 RETURNING id";

const GO_ON_WITH: &str = "UPDATE browser_sessions SET proof = ?2 WHERE id = ?1";

const FORGET_EXPIRED: &str = "DELETE FROM browser_sessions WHERE expires_at <= ?1";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("FIND", FIND),
    ("OF_OWNER", OF_OWNER),
    ("INSERT", INSERT),
    ("END_OLDEST", END_OLDEST),
    ("END", END),
    ("GO_ON_WITH", GO_ON_WITH),
    ("FORGET_EXPIRED", FORGET_EXPIRED),
];

/// The session, or no row if it has ended: [`BrowserSession`].
pub fn find(session: Id, now: EpochMs) -> Statement {
    Statement { sql: FIND, args: vec![session.to_string().into(), Arg::Int(now.0)] }
}

/// Those of an owner, newest first: [`BrowserSession`].
pub fn of_owner(owner: &str, now: EpochMs) -> Statement {
    Statement { sql: OF_OWNER, args: vec![owner.into(), Arg::Int(now.0), MAX_OF_OWNER.into()] }
}

/// A new one. The oldest of its owner end beyond [`MAX_OF_OWNER`].
pub fn insert(session: &BrowserSession) -> [Statement; 2] {
    let values = vec![
        session.id.to_string().into(),
        session.owner.as_str().into(),
        session.proof.as_str().into(),
        Arg::Int(session.created_at.0),
        Arg::Int(session.expires_at.0),
        session.user_agent.as_str().into(),
        session.country.clone().map_or(Arg::Null, Arg::Text),
    ];
    [Statement { sql: INSERT, args: values }, Statement { sql: END_OLDEST, args: vec![session.owner.as_str().into(), MAX_OF_OWNER.into()] }]
}

/// Ends an owner's session: a row if there was one.
pub fn end(session: Id, owner: &str) -> Statement {
    Statement { sql: END, args: vec![session.to_string().into(), owner.into()] }
}

/// Has a session go on with a new key.
pub fn go_on_with(session: Id, proof: &Sha256Hex) -> Statement {
    Statement { sql: GO_ON_WITH, args: vec![session.to_string().into(), proof.as_str().into()] }
}

/// Deletes what has ended.
pub fn forget_expired(now: EpochMs) -> Statement {
    Statement { sql: FORGET_EXPIRED, args: vec![Arg::Int(now.0)] }
}
