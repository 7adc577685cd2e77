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

const PUT: &str = "INSERT INTO directory (kind, name, shard, account_id) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (kind, name) DO UPDATE SET shard = excluded.shard, account_id = excluded.account_id";

const CREATE: &str = "INSERT INTO directory (kind, name, shard) SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM namespaces n WHERE n.name = ?2) \
     ON CONFLICT (kind, name) DO NOTHING RETURNING name";

const BEGIN_MOVE: &str = "INSERT INTO directory (kind, name, shard, account_id, moving, move_id) SELECT value ->> 0, value ->> 1, ?2, ?3, 1, ?4 \
     FROM json_each(?1) WHERE true ON CONFLICT (kind, name) DO UPDATE SET account_id = excluded.account_id, moving = 1, move_id = excluded.move_id \
     WHERE directory.moving < 2 RETURNING kind";

const CURRENT_MOVE: &str = "SELECT kind FROM directory WHERE kind = 'account' AND name = ?1 AND move_id = ?2 AND moving > 0 AND shard = ?3";

const SWITCH: &str = "UPDATE directory SET shard = ?4, moving = 2 WHERE account_id = ?1 AND move_id = ?2 AND moving = 1 AND shard = ?3";

const END_MOVE: &str = "UPDATE directory SET moving = 0 WHERE account_id = ?1 AND move_id = ?2 AND moving = 2 AND shard = ?3";

// Also if it is being moved further.
const IS_ELSEWHERE: &str = "SELECT kind FROM directory WHERE kind = 'account' AND name = ?1 AND shard = ?2 AND (moving = 0 OR move_id <> ?3)";

const FORGET: &str = "DELETE FROM directory WHERE kind = ?1 AND name = ?2";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("FIND", FIND),
    ("CLAIM", CLAIM),
    ("PUT", PUT),
    ("CREATE", CREATE),
    ("BEGIN_MOVE", BEGIN_MOVE),
    ("CURRENT_MOVE", CURRENT_MOVE),
    ("SWITCH", SWITCH),
    ("END_MOVE", END_MOVE),
    ("IS_ELSEWHERE", IS_ELSEWHERE),
    ("FORGET", FORGET),
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

/// Says that an account and its key are in `shard`.
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

/// Forgets a namespace that was deleted.
pub fn forget(item: Item<'_>) -> Statement {
    let (kind, name) = item.row();
    Statement { sql: FORGET, args: vec![kind.into(), name.into()] }
}

fn number(shard: Shard) -> Arg {
    u64::from(shard.number()).into()
}

/// Begins to move an account: from then on it and all that is its own can only be read. `items` is JSON, a list of [kind, name]. A row for each; none if the
/// account has just arrived by another move.
pub fn begin_move(moved: &Move, items: &str) -> Statement {
    Statement { sql: BEGIN_MOVE, args: vec![items.into(), number(moved.from), moved.account.to_string().into(), moved.id.to_string().into()] }
}

fn move_args(moved: &Move, at: Shard) -> Vec<Arg> {
    vec![moved.account.to_string().into(), moved.id.to_string().into(), number(at)]
}

/// A row if this move is under way and the account is in `at`.
pub fn current_move(moved: &Move, at: Shard) -> Statement {
    Statement { sql: CURRENT_MOVE, args: move_args(moved, at) }
}

/// Says that the account is where it goes to, if this move is under way.
pub fn switch(moved: &Move) -> Statement {
    let mut args = move_args(moved, moved.from);
    args.push(number(moved.to));
    Statement { sql: SWITCH, args }
}

/// Says that the account can be changed again.
pub fn end_move(moved: &Move) -> Statement {
    Statement { sql: END_MOVE, args: move_args(moved, moved.to) }
}

/// A row if the account has arrived, so that nothing of it is needed where it was.
pub fn is_elsewhere(moved: &Move) -> Statement {
    Statement { sql: IS_ELSEWHERE, args: vec![moved.account.to_string().into(), number(moved.to), moved.id.to_string().into()] }
}
