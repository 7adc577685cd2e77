//! Runs [`Statement`]s and reads their rows. Each call here is one round trip.

use std::vec::IntoIter;

use serde::de::DeserializeOwned;

use crate::base::json;
use crate::base::sql::Statement;
use crate::io::database::Database;
use crate::log;
use crate::problem::Problem;

/// The first row, if any.
///
/// # Errors
/// As [`Database::rows`].
pub async fn first<T: DeserializeOwned>(db: &impl Database, statement: &Statement) -> Result<Option<T>, Problem> {
    Ok(all(db, statement).await?.into_iter().next())
}

/// Every row.
///
/// # Errors
/// As [`Database::rows`].
pub async fn all<T: DeserializeOwned>(db: &impl Database, statement: &Statement) -> Result<Vec<T>, Problem> {
    read(&db.rows(statement).await?, statement)
}

/// Whether the statement gives a row.
///
/// # Errors
/// As [`Database::rows`].
pub async fn exists(db: &impl Database, statement: &Statement) -> Result<bool, Problem> {
    Ok(first::<serde_json::Value>(db, statement).await?.is_some())
}

/// Deserializes rows of `statement`.
///
/// # Errors
/// [`Problem::Internal`] if they are not of that type.
pub fn read<T: DeserializeOwned>(rows: &str, statement: &Statement) -> Result<Vec<T>, Problem> {
    read_rows(rows, statement.sql)
}

fn read_rows<T: DeserializeOwned>(rows: &str, sql: &'static str) -> Result<Vec<T>, Problem> {
    json::read(rows).map_err(|error| log::internal("d1 row", &format!("{}: {error}", prefix(sql))))
}

/// The beginning of the statement, for the log.
pub fn prefix(sql: &'static str) -> &'static str {
    sql.get(..60).unwrap_or(sql)
}

/// Runs all statements in order, in one transaction.
///
/// # Errors
/// As [`Database::rows`].
pub async fn batch(db: &impl Database, statements: &[Statement]) -> Result<(), Problem> {
    db.batch(statements).await.map(|_| ())
}

/// The same, with the rows of each statement.
///
/// # Errors
/// As [`Database::rows`].
pub async fn results(db: &impl Database, statements: &[Statement]) -> Result<Results, Problem> {
    let rows = db.batch(statements).await?;
    let named: Vec<_> = rows.into_iter().zip(statements.iter().map(|statement| statement.sql)).collect();
    Ok(Results(named.into_iter()))
}

/// The rows of a batch, statement by statement, in the order of the statements.
pub struct Results(IntoIter<(String, &'static str)>);

impl Results {
    /// The rows of the next statement; none behind the last one.
    ///
    /// # Errors
    /// [`Problem::Internal`] if they are not of that type.
    pub fn all<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, Problem> {
        self.0.next().map_or(Ok(Vec::new()), |(text, sql)| read_rows(&text, sql))
    }

    /// The first row of the next statement, if any.
    ///
    /// # Errors
    /// As [`Results::all`].
    pub fn first<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Problem> {
        Ok(self.all()?.into_iter().next())
    }

    /// Leaves out the rows of `count` statements.
    pub fn skip(&mut self, count: usize) -> &mut Results {
        self.0.by_ref().take(count).for_each(drop);
        self
    }
}
