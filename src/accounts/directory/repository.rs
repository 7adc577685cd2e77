//! SQL of the directory, for the first database.

use crate::accounts::directory::Item;
use crate::accounts::provisioning::own_namespace;
use crate::base::account_move::Move;
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::Shard;
use crate::base::sql::{Arg, Statement};

const FIND: &str = "SELECT shard, moving FROM directory WHERE kind = ?1 AND name = ?2";

// Not for a user whose account is in the first database.
const CLAIM: &str = "INSERT INTO directory (kind, name, shard) SELECT ?1, ?2, ?3 \
     WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.agentcache_user_id = ?4) ON CONFLICT (kind, name) DO NOTHING";

// What is there stays: a rotation that is done only after its account was moved knows where the account was.
const PUT: &str = "INSERT INTO directory (kind, name, shard, account_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (kind, name) DO NOTHING";

const CREATE: &str = "INSERT INTO directory (kind, name, shard) SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM namespaces n WHERE n.name = ?2) \
     ON CONFLICT (kind, name) DO NOTHING RETURNING name";

// Not while an earlier move still deletes rows where the account was: that could be where it goes to now.
const BEGIN_MOVE: &str = "INSERT INTO directory (kind, name, shard, account_id, moving, move_id, step) \
     SELECT value ->> 0, value ->> 1, ?2, ?3, 1, ?4, CASE value ->> 0 WHEN 'account' THEN ?5 END FROM json_each(?1) \
     WHERE NOT EXISTS (SELECT 1 FROM directory d WHERE d.kind = 'account' AND d.name = ?3 AND d.step IS NOT NULL AND d.moving <> 1) \
     ON CONFLICT (kind, name) DO UPDATE SET account_id = excluded.account_id, moving = 1, move_id = excluded.move_id, step = excluded.step RETURNING kind";

const MOVE_STEP: &str = "SELECT move_id, step FROM directory WHERE kind = 'account' AND name = ?1 AND step IS NOT NULL";

const UNFINISHED_MOVES: &str = "SELECT d.name AS account, n.name AS namespace, d.move_id, d.step FROM directory d \
     JOIN directory n ON n.account_id = d.name AND n.kind = 'namespace' WHERE d.kind = 'account' AND d.step IS NOT NULL LIMIT ?1";

const ADVANCE: &str = "UPDATE directory SET step = ?4 WHERE kind = 'account' AND name = ?1 AND move_id = ?2 AND step = ?3 RETURNING kind";

// Only by the move that has the account until now: a job that comes twice could otherwise say of keys that they are where a later move took them from.
const ANNOUNCE_KEYS: &str = "INSERT INTO directory (kind, name, shard, account_id, moving, move_id) SELECT 'key', value, ?2, ?3, 2, ?4 FROM json_each(?1) \
     WHERE EXISTS (SELECT 1 FROM directory d WHERE d.kind = 'account' AND d.name = ?3 AND d.move_id = ?4 AND d.moving = 1) \
     ON CONFLICT (kind, name) DO UPDATE SET shard = excluded.shard, account_id = excluded.account_id, moving = 2, move_id = excluded.move_id";

const SWITCH: &str = "UPDATE directory SET shard = ?4, moving = 2 WHERE account_id = ?1 AND move_id = ?2 AND moving = 1 AND shard = ?3";

const END_MOVE: &str = "UPDATE directory SET moving = 0 WHERE account_id = ?1 AND move_id = ?2 AND moving > 0";

// ?2 and ?3: its user and its namespace, or NULL where they stay.
const FORGET_ACCOUNT: &str = "DELETE FROM directory WHERE (kind = 'account' AND name = ?1) OR (kind = 'key' AND account_id = ?1) \
     OR (kind = 'user' AND name = ?2) OR (kind = 'namespace' AND name = ?3)";

// A move that had ended left the account's id.
const KEEP_NAMES: &str = "UPDATE directory SET account_id = NULL, move_id = NULL WHERE account_id = ?1 AND kind IN ('user', 'namespace')";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("FIND", FIND),
    ("CLAIM", CLAIM),
    ("PUT", PUT),
    ("CREATE", CREATE),
    ("BEGIN_MOVE", BEGIN_MOVE),
    ("MOVE_STEP", MOVE_STEP),
    ("UNFINISHED_MOVES", UNFINISHED_MOVES),
    ("ADVANCE", ADVANCE),
    ("ANNOUNCE_KEYS", ANNOUNCE_KEYS),
    ("SWITCH", SWITCH),
    ("END_MOVE", END_MOVE),
    ("FORGET_ACCOUNT", FORGET_ACCOUNT),
    ("KEEP_NAMES", KEEP_NAMES),
];

