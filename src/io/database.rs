//! A database: statements in, rows out.

use crate::base::sql::Statement;
use crate::problem::Problem;

/// A database (D1), or its nearest copy. Each call is one round trip.
#[allow(async_fn_in_trait)] // Dispatched statically, on one thread.
pub trait Database: Clone {
    /// The rows of a statement, as a JSON array of objects.
    ///
    /// # Errors
    /// [`Problem::Internal`], logged; whether a change was made is then unknown.
    async fn rows(&self, statement: &Statement) -> Result<String, Problem>;

    /// The same for each of `statements`, in their order, in one transaction.
    ///
    /// # Errors
    /// As [`Database::rows`].
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<String>, Problem>;

    /// The same database for reads that may be a little old: whichever copy is nearest answers (D1 documentation, "Read replication"). All other calls go to
    /// the primary, so a request that writes reads what it wrote.
    #[must_use]
    fn nearest(&self) -> Self;

    /// The same if `may_be_old`, such as the pages of a listing that follow the first.
    #[must_use]
    fn nearest_if(self, may_be_old: bool) -> Self {
        if may_be_old { self.nearest() } else { self }
    }
}
