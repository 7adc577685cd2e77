//! D1: the product's statements on SQLite with its migrations.

use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::io::database::Database as Port;
use jettyspeed_edge::problem::Problem;
use rusqlite::Connection;

use crate::fault::{Fault, Port as Call};
use crate::pool::run;
use crate::sqlite;
use crate::world::Sim;

/// Whether a statement may change which files there are, or their objects.
fn is_of_files(statement: &Statement) -> bool {
    statement.sql.contains("assets") || statement.sql.contains("objects")
}

/// One database, with the copy that is nearest.
pub struct Database {
    primary: Option<Connection>,
    /// What changed it, with the time: for the copy.
    log: Vec<(u64, Vec<Statement>)>,
    copy: Option<(Connection, usize)>,
    keeps_log: bool,
    /// Whether its files or objects were changed since this was last asked.
    pub changed: bool,
}

impl Database {
    /// A database of that connection.
    pub fn new(primary: Connection) -> Database {
        Database { primary: Some(primary), log: Vec::new(), copy: None, keeps_log: false, changed: false }
    }

    /// From now on, a copy that is behind can be read.
    pub fn copy_to(&mut self, copy: Connection) {
        self.copy = Some((copy, 0));
        self.keeps_log = true;
    }

    /// Gives its connections back.
    pub fn end(&mut self) -> Vec<Connection> {
        self.primary.take().into_iter().chain(self.copy.take().map(|(copy, _)| copy)).collect()
    }

    fn primary(&self) -> rusqlite::Result<&Connection> {
        self.primary.as_ref().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rows(&mut self, statement: &Statement, now: u64) -> rusqlite::Result<String> {
        let db = self.primary()?;
        let before = db.total_changes();
        let (text, reads) = sqlite::rows(db, statement.sql, &statement.args)?;
        self.changed |= db.total_changes() != before && is_of_files(statement);
        if !reads && self.keeps_log {
            self.log.push((now, vec![statement.clone()]));
        }
        Ok(text)
    }

    /// The rows of each statement; all of them take effect, or none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn batch(&mut self, statements: &[Statement], now: u64) -> rusqlite::Result<Vec<String>> {
        let db = self.primary()?;
        let is_alone = statements.len() == 1;
        if !is_alone {
            run(db, "SAVEPOINT batch");
        }
        let before = db.total_changes();
        let (mut texts, mut only_reads) = (Vec::with_capacity(statements.len()), true);
        for statement in statements {
            match sqlite::rows(db, statement.sql, &statement.args) {
                Ok((text, reads)) => {
                    texts.push(text);
                    only_reads &= reads;
                }
                Err(error) => {
                    if !is_alone {
                        run(db, "ROLLBACK TO batch");
                        run(db, "RELEASE batch");
                    }
                    return Err(error);
                }
            }
        }
        if !is_alone {
            run(db, "RELEASE batch");
        }
        self.changed |= db.total_changes() != before && statements.iter().any(is_of_files);
        if !only_reads && self.keeps_log {
            self.log.push((now, statements.to_vec()));
        }
        Ok(texts)
    }

    /// The rows of a statement on the copy, with what had changed until `as_of`.
    fn rows_of_copy(&mut self, statement: &Statement, as_of: u64) -> rusqlite::Result<String> {
        let Some((copy, applied)) = &mut self.copy else {
            return sqlite::rows(self.primary()?, statement.sql, &statement.args).map(|(text, _)| text);
        };
        while let Some((_, statements)) = self.log.get(*applied).filter(|(at, _)| *at <= as_of) {
            for statement in statements {
                sqlite::rows(copy, statement.sql, &statement.args)?;
            }
            *applied += 1;
        }
        sqlite::rows(copy, statement.sql, &statement.args).map(|(text, _)| text)
    }
}

/// A database, as services hold it.
#[derive(Clone)]
pub struct SimDb {
    /// The world.
    pub sim: Sim,
    /// Its number.
    pub number: usize,
    /// Whether the nearest copy answers.
    pub is_copy: bool,
}

/// The beginning of a statement, for the story.
fn shortened(statement: &Statement) -> String {
    let words: Vec<&str> = statement.sql.split_whitespace().collect();
    let text = words.join(" ");
    text.chars().take(90).collect()
}

impl SimDb {
    fn failed<T>(&self, result: rusqlite::Result<T>) -> Result<T, Problem> {
        result.map_err(|error| {
            self.sim.coverage.borrow_mut().outcome("D1 error", error.to_string());
            Problem::Internal
        })
    }

    async fn after<T>(&self, fault: Fault, result: Result<T, Problem>) -> Result<T, Problem> {
        if std::mem::take(&mut self.sim.databases[self.number].borrow_mut().changed) {
            self.sim.changed.set(true);
            crate::check::between_calls(&self.sim);
        }
        match fault {
            Fault::DiesAfter => self.sim.die().await,
            Fault::Lost => Err(Problem::Internal),
            _ => result,
        }
    }
}

impl Port for SimDb {
    async fn rows(&self, statement: &Statement) -> Result<String, Problem> {
        let fault = self.sim.pass(Call::Rows, || format!("{}{}", if self.is_copy { "(copy) " } else { "" }, shortened(statement))).await;
        let now = self.sim.time();
        let result = match fault {
            Fault::Before => return Err(Problem::Internal),
            Fault::Stale(seconds) if self.is_copy => {
                self.sim.databases[self.number].borrow_mut().rows_of_copy(statement, now.saturating_sub(u64::from(seconds) * 1000))
            }
            _ => self.sim.databases[self.number].borrow_mut().rows(statement, now),
        };
        self.after(fault, self.failed(result)).await
    }

    async fn batch(&self, statements: &[Statement]) -> Result<Vec<String>, Problem> {
        let what = || statements.iter().map(shortened).collect::<Vec<_>>().join("\n                          ");
        let fault = self.sim.pass(Call::Batch, what).await;
        if fault == Fault::Before {
            return Err(Problem::Internal);
        }
        let result = self.sim.databases[self.number].borrow_mut().batch(statements, self.sim.time());
        self.after(fault, self.failed(result)).await
    }

    fn nearest(&self) -> SimDb {
        SimDb { is_copy: true, ..self.clone() }
    }
}
