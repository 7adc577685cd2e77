//! SQL of the SQLite storage of the ledger's Durable Object.

/// Its tables: `books` holds the [`crate::ledger::state::LedgerState`], `watches` the pending checks. Without rowids, because a primary key beside one is an
/// index, and each write of a row also one of the index. Ledgers that were opened before that keep the tables that they have.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS books (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS watches (asset TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS places (asset TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS holdings (asset TEXT PRIMARY KEY, object TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
     CREATE INDEX IF NOT EXISTS holdings_by_object ON holdings (object);";

/// Reads the ledger state.
pub const LOAD_STATE: &str = "SELECT json FROM books";

/// Reads all pending checks.
pub const LOAD_CHECKS: &str = "SELECT asset, json FROM watches";

/// Writes the ledger state.
pub const PUT_STATE: &str = "INSERT INTO books (one, json) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json";

/// Writes a pending check.
pub const PUT_CHECK: &str = "INSERT INTO watches (asset, json) VALUES (?, ?) ON CONFLICT (asset) DO UPDATE SET json = excluded.json";

/// Removes a pending check.
pub const DROP_CHECK: &str = "DELETE FROM watches WHERE asset = ?";

/// Writes where the bytes of a reserved asset will be stored.
pub const PUT_PLACE: &str = "INSERT INTO places (asset, place) VALUES (?, ?) ON CONFLICT (asset) DO UPDATE SET place = excluded.place";

/// Reads where the bytes of a reserved asset will be stored.
pub const PLACE: &str = "SELECT place FROM places WHERE asset = ?";

/// Removes that place.
pub const DROP_PLACE: &str = "DELETE FROM places WHERE asset = ?";

/// Writes a holding.
pub const PUT_HOLDING: &str =
    "INSERT INTO holdings (asset, object, size) VALUES (?, ?, ?) ON CONFLICT (asset) DO UPDATE SET object = excluded.object, size = excluded.size";

/// Changes all holdings of object `?1` to object `?2`.
pub const MOVE_HOLDINGS: &str = "UPDATE holdings SET object = ?2 WHERE object = ?1";

/// Removes a holding.
pub const DROP_HOLDING: &str = "DELETE FROM holdings WHERE asset = ?";

/// Reads a holding by its asset.
pub const HOLDING: &str = "SELECT object, size FROM holdings WHERE asset = ?";

/// Reads another asset that references the same object.
pub const SHARED: &str = "SELECT asset FROM holdings WHERE object = ? AND asset <> ? LIMIT 1";

/// Bytes of the distinct objects of all holdings; a full scan, only when the ledger is created.
pub const DISTINCT: &str = "SELECT COALESCE(SUM(size), 0) AS bytes FROM (SELECT MAX(size) AS size FROM holdings GROUP BY object)";

/// Number of holdings; a full scan, only when the ledger is created or was written before they were counted.
pub const COUNT: &str = "SELECT COUNT(*) AS number FROM holdings";

/// Removes what an attempt to create the ledger has left: holdings.
pub const CLEAR_HOLDINGS: &str = "DELETE FROM holdings";

/// Removes what an attempt to create the ledger has left: pending checks.
pub const CLEAR_CHECKS: &str = "DELETE FROM watches";

/// The statements of this file; they need the tables of `SCHEMA`.
pub const ALL: &[(&str, &str)] = &[
    ("LOAD_STATE", LOAD_STATE),
    ("LOAD_CHECKS", LOAD_CHECKS),
    ("PUT_STATE", PUT_STATE),
    ("PUT_CHECK", PUT_CHECK),
    ("DROP_CHECK", DROP_CHECK),
    ("PUT_PLACE", PUT_PLACE),
    ("PLACE", PLACE),
    ("DROP_PLACE", DROP_PLACE),
    ("PUT_HOLDING", PUT_HOLDING),
    ("MOVE_HOLDINGS", MOVE_HOLDINGS),
    ("DROP_HOLDING", DROP_HOLDING),
    ("HOLDING", HOLDING),
    ("SHARED", SHARED),
    ("DISTINCT", DISTINCT),
    ("COUNT", COUNT),
    ("CLEAR_HOLDINGS", CLEAR_HOLDINGS),
    ("CLEAR_CHECKS", CLEAR_CHECKS),
];
