//! SQL of the session's own SQLite database.

/// The tables.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS session (one INTEGER PRIMARY KEY CHECK (one = 1), meta TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, part TEXT NOT NULL);";

/// Reads everything except the parts.
pub const LOAD_META: &str = "SELECT meta AS json FROM session";

/// Reads all parts.
pub const LOAD_PARTS: &str = "SELECT part AS json FROM parts";

/// Writes everything except the parts.
pub const PUT_META: &str = "INSERT INTO session (one, meta) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET meta = excluded.meta";

/// Writes a part.
pub const PUT_PART: &str = "INSERT INTO parts (number, part) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET part = excluded.part";

/// Deletes a part.
pub const DROP_PART: &str = "DELETE FROM parts WHERE number = ?";

/// The statements of this file, for the test that prepares them; `SCHEMA` comes first.
pub const ALL: &[(&str, &str)] =
    &[("LOAD_META", LOAD_META), ("LOAD_PARTS", LOAD_PARTS), ("PUT_META", PUT_META), ("PUT_PART", PUT_PART), ("DROP_PART", DROP_PART)];