/// Where it lives: [`crate::base::shard::Whereabouts`]; no row for what is in the first database.
pub fn find(item: Item<'_>) -> Statement {
    let (kind, name) = item.row();
    Statement { sql: FIND, args: vec![kind.into(), name.into()] }
}

/// Claims a user and its namespace for `shard`, unless the user has an account in the first database or a claim; then tells where it is.
pub fn claim(user: &Name, shard: Shard) -> [Statement; 3] {
    let claim = |kind: &str, name: String| {
        let args: Vec<Arg> = vec![kind.into(), name.into(), u64::from(shard.number()).into(), user.as_str().into()];
        Statement { sql: CLAIM, args }
    };
    [claim("user", user.to_string()), claim("namespace", own_namespace(user)), find(Item::User(user))]
}

/// Says that an account and its new key are in `shard`, unless the directory has them.
pub fn put(account: Id, key: &Sha256Hex, shard: Shard) -> [Statement; 2] {
    [Item::Account(account), Item::Key(key)].map(|item| {
        let (kind, name) = item.row();
        Statement { sql: PUT, args: vec![kind.into(), name.into(), u64::from(shard.number()).into(), account.to_string().into()] }
    })
}

/// Says that a namespace will be in `shard`; a row if the first database has no namespace of that name and the directory none.
pub fn create(namespace: &Name, shard: Shard) -> Statement {
    Statement { sql: CREATE, args: vec!["namespace".into(), namespace.as_str().into(), u64::from(shard.number()).into()] }
}

/// Forgets where an account was that is deleted, with its keys. `names`: its user and its namespace, unless the namespace stays for others: then a new account of
/// the user is created where that is.
pub fn forget_account(account: Id, names: Option<(&Name, &Name)>) -> [Statement; 2] {
    let name = |of: fn((&Name, &Name)) -> String| names.map(of).map_or(Arg::Null, Arg::from);
    let args = vec![account.to_string().into(), name(|(user, _)| user.to_string()), name(|(_, namespace)| namespace.to_string())];
    [Statement { sql: FORGET_ACCOUNT, args }, Statement { sql: KEEP_NAMES, args: vec![account.to_string().into()] }]
}

fn number(shard: Shard) -> Arg {
    u64::from(shard.number()).into()
}

/// Begins to move an account: from then on it and all that is its own can only be read. `items` is JSON, a list of [kind, name]; `step` JSON of the first step. A
/// row for each; none while an earlier move of the account still has something to do.
pub fn begin_move(moved: &Move, items: &str, step: &str) -> Statement {
    let args = vec![items.into(), number(moved.from), moved.account.to_string().into(), moved.id.to_string().into(), step.into()];
    Statement { sql: BEGIN_MOVE, args }
}

/// What an account's move has to do next: [`crate::accounts::moving::Progress`]; no row if there is no move.
pub fn move_step(account: Id) -> Statement {
    Statement { sql: MOVE_STEP, args: vec![account.to_string().into()] }
}

/// Moves that are not done: `account`, `namespace`, `move_id`, `step`.
pub fn unfinished_moves(limit: u64) -> Statement {
    Statement { sql: UNFINISHED_MOVES, args: vec![limit.into()] }
}

/// Says that a step was done, and what comes next: JSON, NULL after the last. A row if that step was the next until now.
pub fn advance(moved: &Move, done: &str, next: Option<&str>) -> Statement {
    let args = vec![moved.account.to_string().into(), moved.id.to_string().into(), done.into(), next.map_or(Arg::Null, Arg::from)];
    Statement { sql: ADVANCE, args }
}

/// Says that the account is where it goes to, with all its keys (`key_hashes`: JSON, a list), also those that were made since the move began.
pub fn switch(moved: &Move, key_hashes: &str) -> [Statement; 2] {
    let (account, id) = (moved.account.to_string(), moved.id.to_string());
    [
        Statement { sql: ANNOUNCE_KEYS, args: vec![key_hashes.into(), number(moved.to), account.clone().into(), id.clone().into()] },
        Statement { sql: SWITCH, args: vec![account.into(), id.into(), number(moved.from), number(moved.to)] },
    ]
}

/// Says that the account can be changed again.
pub fn end_move(moved: &Move) -> Statement {
    Statement { sql: END_MOVE, args: vec![moved.account.to_string().into(), moved.id.to_string().into()] }
}
