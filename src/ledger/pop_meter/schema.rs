//! SQL of the SQLite storage of a PoP's meter.

/// Its table: what the ledgers have not been told yet, so that a restart of the object loses nothing.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS untold (account TEXT PRIMARY KEY, bytes INTEGER NOT NULL, read_bytes INTEGER NOT NULL, read_usd REAL NOT NULL) WITHOUT ROWID";

/// Reads all of it.
pub const LOAD: &str = "SELECT account, bytes, read_bytes, read_usd FROM untold";

/// Writes what an account's ledger has not been told yet.
pub const PUT: &str = "INSERT INTO untold (account, bytes, read_bytes, read_usd) VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET \
     bytes = excluded.bytes, read_bytes = excluded.read_bytes, read_usd = excluded.read_usd";

/// Removes an account's.
pub const DROP: &str = "DELETE FROM untold WHERE account = ?";

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn statements_count_per_account_and_forget() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        for bytes in [1, 2] {
            db.execute(PUT, ("a", bytes, 3, 0.5)).unwrap();
        }
        let row = db.query_row(LOAD, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, f64>(3)?)));
        assert_eq!(row.unwrap(), ("a".to_owned(), 2, 3, 0.5));
        db.execute(DROP, ["a"]).unwrap();
        assert!(db.query_row(LOAD, [], |_| Ok(())).is_err());
    }
}
