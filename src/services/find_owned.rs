//! Lookups of the resources that a request names. They find only resources of the caller.

use serde::de::DeserializeOwned;

use crate::access::authorize::{self, Principal, ResourceKind};
use crate::base::id::Name;
use crate::base::shard::{Access, Shard};
use crate::base::sql::Statement;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::database::Database;
use crate::log;
use crate::problem::Problem;
use crate::services::request::Request;

impl<I: Io> Request<I> {
    /// The resource of that kind and name, if it belongs to the caller.
    ///
    /// # Errors
    /// 404, the same for an absent resource and another account's; 401 for another upload's token.
    pub async fn find_owned<T: DeserializeOwned>(&self, kind: ResourceKind, name: &str) -> Result<T, Problem> {
        self.find_owned_as(&self.caller.principal(), kind, name).await
    }

    /// The same for another principal than the caller's, as when the request carries two credentials.
    ///
    /// # Errors
    /// As [`Request::find_owned`].
    pub async fn find_owned_as<T: DeserializeOwned>(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<T, Problem> {
        let (statement, rows) = self.find_rows(principal, kind, name).await?;
        database::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)
    }

    /// The rows as JSON, with the statement that found them.
    ///
    /// # Errors
    /// As [`Request::find_owned`], except that an absent resource gives no rows.
    pub async fn find_rows(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<(Statement, String), Problem> {
        let statement = self.find_statement(principal, kind, name)?;
        let rows = self.rows(&self.db_of(principal, kind, name).await?, &statement).await?;
        Ok((statement, rows))
    }

    /// The same resource as delivery knows it for up to a minute: from the nearest copy of the database; from the primary if `fresh`, or if that copy has none,
    /// as it may not have what was stored a moment ago.
    ///
    /// # Errors
    /// As [`Request::find_owned`].
    pub async fn find_near<T: DeserializeOwned>(&self, kind: ResourceKind, name: &str, fresh: bool) -> Result<T, Problem> {
        let principal = self.caller.principal();
        let statement = self.find_statement(&principal, kind, name)?;
        let primary = self.db_of(&principal, kind, name).await?;
        if !fresh {
            let near = self.rows(&primary.nearest(), &statement).await?;
            if let Some(found) = database::read(&near, &statement)?.into_iter().next() {
                return Ok(found);
            }
        }
        let rows = self.rows(&primary, &statement).await?;
        database::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)
    }

    /// The statement that finds such a resource, for a batch with others.
    ///
    /// # Errors
    /// 404 for a name that cannot be one of the principal's resources; 401 for another upload's token.
    pub fn find_statement(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<Statement, Problem> {
        if !self.route.resources.contains(&kind) {
            return Err(log::internal("route", &format!("{} {} does not reach {kind:?}", self.route.method, self.route.pattern)));
        }
        authorize::find_statement(kind, principal, name)
    }

    async fn db_of(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<I::Db, Problem> {
        let name = Name::parse(name);
        match authorize::home(kind, principal, name.as_ref()) {
            Some(home) => shards::db(&self.io, home, Access::Read).await,
            None => self.io.db(Shard::MAIN),
        }
    }

    async fn rows(&self, db: &I::Db, statement: &Statement) -> Result<String, Problem> {
        let started = self.now();
        let rows = db.rows(statement).await;
        self.span("d1", started);
        rows
    }
}
