//! Statements of the health check.

use serde::Deserialize;

use crate::base::sql::Statement;

const ASK: &str = "SELECT 1 AS one";

/// The table is Wrangler's (Wrangler documentation, "D1", `migrations_table`), not a migration's; its names begin with the migration's number.
const APPLIED: &str = "SELECT CAST(substr(name, 1, 4) AS INTEGER) AS number FROM d1_migrations LIMIT 10000";

/// Every statement of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[("ASK", ASK), ("APPLIED", APPLIED)];

/// Asks the database for nothing.
pub fn ask() -> Statement {
    Statement { sql: ASK, args: vec![] }
}

/// A row of [`applied`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Applied {
    /// The migration's number, from 1; 0 for a name without one.
    pub number: u32,
}

/// The migrations that were applied.
pub fn applied() -> Statement {
    Statement { sql: APPLIED, args: vec![] }
}
