//! Looking up what a request names, so that only the caller's own is ever found.

use serde::de::DeserializeOwned;

use crate::access::authorize::{self, Principal, ResourceKind};
use crate::base::sql::Statement;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock, d1, log};

impl Routed {
    /// The thing of that kind and name, if it is the caller's to see.
    ///
    /// # Errors
    /// 404: absent and another's are the same. 401 for another upload's token.
    pub async fn find_owned<T: DeserializeOwned>(&self, reach: ResourceKind, named: &str) -> Result<T, Problem> {
        self.find_owned_as(&self.caller.principal(), reach, named).await
    }

    /// The same for a caller who has another identity beside.
    ///
    /// # Errors
    /// As [`Routed::find_owned`].
    pub async fn find_owned_as<T: DeserializeOwned>(&self, who: &Principal, reach: ResourceKind, named: &str) -> Result<T, Problem> {
        let (statement, rows) = self.find_rows(who, reach, named).await?;
        d1::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)
    }

    /// The rows that say so, as JSON, with the statement that found them.
    ///
    /// # Errors
    /// As [`Routed::find_owned`], but for what is not there: that is no row.
    pub async fn find_rows(&self, who: &Principal, reach: ResourceKind, named: &str) -> Result<(Statement, String), Problem> {
        if !self.route.resources.contains(&reach) {
            return Err(log::internal("route", &format!("{} {} does not reach {reach:?}", self.route.method, self.route.pattern)));
        }
        let statement = authorize::reach(reach, who, named)?;
        let started = clock::now();
        let rows = d1::rows(&bindings::db(&self.env)?, &statement).await;
        self.span("d1", started);
        Ok((statement, rows?))
    }
}
