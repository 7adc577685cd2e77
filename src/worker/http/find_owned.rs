//! Lookups of the resources that a request names. They find only resources of the caller.

use serde::de::DeserializeOwned;

use crate::access::authorize::{self, Principal, ResourceKind};
use crate::base::sql::Statement;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock, d1, log};

impl Routed {
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
    /// As [`Routed::find_owned`].
    pub async fn find_owned_as<T: DeserializeOwned>(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<T, Problem> {
        let (statement, rows) = self.find_rows(principal, kind, name).await?;
        d1::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)
    }

    /// The rows as JSON, with the statement that found them.
    ///
    /// # Errors
    /// As [`Routed::find_owned`], except that an absent resource gives no rows.
    pub async fn find_rows(&self, principal: &Principal, kind: ResourceKind, name: &str) -> Result<(Statement, String), Problem> {
        if !self.route.resources.contains(&kind) {
            return Err(log::internal("route", &format!("{} {} does not reach {kind:?}", self.route.method, self.route.pattern)));
        }
        let statement = authorize::find_statement(kind, principal, name)?;
        let started = clock::now();
        let rows = d1::rows(&bindings::db(&self.env)?, &statement).await;
        self.span("d1", started);
        Ok((statement, rows?))
    }
}
